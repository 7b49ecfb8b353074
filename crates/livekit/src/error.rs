use std::time::Duration;

use livekit_protocol as proto;
use livekit_signaling::SignalError;
use thiserror::Error;

use crate::{peer::PeerError, secret::redact};

/// Why a room could not be joined.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server was not reached.
    #[error("the LiveKit server was not reached: {0}")]
    Unreachable(String),
    /// The server does not accept the token: wrong key or secret, expired, or not for this room.
    #[error("the LiveKit server refused the token: {0}")]
    Unauthorized(String),
    /// The address of the server can't be used.
    #[error("not the address of a LiveKit server: {0}")]
    Address(String),
    /// The server is too old to take part with a single peer connection.
    #[error("the LiveKit server is too old: it does not know single peer connections (/rtc/v1)")]
    TooOld,
    /// The server said no for another reason.
    #[error("the LiveKit server refused: {0}")]
    Refused(String),
    /// The server sent us away while we joined.
    #[error("the LiveKit server sent us away: {0}")]
    Left(DisconnectReason),
    /// The token source has no token to give.
    #[error("there is no token: {0}")]
    Token(String),
    /// Signalling works, media does not: UDP and TCP to the server's media ports may be blocked.
    #[error("no media path to the server within {0:?}: are its media ports (UDP, or TCP 7881) reachable?")]
    Media(Duration),
    /// WebRTC or the codec failed.
    #[error("{0}")]
    Internal(String),
}

impl ConnectError {
    /// Whether trying again might help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Refused(_) | Self::Media(_) | Self::Internal(_) | Self::Token(_) => true,
            Self::Left(reason) => *reason == DisconnectReason::ServerShutdown,
            Self::Unauthorized(_) | Self::Address(_) | Self::TooOld => false,
        }
    }
}

impl From<SignalError> for ConnectError {
    fn from(error: SignalError) -> Self {
        let text = redact(&error.to_string());
        match error {
            SignalError::UrlParse(_) => Self::Address(text),
            SignalError::TokenFormat => Self::Unauthorized(text),
            SignalError::Client(status, said) if matches!(status.as_u16(), 401 | 403) => {
                Self::Unauthorized(redact(said.trim()))
            }
            SignalError::Handshake { status } if matches!(status.as_u16(), 401 | 403) => Self::Unauthorized(text),
            SignalError::Client(..) | SignalError::Server(..) | SignalError::Handshake { .. } => Self::Refused(text),
            SignalError::LeaveRequest { reason, .. } => Self::Left(reason.into()),
            SignalError::Timeout(_) | SignalError::Connection(_) | SignalError::Closed | SignalError::SendError => {
                Self::Unreachable(text)
            }
            _ => Self::Internal(text),
        }
    }
}

impl From<PeerError> for ConnectError {
    fn from(error: PeerError) -> Self {
        Self::Internal(chain(&error))
    }
}

impl From<opus::Error> for ConnectError {
    fn from(error: opus::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

/// Why a request to the room was not carried out.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The participant has left the room.
    #[error("the participant has left the room")]
    Left,
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The server said no.
    #[error("the server refused: {0}")]
    Refused(String),
    /// There is no such track.
    #[error("there is no such track")]
    NoTrack,
    /// Too much is waiting to be sent.
    #[error("too much is waiting to be sent")]
    Full,
    /// The codec or WebRTC failed.
    #[error("{0}")]
    Internal(String),
}

/// Why a participant is no longer in the room.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// Nobody said.
    #[error("no reason was given")]
    Unknown,
    /// It left on its own account.
    #[error("it left")]
    ClientInitiated,
    /// Somebody joined with the same identity.
    #[error("somebody joined with the same identity")]
    DuplicateIdentity,
    /// The server stops.
    #[error("the server stops")]
    ServerShutdown,
    /// It was removed.
    #[error("it was removed")]
    ParticipantRemoved,
    /// The room was deleted.
    #[error("the room was deleted")]
    RoomDeleted,
    /// The server and the client disagreed about the state.
    #[error("server and client disagreed about the state")]
    StateMismatch,
    /// It could not join.
    #[error("it could not join")]
    JoinFailure,
    /// It was moved to another server.
    #[error("it was moved to another server")]
    Migration,
    /// The signalling connection was closed.
    #[error("the signalling connection was closed")]
    SignalClose,
    /// Everybody else left.
    #[error("the room was closed")]
    RoomClosed,
    /// A callee did not answer or was not found.
    #[error("the callee was unavailable")]
    UserUnavailable,
    /// A callee declined.
    #[error("the callee rejected the call")]
    UserRejected,
    /// The trunk failed.
    #[error("the SIP trunk failed")]
    SipTrunkFailure,
    /// It was gone for too long.
    #[error("the connection timed out")]
    ConnectionTimeout,
    /// Its media failed.
    #[error("media failed")]
    MediaFailure,
    /// The agent failed.
    #[error("the agent failed")]
    AgentError,
    /// The connection was lost and could not be made again.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// Nobody read the events, thousands of them.
    #[error("its events were not read")]
    EventsUnread,
}

impl From<proto::DisconnectReason> for DisconnectReason {
    fn from(reason: proto::DisconnectReason) -> Self {
        use proto::DisconnectReason as Said;
        match reason {
            Said::ClientInitiated => Self::ClientInitiated,
            Said::DuplicateIdentity => Self::DuplicateIdentity,
            Said::ServerShutdown => Self::ServerShutdown,
            Said::ParticipantRemoved => Self::ParticipantRemoved,
            Said::RoomDeleted => Self::RoomDeleted,
            Said::StateMismatch => Self::StateMismatch,
            Said::JoinFailure => Self::JoinFailure,
            Said::Migration => Self::Migration,
            Said::SignalClose => Self::SignalClose,
            Said::RoomClosed => Self::RoomClosed,
            Said::UserUnavailable => Self::UserUnavailable,
            Said::UserRejected => Self::UserRejected,
            Said::SipTrunkFailure => Self::SipTrunkFailure,
            Said::ConnectionTimeout => Self::ConnectionTimeout,
            Said::MediaFailure => Self::MediaFailure,
            Said::AgentError => Self::AgentError,
            _ => Self::Unknown,
        }
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    redact(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Pitfall 12.
    #[test]
    fn a_refused_token_is_not_repeated() {
        let said = "invalid token: eyJh.eyJp.c2ln, error: signature".to_owned();
        let error = ConnectError::from(SignalError::Client(http_status(401), said));
        assert!(matches!(&error, ConnectError::Unauthorized(text) if text == "invalid token: …, error: signature"));
        assert!(!format!("{error} {error:?}").contains("eyJ"));
        assert!(!error.is_transient());
    }

    #[test]
    fn an_unreachable_server_may_come_back() {
        let error = ConnectError::from(SignalError::Connection("connection refused".to_owned()));
        assert!(matches!(error, ConnectError::Unreachable(_)) && error.is_transient());
    }

    fn http_status(code: u16) -> http::StatusCode {
        http::StatusCode::from_u16(code).unwrap()
    }
}
