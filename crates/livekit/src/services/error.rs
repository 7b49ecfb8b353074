use livekit_api::services::{self as api, ServerError, ServerErrorCode};
use thiserror::Error;

use super::DialFailure;
use crate::{error::chain, secret::redact};

/// Why the server's API did not do what it was asked to.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceError {
    /// The key or the secret is wrong, or does not allow this.
    #[error("the LiveKit server does not accept the API key and secret: {0}")]
    Unauthorized(String),
    /// The server was not reached.
    #[error("the LiveKit server was not reached: {0}")]
    Unreachable(String),
    /// The server did not answer in time.
    #[error("the LiveKit server did not answer in time")]
    Timeout,
    /// There is no such room, participant or track.
    #[error("not found: {0}")]
    NotFound(String),
    /// This server can't do that; another may.
    #[error("this LiveKit server can't do that: {0}")]
    NotImplemented(String),
    /// The server has no SIP service.
    #[error("this LiveKit server has no SIP service: it needs Redis and livekit-sip")]
    NoSip,
    /// A call was not answered.
    #[error("{0}")]
    Dial(DialFailure),
    /// Anything else that the server said.
    #[error("the LiveKit server said {code}: {message}")]
    Refused {
        /// Twirp's code.
        code: String,
        /// What it said.
        message: String,
    },
    /// The address or the key can't be used.
    #[error("{0}")]
    Configuration(String),
}

impl From<api::ServiceError> for ServiceError {
    fn from(error: api::ServiceError) -> Self {
        match error {
            api::ServiceError::Twirp(ServerError::Twirp(said)) => said.into(),
            api::ServiceError::Twirp(ServerError::Request(error)) if error.is_timeout() => Self::Timeout,
            // Who does not know our key answers in words, not in JSON (pitfall 17).
            api::ServiceError::Twirp(ServerError::Request(error)) if error.is_decode() => {
                Self::Unauthorized("its answer was no API error, as after a wrong secret".to_owned())
            }
            api::ServiceError::Twirp(ServerError::Request(error)) => Self::Unreachable(chain(&error.without_url())),
            api::ServiceError::Twirp(ServerError::Prost(error)) => {
                Self::Unreachable(format!("no LiveKit server: {error}"))
            }
            error => Self::Configuration(redact(&error.to_string())),
        }
    }
}

impl From<ServerErrorCode> for ServiceError {
    fn from(said: ServerErrorCode) -> Self {
        let message = redact(&said.msg);
        // Pitfall 17.
        if message.contains("sip not connected") {
            return Self::NoSip;
        }
        match said.code.as_str() {
            ServerErrorCode::UNAUTHENTICATED | ServerErrorCode::PERMISSION_DENIED => Self::Unauthorized(message),
            ServerErrorCode::NOT_FOUND => Self::NotFound(message),
            ServerErrorCode::UNIMPLEMENTED | ServerErrorCode::BAD_ROUTE => Self::NotImplemented(message),
            _ if message.contains("not implemented") => Self::NotImplemented(message),
            _ => Self::Refused { code: said.code, message },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, msg: &str) -> ServiceError {
        ServerErrorCode { code: code.to_owned(), msg: msg.to_owned(), meta: Default::default() }.into()
    }

    // Pitfall 17.
    #[test]
    fn what_servers_say_is_translated() {
        assert_eq!(said("internal", "sip not connected (redis required)"), ServiceError::NoSip);
        assert!(matches!(said("unimplemented", "x"), ServiceError::NotImplemented(_)));
        assert!(matches!(said("internal", "not implemented"), ServiceError::NotImplemented(_)));
        assert!(matches!(said("not_found", "x"), ServiceError::NotFound(_)));
        assert!(matches!(said("unauthenticated", "x"), ServiceError::Unauthorized(_)));
        assert!(matches!(said("internal", "x"), ServiceError::Refused { .. }));
    }
}
