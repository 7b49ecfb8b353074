use super::{Audience, FixedLine, Person, Seat, SeatFact};
use crate::{DecidedBy, MediaCause, MediaState, Phase, Private, RequestedBy};

/// A fact or an action. Facts that come late are ignored; actions that make no sense now are rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The call is on disk; begin.
    Start,
    /// A timer may be due.
    Tick,
    /// A leg moved on.
    Leg(LegRef, LegFact),
    /// The connection that carries the sound was lost, or is back. A leg that is lost for good says so itself.
    Media(MediaState),
    /// Speech on a leg's line does not keep up, in hearing or in speaking; `None`: it does again.
    Strain {
        /// Whose line.
        leg: LegRef,
        /// In what.
        cause: Option<MediaCause>,
    },
    /// A machine, not a person, is on that leg.
    MachineDetected(LegRef),
    /// Somebody asked for a human, and meant it.
    HumanRequested {
        /// Customer or agent (operators act with [`OperatorAction::Escalate`]).
        by: RequestedBy,
        /// Why, in plain words.
        reason: Private<String>,
    },
    /// On hold, the customer said 'never mind'.
    CustomerChangedMind,
    /// Agent and customer are done; the goodbye has been said.
    ConversationFinished,
    /// The agent can't go on (its providers are gone).
    AgentFailed {
        /// One plain sentence.
        detail: String,
    },
    /// The customer has been silent, or inaudible, for too long (asked once already).
    CustomerInaudible,
    /// The agent's task on the customer's line has ended, and nobody told it to.
    AgentLost,
    /// The agent's task on that supervisor's line has ended, and nobody told it to.
    ConsultLost {
        /// The attempt.
        attempt: u32,
    },
    /// The person on that seat moved on. What comes of a seat that is somebody else's by now changes nothing.
    Seat(Seat, SeatFact),
    /// The sentence asked for by [`Command::Say`](crate::Command::Say) was spoken to them, or could not be.
    Said(FixedLine, Audience),
    /// The answer to [`Command::PrepareBriefing`](crate::Command::PrepareBriefing).
    BriefingPrepared {
        /// The attempt it is for.
        attempt: u32,
        /// Two or three sentences.
        summary: Private<String>,
        /// Who, what they want, what was tried, mood, last turns.
        points: Vec<Private<String>>,
    },
    /// The supervisor said yes, or pressed 1.
    SupervisorAccepted {
        /// The attempt.
        attempt: u32,
        /// Voice or DTMF.
        by: DecidedBy,
    },
    /// The supervisor said no, or pressed 2.
    SupervisorDeclined {
        /// The attempt.
        attempt: u32,
        /// Voice or DTMF.
        by: DecidedBy,
        /// In their words.
        reason: Option<Private<String>>,
    },
    /// The answer to [`Command::Merge`](crate::Command::Merge): both hear each other.
    Merged {
        /// The attempt.
        attempt: u32,
    },
    /// The answer to [`Command::Merge`](crate::Command::Merge): it did not work.
    MergeFailed {
        /// The attempt.
        attempt: u32,
        /// One plain sentence.
        detail: String,
    },
    /// A person acted from the console or over REST.
    Operator {
        /// What they want.
        action: OperatorAction,
        /// Who.
        by: Person,
    },
    /// Warmline is stopping: say goodbye and end. A merged call ends too, unless it can do without this process.
    Stop,
}

/// What a person can do to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorAction {
    /// End it for everybody.
    Hangup,
    /// Start the escalation.
    Escalate {
        /// Why.
        reason: Private<String>,
    },
    /// Accept the transfer.
    Accept,
    /// Decline the transfer.
    Decline {
        /// Why.
        reason: Option<Private<String>>,
    },
    /// Make the agent say this next.
    Say {
        /// What.
        text: Private<String>,
    },
    /// Nudge the agent; nobody hears it.
    Instruct {
        /// What.
        text: Private<String>,
    },
    /// Take the escalation on. The first wins; who has it already has it still.
    Claim,
    /// Leave it to others again.
    Release,
    /// Listen in, unheard.
    Listen,
    /// Listen no more.
    StopListening,
    /// Speak with the customer in the agent's place.
    TakeOver,
    /// Give the customer back to the agent.
    GiveBack,
}

/// A leg as the machine's commands and facts name it: a late fact of an earlier attempt is told from a fresh one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LegRef {
    /// The customer's.
    Customer,
    /// The supervisor's, of that transfer attempt (from 1).
    Supervisor(u32),
}

/// How far a leg has come, as the telephone network reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegFact {
    /// The phone rings.
    Ringing,
    /// Somebody, or something, picked up.
    Answered,
    /// It is gone, or never came.
    Left(Left),
}

/// Why a leg is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The cause.
    pub cause: LeftCause,
    /// The SIP final status, where there was one.
    pub sip_status: Option<u16>,
}

/// Why a leg is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftCause {
    /// 486, 600.
    Busy,
    /// 408, 480 after ringing, or the ring time was over.
    NoAnswer,
    /// 603, 403.
    Declined,
    /// 404, 410, 484, 604.
    InvalidNumber,
    /// 480 without ringing, 502, no route.
    Unreachable,
    /// 5xx, bad credentials, rate limit.
    TrunkFailure,
    /// The person hung up.
    HungUp,
    /// We hung it up.
    Released,
    /// Its audio was lost and did not come back.
    MediaLost,
}

/// An action that is not possible now (HTTP 409).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Rejected {
    /// The phase the call is in.
    pub phase: Phase,
    /// A sentence for the person who tried: names the phase, and for a lost race who won.
    pub detail: String,
}
