//! What a machine says of itself when it is asked.

use std::time::Duration;

use warmline_call::{Action, EndReason, Event, FixedLine, Input, LeftCause, OperatorAction};

use crate::scene::*;

#[test]
fn the_two_are_together_from_the_merge_on_while_both_are_there() {
    for apart in [conversing(), on_hold(), calling(), briefing(), merging()] {
        let call = Scene::after(config(1), apart);
        assert!(!call.machine.is_merged(), "{}", call.machine.phase());
        assert_eq!(call.machine.together_since(), None, "{}", call.machine.phase());
    }
    let mut call = Scene::after(config(1), merging());
    call.skip(Input::Merged { attempt: 1 });
    let since = Some(call.now);
    assert!(call.machine.is_merged() && call.machine.together_since() == since, "as soon as they hear each other");
    call.skip(said(FixedLine::Connecting));
    call.skip(said(FixedLine::Merged));
    assert!(call.machine.is_merged() && call.machine.together_since() == since, "the same moment, and not the phase's");
    assert!(since > Some(Duration::ZERO));
    call.skip(left(FIRST, LeftCause::Released));
    assert!(!call.machine.is_merged());
    assert_eq!(call.machine.together_since(), None);
}

#[test]
fn a_leg_is_wanted_from_its_dial_until_it_is_hung_up_or_gone() {
    let wants = |call: &Scene| [CUSTOMER, FIRST].map(|leg| call.machine.wants(leg));
    let mut call = Scene::new(config(1));
    assert_eq!(wants(&call), [false, false]);
    for step in dialing() {
        call.skip(step);
    }
    assert_eq!(wants(&call), [true, false]);
    let mut call = Scene::after(config(1), briefing());
    assert_eq!(wants(&call), [true, true]);
    call.skip(left(FIRST, LeftCause::HungUp));
    assert_eq!(wants(&call), [true, false]);
    call.skip(left(CUSTOMER, LeftCause::HungUp));
    assert_eq!(wants(&call), [false, false]);
    let mut call = Scene::after(config(1), merged());
    call.skip(operator(OperatorAction::Hangup));
    assert_eq!(wants(&call), [false, false], "it has been hung up, and is not gone");
}

#[test]
fn what_is_not_possible_is_refused_with_the_reason() {
    let say = || OperatorAction::Say { text: "Hello.".into() };
    for (steps, action, why) in [
        (dialing(), escalate(), "the customer has not answered yet"),
        (dialing(), OperatorAction::TakeOver, "the customer has not answered yet"),
        (dialing(), OperatorAction::Claim, "the customer has not answered yet"),
        (on_hold(), escalate(), "an escalation is already under way"),
        (on_hold(), OperatorAction::TakeOver, "the agent is not talking with the customer"),
        (on_hold(), OperatorAction::Accept, "no supervisor has been called yet"),
        (calling(), OperatorAction::Accept, "the supervisor has not answered yet"),
        (calling(), say(), "the agent is not talking with the customer"),
        (merged(), escalate(), "a human has taken over"),
        (merged(), OperatorAction::TakeOver, "a human has taken over"),
        (merged(), say(), "the agent is not talking with the customer"),
        (merged(), OperatorAction::Accept, "the transfer was already accepted by voice"),
        (conversing(), OperatorAction::Accept, "there is no transfer to decide"),
    ] {
        let what = format!("{action:?}");
        let refused = Scene::after(config(1), steps).refused(action);
        assert!(refused.detail.starts_with(why), "{what}: {}", refused.detail);
    }
}

#[test]
fn the_end_says_who_or_what_has_ended_the_call() {
    use {EndReason as Why, LeftCause as Left};
    let end = |steps: Vec<Input>, leg, cause| {
        let mut call = Scene::after(config(1), steps);
        call.when(left(leg, cause));
        loop {
            let (_, events) = call.drain();
            if let Some(Event::CallEnded { reason, detail, .. }) = events.into_iter().next_back() {
                return (reason, detail);
            }
            call.timer();
        }
    };
    for (cause, reason, detail) in [
        (Left::HungUp, Why::CustomerHungUp, "The customer hung up."),
        (Left::MediaLost, Why::MediaLost, "The customer's audio was lost and did not come back."),
        (Left::TrunkFailure, Why::TrunkFailure, "The trunk dropped the customer."),
        (Left::Released, Why::OperatorHungUp, "The call was ended outside of Warmline."),
    ] {
        assert_eq!(end(conversing(), CUSTOMER, cause), (reason, detail.to_owned()));
        assert_eq!(end(merged(), CUSTOMER, cause), (reason, detail.to_owned()));
    }
    for (cause, reason, detail) in [
        (Left::HungUp, Why::SupervisorHungUp, "The supervisor hung up."),
        (Left::MediaLost, Why::MediaLost, "The supervisor's audio was lost and did not come back."),
        (Left::TrunkFailure, Why::TrunkFailure, "The trunk dropped the supervisor."),
        (Left::Released, Why::OperatorHungUp, "The call was ended outside of Warmline."),
    ] {
        assert_eq!(end(merged(), FIRST, cause), (reason, detail.to_owned()));
    }
}

#[test]
fn every_act_has_words_of_its_own() {
    let words: std::collections::BTreeSet<_> = Action::ALL.iter().map(|action| action.words()).collect();
    assert_eq!(words.len(), Action::ALL.len());
    assert_eq!(Action::TakeOver.words(), "took over from the agent");
}

/// An attempt that is over has supervisor and consult come to their ends after the next has begun.
#[test]
fn what_comes_late_of_an_earlier_attempt_changes_nothing_of_the_next() {
    let second = [briefing(), vec![declined(1), answered(SECOND)]].concat();
    for (steps, phase) in [
        ([briefing(), vec![declined(1)]].concat(), warmline_call::Phase::CallingSupervisor),
        (second.clone(), warmline_call::Phase::Briefing),
        ([second, vec![accepted(2)]].concat(), warmline_call::Phase::Merging),
    ] {
        let mut call = Scene::after(config(2), steps);
        assert_eq!(call.machine.phase(), phase);
        for late in [Input::ConsultLost { attempt: 1 }, left(FIRST, LeftCause::Released)] {
            call.skip(late);
            assert_eq!(call.machine.phase(), phase);
            assert!(call.machine.wants(SECOND), "{phase}");
        }
    }
}

#[test]
fn who_picks_up_as_they_are_hung_up_has_not_answered() {
    let mut call = Scene::after(config(1), dialing());
    call.skip(operator(OperatorAction::Hangup));
    for late in [ringing(CUSTOMER), answered(CUSTOMER)] {
        call.when(late);
        call.nothing();
    }
}
