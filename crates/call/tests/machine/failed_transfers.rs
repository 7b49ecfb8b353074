//! Walks of transfers that come to nothing.

use std::time::Duration;

use warmline_call::{
    Action, Audience, Command, DecidedBy, Event, FixedLine, Input, LeftCause, LegRef, LegState, OperatorAction, Phase,
    RequestedBy, TransferOutcome,
};

use crate::scene::*;

#[test]
fn a_supervisor_who_can_not_be_reached_brings_the_agent_back() {
    for (cause, word, outcome) in [
        (LeftCause::Busy, "busy", TransferOutcome::Busy),
        (LeftCause::NoAnswer, "no_answer", TransferOutcome::NoAnswer),
        (LeftCause::HungUp, "hung_up", TransferOutcome::NoAnswer),
        (LeftCause::Declined, "declined", TransferOutcome::Declined),
        (LeftCause::InvalidNumber, "invalid_number", TransferOutcome::Unreachable),
        (LeftCause::Unreachable, "unreachable", TransferOutcome::Unreachable),
        (LeftCause::TrunkFailure, "trunk_failure", TransferOutcome::Unreachable),
        (LeftCause::Released, "released", TransferOutcome::Unreachable),
        (LeftCause::MediaLost, "media_lost", TransferOutcome::Unreachable),
    ] {
        let mut call = Scene::after(config(1), calling());
        call.when(left_with(FIRST, cause, Some(486)));
        call.then(
            [Command::StopMusic, resume(outcome, DecidedBy::Network)],
            [
                gone_with(FIRST, word, Some(486)),
                decided(1, outcome, DecidedBy::Network),
                music(false),
                phase(Phase::CallingSupervisor, Phase::Conversing),
            ],
        );
    }
}

#[test]
fn a_supervisor_who_goes_while_being_briefed_brings_the_agent_back() {
    for (cause, word, outcome) in [
        (LeftCause::HungUp, "hung_up", TransferOutcome::HungUp),
        (LeftCause::Released, "released", TransferOutcome::HungUp),
        (LeftCause::MediaLost, "media_lost", TransferOutcome::Unreachable),
        (LeftCause::TrunkFailure, "trunk_failure", TransferOutcome::Unreachable),
    ] {
        let mut call = Scene::after(config(1), briefing());
        call.when(left(FIRST, cause));
        call.then(
            [Command::StopMusic, resume(outcome, DecidedBy::Network)],
            [
                gone(FIRST, word),
                decided(1, outcome, DecidedBy::Network),
                music(false),
                phase(Phase::Briefing, Phase::Conversing),
            ],
        );
    }
}

#[test]
fn a_declining_supervisor_is_hung_up_and_the_next_one_dialled() {
    let mut call = Scene::after(config(2), briefing());
    call.when(declined(1));
    let reason = Some("busy".into());
    call.then(
        [Command::HangUp(FIRST), dial_supervisor(2, 1)],
        [
            Event::TransferDecided { attempt: 1, outcome: TransferOutcome::Declined, by: DecidedBy::Dtmf, reason },
            phase(Phase::Briefing, Phase::CallingSupervisor),
            supervisor_dialled(2, 1),
            briefing_for(2),
        ],
    );
    for late in [accepted(1), declined(1), answered(FIRST), Input::MachineDetected(FIRST), prepared(2)] {
        call.when(late);
        call.nothing();
    }
    call.when(left(FIRST, LeftCause::Released));
    call.then([], [gone(FIRST, "released")]);
    call.when(answered(SECOND));
    call.then([brief(2)], [leg(SECOND, LegState::Answered), phase(Phase::CallingSupervisor, Phase::Briefing)]);
    call.when(operator(OperatorAction::Decline { reason: Some("not ours".into()) }));
    let reason = Some("not ours".into());
    call.then(
        [
            Command::StopMusic,
            Command::HangUp(SECOND),
            resume_telling(TransferOutcome::Declined, DecidedBy::Console, Some("not ours")),
        ],
        [
            acted_because(Action::Decline, "not ours"),
            Event::TransferDecided { attempt: 2, outcome: TransferOutcome::Declined, by: DecidedBy::Console, reason },
            music(false),
            phase(Phase::Briefing, Phase::Conversing),
        ],
    );
    assert_eq!(call.timer(), Duration::from_secs(2));
    call.then([], [gone(SECOND, "released")]);
    call.when(human());
    call.then(
        [Command::PauseConversation, say(FixedLine::Hold, Audience::Customer), prepare_briefing(3, "wants a person")],
        [
            Event::EscalationRequested { by: RequestedBy::Customer, reason: "wants a person".into() },
            phase(Phase::Conversing, Phase::OnHold),
        ],
    );
    call.when(said(FixedLine::Hold));
    call.then(
        [Command::PlayMusic, dial_supervisor(3, 0)],
        [music(true), phase(Phase::OnHold, Phase::CallingSupervisor), supervisor_dialled(3, 0)],
    );
}

#[test]
fn a_briefing_that_is_ready_late_serves_the_next_attempt() {
    let mut call = Scene::after(config(2), on_hold());
    call.skip(said(FixedLine::Hold));
    call.skip(left(FIRST, LeftCause::Busy));
    call.when(prepared(1));
    call.then([], [briefing_for(2)]);
}

#[test]
fn an_operator_declines_while_the_phone_rings() {
    let mut call = Scene::after(config(2), calling());
    call.when(operator(OperatorAction::Decline { reason: None }));
    call.then(
        [Command::HangUp(FIRST), dial_supervisor(2, 1)],
        [
            acted(Action::Decline),
            decided(1, TransferOutcome::Declined, DecidedBy::Console),
            supervisor_dialled(2, 1),
            briefing_for(2),
        ],
    );
}

#[test]
fn a_machine_is_no_supervisor() {
    let mut call = Scene::after(config(1), briefing());
    call.when(Input::MachineDetected(FIRST));
    call.then(
        [Command::StopMusic, Command::HangUp(FIRST), resume(TransferOutcome::Voicemail, DecidedBy::Network)],
        [
            decided(1, TransferOutcome::Voicemail, DecidedBy::Network),
            music(false),
            phase(Phase::Briefing, Phase::Conversing),
        ],
    );
}

#[test]
fn a_supervisor_does_not_ring_or_think_for_ever() {
    let mut call = Scene::after(config(1), calling());
    assert_eq!(call.timer(), Duration::from_secs(32));
    call.then(
        [Command::StopMusic, Command::HangUp(FIRST), resume(TransferOutcome::NoAnswer, DecidedBy::Timeout)],
        [
            decided(1, TransferOutcome::NoAnswer, DecidedBy::Timeout),
            music(false),
            phase(Phase::CallingSupervisor, Phase::Conversing),
        ],
    );
    let mut call = Scene::after(config(1), briefing());
    assert_eq!(call.timer(), Duration::from_secs(60));
    call.then(
        [Command::StopMusic, Command::HangUp(FIRST), resume(TransferOutcome::DecisionTimeout, DecidedBy::Timeout)],
        [
            decided(1, TransferOutcome::DecisionTimeout, DecidedBy::Timeout),
            music(false),
            phase(Phase::Briefing, Phase::Conversing),
        ],
    );
}

#[test]
fn a_failed_merge_goes_the_same_way() {
    let mut call = Scene::after(config(1), merging());
    call.when(Input::MergeFailed { attempt: 1, detail: "not implemented".to_owned() });
    let reason = Some("not implemented".into());
    call.then(
        [
            Command::Separate { attempt: 1 },
            Command::HangUp(FIRST),
            resume_telling(TransferOutcome::MergeFailed, DecidedBy::Network, Some("not implemented")),
        ],
        [
            Event::TransferDecided {
                attempt: 1,
                outcome: TransferOutcome::MergeFailed,
                by: DecidedBy::Network,
                reason,
            },
            phase(Phase::Merging, Phase::Conversing),
        ],
    );
    call.when(Input::Merged { attempt: 1 });
    call.nothing();

    let mut call = Scene::after(config(2), merging());
    assert_eq!(call.timer(), Duration::from_secs(3));
    call.then(
        [Command::Separate { attempt: 1 }, Command::HangUp(FIRST), Command::PlayMusic, dial_supervisor(2, 1)],
        [
            decided(1, TransferOutcome::MergeFailed, DecidedBy::Timeout),
            phase(Phase::Merging, Phase::CallingSupervisor),
            music(true),
            supervisor_dialled(2, 1),
            briefing_for(2),
        ],
    );
}

#[test]
fn a_supervisor_who_goes_once_merged_brings_the_agent_back_though_there_is_another() {
    let mut call = Scene::after(config(2), last_line());
    call.when(left(FIRST, LeftCause::HungUp));
    call.then(
        [Command::Separate { attempt: 1 }, resume(TransferOutcome::HungUp, DecidedBy::Network)],
        [
            gone(FIRST, "hung_up"),
            decided(1, TransferOutcome::HungUp, DecidedBy::Network),
            phase(Phase::Merging, Phase::Conversing),
        ],
    );
    call.when(said(FixedLine::Merged));
    call.nothing();
}

#[test]
fn a_supervisor_who_goes_before_the_merge_is_followed_by_the_next() {
    let mut call = Scene::after(config(2), merging());
    call.when(left(FIRST, LeftCause::HungUp));
    call.then(
        [Command::Separate { attempt: 1 }, Command::PlayMusic, dial_supervisor(2, 1)],
        [
            gone(FIRST, "hung_up"),
            decided(1, TransferOutcome::HungUp, DecidedBy::Network),
            phase(Phase::Merging, Phase::CallingSupervisor),
            music(true),
            supervisor_dialled(2, 1),
            briefing_for(2),
        ],
    );
}

#[test]
fn the_customer_changes_their_mind() {
    let back = |from| phase(from, Phase::Conversing);
    let mut call = Scene::after(config(2), on_hold());
    call.when(Input::CustomerChangedMind);
    call.then([resume(TransferOutcome::Cancelled, DecidedBy::Voice)], [back(Phase::OnHold)]);
    call.when(said(FixedLine::Hold));
    call.nothing();

    let mut call = Scene::after(config(2), calling());
    call.when(Input::CustomerChangedMind);
    call.then(
        [Command::HangUp(FIRST), Command::StopMusic, resume(TransferOutcome::Cancelled, DecidedBy::Voice)],
        [decided(1, TransferOutcome::Cancelled, DecidedBy::Voice), music(false), back(Phase::CallingSupervisor)],
    );

    let briefed = || {
        let mut call = Scene::after(config(2), briefing());
        call.when(Input::CustomerChangedMind);
        call.then(
            [
                say(FixedLine::Cancelled, Audience::Supervisor),
                Command::StopMusic,
                resume(TransferOutcome::Cancelled, DecidedBy::Voice),
            ],
            [decided(1, TransferOutcome::Cancelled, DecidedBy::Voice), music(false), back(Phase::Briefing)],
        );
        call
    };
    let mut call = briefed();
    call.when(said(FixedLine::Cancelled));
    call.then([Command::HangUp(FIRST)], []);
    let mut call = briefed();
    assert_eq!(call.timer(), Duration::from_secs(4));
    call.then([Command::HangUp(FIRST)], []);
    let mut call = briefed();
    call.when(human());
    let (commands, _) = call.drain();
    assert_eq!(commands.first(), Some(&Command::HangUp(FIRST)), "a new attempt must not find the line busy");
}

#[test]
fn a_failing_agent_hands_over() {
    let mut call = Scene::after(config(1), conversing());
    call.when(Input::AgentFailed { detail: "The model is gone.".to_owned() });
    call.then(
        [
            Command::PauseConversation,
            say(FixedLine::Hold, Audience::Customer),
            prepare_briefing(1, "the agent could not go on"),
        ],
        [
            Event::EscalationRequested { by: RequestedBy::Agent, reason: "the agent could not go on".into() },
            phase(Phase::Conversing, Phase::OnHold),
        ],
    );
}

#[test]
fn a_call_tries_ten_times_and_then_has_no_human() {
    let mut call = Scene::after(config(3), conversing());
    let mut dials = 0;
    for _ in 0..4 {
        call.skip(human());
        call.skip(said(FixedLine::Hold));
        while call.machine.phase() == Phase::CallingSupervisor {
            dials += 1;
            call.skip(left(LegRef::Supervisor(dials), LeftCause::Busy));
        }
    }
    assert_eq!(dials, 10);
    assert_eq!(
        call.refused(escalate()).detail,
        "this call has used up its transfer attempts; the call is in phase conversing"
    );
    call.when(human());
    call.then([no_human()], []);
}
