//! The fold of a call's events.
#![allow(clippy::unwrap_used, reason = "a test's helpers may panic, which the lints only know of test functions")]

use jiff::Timestamp;
use serde_json::{Value, json};
use warmline_call::{
    Action, CallId, CallView, DecidedBy, EndReason, Event, Leg, LegState, MediaState, Phase, Recorded, RequestedBy,
    Side, Speaker, TransferOutcome,
};

/// Events get numbers and times as they are told: 2 s after the minute is number 2.
struct Log {
    seq: u64,
    view: CallView,
}

fn moment(second: u64) -> Timestamp {
    format!("2026-11-22T10:00:{second:02}Z").parse().unwrap()
}

fn recorded(seq: u64, event: Event) -> Recorded {
    Recorded { seq, call: CallId::from_bits(0xc0ff_ee00_0001), at: moment(seq), event }
}

fn placed() -> Event {
    Event::CallPlaced {
        phone_number: "+15550100001".into(),
        name: Some("Jo".into()),
        language: "en".to_owned(),
        emotion: "Calm".to_owned(),
        has_dynamic_instruction: false,
        escalation_enabled: true,
    }
}

impl Log {
    fn new() -> Self {
        Self { seq: 1, view: CallView::placed(&recorded(1, placed())).unwrap() }
    }

    fn tell(&mut self, event: Event) {
        self.seq += 1;
        self.view.apply(&recorded(self.seq, event));
    }

    fn phase(&mut self, to: Phase) {
        self.tell(Event::PhaseChanged { from: self.view.phase, to });
    }

    fn leg(&mut self, leg: Leg, state: LegState, attempt: Option<u32>) {
        let phone = (state == LegState::Dialing && attempt.is_some()).then(|| "+15550100002".into());
        let reason = (state == LegState::Left).then(|| "hung_up".to_owned());
        self.tell(Event::LegChanged { leg, state, attempt, phone, sip_status: None, reason });
    }

    fn texts(&self) -> Vec<&str> {
        self.view.transcript.iter().map(|line| line.text.reveal().as_str()).collect()
    }
}

fn utterance(id: u64, text: &str, began: u64, is_final: bool) -> Event {
    Event::Utterance {
        side: Side::Call,
        speaker: Speaker::Agent,
        utterance: id,
        text: text.into(),
        r#final: is_final,
        interrupted: false,
        started_at: moment(began),
        ended_at: is_final.then(|| moment(began + 1)),
    }
}

/// A call with a transfer, told to its end.
fn whole_call() -> Log {
    let mut log = Log::new();
    log.phase(Phase::Dialing);
    log.leg(Leg::Customer, LegState::Dialing, None);
    log.tell(Event::LegIdentified {
        leg: Leg::Customer,
        attempt: None,
        participant_id: "PA_1".to_owned(),
        sip_call_id: "SCL_1".to_owned(),
    });
    log.leg(Leg::Customer, LegState::Answered, None);
    log.phase(Phase::Conversing);
    log.tell(utterance(1, "Hello Jo.", 6, true));
    log.tell(Event::EscalationRequested { by: RequestedBy::Customer, reason: "wants a person".into() });
    log.phase(Phase::OnHold);
    log.tell(Event::HoldMusic { playing: true });
    log.phase(Phase::CallingSupervisor);
    log.leg(Leg::Supervisor, LegState::Dialing, Some(1));
    log.tell(Event::Briefing { attempt: 1, summary: "Can't log in.".into(), points: vec!["calm".into()] });
    log.leg(Leg::Supervisor, LegState::Answered, Some(1));
    log.phase(Phase::Briefing);
    log.tell(Event::HoldMusic { playing: false });
    log.phase(Phase::Merging);
    log.tell(Event::TransferDecided {
        attempt: 1,
        outcome: TransferOutcome::Connected,
        by: DecidedBy::Dtmf,
        reason: None,
    });
    log.phase(Phase::Merged);
    log.leg(Leg::Customer, LegState::Left, None);
    log.leg(Leg::Supervisor, LegState::Left, Some(1));
    log.phase(Phase::Ended);
    log.tell(Event::CallEnded {
        reason: EndReason::CustomerHungUp,
        detail: "The customer hung up.".to_owned(),
        talk_s: 15.5,
        hold_s: 6.0,
        time_to_human_s: Some(11.0),
    });
    log
}

#[test]
fn a_whole_call_has_the_contracts_shape() {
    let log = whole_call();
    let json = serde_json::to_value(&log.view).unwrap();
    let since =
        |phase: &str, second: u32| json!({ "phase": phase, "at": format!("2026-11-22T10:00:{second:02}.000Z") });
    let phases: Vec<Value> = [
        ("queued", 1),
        ("dialing", 2),
        ("conversing", 6),
        ("on_hold", 9),
        ("calling_supervisor", 11),
        ("briefing", 15),
        ("merging", 17),
        ("merged", 19),
        ("ended", 22),
    ]
    .map(|(phase, second)| since(phase, second))
    .to_vec();
    let expected = json!({
        "call": "outbound-c0ffee000001",
        "phase": "ended",
        "phase_since": "2026-11-22T10:00:22.000Z",
        "phone_number": "+15550100001",
        "name": "Jo",
        "language": "en",
        "emotion": "Calm",
        "escalation_enabled": true,
        "placed_at": "2026-11-22T10:00:01.000Z",
        "phases": phases,
        "legs": [
            {
                "leg": "customer", "state": "left", "reason": "hung_up", "sip_status": null,
                "participant_id": "PA_1", "sip_call_id": "SCL_1",
            },
            {
                "leg": "supervisor", "state": "left", "reason": "hung_up", "sip_status": null,
                "participant_id": null, "sip_call_id": null,
            },
        ],
        "escalation": { "by": "customer", "reason": "wants a person", "at": "2026-11-22T10:00:08.000Z" },
        "attempts": [{
            "attempt": 1,
            "supervisor_phone": "+15550100002",
            "state": "left",
            "outcome": "connected",
            "by": "dtmf",
            "reason": null,
        }],
        "briefing": { "attempt": 1, "summary": "Can't log in.", "points": ["calm"] },
        "transcript": [{
            "utterance": 1,
            "side": "call",
            "speaker": "agent",
            "text": "Hello Jo.",
            "started_at": "2026-11-22T10:00:06.000Z",
            "ended_at": "2026-11-22T10:00:07.000Z",
            "interrupted": false,
            "final": true,
        }],
        "hold_music": false,
        "claimed_by": null,
        "degraded": false,
        "degraded_by": [],
        "taken_over_by": null,
        "listeners": [],
        "acts": [],
        "timings": [],
        "end": {
            "reason": "customer_hung_up",
            "detail": "The customer hung up.",
            "talk_s": 15.5,
            "hold_s": 6.0,
            "time_to_human_s": 11.0,
        },
        "seq": 23,
    });
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_value::<CallView>(json).unwrap(), log.view);
}

#[test]
fn a_young_call_comes_back_the_same_too() {
    let mut log = Log::new();
    log.tell(utterance(1, "Hel", 1, false));
    let json = serde_json::to_value(&log.view).unwrap();
    assert_eq!(json["end"], Value::Null);
    assert_eq!(json["transcript"][0]["ended_at"], Value::Null);
    assert_eq!(serde_json::from_value::<CallView>(json).unwrap(), log.view);
}

#[test]
fn only_a_placed_call_begins_a_view() {
    assert_eq!(CallView::placed(&recorded(1, Event::HoldMusic { playing: true })), None);
}

#[test]
fn a_final_line_takes_its_partials_place() {
    let mut log = Log::new();
    log.tell(utterance(1, "Hel", 2, false));
    log.tell(utterance(2, "Yes?", 3, true));
    log.tell(utterance(1, "Hello th", 2, false));
    assert_eq!(log.texts(), ["Hello th", "Yes?"]);
    assert!(!log.view.transcript[0].r#final);
    log.tell(utterance(1, "Hello there.", 2, true));
    assert_eq!(log.texts(), ["Hello there.", "Yes?"]);
    assert!(log.view.transcript[0].r#final);
    assert_eq!(log.view.transcript[0].ended_at, Some(moment(3)));
}

#[test]
fn lines_stand_in_the_order_in_which_they_began() {
    let mut log = Log::new();
    log.tell(utterance(2, "second", 5, true));
    log.tell(utterance(1, "first", 4, true));
    log.tell(utterance(3, "third", 5, true));
    assert_eq!(log.texts(), ["first", "second", "third"]);
}

#[test]
fn an_interrupted_line_keeps_what_was_heard_of_it() {
    let mut log = Log::new();
    log.tell(utterance(1, "Our opening hours are", 2, false));
    let mut heard = utterance(1, "Our opening", 2, true);
    if let Event::Utterance { interrupted, .. } = &mut heard {
        *interrupted = true;
    }
    log.tell(heard);
    assert_eq!(log.texts(), ["Our opening"]);
    assert!(log.view.transcript[0].interrupted);
}

#[test]
fn a_line_of_which_nothing_was_heard_is_no_line() {
    let mut log = Log::new();
    log.tell(utterance(1, "Our", 2, false));
    log.tell(utterance(1, "", 2, true));
    log.tell(utterance(2, "", 3, false));
    assert!(log.view.transcript.is_empty());
}

#[test]
fn events_that_are_known_or_of_another_call_change_nothing() {
    let mut log = whole_call();
    let before = log.view.clone();
    for seq in [1, 12, before.seq] {
        log.view.apply(&recorded(seq, Event::HoldMusic { playing: true }));
    }
    let other = CallId::from_bits(1);
    log.view.apply(&Recorded { call: other, ..recorded(50, Event::HoldMusic { playing: true }) });
    assert_eq!(log.view, before);
    log.view.apply(&recorded(50, Event::HoldMusic { playing: true }));
    assert!(log.view.hold_music, "numbers are the log's, and other calls use them too: a gap is none");
    assert_eq!(log.view.seq, 50);
}

#[test]
fn a_late_end_of_an_earlier_attempt_does_not_hide_the_next() {
    let mut log = Log::new();
    log.leg(Leg::Supervisor, LegState::Dialing, Some(1));
    log.leg(Leg::Supervisor, LegState::Dialing, Some(2));
    log.leg(Leg::Supervisor, LegState::Ringing, Some(2));
    log.leg(Leg::Supervisor, LegState::Left, Some(1));
    assert_eq!(log.view.legs.len(), 1);
    assert_eq!(log.view.legs[0].state, LegState::Ringing);
    let states: Vec<_> = log.view.attempts.iter().map(|a| (a.attempt, a.state)).collect();
    assert_eq!(states, [(1, LegState::Left), (2, LegState::Ringing)]);
}

#[test]
fn the_end_of_a_call_is_the_end_of_its_music() {
    let mut log = Log::new();
    log.tell(Event::HoldMusic { playing: true });
    assert!(log.view.hold_music);
    log.tell(Event::CallEnded {
        reason: EndReason::Completed,
        detail: "Done.".to_owned(),
        talk_s: 1.0,
        hold_s: 0.0,
        time_to_human_s: None,
    });
    assert!(!log.view.hold_music);
    assert_eq!(log.view.end.unwrap().reason, EndReason::Completed);
}

fn act(action: Action, by: &str) -> Event {
    Event::OperatorActed { action, by: by.to_owned(), reason: None }
}

#[test]
fn who_does_what_is_there_until_the_phase_it_belongs_to_is_over() {
    let mut log = Log::new();
    log.phase(Phase::Conversing);
    log.tell(act(Action::Listen, "Ann"));
    log.tell(act(Action::Listen, "Bob"));
    log.tell(act(Action::Listen, "Ann"));
    log.tell(act(Action::StopListening, "Ann"));
    assert_eq!(log.view.listeners, ["Bob", "Ann"]);
    log.tell(act(Action::TakeOver, "Bob"));
    assert_eq!(log.view.taken_over_by.as_deref(), Some("Bob"));
    log.tell(act(Action::GiveBack, "Ann"));
    assert_eq!(log.view.taken_over_by, None);
    log.tell(act(Action::TakeOver, "Bob"));
    log.phase(Phase::OnHold);
    assert_eq!(log.view.taken_over_by, None);
    log.tell(act(Action::Claim, "Ann"));
    log.phase(Phase::Briefing);
    assert_eq!(log.view.claimed_by.as_deref(), Some("Ann"));
    log.phase(Phase::Conversing);
    assert_eq!(log.view.claimed_by, None, "the escalation is over");
    let acts: Vec<_> = log.view.acts.iter().map(|act| act.action).collect();
    assert_eq!(acts, [Action::TakeOver, Action::GiveBack, Action::TakeOver, Action::Claim]);
    log.tell(Event::CallEnded {
        reason: EndReason::Completed,
        detail: "Done.".to_owned(),
        talk_s: 1.0,
        hold_s: 0.0,
        time_to_human_s: None,
    });
    assert!(log.view.listeners.is_empty());
}

#[test]
fn the_view_of_an_earlier_version_is_still_read() {
    let mut old = serde_json::to_value(&whole_call().view).unwrap();
    for field in ["phases", "escalation", "claimed_by", "taken_over_by", "listeners", "acts", "timings"] {
        old.as_object_mut().unwrap().remove(field).unwrap();
    }
    old["legs"][0].as_object_mut().unwrap().remove("participant_id").unwrap();
    let view: CallView = serde_json::from_value(old).unwrap();
    assert_eq!((view.phases, view.legs[0].participant_id.as_deref()), (vec![], None));
}

#[test]
fn a_lost_connection_shows_until_it_is_back_or_the_call_is_over() {
    let mut log = Log::new();
    assert!(!log.view.degraded);
    log.tell(Event::MediaChanged { state: MediaState::Degraded, cause: None });
    assert!(log.view.degraded);
    log.tell(Event::MediaChanged { state: MediaState::Restored, cause: None });
    assert!(!log.view.degraded);
    log.tell(Event::MediaChanged { state: MediaState::Degraded, cause: None });
    log.tell(Event::CallEnded {
        reason: EndReason::MediaLost,
        detail: "The customer's audio was lost and did not come back.".to_owned(),
        talk_s: 1.0,
        hold_s: 0.0,
        time_to_human_s: None,
    });
    assert!(!log.view.degraded);
}
