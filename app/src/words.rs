//! Plain words for what the wire calls by its names, and numbers as people read them.

use jiff::Timestamp;
use warmline_api::call::{
    CallView, End, EndReason, LegState, Phase, PhoneNumber, RequestedBy, Speaker, TransferOutcome,
};

/// What is going on, from the operator's point of view.
pub(crate) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Queued => "Queued",
        Phase::Dialing => "Dialling",
        Phase::Ringing => "Ringing",
        Phase::Conversing => "Talking with the agent",
        Phase::OnHold => "On hold",
        Phase::CallingSupervisor => "Calling a supervisor",
        Phase::Briefing => "Supervisor is briefed",
        Phase::Merging => "Connecting",
        Phase::Merged => "With the supervisor",
        Phase::Ended => "Ended",
    }
}

/// How a phase is coloured: `quiet`, `calm`, `warn`, `good`.
pub(crate) fn tone(phase: Phase) -> &'static str {
    match phase {
        Phase::Queued | Phase::Dialing | Phase::Ringing | Phase::Ended => "quiet",
        Phase::Conversing => "calm",
        Phase::OnHold | Phase::CallingSupervisor | Phase::Briefing | Phase::Merging => "warn",
        Phase::Merged => "good",
    }
}

/// Whether somebody waits for a human: from the hold to the decision.
pub(crate) fn is_escalated(phase: Phase) -> bool {
    matches!(phase, Phase::OnHold | Phase::CallingSupervisor | Phase::Briefing)
}

/// Since when the customer waits for a human, while they do.
pub(crate) fn waiting_since(view: &CallView) -> Option<Timestamp> {
    let began = view.phases.iter().rev().find(|p| p.phase == Phase::OnHold).map(|p| p.at);
    (is_escalated(view.phase) || view.phase == Phase::Merging).then(|| began.unwrap_or(view.phase_since))
}

/// How urgent a wait is: amber after half a minute, red after a whole one.
pub(crate) fn patience(since: Timestamp, now: Timestamp) -> &'static str {
    match now.duration_since(since).as_secs() {
        ..30 => "calm",
        30..60 => "warn",
        _ => "bad",
    }
}

/// The customer: their name, else their number.
pub(crate) fn who(view: &CallView) -> String {
    let name = view.name.as_ref().map(|n| n.reveal().clone()).filter(|n| !n.is_empty());
    name.unwrap_or_else(|| PhoneNumber::spaced(view.phone_number.reveal()))
}

/// Somebody waits for a person.
pub(crate) fn waits(who: &str) -> String {
    format!("{who} waits for a person")
}

/// How many wait.
pub(crate) fn waiting(count: usize) -> String {
    if count == 1 { "1 waits".to_owned() } else { format!("{count} wait") }
}

/// Who does what on the call, in one line; empty where nobody does.
pub(crate) fn people(view: &CallView, me: &str) -> String {
    let named = |who: &str| if who == me { "you".to_owned() } else { who.to_owned() };
    let mut told = Vec::new();
    if let Some(by) = &view.taken_over_by {
        told.push(format!("{} in the agent's place", named(by)));
    }
    if let Some(by) = &view.claimed_by {
        told.push(format!("claimed by {}", named(by)));
    }
    if !view.listeners.is_empty() {
        let all: Vec<_> = view.listeners.iter().map(|who| named(who)).collect();
        told.push(format!("{} listening", all.join(", ")));
    }
    told.join(" · ")
}

/// Who asked for a human.
pub(crate) fn asked(by: RequestedBy) -> &'static str {
    match by {
        RequestedBy::Customer => "The customer asked for a person",
        RequestedBy::Operator => "An operator asked for a supervisor",
        RequestedBy::Agent => "The agent asked for a supervisor",
    }
}

/// The likely cause of an end that nobody wanted, and what to do about it.
pub(crate) fn remedy(reason: EndReason) -> Option<&'static str> {
    Some(match reason {
        EndReason::Completed
        | EndReason::CustomerHungUp
        | EndReason::SupervisorHungUp
        | EndReason::OperatorHungUp
        | EndReason::MaxDuration => return None,
        EndReason::Busy => "They are on another call. Try again in some minutes.",
        EndReason::NoAnswer => "Nobody picked up within the ring time. Try again at another hour.",
        EndReason::Declined => "They, or their phone, rejected the call. A number that they know helps: TWILIO_NUMBER.",
        EndReason::InvalidNumber => "The network knows no such number. Look for a digit too many or too few.",
        EndReason::Unreachable => {
            "The phone is off, or the trunk has no route there. Look at the trunk's countries and at its log by the SIP call."
        }
        EndReason::Voicemail => "A machine picked up. What happens then is a setting: WARMLINE_VOICEMAIL.",
        EndReason::TrunkFailure => {
            "The trunk refused or failed: credentials, credit or a rate limit. The set-up page looks at it; the provider's log names the SIP call."
        }
        EndReason::MediaLost => {
            "The sound was gone and did not come back: a network on the way, or a phone out of reach."
        }
        EndReason::AgentFailure => "Speech or the language model failed. The set-up page looks at both.",
        EndReason::ServerStopped => "Warmline was stopped or restarted while the call was open.",
    })
}

/// What is told of a call's end beyond [`end`]'s words for it.
pub(crate) fn more_of(told: &End) -> Option<String> {
    (told.detail.trim_end_matches('.') != end(told.reason)).then(|| told.detail.clone())
}

/// Why a call ended.
pub(crate) fn end(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Completed => "Completed",
        EndReason::CustomerHungUp => "The customer hung up",
        EndReason::SupervisorHungUp => "The supervisor hung up",
        EndReason::OperatorHungUp => "Ended from the console",
        EndReason::Busy => "The line was busy",
        EndReason::NoAnswer => "Nobody answered",
        EndReason::Declined => "The customer declined",
        EndReason::InvalidNumber => "The number does not exist",
        EndReason::Unreachable => "The customer could not be reached",
        EndReason::Voicemail => "A voicemail answered",
        EndReason::TrunkFailure => "The trunk failed",
        EndReason::MaxDuration => "The longest time for a call was over",
        EndReason::MediaLost => "The audio was lost",
        EndReason::AgentFailure => "The agent could not go on",
        EndReason::ServerStopped => "Warmline was stopped",
    }
}

/// How a transfer attempt came out, or where its leg is while it has not.
pub(crate) fn attempt(outcome: Option<TransferOutcome>, state: LegState) -> &'static str {
    match (outcome, state) {
        (Some(TransferOutcome::Connected), _) => "connected",
        (Some(TransferOutcome::Declined), _) => "declined",
        (Some(TransferOutcome::NoAnswer), _) => "did not answer",
        (Some(TransferOutcome::Busy), _) => "was busy",
        (Some(TransferOutcome::Unreachable), _) => "could not be reached",
        (Some(TransferOutcome::Voicemail), _) => "a voicemail answered",
        (Some(TransferOutcome::HungUp), _) => "hung up before deciding",
        (Some(TransferOutcome::DecisionTimeout), _) => "did not decide in time",
        (Some(TransferOutcome::CustomerLeft), _) => "the customer left first",
        (Some(TransferOutcome::MergeFailed), _) => "could not be connected",
        (Some(TransferOutcome::Cancelled), _) => "called off",
        (None, LegState::Dialing) => "is being dialled",
        (None, LegState::Ringing) => "rings",
        (None, LegState::Answered) => "is on the line",
        (None, LegState::Left) => "has left",
    }
}

pub(crate) fn speaker(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Customer => "Customer",
        Speaker::Agent => "Agent",
        Speaker::Supervisor => "Supervisor",
    }
}
