use serde::{Deserialize, Serialize};
use warmline_call::{CallView, Recorded};

/// What `/ws/console` sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", try_from = "AnyConsoleMessage")]
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
#[serde(tag = "type", rename_all = "snake_case", try_from = "AnyPhoneMessage")]
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

/// A [`ConsoleMessage`] of any type, read field by field: serde would keep the whole of a snapshot aside until it knows the
/// type, and the page would hold the code to read each of its parts twice.
#[derive(Deserialize)]
struct AnyConsoleMessage {
    r#type: String,
    seq: Option<u64>,
    calls: Option<Vec<CallView>>,
    event: Option<Recorded>,
}

impl TryFrom<AnyConsoleMessage> for ConsoleMessage {
    type Error = &'static str;

    fn try_from(any: AnyConsoleMessage) -> Result<Self, &'static str> {
        match any {
            AnyConsoleMessage { r#type, seq: Some(seq), calls: Some(calls), .. } if r#type == "snapshot" => {
                Ok(Self::Snapshot { seq, calls })
            }
            AnyConsoleMessage { r#type, event: Some(event), .. } if r#type == "event" => Ok(Self::Event { event }),
            AnyConsoleMessage { r#type, seq: Some(seq), .. } if r#type == "heartbeat" => Ok(Self::Heartbeat { seq }),
            _ => Err("no message of the console's"),
        }
    }
}

/// A [`PhoneMessage`] of any type.
#[derive(Deserialize)]
struct AnyPhoneMessage {
    r#type: String,
    call: Option<String>,
    from: Option<String>,
    reason: Option<String>,
}

impl TryFrom<AnyPhoneMessage> for PhoneMessage {
    type Error = &'static str;

    fn try_from(any: AnyPhoneMessage) -> Result<Self, &'static str> {
        match any {
            AnyPhoneMessage { r#type, call: Some(call), from: Some(from), .. } if r#type == "ringing" => {
                Ok(Self::Ringing { call, from })
            }
            AnyPhoneMessage { r#type, .. } if r#type == "answered" => Ok(Self::Answered),
            AnyPhoneMessage { r#type, reason: Some(reason), .. } if r#type == "ended" => Ok(Self::Ended { reason }),
            _ => Err("no message to a phone"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_from_the_wire_and_halves_are_refused() {
        for text in [r#"{"type":"snapshot","seq":7,"calls":[]}"#, r#"{"type":"heartbeat","seq":7}"#] {
            let message: ConsoleMessage = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&message).unwrap(), text);
        }
        for text in [
            r#"{"type":"ringing","call":"outbound-000000000001","from":"+15550100000"}"#,
            r#"{"type":"answered"}"#,
            r#"{"type":"ended","reason":"busy"}"#,
        ] {
            let message: PhoneMessage = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&message).unwrap(), text);
        }
        for text in [r#"{"type":"snapshot","seq":7}"#, r#"{"type":"event"}"#, r#"{"seq":7}"#] {
            assert!(serde_json::from_str::<ConsoleMessage>(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<PhoneMessage>(r#"{"type":"ringing"}"#).is_err());
    }
}
