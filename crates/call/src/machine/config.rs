use std::time::Duration;

use crate::Private;

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
    /// A merged call's audio needs no process of ours: a stop lets it go on.
    pub merged_outlives: bool,
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
    /// A message to a machine takes at most so long, the wait for its tone included (40 s).
    pub message: Duration,
    /// Connecting the two takes at most so long (3 s).
    pub merge: Duration,
    /// A leg that was hung up is taken for gone after so long (2 s).
    pub hang_up: Duration,
    /// Whoever wants to speak in the agent's place has to be heard of so soon (10 s).
    pub seat: Duration,
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
            message: Duration::from_secs(40),
            merge: Duration::from_secs(3),
            hang_up: Duration::from_secs(2),
            seat: Duration::from_secs(10),
            max_duration: Duration::from_secs(3600),
        }
    }
}
