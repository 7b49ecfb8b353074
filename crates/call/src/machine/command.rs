use std::time::Duration;

use super::LegRef;
use crate::{Private, TransferOutcome};

/// Something that must be done. Each says which input reports back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Dial a leg. [`Input::Leg`](crate::Input::Leg) reports, at the latest with `Left(NoAnswer)` after `ring`.
    Dial {
        /// Which.
        leg: LegRef,
        /// E.164.
        phone: Private<String>,
        /// How long it may ring.
        ring: Duration,
    },
    /// The agent greets the customer and talks with them. Reports with the conversation's facts.
    StartConversation,
    /// The agent stops talking with the customer, at once, and listens for a change of mind only. No report.
    PauseConversation,
    /// The agent tells the customer why no human comes (if there is a cause) and goes on. No report of its own.
    ResumeConversation {
        /// How the last attempt came out.
        because: Option<TransferOutcome>,
    },
    /// Stop every conversation with the customer and the supervisor for good. No report.
    StopConversation,
    /// Speak a fixed sentence. [`Input::Said`](crate::Input::Said) reports, also when it failed.
    Say {
        /// What.
        line: FixedLine,
        /// To whom.
        to: Audience,
    },
    /// Start the hold music on the customer's leg. No report.
    PlayMusic,
    /// Stop it. No report.
    StopMusic,
    /// Put together what the supervisor has to know.
    /// [`Input::BriefingPrepared`](crate::Input::BriefingPrepared) reports.
    PrepareBriefing {
        /// For which attempt.
        attempt: u32,
    },
    /// Brief the supervisor and ask for the decision.
    /// [`Input::SupervisorAccepted`](crate::Input::SupervisorAccepted) or `…Declined` reports.
    Brief {
        /// Which attempt.
        attempt: u32,
    },
    /// Let customer and supervisor hear each other.
    /// [`Input::Merged`](crate::Input::Merged) or [`Input::MergeFailed`](crate::Input::MergeFailed) reports.
    Merge {
        /// Which attempt.
        attempt: u32,
    },
    /// The agent leaves the conversation; the two go on without it. No report.
    Leave,
    /// Make the agent say this next. No report.
    SayText(Private<String>),
    /// Nudge the agent. No report.
    Nudge(Private<String>),
    /// The agent falls silent and listens; the person who acted speaks with the customer in its place. Whatever the agent
    /// is told next ends that: it is the only voice again. No report.
    TakeOver,
    /// The agent is back, says so and goes on. No report.
    GiveBack,
    /// Hang a leg up, or cancel its dial. [`Input::Leg`](crate::Input::Leg) with `Left` reports.
    HangUp(LegRef),
    /// Everything is over: release what is left of the call. No report; always the last command.
    Close,
}

/// A sentence whose text is fixed and whose audio is rendered ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FixedLine {
    /// To the customer: 'Please hold while I connect you to a human agent.'
    Hold,
    /// To the supervisor: 'Connecting you to the customer now.'
    Connecting,
    /// To both: 'You are on the line with my supervisor. I'll be hanging up now.'
    Merged,
    /// To the supervisor: the customer has hung up.
    CustomerLeft,
    /// To the supervisor: the customer no longer needs them.
    Cancelled,
    /// To the customer: no human can be reached on this line.
    NoHuman,
    /// To the customer: the time for this call is over.
    TimeOver,
    /// To the customer (and the supervisor): the service is stopping.
    Stopping,
    /// To the customer: something is wrong on our side.
    Trouble,
    /// To a voicemail.
    VoicemailMessage,
}

/// Who hears a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// The customer alone.
    Customer,
    /// The supervisor alone.
    Supervisor,
    /// Both, once merged.
    Both,
}
