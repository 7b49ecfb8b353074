use std::{collections::VecDeque, time::Duration};

use crate::{
    DecidedBy, EndReason, Event, Phase, Private, RequestedBy, TransferOutcome,
};

/// What a machine needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// E.164.
    pub phone_number: Private<String>,
    /// Whether the customer may be handed over at all (the standard call: no).
    pub escalation: bool,
    /// The supervisors' numbers (E.164), tried in this order. Empty: an escalation fails politely.
    pub supervisors: Vec<Private<String>>,
    /// What to do when a machine answers the customer's number.
    pub voicemail: VoicemailPolicy,
    /// How long things may take.
    pub timers: Timers,
}

/// What to do when a machine answers the customer's number. A machine is never escalated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VoicemailPolicy {
    /// Hang up at once.
    #[default]
    HangUp,
    /// Say one fixed message, then hang up.
    LeaveMessage,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// The customer's phone rings at most so long (30 s).
    pub customer_ring: Duration,
    /// A supervisor's phone rings at most so long (30 s).
    pub supervisor_ring: Duration,
    /// A supervisor has so long to decide, from the answer (60 s).
    pub decision: Duration,
    /// A fixed sentence takes at most so long; then the call goes on without it (8 s).
    pub sentence: Duration,
    /// The last sentence to somebody who is about to be hung up takes at most so long (4 s).
    pub farewell: Duration,
    /// Connecting the two takes at most so long (3 s).
    pub merge: Duration,
    /// A leg that was hung up is taken for gone after so long (2 s).
    pub hang_up: Duration,
    /// The longest time from the customer's answer to the end (1 h).
    pub max_duration: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            customer_ring: Duration::from_secs(30),
            supervisor_ring: Duration::from_secs(30),
            decision: Duration::from_secs(60),
            sentence: Duration::from_secs(8),
            farewell: Duration::from_secs(4),
            merge: Duration::from_secs(3),
            hang_up: Duration::from_secs(2),
            max_duration: Duration::from_secs(3600),
        }
    }
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

/// A fact or an action. Facts that come late are ignored; actions that make no sense now are rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The call is on disk; begin.
    Start,
    /// A timer may be due.
    Tick,
    /// A leg moved on.
    Leg(LegRef, LegFact),
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
    /// The sentence asked for by [`Command::Say`] was spoken, or could not be.
    Said(FixedLine),
    /// The answer to [`Command::PrepareBriefing`].
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
    /// The answer to [`Command::Merge`]: both hear each other.
    Merged {
        /// The attempt.
        attempt: u32,
    },
    /// The answer to [`Command::Merge`]: it did not work.
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
        /// Who ("console", "api", a name).
        by: String,
    },
    /// Warmline is stopping: say goodbye and end. A merged call ends too where its audio needs this process.
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
}

/// Something that must be done. Each says which input reports back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Dial a leg. [`Input::Leg`] reports, at the latest with `Left(NoAnswer)` after `ring`.
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
    /// Speak a fixed sentence. [`Input::Said`] reports, also when it failed.
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
    /// Put together what the supervisor has to know. [`Input::BriefingPrepared`] reports.
    PrepareBriefing {
        /// For which attempt.
        attempt: u32,
    },
    /// Brief the supervisor and ask for the decision. [`Input::SupervisorAccepted`] or `…Declined` reports.
    Brief {
        /// Which attempt.
        attempt: u32,
    },
    /// Let customer and supervisor hear each other. [`Input::Merged`] or [`Input::MergeFailed`] reports.
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
    /// Hang a leg up, or cancel its dial. [`Input::Leg`] with `Left` reports.
    HangUp(LegRef),
    /// Everything is over: release what is left of the call. No report; always the last command.
    Close,
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

/// One call.
#[derive(Debug)]
pub struct Machine {
    config: Config,
    phase: Phase,
    commands: VecDeque<Command>,
    events: VecDeque<Event>,
}

impl Machine {
    /// A call that is written down and has not begun.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, phase: Phase::Queued, commands: VecDeque::new(), events: VecDeque::new() }
    }

    /// Where the call is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Takes in one fact or action at a moment of a monotonic clock.
    ///
    /// # Errors
    /// Only [`Input::Operator`] is ever rejected, when the action is not possible in this phase.
    pub fn handle(&mut self, input: Input, now: Duration) -> Result<(), Rejected> {
        let _ = (&self.config, input, now);
        Ok(())
    }

    /// What must be done next. Drain after each [`Machine::handle`].
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// What happened. Drain after each [`Machine::handle`], before the commands.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to come back with [`Input::Tick`], if nothing else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let _ = EndReason::ALL;
        None
    }
}
