//! Several people at one call: who goes before whom.

use warmline_call::{Action, Command, EndReason, Event, Input, Leg, LegState, OperatorAction, Phase, TransferOutcome};

use crate::scene::*;

fn by(who: &str, action: OperatorAction) -> Input {
    Input::Operator { action, by: who.to_owned() }
}

fn did(who: &str, action: Action) -> Event {
    Event::OperatorActed { action, by: who.to_owned() }
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

#[test]
fn one_person_at_a_time_speaks_in_the_agents_place() {
    let mut call = Scene::after(config(1), conversing());
    assert!(refused(&mut call, "Ann", OperatorAction::GiveBack).starts_with("nobody speaks in the agent's place"));
    call.when(by("Ann", OperatorAction::TakeOver));
    call.then([Command::TakeOver], [did("Ann", Action::TakeOver)]);
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
    call.then([Command::GiveBack], [did("Bob", Action::GiveBack)]);
    call.skip(human());
    assert_eq!(call.machine.phase(), Phase::OnHold);
}

#[test]
fn a_call_that_was_taken_over_ends_as_any_other() {
    let mut call = Scene::after(config(1), conversing());
    call.skip(by("Ann", OperatorAction::TakeOver));
    call.when(left(CUSTOMER, warmline_call::LeftCause::HungUp));
    let (commands, events) = call.drain();
    assert_eq!(commands.first(), Some(&Command::StopConversation));
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
