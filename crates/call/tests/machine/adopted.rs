//! Calls that another process has lived.

use std::time::Duration;

use warmline_call::{
    Adopted, Audience, Command, DecidedBy, EndReason, FixedLine, LeftCause, LegRef, Machine, Phase, TransferOutcome,
};

use crate::scene::*;

const SINCE_ANSWER: Duration = Duration::from_secs(60);
const STOPPED: &str = "Warmline was stopped while the call was open.";

fn adopt(phase: Phase, legs: &[LegRef], undecided: Option<u32>) -> Scene {
    let call = Adopted {
        phase,
        legs: legs.to_vec(),
        merged: matches!(phase, Phase::Merging | Phase::Merged) && legs.len() == 2,
        undecided,
        by: Some(DecidedBy::Dtmf),
        held: Duration::from_secs(7),
        time_to_human: Some(Duration::from_secs(20)),
        since_answer: SINCE_ANSWER,
    };
    Scene { machine: Machine::adopt(config(1), call), now: SINCE_ANSWER }
}

#[test]
fn a_merged_call_goes_on_untouched_and_ends_when_one_hangs_up() {
    let mut call = adopt(Phase::Merged, &[CUSTOMER, SECOND], None);
    assert!(call.machine.is_merged());
    call.nothing();
    call.when(left(CUSTOMER, LeftCause::HungUp));
    call.then([Command::StopConversation, Command::HangUp(SECOND)], [gone(CUSTOMER, "hung_up")]);
    call.when(left(SECOND, LeftCause::Released));
    call.then(
        [Command::Close],
        [
            gone(SECOND, "released"),
            phase(Phase::Merged, Phase::Ended),
            ended(EndReason::CustomerHungUp, "The customer hung up.", 61.0, 7.0, Some(20.0)),
        ],
    );
}

#[test]
fn a_merged_call_of_which_one_is_left_says_so_and_ends() {
    let mut call = adopt(Phase::Merged, &[CUSTOMER], None);
    call.then([Command::PauseConversation, Command::Say { line: FixedLine::Trouble, to: Audience::Customer }], []);
    call.when(said(FixedLine::Trouble));
    call.then([Command::StopConversation, Command::HangUp(CUSTOMER)], []);
    call.when(left(CUSTOMER, LeftCause::Released));
    call.then(
        [Command::Close],
        [
            gone(CUSTOMER, "released"),
            phase(Phase::Merged, Phase::Ended),
            ended(EndReason::ServerStopped, STOPPED, 61.0, 7.0, Some(20.0)),
        ],
    );
}

#[test]
fn whoever_was_briefed_or_on_hold_is_told_and_hung_up() {
    let mut call = adopt(Phase::Briefing, &[CUSTOMER, FIRST], Some(1));
    call.then(
        [
            Command::PauseConversation,
            Command::Say { line: FixedLine::Trouble, to: Audience::Customer },
            Command::Say { line: FixedLine::Cancelled, to: Audience::Supervisor },
        ],
        [decided(1, TransferOutcome::Cancelled, DecidedBy::Network)],
    );
    call.when(said(FixedLine::Trouble));
    call.then([Command::HangUp(CUSTOMER)], []);
    call.when(left(CUSTOMER, LeftCause::Released));
    call.then([], [gone(CUSTOMER, "released")]);
    call.timer();
    call.then([Command::StopConversation, Command::HangUp(FIRST)], []);
}

#[test]
fn a_supervisor_without_a_customer_is_told_so() {
    let mut call = adopt(Phase::Briefing, &[FIRST], Some(1));
    call.then(
        [say(FixedLine::CustomerLeft, Audience::Supervisor)],
        [decided(1, TransferOutcome::Cancelled, DecidedBy::Network)],
    );
    call.when(said(FixedLine::CustomerLeft));
    call.then([Command::StopConversation, Command::HangUp(FIRST)], []);
}

#[test]
fn a_merge_that_was_not_written_down_any_more_is_written_down_now() {
    let mut call = adopt(Phase::Merging, &[CUSTOMER, FIRST], Some(1));
    assert!(call.machine.is_merged());
    call.then([], [decided(1, TransferOutcome::Connected, DecidedBy::Dtmf), phase(Phase::Merging, Phase::Merged)]);
    call.when(left(CUSTOMER, LeftCause::HungUp));
    call.then([Command::StopConversation, Command::HangUp(FIRST)], [gone(CUSTOMER, "hung_up")]);
}

#[test]
fn a_call_without_legs_is_over_at_once() {
    let mut call = adopt(Phase::Conversing, &[], None);
    assert_eq!(call.timer(), Duration::ZERO);
    let (_, events) = call.drain();
    assert_eq!(events.last(), Some(&ended(EndReason::ServerStopped, STOPPED, 60.0, 7.0, Some(20.0))));
}
