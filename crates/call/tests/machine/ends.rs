//! Walks to each end of a call.

use std::time::Duration;

use warmline_call::{
    Action, Audience, Command, DecidedBy, EndReason, Event, FixedLine, Input, LeftCause, MediaCause, MediaState,
    OperatorAction, Phase, TransferOutcome, VoicemailPolicy,
};

use crate::scene::*;

const HUNG_UP: &str = "The customer hung up.";
const RELEASED: &str = "released";

#[test]
fn a_customer_who_can_not_be_reached_ends_the_call() {
    for (cause, word, status, reason, detail) in [
        (LeftCause::Busy, "busy", Some(486), EndReason::Busy, "The customer's line was busy (SIP 486)."),
        (LeftCause::NoAnswer, "no_answer", None, EndReason::NoAnswer, "The customer did not answer."),
        (LeftCause::HungUp, "hung_up", None, EndReason::NoAnswer, "The customer did not answer."),
        (LeftCause::Declined, "declined", Some(603), EndReason::Declined, "The customer rejected the call (SIP 603)."),
        (
            LeftCause::InvalidNumber,
            "invalid_number",
            Some(404),
            EndReason::InvalidNumber,
            "The customer's number does not exist (SIP 404).",
        ),
        (
            LeftCause::Unreachable,
            "unreachable",
            Some(480),
            EndReason::Unreachable,
            "The customer could not be reached (SIP 480).",
        ),
        (
            LeftCause::TrunkFailure,
            "trunk_failure",
            Some(503),
            EndReason::TrunkFailure,
            "The trunk refused or failed the call (SIP 503).",
        ),
        (LeftCause::Released, RELEASED, None, EndReason::OperatorHungUp, "The call was ended outside of Warmline."),
        (
            LeftCause::MediaLost,
            "media_lost",
            None,
            EndReason::MediaLost,
            "The audio was lost before the customer answered.",
        ),
    ] {
        let mut call = Scene::after(config(1), dialing());
        call.when(left_with(CUSTOMER, cause, status));
        call.then(
            [Command::Close],
            [
                gone_with(CUSTOMER, word, status),
                phase(Phase::Dialing, Phase::Ended),
                ended(reason, detail, 0.0, 0.0, None),
            ],
        );
    }
}

#[test]
fn a_backend_that_never_reports_is_not_waited_for() {
    let mut call = Scene::after(config(1), dialing());
    assert_eq!(call.timer(), Duration::from_secs(32));
    call.then([Command::HangUp(CUSTOMER)], []);
    assert_eq!(call.timer(), Duration::from_secs(2));
    call.then(
        [Command::Close],
        [
            gone(CUSTOMER, RELEASED),
            phase(Phase::Dialing, Phase::Ended),
            ended(EndReason::NoAnswer, "The customer did not answer within the ring time.", 0.0, 0.0, None),
        ],
    );
}

#[test]
fn goodbye_said_the_call_ends_completed() {
    let mut call = Scene::after(config(1), conversing());
    call.when(Input::ConversationFinished);
    call.then([Command::StopConversation, Command::HangUp(CUSTOMER)], []);
    let refused = call.refused(OperatorAction::Hangup);
    assert_eq!(refused.detail, "the call is ending; the call is in phase conversing");
    call.when(left(CUSTOMER, LeftCause::Released));
    call.then(
        [Command::Close],
        [
            gone(CUSTOMER, RELEASED),
            phase(Phase::Conversing, Phase::Ended),
            ended(EndReason::Completed, "The agent and the customer were done.", 1.0, 0.0, None),
        ],
    );
    let refused = call.refused(OperatorAction::Hangup);
    assert_eq!(refused.detail, "the call is over; the call is in phase ended");
}

#[test]
fn the_customer_hangs_up_on_the_agent_or_on_hold() {
    for (steps, from, talk) in [(conversing(), Phase::Conversing, 1.0), (on_hold(), Phase::OnHold, 2.0)] {
        let mut call = Scene::after(config(1), steps);
        call.when(left(CUSTOMER, LeftCause::HungUp));
        call.then(
            [Command::StopConversation, Command::Close],
            [
                gone(CUSTOMER, "hung_up"),
                phase(from, Phase::Ended),
                ended(EndReason::CustomerHungUp, HUNG_UP, talk, 0.0, None),
            ],
        );
    }
}

#[test]
fn the_customer_hangs_up_while_the_supervisor_rings() {
    let mut call = Scene::after(config(2), calling());
    call.when(left(CUSTOMER, LeftCause::HungUp));
    call.then(
        [Command::StopConversation, Command::StopMusic, Command::HangUp(FIRST)],
        [gone(CUSTOMER, "hung_up"), decided(1, TransferOutcome::CustomerLeft, DecidedBy::Network), music(false)],
    );
    call.when(left(FIRST, LeftCause::Released));
    call.then(
        [Command::Close],
        [
            gone(FIRST, RELEASED),
            phase(Phase::CallingSupervisor, Phase::Ended),
            ended(EndReason::CustomerHungUp, HUNG_UP, 4.0, 1.0, None),
        ],
    );
}

#[test]
fn a_supervisor_is_told_that_the_customer_has_gone() {
    for (steps, from, music_stops, talk, hold) in
        [(briefing(), Phase::Briefing, true, 5.0, 2.0), (merging(), Phase::Merging, false, 6.0, 2.0)]
    {
        let mut call = Scene::after(config(2), steps);
        call.when(left(CUSTOMER, LeftCause::HungUp));
        let (commands, events) = call.drain();
        assert_eq!(commands.contains(&Command::StopMusic), music_stops);
        assert_eq!(commands.last(), Some(&say(FixedLine::CustomerLeft, Audience::Supervisor)));
        assert_eq!(events[1], decided(1, TransferOutcome::CustomerLeft, DecidedBy::Network));
        for late in [accepted(1), Input::Merged { attempt: 1 }, said(FixedLine::Connecting)] {
            call.when(late);
            call.nothing();
        }
        call.when(said(FixedLine::CustomerLeft));
        call.then([Command::StopConversation, Command::HangUp(FIRST)], []);
        assert_eq!(call.machine.phase(), from);
        call.when(left(FIRST, LeftCause::HungUp));
        let end = ended(EndReason::CustomerHungUp, HUNG_UP, talk, hold, None);
        call.then([Command::Close], [gone(FIRST, "hung_up"), phase(from, Phase::Ended), end]);
    }
    let mut call = Scene::after(config(2), briefing());
    call.skip(left(CUSTOMER, LeftCause::HungUp));
    assert_eq!(call.timer(), Duration::from_secs(4));
    call.then([Command::StopConversation, Command::HangUp(FIRST)], []);
}

#[test]
fn a_customer_who_goes_during_the_last_line_takes_the_supervisor_along() {
    let mut call = Scene::after(config(2), last_line());
    call.when(left(CUSTOMER, LeftCause::HungUp));
    call.then(
        [Command::StopConversation, Command::HangUp(FIRST)],
        [gone(CUSTOMER, "hung_up"), decided(1, TransferOutcome::CustomerLeft, DecidedBy::Network)],
    );
}

#[test]
fn a_merged_call_ends_with_either_of_the_two() {
    let mut call = Scene::after(config(1), merged());
    call.when(left(CUSTOMER, LeftCause::HungUp));
    call.then([Command::StopConversation, Command::HangUp(FIRST)], [gone(CUSTOMER, "hung_up")]);
    call.when(left(FIRST, LeftCause::Released));
    call.then(
        [Command::Close],
        [
            gone(FIRST, RELEASED),
            phase(Phase::Merged, Phase::Ended),
            ended(EndReason::CustomerHungUp, HUNG_UP, 9.0, 2.0, Some(7.0)),
        ],
    );
    let mut call = Scene::after(config(1), merged());
    call.skip(left(FIRST, LeftCause::MediaLost));
    call.when(left(CUSTOMER, LeftCause::Released));
    let detail = "The supervisor's audio was lost and did not come back.";
    call.then(
        [Command::Close],
        [
            gone(CUSTOMER, RELEASED),
            phase(Phase::Merged, Phase::Ended),
            ended(EndReason::MediaLost, detail, 9.0, 2.0, Some(7.0)),
        ],
    );
}

#[test]
fn a_machine_gets_a_message_or_nothing() {
    let mut call = Scene::after(config(1), conversing());
    call.when(Input::MachineDetected(CUSTOMER));
    call.then([Command::StopConversation, Command::HangUp(CUSTOMER)], []);

    let mut leaving = config(1);
    leaving.voicemail = VoicemailPolicy::LeaveMessage;
    let mut call = Scene::after(leaving, conversing());
    call.when(Input::MachineDetected(CUSTOMER));
    call.then([Command::PauseConversation, say(FixedLine::VoicemailMessage, Audience::Customer)], []);
    call.when(human());
    call.nothing();
    call.when(said(FixedLine::VoicemailMessage));
    call.then([Command::StopConversation, Command::HangUp(CUSTOMER)], []);
    call.when(left(CUSTOMER, LeftCause::Released));
    call.then(
        [Command::Close],
        [
            gone(CUSTOMER, RELEASED),
            phase(Phase::Conversing, Phase::Ended),
            ended(EndReason::Voicemail, "A machine answered; it was left a message.", 3.0, 0.0, None),
        ],
    );
}

#[test]
fn a_machine_on_hold_is_not_transferred() {
    let mut call = Scene::after(config(1), briefing());
    call.when(Input::MachineDetected(CUSTOMER));
    call.then(
        [Command::StopMusic, say(FixedLine::Cancelled, Audience::Supervisor), Command::HangUp(CUSTOMER)],
        [decided(1, TransferOutcome::Cancelled, DecidedBy::Network), music(false)],
    );
    call.when(said(FixedLine::Cancelled));
    call.then([Command::StopConversation, Command::HangUp(FIRST)], []);
}

#[test]
fn an_agent_that_fails_with_nobody_to_hand_over_to_says_so() {
    let mut call = Scene::after(config(0), conversing());
    call.when(Input::AgentFailed { detail: "The model is gone.".to_owned() });
    call.then([Command::PauseConversation, say(FixedLine::Trouble, Audience::Customer)], []);
    call.when(said(FixedLine::Trouble));
    call.then([Command::StopConversation, Command::HangUp(CUSTOMER)], []);
    call.when(left(CUSTOMER, LeftCause::Released));
    let detail = "The agent could not go on: The model is gone.";
    call.then(
        [Command::Close],
        [
            gone(CUSTOMER, RELEASED),
            phase(Phase::Conversing, Phase::Ended),
            ended(EndReason::AgentFailure, detail, 2.0, 0.0, None),
        ],
    );
}

#[test]
fn a_customer_who_can_not_be_heard_is_let_go() {
    let mut call = Scene::after(config(1), conversing());
    call.when(Input::CustomerInaudible);
    call.then([Command::StopConversation, Command::HangUp(CUSTOMER)], []);
    call.timer();
    let detail = "The customer could not be heard any more.";
    call.then(
        [Command::Close],
        [
            gone(CUSTOMER, RELEASED),
            phase(Phase::Conversing, Phase::Ended),
            ended(EndReason::MediaLost, detail, 1.0, 0.0, None),
        ],
    );
}

#[test]
fn an_operator_hangs_up_for_everybody() {
    let mut call = Scene::after(config(2), briefing());
    call.when(operator(OperatorAction::Hangup));
    call.then(
        [Command::StopConversation, Command::StopMusic, Command::HangUp(CUSTOMER), Command::HangUp(FIRST)],
        [acted(Action::Hangup), decided(1, TransferOutcome::Cancelled, DecidedBy::Console), music(false)],
    );
    call.when(left(FIRST, LeftCause::Released));
    call.then([], [gone(FIRST, RELEASED)]);
    assert_eq!(call.machine.phase(), Phase::Briefing);
    call.timer();
    call.then(
        [Command::Close],
        [
            gone(CUSTOMER, RELEASED),
            phase(Phase::Briefing, Phase::Ended),
            ended(EndReason::OperatorHungUp, "An operator ended the call.", 5.0, 2.0, None),
        ],
    );
}

#[test]
fn a_call_that_never_began_can_be_ended() {
    let mut call = Scene::new(config(1));
    call.when(operator(OperatorAction::Hangup));
    call.then(
        [Command::Close],
        [
            acted(Action::Hangup),
            phase(Phase::Queued, Phase::Ended),
            ended(EndReason::OperatorHungUp, "An operator ended the call.", 0.0, 0.0, None),
        ],
    );
    call.when(Input::Start);
    call.nothing();
}

#[test]
fn the_longest_time_is_said_to_somebody_who_talks_and_cuts_everything_else() {
    let mut call = Scene::after(config(1), conversing());
    assert_eq!(call.timer(), Duration::from_secs(3600));
    call.then([Command::PauseConversation, say(FixedLine::TimeOver, Audience::Customer)], []);
    assert_eq!(call.timer(), Duration::from_secs(4));
    call.then([Command::StopConversation, Command::HangUp(CUSTOMER)], []);
    call.when(left(CUSTOMER, LeftCause::Released));
    let detail = "The longest time allowed for a call was over.";
    call.then(
        [Command::Close],
        [
            gone(CUSTOMER, RELEASED),
            phase(Phase::Conversing, Phase::Ended),
            ended(EndReason::MaxDuration, detail, 3604.0, 0.0, None),
        ],
    );
    let mut short = config(1);
    short.timers.max_duration = Duration::from_secs(10);
    let mut call = Scene::after(short, briefing());
    assert_eq!(call.timer(), Duration::from_secs(6));
    call.then(
        [Command::StopConversation, Command::StopMusic, Command::HangUp(CUSTOMER), Command::HangUp(FIRST)],
        [decided(1, TransferOutcome::Cancelled, DecidedBy::Timeout), music(false)],
    );
}

#[test]
fn a_stopping_server_says_goodbye_to_all_who_are_there() {
    let mut call = Scene::after(config(1), conversing());
    call.when(Input::Stop);
    call.then([Command::PauseConversation, say(FixedLine::Stopping, Audience::Customer)], []);
    call.when(Input::Stop);
    call.then([Command::StopConversation, Command::HangUp(CUSTOMER)], []);

    let mut call = Scene::after(config(1), calling());
    call.when(Input::Stop);
    call.then(
        [Command::HangUp(FIRST), Command::StopMusic, say(FixedLine::Stopping, Audience::Customer)],
        [decided(1, TransferOutcome::Cancelled, DecidedBy::Console), music(false)],
    );
    call.when(left(FIRST, LeftCause::Released));
    call.then([], [gone(FIRST, RELEASED)]);

    let mut call = Scene::after(config(1), briefing());
    call.when(Input::Stop);
    call.then(
        [
            Command::StopMusic,
            say(FixedLine::Stopping, Audience::Customer),
            say(FixedLine::Stopping, Audience::Supervisor),
        ],
        [decided(1, TransferOutcome::Cancelled, DecidedBy::Console), music(false)],
    );
    call.when(left(FIRST, LeftCause::HungUp));
    call.then([], [gone(FIRST, "hung_up")]);
    call.when(said(FixedLine::Stopping));
    call.then([Command::StopConversation, Command::HangUp(CUSTOMER)], []);

    let mut call = Scene::after(config(1), last_line());
    call.when(Input::Stop);
    call.then([say(FixedLine::Stopping, Audience::Both)], [decided(1, TransferOutcome::Cancelled, DecidedBy::Console)]);
    let mut call = Scene::after(config(1), merged());
    call.when(Input::Stop);
    call.then([Command::StopConversation, Command::HangUp(CUSTOMER), Command::HangUp(FIRST)], []);
}

#[test]
fn a_connection_that_is_lost_and_comes_back_is_told_once_each_and_changes_nothing_else() {
    let mut call = Scene::after(config(1), merging());
    let timer = call.machine.poll_timeout();
    call.when(Input::Media(MediaState::Degraded));
    call.then([], [network(MediaState::Degraded)]);
    call.when(Input::Media(MediaState::Degraded));
    call.nothing();
    call.when(Input::Media(MediaState::Restored));
    call.then([], [network(MediaState::Restored)]);
    assert_eq!(call.machine.poll_timeout(), timer);
    call.skip(left(CUSTOMER, LeftCause::HungUp));
    call.when(Input::Media(MediaState::Degraded));
    call.then([], [network(MediaState::Degraded)]);
}

#[test]
fn speech_that_does_not_keep_up_is_told_with_its_cause_and_apart_from_the_network() {
    let mut call = Scene::after(config(1), briefing());
    let strain = |leg, cause| Input::Strain { leg, cause };
    let told = |state, cause| Event::MediaChanged { state, cause: Some(cause) };
    call.when(strain(CUSTOMER, Some(MediaCause::Hearing)));
    call.then([], [told(MediaState::Degraded, MediaCause::Hearing)]);
    call.when(strain(FIRST, Some(MediaCause::Hearing)));
    call.nothing();
    call.when(Input::Media(MediaState::Degraded));
    call.then([], [network(MediaState::Degraded)]);
    call.when(strain(CUSTOMER, None));
    call.nothing();
    call.when(strain(FIRST, Some(MediaCause::Speaking)));
    call.then([], [told(MediaState::Restored, MediaCause::Hearing), told(MediaState::Degraded, MediaCause::Speaking)]);
    call.when(strain(FIRST, None));
    call.then([], [told(MediaState::Restored, MediaCause::Speaking)]);
    call.when(Input::Media(MediaState::Restored));
    call.then([], [network(MediaState::Restored)]);
}

fn network(state: MediaState) -> Event {
    Event::MediaChanged { state, cause: Some(MediaCause::Network) }
}
