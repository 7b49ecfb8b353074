//! What every input means in every state. A pair that is missing here fails, and so does one that is decided otherwise.

use std::collections::BTreeSet;

use warmline_call::{
    DecidedBy, FixedLine, Input, LeftCause, LegFact, LegRef, MediaCause, MediaState, OperatorAction, Phase,
    RequestedBy, Seat, SeatFact,
};

use crate::{graph::successors, scene::*};

/// `.` ignored: nothing is asked for, nothing happens, no timer moves · `x` rejected · `+` accepted, the phase stays ·
/// `!` accepted, and the call is ending · a phase: accepted, and the call is there.
///
/// There is one supervisor, whose briefing is ready from `calling` on. `last_line` is `merging` once the two hear each
/// other; in `farewell` the customer left during the briefing and the supervisor is told; in `closing` the agent is done
/// and the customer's leg is being hung up; in `taken_over` a
/// person speaks in the agent's place.
const TABLE: &str = "
input                  queued   dialing     ringing     conversing  taken_over  on_hold             calling     briefing    merging     last_line   merged  farewell  closing  ended
start                  dialing  .           .           .           .           .                   .           .           .           .           .       .         .        .
tick_early             .        .           .           .           .           .                   .           .           .           .           .       .         .        .
customer_ringing       .        ringing     .           .           .           .                   .           .           .           .           .       .         .        .
customer_answered      .        conversing  conversing  .           .           .                   .           .           .           .           .       .         .        .
customer_left          .        ended       ended       ended       ended       ended               !           !           !           !           !       .         ended    .
supervisor_ringing     .        .           .           .           .           .                   +           .           .           .           .       .         .        .
supervisor_answered    .        .           .           .           .           .                   briefing    .           .           .           .       .         .        .
supervisor_left        .        .           .           .           .           .                   conversing  conversing  conversing  conversing  !       ended     .        .
media_degraded         .        +           +           +           +           +                   +           +           +           +           +       !         !        .
strained               .        +           +           +           +           +                   +           +           +           +           +       !         !        .
media_restored         .        .           .           .           .           .                   .           .           .           .           .       .         .        .
customer_is_machine    .        .           .           !           !           !                   !           !           .           .           .       .         .        .
supervisor_is_machine  .        .           .           .           .           .                   conversing  conversing  .           .           .       .         .        .
human_requested        .        .           .           on_hold     .           .                   .           .           .           .           .       .         .        .
changed_mind           .        .           .           .           .           conversing          conversing  conversing  .           .           .       .         .        .
finished               .        .           .           !           .           .                   .           .           .           .           .       .         .        .
agent_failed           .        .           .           on_hold     .           .                   .           .           .           .           .       .         .        .
agent_lost             ended    !           !           !           !           !                   !           !           +           +           .       .         .        .
consult_lost           .        .           .           .           .           .                   conversing  conversing  .           .           .       !         .        .
seat_ready             .        .           .           .           .           .                   .           .           .           .           .       .         .        .
seat_silent            .        .           .           .           +           .                   .           .           .           .           .       .         .        .
seat_left              .        .           .           .           +           .                   .           .           .           .           .       .         .        .
inaudible              .        .           .           !           .           .                   .           .           .           .           .       .         .        .
said_hold              .        .           .           .           .           calling_supervisor  .           .           .           .           .       .         .        .
said_connecting        .        .           .           .           .           .                   .           .           +           .           .       .         .        .
said_merged            .        .           .           .           .           .                   .           .           .           merged      .       .         .        .
said_customer_left     .        .           .           .           .           .                   .           .           .           .           .       !         .        .
said_cancelled         .        .           .           .           .           .                   .           .           .           .           .       .         .        .
said_time_over         .        .           .           .           .           .                   .           .           .           .           .       .         .        .
said_stopping          .        .           .           .           .           .                   .           .           .           .           .       .         .        .
said_trouble           .        .           .           .           .           .                   .           .           .           .           .       .         .        .
said_voicemail         .        .           .           .           .           .                   .           .           .           .           .       .         .        .
briefing_prepared      .        .           .           .           .           +                   +           .           .           .           .       .         .        .
supervisor_accepted    .        .           .           .           .           .                   .           merging     .           .           .       .         .        .
supervisor_declined    .        .           .           .           .           .                   .           conversing  .           .           .       .         .        .
merged                 .        .           .           .           .           .                   .           .           +           .           .       .         .        .
merge_failed           .        .           .           .           .           .                   .           .           conversing  .           .       .         .        .
hangup                 ended    !           !           !           !           !                   !           !           !           !           !       x         x        x
escalate               x        x           x           on_hold     x           x                   x           x           x           x           x       x         x        x
accept                 x        x           x           x           x           x                   x           merging     x           x           x       x         x        x
decline                x        x           x           x           x           x                   conversing  conversing  x           x           x       x         x        x
say                    x        x           x           +           x           x                   x           x           x           x           x       x         x        x
instruct               x        x           x           +           +           x                   x           x           x           x           x       x         x        x
claim                  x        x           x           x           x           +                   +           +           x           x           x       x         x        x
release                x        x           x           x           x           x                   x           x           x           x           x       x         x        x
listen                 x        +           +           +           +           +                   +           +           +           +           +       x         x        x
stop_listening         .        .           .           .           .           .                   .           .           .           .           .       .         .        x
take_over              x        x           x           +           x           x                   x           x           x           x           x       x         x        x
give_back              x        x           x           x           +           x                   x           x           x           x           x       x         x        x
stop                   ended    !           !           !           !           !                   !           !           !           !           !       !         .        .
";

const STATES: [&str; 14] = [
    "queued",
    "dialing",
    "ringing",
    "conversing",
    "taken_over",
    "on_hold",
    "calling",
    "briefing",
    "merging",
    "last_line",
    "merged",
    "farewell",
    "closing",
    "ended",
];

fn reach(state: &str) -> Vec<Input> {
    match state {
        "queued" => vec![],
        "dialing" => dialing(),
        "ringing" => [dialing(), vec![ringing(CUSTOMER)]].concat(),
        "conversing" => conversing(),
        "taken_over" => {
            [conversing(), vec![operator(OperatorAction::TakeOver), Input::Seat(Seat(1), SeatFact::Ready)]].concat()
        }
        "on_hold" => on_hold(),
        "calling" => calling(),
        "briefing" => briefing(),
        "merging" => merging(),
        "last_line" => last_line(),
        "merged" => merged(),
        "farewell" => [briefing(), vec![left(CUSTOMER, LeftCause::HungUp)]].concat(),
        "closing" => [conversing(), vec![Input::ConversationFinished]].concat(),
        "ended" => [dialing(), vec![left(CUSTOMER, LeftCause::Busy)]].concat(),
        other => panic!("no such state: {other}"),
    }
}

/// Names the kind of an input. A new variant has to be named here, and then needs its row.
fn kind(input: &Input) -> &'static str {
    match input {
        Input::Start => "start",
        Input::Tick => "tick_early",
        Input::Leg(LegRef::Customer, LegFact::Ringing) => "customer_ringing",
        Input::Leg(LegRef::Customer, LegFact::Answered) => "customer_answered",
        Input::Leg(LegRef::Customer, LegFact::Left(_)) => "customer_left",
        Input::Leg(LegRef::Supervisor(_), LegFact::Ringing) => "supervisor_ringing",
        Input::Leg(LegRef::Supervisor(_), LegFact::Answered) => "supervisor_answered",
        Input::Leg(LegRef::Supervisor(_), LegFact::Left(_)) => "supervisor_left",
        Input::Media(MediaState::Degraded) => "media_degraded",
        Input::Media(MediaState::Restored) => "media_restored",
        Input::Strain { .. } => "strained",
        Input::MachineDetected(LegRef::Customer) => "customer_is_machine",
        Input::MachineDetected(LegRef::Supervisor(_)) => "supervisor_is_machine",
        Input::HumanRequested { .. } => "human_requested",
        Input::CustomerChangedMind => "changed_mind",
        Input::ConversationFinished => "finished",
        Input::AgentFailed { .. } => "agent_failed",
        Input::CustomerInaudible => "inaudible",
        Input::AgentLost => "agent_lost",
        Input::ConsultLost { .. } => "consult_lost",
        Input::Seat(_, SeatFact::Ready) => "seat_ready",
        Input::Seat(_, SeatFact::Silent) => "seat_silent",
        Input::Seat(_, SeatFact::Left) => "seat_left",
        Input::Said(line, _) => match line {
            FixedLine::Hold => "said_hold",
            FixedLine::Connecting => "said_connecting",
            FixedLine::Merged => "said_merged",
            FixedLine::CustomerLeft => "said_customer_left",
            FixedLine::Cancelled => "said_cancelled",
            FixedLine::TimeOver => "said_time_over",
            FixedLine::Stopping => "said_stopping",
            FixedLine::Trouble => "said_trouble",
            FixedLine::VoicemailMessage => "said_voicemail",
        },
        Input::BriefingPrepared { .. } => "briefing_prepared",
        Input::SupervisorAccepted { .. } => "supervisor_accepted",
        Input::SupervisorDeclined { .. } => "supervisor_declined",
        Input::Merged { .. } => "merged",
        Input::MergeFailed { .. } => "merge_failed",
        Input::Operator { action: OperatorAction::Hangup, .. } => "hangup",
        Input::Operator { action: OperatorAction::Escalate { .. }, .. } => "escalate",
        Input::Operator { action: OperatorAction::Accept, .. } => "accept",
        Input::Operator { action: OperatorAction::Decline { .. }, .. } => "decline",
        Input::Operator { action: OperatorAction::Say { .. }, .. } => "say",
        Input::Operator { action: OperatorAction::Instruct { .. }, .. } => "instruct",
        Input::Operator { action: OperatorAction::Claim, .. } => "claim",
        Input::Operator { action: OperatorAction::Release, .. } => "release",
        Input::Operator { action: OperatorAction::Listen, .. } => "listen",
        Input::Operator { action: OperatorAction::StopListening, .. } => "stop_listening",
        Input::Operator { action: OperatorAction::TakeOver, .. } => "take_over",
        Input::Operator { action: OperatorAction::GiveBack, .. } => "give_back",
        Input::Stop => "stop",
    }
}

fn inputs() -> Vec<Input> {
    let text = || "hello".into();
    let mut inputs = vec![
        Input::Start,
        Input::Tick,
        ringing(CUSTOMER),
        answered(CUSTOMER),
        left(CUSTOMER, LeftCause::HungUp),
        ringing(FIRST),
        answered(FIRST),
        left(FIRST, LeftCause::HungUp),
        Input::MachineDetected(CUSTOMER),
        Input::MachineDetected(FIRST),
        Input::HumanRequested { by: RequestedBy::Customer, reason: text() },
        Input::CustomerChangedMind,
        Input::ConversationFinished,
        Input::AgentFailed { detail: "gone".to_owned() },
        Input::CustomerInaudible,
        Input::AgentLost,
        Input::ConsultLost { attempt: 1 },
        Input::Seat(Seat(1), SeatFact::Ready),
        Input::Seat(Seat(1), SeatFact::Silent),
        Input::Seat(Seat(1), SeatFact::Left),
        Input::BriefingPrepared { attempt: 1, summary: text(), points: vec![] },
        Input::SupervisorAccepted { attempt: 1, by: DecidedBy::Dtmf },
        Input::SupervisorDeclined { attempt: 1, by: DecidedBy::Dtmf, reason: None },
        Input::Media(MediaState::Degraded),
        Input::Media(MediaState::Restored),
        Input::Strain { leg: CUSTOMER, cause: Some(MediaCause::Hearing) },
        Input::Merged { attempt: 1 },
        Input::MergeFailed { attempt: 1, detail: "no".to_owned() },
        operator(OperatorAction::Hangup),
        operator(OperatorAction::Escalate { reason: text() }),
        operator(OperatorAction::Accept),
        operator(OperatorAction::Decline { reason: None }),
        operator(OperatorAction::Say { text: text() }),
        operator(OperatorAction::Instruct { text: text() }),
        operator(OperatorAction::Claim),
        operator(OperatorAction::Release),
        operator(OperatorAction::Listen),
        operator(OperatorAction::StopListening),
        operator(OperatorAction::TakeOver),
        operator(OperatorAction::GiveBack),
        Input::Stop,
    ];
    inputs.extend(FixedLine::ALL.iter().copied().map(said));
    inputs
}

/// What really happens, in the table's words.
fn outcome(state: &str, input: Input) -> String {
    let mut call = Scene::after(config(1), reach(state));
    let before = (call.machine.phase(), format!("{:?}", call.machine));
    let result = call.machine.handle(input.clone(), call.now);
    let after = (call.machine.phase(), format!("{:?}", call.machine));
    if let Err(rejected) = result {
        assert_eq!(after.1, before.1, "{state}: a rejected action must change nothing");
        assert!(rejected.detail.ends_with(&format!("the call is in phase {}", before.0)), "{}", rejected.detail);
        return "x".to_owned();
    }
    call.drain();
    if after.1 == before.1 {
        return ".".to_owned();
    }
    if after.0 != before.0 {
        assert!(successors(before.0).contains(&after.0), "{state}: {} to {}", before.0, after.0);
        return after.0.to_string();
    }
    let probe = call.machine.handle(operator(OperatorAction::Hangup), call.now);
    call.drain();
    if probe.is_err_and(|rejected| rejected.detail.contains("ending")) { "!" } else { "+" }.to_owned()
}

#[test]
fn every_input_is_decided_in_every_state() {
    let mut lines = TABLE.trim().lines();
    let columns: Vec<&str> = lines.next().unwrap().split_whitespace().skip(1).collect();
    assert_eq!(columns, STATES);
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split_whitespace().collect()).collect();
    let named: BTreeSet<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(named.len(), rows.len(), "a kind of input has two rows");
    assert_eq!(named, inputs().iter().map(kind).collect::<BTreeSet<_>>());
    let reached: BTreeSet<Phase> =
        STATES.iter().map(|state| Scene::after(config(1), reach(state)).machine.phase()).collect();
    assert_eq!(reached, Phase::ALL.iter().copied().collect(), "a phase has no column");

    let mut wrong = Vec::new();
    for input in inputs() {
        let kind = kind(&input);
        let row = rows.iter().find(|row| row[0] == kind).unwrap();
        assert_eq!(row.len(), STATES.len() + 1, "{kind}: a state is undecided");
        for (state, decided) in STATES.iter().zip(&row[1..]) {
            let real = outcome(state, input.clone());
            if real != *decided {
                wrong.push(format!("{kind} in {state}: decided {decided}, is {real}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
