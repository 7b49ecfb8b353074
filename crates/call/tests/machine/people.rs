//! Several people at one call: who goes before whom.

use std::time::Duration;

use warmline_call::{
    Action, Because, Command, DecidedBy, EndReason, Event, Input, LeftCause, Leg, LegState, OperatorAction, Person,
    Phase, Seat, SeatFact, TransferOutcome,
};

use crate::scene::*;

fn by(who: &str, action: OperatorAction) -> Input {
    Input::Operator { action, by: who.into() }
}

fn did(who: &str, action: Action) -> Event {
    Event::OperatorActed { action, by: who.to_owned(), reason: None }
}

/// Somebody tries this in vain; gives why.
fn refused(call: &mut Scene, who: &str, action: OperatorAction) -> String {
    let why = call.machine.handle(by(who, action), call.now).unwrap_err().detail;
    call.nothing();
    why
}

#[test]
fn an_escalation_is_claimed_once_and_the_others_are_told_by_whom() {
    let mut call = Scene::after(config(1), calling());
    call.when(by("Ann", OperatorAction::Claim));
    call.then([], [did("Ann", Action::Claim)]);
    call.when(by("Ann", OperatorAction::Claim));
    call.nothing();
    for action in [OperatorAction::Claim, OperatorAction::Release, OperatorAction::Decline { reason: None }] {
        let why = refused(&mut call, "Bob", action);
        assert_eq!(why, "Ann has claimed this call; the call is in phase calling_supervisor");
    }
    call.skip(answered(FIRST));
    assert!(refused(&mut call, "Bob", OperatorAction::Accept).starts_with("Ann has claimed this call"));
    call.when(by("Ann", OperatorAction::Release));
    call.then([], [did("Ann", Action::Release)]);
    assert!(refused(&mut call, "Ann", OperatorAction::Release).starts_with("nobody has claimed"));
    call.skip(by("Bob", OperatorAction::Accept));
    assert_eq!(call.machine.phase(), Phase::Merging);
}

#[test]
fn the_supervisor_on_the_phone_decides_whoever_has_claimed() {
    let mut call = Scene::after(config(1), briefing());
    call.skip(by("Ann", OperatorAction::Claim));
    call.skip(accepted(1));
    assert_eq!(call.machine.phase(), Phase::Merging);
}

#[test]
fn a_claim_ends_with_its_escalation() {
    let mut call = Scene::after(config(1), briefing());
    call.skip(by("Ann", OperatorAction::Claim));
    call.skip(declined(1));
    call.skip(left(FIRST, warmline_call::LeftCause::Released));
    call.skip(human());
    call.when(by("Bob", OperatorAction::Claim));
    call.then([], [did("Bob", Action::Claim)]);
}

/// Ann is on the seat of that number, and can be heard.
fn taken_over(call: &mut Scene, seat: u32) {
    call.when(by("Ann", OperatorAction::TakeOver));
    call.then([Command::Seat(Seat(seat))], []);
    call.when(Input::Seat(Seat(seat), SeatFact::Ready));
    call.then([Command::TakeOver(Seat(seat))], [did("Ann", Action::TakeOver)]);
}

fn gave_back(who: &str, reason: &str) -> Event {
    Event::OperatorActed { action: Action::GiveBack, by: who.to_owned(), reason: Some(reason.into()) }
}

const GIVEN_BACK: Command = Command::ResumeConversation { because: Because::GivenBack };

#[test]
fn one_person_at_a_time_speaks_in_the_agents_place() {
    let mut call = Scene::after(config(1), conversing());
    assert!(refused(&mut call, "Ann", OperatorAction::GiveBack).starts_with("nobody speaks in the agent's place"));
    taken_over(&mut call, 1);
    let taken = "Ann speaks with the customer in the agent's place; the call is in phase conversing";
    for action in [OperatorAction::TakeOver, escalate(), OperatorAction::Say { text: "hi".into() }] {
        assert_eq!(refused(&mut call, "Bob", action), taken);
    }
    // The agent only listens: what it found out just before is nobody's wish now.
    call.when(human());
    call.when(Input::ConversationFinished);
    call.when(Input::CustomerInaudible);
    call.when(Input::AgentFailed { detail: "no voice".to_owned() });
    call.nothing();
    call.when(by("Bob", OperatorAction::GiveBack));
    call.then([Command::Unseat(Seat(1)), GIVEN_BACK], [did("Bob", Action::GiveBack)]);
    call.skip(human());
    assert_eq!(call.machine.phase(), Phase::OnHold);
}

#[test]
fn the_agent_talks_until_the_microphone_of_whoever_takes_over_is_there() {
    let mut call = Scene::after(config(1), conversing());
    call.when(by("Ann", OperatorAction::TakeOver));
    call.then([Command::Seat(Seat(1))], []);
    let why = refused(&mut call, "Bob", OperatorAction::TakeOver);
    assert!(why.starts_with("Ann is about to speak with the customer"), "{why}");
    call.skip(operator(OperatorAction::Say { text: "One moment.".into() }));
    // Their browser never comes with a microphone: nobody has taken over.
    assert_eq!(call.timer(), Duration::from_secs(9));
    call.then([Command::Unseat(Seat(1))], []);
    call.when(Input::Seat(Seat(1), SeatFact::Ready));
    call.nothing();

    // Or goes before it could.
    call.when(by("Bob", OperatorAction::TakeOver));
    call.then([Command::Seat(Seat(2))], []);
    call.when(Input::Seat(Seat(2), SeatFact::Left));
    call.then([Command::Unseat(Seat(2))], []);

    // Or the customer asks for a human meanwhile.
    call.skip(by("Bob", OperatorAction::TakeOver));
    call.when(human());
    let (commands, _) = call.drain();
    assert_eq!(commands[..2], [Command::Unseat(Seat(3)), Command::PauseConversation]);
    call.when(Input::Seat(Seat(3), SeatFact::Ready));
    call.nothing();
}

#[test]
fn who_is_lost_or_says_nothing_gives_the_customer_back() {
    for (fact, reason) in
        [(SeatFact::Left, "the connection was lost"), (SeatFact::Silent, "nothing was heard for too long")]
    {
        let mut call = Scene::after(config(1), conversing());
        taken_over(&mut call, 1);
        call.when(Input::Seat(Seat(1), fact));
        call.then([Command::Unseat(Seat(1)), GIVEN_BACK], [gave_back("Ann", reason)]);
        call.when(Input::Seat(Seat(1), fact));
        call.nothing();
    }
}

#[test]
fn what_comes_late_of_one_person_unseats_nobody_else() {
    let mut call = Scene::after(config(1), conversing());
    taken_over(&mut call, 1);
    call.skip(by("Ann", OperatorAction::GiveBack));
    call.skip(by("Bob", OperatorAction::TakeOver));
    call.skip(Input::Seat(Seat(2), SeatFact::Ready));
    for late in [SeatFact::Left, SeatFact::Silent, SeatFact::Ready] {
        call.when(Input::Seat(Seat(1), late));
        call.nothing();
    }
    let why = refused(&mut call, "Ann", OperatorAction::GiveBack);
    assert!(why.starts_with("Bob speaks with the customer"), "{why}");
    call.when(by("Bob", OperatorAction::GiveBack));
    call.then([Command::Unseat(Seat(2)), GIVEN_BACK], [did("Bob", Action::GiveBack)]);
}

#[test]
fn whoever_speaks_in_the_agents_place_is_out_before_anything_else_is_said() {
    let ways: [fn() -> Input; 4] = [
        || Input::Stop,
        || operator(OperatorAction::Hangup),
        || Input::MachineDetected(CUSTOMER),
        || left(CUSTOMER, LeftCause::HungUp),
    ];
    for way in ways {
        let mut call = Scene::after(config(1), conversing());
        taken_over(&mut call, 1);
        call.when(way());
        assert_eq!(call.drain().0.first(), Some(&Command::Unseat(Seat(1))), "{:?}", way());
    }
}

#[test]
fn two_people_of_one_name_or_of_none_are_two() {
    for name in ["Ann", "api"] {
        let person = |id: &str| Person::new(id, name);
        let claim = |who: Person| Input::Operator { action: OperatorAction::Claim, by: who };
        let mut call = Scene::after(config(1), calling());
        call.when(claim(person("1")));
        call.then([], [did(name, Action::Claim)]);
        let why = call.machine.handle(claim(person("2")), call.now).unwrap_err().detail;
        assert!(why.starts_with(&format!("{name} has claimed this call")), "{why}");
        call.when(claim(person("1")));
        call.nothing();
    }
}

#[test]
fn who_listens_is_shown_from_the_dial_on_and_only_once_gone() {
    let mut call = Scene::after(config(1), dialing());
    call.when(by("Ann", OperatorAction::Listen));
    call.then([], [did("Ann", Action::Listen)]);
    call.when(by("Bob", OperatorAction::StopListening));
    call.nothing();
    call.when(by("Ann", OperatorAction::StopListening));
    call.then([], [did("Ann", Action::StopListening)]);
    call.when(by("Ann", OperatorAction::StopListening));
    call.nothing();
}

#[test]
fn a_decline_takes_its_reason_along() {
    for (input, by, reason) in [
        (operator(OperatorAction::Decline { reason: Some("fire drill".into()) }), DecidedBy::Console, "fire drill"),
        (
            Input::SupervisorDeclined { attempt: 1, by: DecidedBy::Voice, reason: Some("not before noon".into()) },
            DecidedBy::Voice,
            "not before noon",
        ),
    ] {
        let mut call = Scene::after(config(1), briefing());
        call.when(input);
        let (commands, _) = call.drain();
        assert_eq!(commands.last(), Some(&resume_telling(TransferOutcome::Declined, by, Some(reason))));
    }
}

#[test]
fn an_agent_that_broke_down_leaves_nobody_waiting() {
    for state in [dialing(), conversing(), on_hold(), calling(), briefing()] {
        let mut call = Scene::after(config(1), state);
        call.skip(Input::AgentLost);
        for leg in [CUSTOMER, FIRST] {
            call.skip(left(leg, LeftCause::Released));
        }
        assert!(call.machine.is_over());
    }
    for state in [merging(), merged()] {
        let mut call = Scene::after(config(1), state);
        call.when(Input::AgentLost);
        call.nothing();
    }
}

#[test]
fn a_consult_that_broke_down_is_followed_by_the_next_supervisor() {
    for state in [calling(), briefing()] {
        let mut call = Scene::after(config(2), state);
        call.skip(Input::ConsultLost { attempt: 1 });
        assert_eq!(call.machine.phase(), Phase::CallingSupervisor);
        call.when(Input::ConsultLost { attempt: 1 });
        call.nothing();
    }
}

#[test]
fn a_merged_call_that_needs_no_process_is_let_go() {
    let mut config = config(1);
    config.merged_outlives = true;
    let mut call = Scene::after(config.clone(), merged());
    call.when(Input::Stop);
    call.then([Command::Detach], []);
    let mut call = Scene::after(config, conversing());
    call.skip(Input::Stop);
    call.skip(said(warmline_call::FixedLine::Stopping));
    call.skip(left(CUSTOMER, LeftCause::Released));
    assert!(call.machine.is_over());
}

#[test]
fn a_call_that_was_taken_over_ends_as_any_other() {
    let mut call = Scene::after(config(1), conversing());
    taken_over(&mut call, 1);
    call.when(left(CUSTOMER, LeftCause::HungUp));
    let (commands, events) = call.drain();
    assert_eq!(commands[..2], [Command::Unseat(Seat(1)), Command::StopConversation]);
    let end = events.last();
    assert!(matches!(end, Some(Event::CallEnded { reason: EndReason::CustomerHungUp, .. })), "{end:?}");
    let gone = |event: &Event| matches!(event, Event::LegChanged { leg: Leg::Customer, state: LegState::Left, .. });
    assert!(events.iter().any(gone));
    let outcomes: Vec<TransferOutcome> = events
        .iter()
        .filter_map(|e| if let Event::TransferDecided { outcome, .. } = e { Some(*outcome) } else { None })
        .collect();
    assert_eq!(outcomes, []);
}
