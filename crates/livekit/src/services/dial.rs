use std::{collections::HashMap, fmt, time::Duration};

use livekit_api::services::{
    ServerError, ServerErrorCode, ServiceError, SipCallError, sip::CreateSIPParticipantOptions,
};
use livekit_protocol as proto;
use thiserror::Error;

use crate::DisconnectReason;

/// How much longer than the ringing the request may take: the server has to tell how it ended.
const MARGIN: Duration = Duration::from_secs(5);

/// A call to be made.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dial {
    /// The trunk's id.
    pub trunk: String,
    /// The number.
    pub to: String,
    /// The room to which it is connected.
    pub room: String,
    /// Who they are in the room.
    pub identity: String,
    /// Their name, for people; empty for none.
    pub name: String,
    /// Their attributes, besides those of the SIP service.
    pub attributes: HashMap<String, String>,
    /// Whether to wait until it is answered or has failed.
    pub wait_until_answered: bool,
    /// For how long it may ring; the server's own limit is minutes.
    pub ringing_timeout: Duration,
    /// How long the call may last; the server's own limit is a day.
    pub max_call_duration: Duration,
    /// The number that is shown to the callee; the trunk's own if `None`.
    pub from: Option<String>,
}

impl Dial {
    /// A call that rings for 30 s at most and lasts an hour at most; waits for nothing.
    pub fn new(
        trunk: impl Into<String>,
        to: impl Into<String>,
        room: impl Into<String>,
        identity: impl Into<String>,
    ) -> Self {
        Self {
            trunk: trunk.into(),
            to: to.into(),
            room: room.into(),
            identity: identity.into(),
            name: String::new(),
            attributes: HashMap::new(),
            wait_until_answered: false,
            ringing_timeout: Duration::from_secs(30),
            max_call_duration: Duration::from_secs(3_600),
            from: None,
        }
    }

    pub(super) fn into_options(self) -> CreateSIPParticipantOptions {
        CreateSIPParticipantOptions {
            participant_identity: self.identity,
            participant_name: Some(self.name).filter(|name| !name.is_empty()),
            participant_attributes: Some(self.attributes).filter(|attributes| !attributes.is_empty()),
            sip_number: self.from,
            wait_until_answered: Some(self.wait_until_answered),
            ringing_timeout: Some(self.ringing_timeout),
            max_call_duration: Some(self.max_call_duration),
            enable_krisp: Some(false),
            play_dialtone: Some(false),
            timeout: self.wait_until_answered.then_some(self.ringing_timeout + MARGIN),
            ..CreateSIPParticipantOptions::default()
        }
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Numbers and names are personal.
        f.debug_struct("Dial").field("trunk", &self.trunk).field("room", &self.room).finish_non_exhaustive()
    }
}

/// A call that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dialled {
    /// Who they are in the room.
    pub identity: String,
    /// The id of this stay of theirs.
    pub participant_sid: String,
    /// The SIP service's id of the call.
    pub call_id: String,
}

impl From<proto::SipParticipantInfo> for Dialled {
    fn from(info: proto::SipParticipantInfo) -> Self {
        Self { identity: info.participant_identity, participant_sid: info.participant_id, call_id: info.sip_call_id }
    }
}

/// Why a call was not answered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DialFailure {
    /// 486, 600: the callee is busy.
    #[error("the callee is busy")]
    Busy,
    /// 603, or hung up while it rang: the callee does not want to talk.
    #[error("the callee declined the call")]
    Declined,
    /// 403: the carrier does not allow the call.
    #[error("the carrier does not allow the call")]
    Forbidden,
    /// 404, 484, 604: there is no such number.
    #[error("there is no such number")]
    NoSuchNumber,
    /// 480: the callee can't be reached now.
    #[error("the callee can't be reached")]
    Unavailable,
    /// It rang until the time was over.
    #[error("the callee did not answer")]
    NoAnswer,
    /// 500 and above: the carrier or the trunk failed.
    #[error("the carrier failed{}", status(*.0))]
    CarrierFailed(Option<u16>),
    /// The SIP service has no room for another call.
    #[error("the SIP service is overloaded")]
    Overloaded,
    /// Another SIP status.
    #[error("the call failed{}", status(Some(*.0)))]
    Other(u16),
}

impl DialFailure {
    /// What a SIP status says.
    #[must_use]
    pub fn from_sip_status(status: u16) -> Self {
        match status {
            486 | 600 => Self::Busy,
            603 => Self::Declined,
            403 => Self::Forbidden,
            404 | 484 | 604 => Self::NoSuchNumber,
            480 => Self::Unavailable,
            408 | 487 => Self::NoAnswer,
            500..600 => Self::CarrierFailed(Some(status)),
            _ => Self::Other(status),
        }
    }

    /// What the reason says for which a callee left who had not answered. Coarser than the status: who is busy has
    /// rejected the call, who did not answer was unavailable.
    #[must_use]
    pub fn from_reason(reason: &DisconnectReason) -> Option<Self> {
        match reason {
            DisconnectReason::UserRejected => Some(Self::Declined),
            DisconnectReason::UserUnavailable => Some(Self::Unavailable),
            // A 503 of the carrier's ends so too.
            DisconnectReason::SipTrunkFailure | DisconnectReason::ClientInitiated => Some(Self::CarrierFailed(None)),
            _ => None,
        }
    }
}

fn status(code: Option<u16>) -> String {
    code.map(|code| format!(" (SIP {code})")).unwrap_or_default()
}

/// Why the call failed, if the error is about the call.
pub(super) fn failure(error: &ServiceError) -> Option<DialFailure> {
    if let Some(status) = SipCallError::from_error(error).and_then(|said| said.sip_status_code()) {
        return u16::try_from(status).ok().map(DialFailure::from_sip_status);
    }
    let ServiceError::Twirp(ServerError::Twirp(said)) = error else { return None };
    match said.code.as_str() {
        ServerErrorCode::CANCELED | ServerErrorCode::DEADLINE_EXCEEDED if said.msg.contains("timed out") => {
            Some(DialFailure::NoAnswer)
        }
        ServerErrorCode::UNAVAILABLE if said.msg.contains("exhausted") => Some(DialFailure::Overloaded),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, msg: &str, status: Option<&str>) -> Option<DialFailure> {
        let meta = status.map(|status| ("sip_status_code".to_owned(), status.to_owned())).into_iter().collect();
        let said = ServerErrorCode { code: code.to_owned(), msg: msg.to_owned(), meta };
        failure(&ServiceError::Twirp(ServerError::Twirp(said)))
    }

    /// The table of measured failures.
    #[test]
    fn failures_are_told_by_their_status_or_words() {
        let table = [
            ("resource_exhausted", "486", DialFailure::Busy),
            ("permission_denied", "603", DialFailure::Declined),
            ("permission_denied", "403", DialFailure::Forbidden),
            ("not_found", "404", DialFailure::NoSuchNumber),
            ("resource_exhausted", "480", DialFailure::Unavailable),
            ("failed_precondition", "503", DialFailure::CarrierFailed(Some(503))),
            ("internal", "418", DialFailure::Other(418)),
        ];
        for (code, status, expected) in table {
            assert_eq!(said(code, "x", Some(status)), Some(expected), "{status}");
        }
        assert_eq!(said("canceled", "sip request timed out", None), Some(DialFailure::NoAnswer));
        assert_eq!(said("unavailable", "cpu exhausted", None), Some(DialFailure::Overloaded));
        assert_eq!(said("not_found", "no such trunk", None), None, "not about the call");
    }

    #[test]
    fn the_request_outlasts_the_ringing_and_calls_are_bounded() {
        let mut dial = Dial::new("ST_1", "+15550100", "room", "customer");
        dial.wait_until_answered = true;
        assert!(!format!("{dial:?}").contains("+1555"), "a number is personal");
        let options = dial.into_options();
        assert!(options.timeout > options.ringing_timeout);
        assert_eq!(options.max_call_duration, Some(Duration::from_secs(3_600)));
        assert_eq!(options.enable_krisp, Some(false));
    }
}
