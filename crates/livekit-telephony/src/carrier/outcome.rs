use livekit_protocol::DisconnectReason;
use warmline_call::{Left, LeftCause};

use super::twirp::TwirpError;

/// What is said of a dial that was not answered, as measured with the real SIP service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) sip_status: Option<u16>,
    pub(super) reason: DisconnectReason,
}

impl Refused {
    /// What the network says with that status.
    pub(super) fn with_status(status: u16) -> Self {
        let reason = match status {
            403 | 486 | 600 | 603 => DisconnectReason::UserRejected,
            404 | 480 | 484 | 604 => DisconnectReason::UserUnavailable,
            _ => DisconnectReason::ClientInitiated,
        };
        Self { sip_status: Some(status), reason }
    }

    /// What the exchange's word for it is on the wire.
    pub(super) fn from_left(left: &Left) -> Self {
        match (left.cause, left.sip_status) {
            (LeftCause::NoAnswer, Some(408) | None) => {
                Self { sip_status: None, reason: DisconnectReason::UserUnavailable }
            }
            (_, Some(status)) => Self::with_status(status),
            (_, None) => Self { sip_status: None, reason: DisconnectReason::ClientInitiated },
        }
    }

    /// The answer to who has waited.
    pub(super) fn to_twirp(&self) -> TwirpError {
        let Some(status) = self.sip_status else {
            return TwirpError::new(408, "canceled", "sip request timed out");
        };
        let (http, code, word) = match status {
            486 | 600 => (429, "resource_exhausted", "Busy Here"),
            480 => (429, "resource_exhausted", "Temporarily Unavailable"),
            603 => (403, "permission_denied", "Decline"),
            403 => (403, "permission_denied", "Forbidden"),
            404 | 484 | 604 => (404, "not_found", "Not Found"),
            503 => (412, "failed_precondition", "Service Unavailable"),
            _ => (500, "internal", "Error"),
        };
        TwirpError::new(http, code, format!("sip status: {status}: {word}"))
            .with("sip_status_code", status.to_string())
            .with("sip_status", word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measured_table() {
        let table = [
            (486, "resource_exhausted", DisconnectReason::UserRejected),
            (603, "permission_denied", DisconnectReason::UserRejected),
            (403, "permission_denied", DisconnectReason::UserRejected),
            (404, "not_found", DisconnectReason::UserUnavailable),
            (480, "resource_exhausted", DisconnectReason::UserUnavailable),
            (503, "failed_precondition", DisconnectReason::ClientInitiated),
        ];
        for (status, code, reason) in table {
            let refused = Refused::with_status(status);
            assert_eq!((refused.to_twirp().code.as_str(), refused.reason), (code, reason), "{status}");
        }
        let silent = Refused::from_left(&Left { cause: LeftCause::NoAnswer, sip_status: Some(408) });
        let said = silent.to_twirp();
        assert_eq!(
            (said.status, said.code.as_str(), silent.reason),
            (408, "canceled", DisconnectReason::UserUnavailable)
        );
        assert!(said.meta.is_empty());
    }
}
