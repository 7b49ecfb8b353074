use std::time::Duration;

use super::{LegRef, Seat};
use crate::{DecidedBy, Private, TransferOutcome};

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
    /// The agent is the customer's again: it tells them why and goes on. No report of its own.
    ResumeConversation {
        /// Why.
        because: Because,
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
        /// Why a human was asked for, in plain words.
        reason: Private<String>,
    },
    /// Brief the supervisor and ask for the decision.
    /// [`Input::SupervisorAccepted`](crate::Input::SupervisorAccepted) or `…Declined` reports.
    Brief {
        /// Which attempt.
        attempt: u32,
        /// Two or three sentences.
        summary: Private<String>,
        /// Who, what they want, what was tried, mood, last turns.
        points: Vec<Private<String>>,
    },
    /// Let customer and supervisor hear each other.
    /// [`Input::Merged`](crate::Input::Merged) or [`Input::MergeFailed`](crate::Input::MergeFailed) reports.
    Merge {
        /// Which attempt.
        attempt: u32,
    },
    /// That merge is given up, whether it was done or is under way: the two must not hear each other, whatever becomes of
    /// what was asked for. No report.
    Separate {
        /// Which attempt.
        attempt: u32,
    },
    /// The agent leaves the conversation; the two go on without it. No report.
    Leave,
    /// This process is to go; the two go on without it. Nothing is hung up. No report; always the last command.
    Detach,
    /// Make the agent say this next. No report.
    SayText(Private<String>),
    /// Nudge the agent. No report.
    Nudge(Private<String>),
    /// Attend the line of the person who acted; nobody hears them yet. [`Input::Seat`](crate::Input::Seat) reports.
    Seat(Seat),
    /// The agent falls silent and listens; the person on that seat speaks with the customer in its place. Whatever the
    /// agent is told next comes after [`Command::Unseat`]. No report.
    TakeOver(Seat),
    /// That person hears and is heard no more; their line ends. No report.
    Unseat(Seat),
    /// Hang a leg up, or cancel its dial. [`Input::Leg`](crate::Input::Leg) with `Left` reports.
    HangUp(LegRef),
    /// Everything is over: release what is left of the call. No report; always the last command.
    Close,
}

/// Why the agent goes on with the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// A transfer came to nothing.
    NotConnected {
        /// How it came out.
        outcome: TransferOutcome,
        /// By what means.
        by: DecidedBy,
        /// Why, in the words of whoever decided.
        reason: Option<Private<String>>,
    },
    /// A human was asked for, and none can be reached from this call.
    NoHuman,
    /// The person who spoke in the agent's place has given the customer back, or is gone.
    GivenBack,
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
