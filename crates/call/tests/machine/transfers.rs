//! Walks in which all goes well, and the operator's actions.

use std::time::Duration;

use warmline_call::{
    Action, Audience, Command, DecidedBy, EndReason, FixedLine, Input, LeftCause, LegState, OperatorAction, Phase,
    RequestedBy, TransferOutcome,
};

use crate::scene::*;

#[test]
fn a_call_from_the_dial_to_the_merge_and_its_end() {
    let mut call = Scene::new(config(1));
    call.when(Input::Start);
    let ring = Duration::from_secs(30);
    call.then(
        [Command::Dial { leg: CUSTOMER, phone: "+15550100001".into(), ring }],
        [phase(Phase::Queued, Phase::Dialing), leg(CUSTOMER, LegState::Dialing)],
    );
    call.when(ringing(CUSTOMER));
    call.then([], [leg(CUSTOMER, LegState::Ringing), phase(Phase::Dialing, Phase::Ringing)]);
    call.when(ringing(CUSTOMER));
    call.nothing();
    call.when(answered(CUSTOMER));
    call.then(
        [Command::StartConversation],
        [leg(CUSTOMER, LegState::Answered), phase(Phase::Ringing, Phase::Conversing)],
    );
    call.when(human());
    call.then(
        [Command::PauseConversation, say(FixedLine::Hold, Audience::Customer), prepare_briefing(1, "wants a person")],
        [
            warmline_call::Event::EscalationRequested { by: RequestedBy::Customer, reason: "wants a person".into() },
            phase(Phase::Conversing, Phase::OnHold),
        ],
    );
    call.when(said(FixedLine::Hold));
    call.then(
        [Command::PlayMusic, dial_supervisor(1, 0)],
        [music(true), phase(Phase::OnHold, Phase::CallingSupervisor), supervisor_dialled(1, 0)],
    );
    call.when(prepared(1));
    call.then([], [briefing_for(1)]);
    call.when(ringing(FIRST));
    call.then([], [leg(FIRST, LegState::Ringing)]);
    call.when(answered(FIRST));
    call.then([brief(1)], [leg(FIRST, LegState::Answered), phase(Phase::CallingSupervisor, Phase::Briefing)]);
    call.when(accepted(1));
    call.then(
        [Command::StopMusic, Command::Merge { attempt: 1 }, say(FixedLine::Connecting, Audience::Supervisor)],
        [music(false), phase(Phase::Briefing, Phase::Merging)],
    );
    call.when(Input::Merged { attempt: 1 });
    call.nothing();
    call.when(said(FixedLine::Connecting));
    call.then([say(FixedLine::Merged, Audience::Both)], []);
    call.when(said(FixedLine::Merged));
    call.then(
        [Command::Leave],
        [decided(1, TransferOutcome::Connected, DecidedBy::Voice), phase(Phase::Merging, Phase::Merged)],
    );
    call.when(left(FIRST, LeftCause::HungUp));
    call.then([Command::StopConversation, Command::HangUp(CUSTOMER)], [gone(FIRST, "hung_up")]);
    assert_eq!(call.machine.phase(), Phase::Merged);
    call.when(left(CUSTOMER, LeftCause::Released));
    call.then(
        [Command::Close],
        [
            gone(CUSTOMER, "released"),
            phase(Phase::Merged, Phase::Ended),
            ended(EndReason::SupervisorHungUp, "The supervisor hung up.", 10.0, 4.0, Some(8.0)),
        ],
    );
    assert!(call.machine.is_over());
    assert_eq!(call.machine.poll_timeout(), None);
}

#[test]
fn a_phone_may_be_answered_without_ringing() {
    let mut call = Scene::after(config(1), dialing());
    call.when(answered(CUSTOMER));
    call.then(
        [Command::StartConversation],
        [leg(CUSTOMER, LegState::Answered), phase(Phase::Dialing, Phase::Conversing)],
    );
    call.when(ringing(CUSTOMER));
    call.nothing();
}

#[test]
fn the_supervisor_waits_for_a_late_briefing() {
    let mut call = Scene::after(config(1), on_hold());
    call.skip(said(FixedLine::Hold));
    call.when(answered(FIRST));
    call.then([], [leg(FIRST, LegState::Answered), phase(Phase::CallingSupervisor, Phase::Briefing)]);
    call.when(prepared(1));
    call.then([brief(1)], [briefing_for(1)]);
    call.when(prepared(1));
    call.nothing();
}

#[test]
fn sentences_that_never_end_hold_nothing_up() {
    let mut call = Scene::after(config(1), on_hold());
    assert_eq!(call.timer(), Duration::from_secs(8));
    call.then(
        [Command::PlayMusic, dial_supervisor(1, 0)],
        [music(true), phase(Phase::OnHold, Phase::CallingSupervisor), supervisor_dialled(1, 0)],
    );
    call.skip(prepared(1));
    call.skip(answered(FIRST));
    call.skip(accepted(1));
    call.skip(Input::Merged { attempt: 1 });
    assert_eq!(call.timer(), Duration::from_secs(7));
    call.then([say(FixedLine::Merged, Audience::Both)], []);
    assert_eq!(call.timer(), Duration::from_secs(8));
    call.then(
        [Command::Leave],
        [decided(1, TransferOutcome::Connected, DecidedBy::Voice), phase(Phase::Merging, Phase::Merged)],
    );
}

#[test]
fn the_sentence_may_be_over_before_the_merge() {
    let mut call = Scene::after(config(1), merging());
    call.when(said(FixedLine::Connecting));
    call.nothing();
    call.when(Input::Merged { attempt: 1 });
    call.then([say(FixedLine::Merged, Audience::Both)], []);
}

#[test]
fn an_operator_escalates_and_accepts() {
    let mut call = Scene::after(config(1), conversing());
    call.when(operator(escalate()));
    call.then(
        [Command::PauseConversation, say(FixedLine::Hold, Audience::Customer), prepare_briefing(1, "sounds angry")],
        [
            acted(Action::Escalate),
            warmline_call::Event::EscalationRequested { by: RequestedBy::Operator, reason: "sounds angry".into() },
            phase(Phase::Conversing, Phase::OnHold),
        ],
    );
    let refused = call.refused(escalate());
    assert_eq!(refused.detail, "an escalation is already under way; the call is in phase on_hold");
    let refused = call.refused(OperatorAction::Accept);
    assert_eq!(refused.detail, "no supervisor has been called yet; the call is in phase on_hold");
    call.skip(said(FixedLine::Hold));
    let refused = call.refused(OperatorAction::Accept);
    assert_eq!(refused.detail, "the supervisor has not answered yet; the call is in phase calling_supervisor");
    call.skip(answered(FIRST));
    call.when(operator(OperatorAction::Accept));
    call.then(
        [Command::StopMusic, Command::Merge { attempt: 1 }, say(FixedLine::Connecting, Audience::Supervisor)],
        [acted(Action::Accept), music(false), phase(Phase::Briefing, Phase::Merging)],
    );
    let refused = call.refused(OperatorAction::Decline { reason: None });
    assert_eq!(refused.detail, "the transfer was already accepted by console; the call is in phase merging");
    call.when(declined(1));
    call.nothing();
}

#[test]
fn the_loser_of_a_race_is_told_who_won() {
    let mut call = Scene::after(config(1), merging());
    let refused = call.refused(OperatorAction::Accept);
    assert_eq!(refused.detail, "the transfer was already accepted by voice; the call is in phase merging");
    let mut call = Scene::after(config(1), briefing());
    call.skip(declined(1));
    let refused = call.refused(OperatorAction::Accept);
    assert_eq!(refused.detail, "the transfer was already declined by dtmf; the call is in phase conversing");
    let mut call = Scene::after(config(2), briefing());
    call.skip(declined(1));
    let refused = call.refused(OperatorAction::Accept);
    assert_eq!(
        refused.detail,
        "attempt 1 was declined by dtmf and the next supervisor has not answered yet; \
         the call is in phase calling_supervisor"
    );
    let mut call = Scene::after(config(1), conversing());
    let refused = call.refused(OperatorAction::Accept);
    assert_eq!(refused.detail, "there is no transfer to decide; the call is in phase conversing");
}

#[test]
fn an_escalation_that_can_not_be_says_why() {
    let mut standard = config(1);
    standard.escalation = false;
    for (config, why) in [
        (standard, "this call has no escalation"),
        (config(0), "Escalation will fail: LIVEKIT_SUPERVISOR_PHONE_NUMBER is not set"),
    ] {
        let mut call = Scene::after(config, conversing());
        assert_eq!(call.refused(escalate()).detail, format!("{why}; the call is in phase conversing"));
        call.when(human());
        call.then([no_human()], []);
        call.when(human());
        call.then([no_human()], []);
    }
}

#[test]
fn an_operator_speaks_through_the_agent_while_it_talks() {
    let mut call = Scene::after(config(1), conversing());
    call.when(operator(OperatorAction::Say { text: "One moment.".into() }));
    call.then([Command::SayText("One moment.".into())], [acted(Action::Say)]);
    call.when(operator(OperatorAction::Instruct { text: "Offer a refund.".into() }));
    call.then([Command::Nudge("Offer a refund.".into())], [acted(Action::Instruct)]);
    call.skip(human());
    let refused = call.refused(OperatorAction::Say { text: "One moment.".into() });
    assert_eq!(refused.detail, "the agent is not talking with the customer; the call is in phase on_hold");
}
