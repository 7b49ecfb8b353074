//! Two who hear last words of their own: neither waits for the other's.

use std::time::Duration;

use warmline_call::{
    Adopted, Audience, Command, DecidedBy, EndReason, FixedLine, Input, LeftCause, LegRef, Machine, Phase,
    TransferOutcome,
};

use crate::scene::*;

/// The program stops while a supervisor is briefed: both are told, each alone.
fn stopping() -> Scene {
    Scene::after(config(1), [briefing(), vec![Input::Stop]].concat())
}

fn heard(to: Audience) -> Input {
    Input::Said(FixedLine::Stopping, to)
}

#[test]
fn whoever_has_heard_theirs_is_hung_up_at_once() {
    for (to, first, second) in [(Audience::Customer, CUSTOMER, FIRST), (Audience::Supervisor, FIRST, CUSTOMER)] {
        let mut call = stopping();
        call.when(heard(to));
        call.then([Command::HangUp(first)], []);
        call.when(left(first, LeftCause::Released));
        call.then([], [gone(first, "released")]);
        let other = if to == Audience::Customer { Audience::Supervisor } else { Audience::Customer };
        call.when(heard(other));
        call.then([Command::StopConversation, Command::HangUp(second)], []);
    }
}

#[test]
fn whoever_has_not_heard_theirs_is_hung_up_when_their_time_is_over() {
    let mut call = stopping();
    call.skip(heard(Audience::Customer));
    call.skip(left(CUSTOMER, LeftCause::Released));
    assert_eq!(call.timer(), Duration::from_secs(2), "four from the stop");
    call.then([Command::StopConversation, Command::HangUp(FIRST)], []);
}

#[test]
fn a_customer_whose_agent_breaks_down_does_not_wait_for_the_supervisors() {
    let mut call = stopping();
    call.when(Input::AgentLost);
    call.then([Command::HangUp(CUSTOMER)], []);
}

#[test]
fn the_call_has_lasted_until_the_customer_was_gone() {
    let mut call = stopping();
    call.skip(heard(Audience::Customer));
    call.skip(left(CUSTOMER, LeftCause::Released));
    call.skip(heard(Audience::Supervisor));
    call.when(left(FIRST, LeftCause::Released));
    let detail = "Warmline was stopped while the call was open.";
    call.then(
        [Command::Close],
        [
            gone(FIRST, "released"),
            phase(Phase::Briefing, Phase::Ended),
            ended(EndReason::ServerStopped, detail, 7.0, 2.0, None),
        ],
    );
}

#[test]
fn who_hears_that_an_earlier_attempt_was_called_off_hears_it_out() {
    let mut call = Scene::after(config(1), [briefing(), vec![Input::CustomerChangedMind, Input::Stop]].concat());
    call.when(said(FixedLine::Cancelled));
    call.then([Command::HangUp(FIRST)], []);
    call.when(said(FixedLine::Stopping));
    call.then([Command::StopConversation, Command::HangUp(CUSTOMER)], []);
}

#[test]
fn a_leg_that_an_earlier_process_had_called_off_is_hung_up_at_once() {
    let call = Adopted {
        phase: Phase::Briefing,
        legs: vec![CUSTOMER, FIRST, SECOND],
        merged: false,
        undecided: Some(2),
        by: None,
        held: Duration::ZERO,
        time_to_human: None,
        since_answer: Duration::from_secs(60),
    };
    let mut call = Scene { machine: Machine::adopt(config(2), call), now: Duration::from_secs(60) };
    call.then(
        [
            Command::PauseConversation,
            say(FixedLine::Trouble, Audience::Customer),
            say(FixedLine::Cancelled, Audience::Supervisor),
            Command::HangUp(LegRef::Supervisor(1)),
        ],
        [decided(2, TransferOutcome::Cancelled, DecidedBy::Network)],
    );
}
