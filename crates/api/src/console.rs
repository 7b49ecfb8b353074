use serde::{Deserialize, Serialize};
use warmline_call::{CallView, Recorded};

/// What `/ws/console` sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ConsoleMessage {
    /// Everything as of `seq`.
    Snapshot {
        /// The last event it holds.
        seq: u64,
        /// Open calls and the latest ended ones.
        calls: Vec<CallView>,
    },
    /// One event more.
    Event {
        /// The event.
        event: Recorded,
    },
    /// Nothing new, still here.
    Heartbeat {
        /// The log's last event.
        seq: u64,
    },
}

/// What `/ws/phone` sends to the phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PhoneMessage {
    /// It rings.
    Ringing {
        /// The call's id.
        call: String,
        /// Who calls.
        from: String,
    },
    /// The call is through.
    Answered,
    /// It is over.
    Ended {
        /// Why.
        reason: String,
    },
}

/// What the phone sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PhoneOrder {
    /// Pick up.
    Answer,
    /// Reject.
    Decline,
    /// Hang up.
    Hangup,
    /// Press a key.
    Dtmf {
        /// `0`–`9`, `*`, `#`.
        digit: char,
    },
}
