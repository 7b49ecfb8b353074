//! Why a leg is gone, from what LiveKit says of it.

use warmline_call::{Left, LeftCause};
use warmline_livekit::{
    DisconnectReason,
    services::{DialFailure, ServiceError},
};
use warmline_telephony::{DialError, OpenError};

/// From the answer to the dial, which has the SIP status. `rang`: the phone was heard to ring.
pub(crate) fn of_failure(failure: &DialFailure, rang: bool) -> Left {
    let (cause, sip_status) = match failure {
        DialFailure::Busy => (LeftCause::Busy, Some(486)),
        DialFailure::Declined => (LeftCause::Declined, Some(603)),
        DialFailure::Forbidden => (LeftCause::Declined, Some(403)),
        DialFailure::NoSuchNumber => (LeftCause::InvalidNumber, Some(404)),
        DialFailure::Unavailable if rang => (LeftCause::NoAnswer, Some(480)),
        DialFailure::Unavailable => (LeftCause::Unreachable, Some(480)),
        DialFailure::NoAnswer => (LeftCause::NoAnswer, None),
        DialFailure::CarrierFailed(status) => (LeftCause::TrunkFailure, *status),
        DialFailure::Other(410) => (LeftCause::InvalidNumber, Some(410)),
        DialFailure::Other(status) => (LeftCause::TrunkFailure, Some(*status)),
        _ => (LeftCause::TrunkFailure, None),
    };
    Left { cause, sip_status }
}

/// From the participant's disconnect reason alone: coarser, and without a status.
pub(crate) fn of_reason(reason: &DisconnectReason, answered: bool) -> Left {
    use DisconnectReason as Reason;
    let cause = match reason {
        Reason::ParticipantRemoved | Reason::RoomDeleted | Reason::RoomClosed => LeftCause::Released,
        Reason::ConnectionTimeout
        | Reason::MediaFailure
        | Reason::SignalClose
        | Reason::ServerShutdown
        | Reason::JoinFailure
        | Reason::Migration
        | Reason::StateMismatch
        | Reason::Lost(_) => LeftCause::MediaLost,
        Reason::SipTrunkFailure if answered => LeftCause::MediaLost,
        _ if answered => LeftCause::HungUp,
        Reason::UserRejected => LeftCause::Declined,
        Reason::UserUnavailable => LeftCause::NoAnswer,
        _ => LeftCause::TrunkFailure,
    };
    Left { cause, sip_status: None }
}

/// A room that can't be opened.
pub(crate) fn not_open(error: ServiceError) -> OpenError {
    OpenError::from_source(sentence(&error), error)
}

/// Nothing is dialled into a room that is over.
pub(crate) fn over() -> DialError {
    let detail = "The call is over.".to_owned();
    DialError { cause: LeftCause::TrunkFailure, sip_status: None, detail }
}

/// A dial that did not begin.
pub(crate) fn refused(error: &ServiceError) -> DialError {
    if let ServiceError::Dial(failure) = error {
        let left = of_failure(failure, false);
        return DialError { cause: left.cause, sip_status: left.sip_status, detail: sentence(error) };
    }
    DialError { cause: LeftCause::TrunkFailure, sip_status: None, detail: sentence(error) }
}

/// What is wrong and what to do about it.
pub(crate) fn sentence(error: &ServiceError) -> String {
    let fix = match error {
        ServiceError::Unauthorized(_) => "check LIVEKIT_API_KEY and LIVEKIT_API_SECRET",
        ServiceError::Unreachable(_) | ServiceError::Timeout => "check LIVEKIT_URL, and whether the server runs",
        ServiceError::NoSip => "use LiveKit Cloud, or run livekit-sip beside the server",
        ServiceError::NotFound(_) => "check LIVEKIT_SIP_OUTBOUND_TRUNK",
        ServiceError::Configuration(_) => "check LIVEKIT_URL",
        _ => return format!("{error}."),
    };
    format!("{error}; {fix}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(cause: LeftCause, sip_status: Option<u16>) -> Left {
        Left { cause, sip_status }
    }

    /// The measured table, by the SIP status and by the reason alone.
    #[test]
    fn every_failure_has_its_cause() {
        let table = [
            (486, LeftCause::Busy),
            (603, LeftCause::Declined),
            (403, LeftCause::Declined),
            (404, LeftCause::InvalidNumber),
            (480, LeftCause::Unreachable),
            (410, LeftCause::InvalidNumber),
            (503, LeftCause::TrunkFailure),
            (401, LeftCause::TrunkFailure),
        ];
        for (status, cause) in table {
            assert_eq!(of_failure(&DialFailure::from_sip_status(status), false), left(cause, Some(status)));
        }
        assert_eq!(of_failure(&DialFailure::Unavailable, true), left(LeftCause::NoAnswer, Some(480)));
        assert_eq!(of_failure(&DialFailure::NoAnswer, true), left(LeftCause::NoAnswer, None));
        assert_eq!(of_failure(&DialFailure::Overloaded, false), left(LeftCause::TrunkFailure, None));

        use DisconnectReason as Reason;
        let table = [
            (Reason::UserRejected, LeftCause::Declined, LeftCause::HungUp),
            (Reason::UserUnavailable, LeftCause::NoAnswer, LeftCause::HungUp),
            (Reason::ClientInitiated, LeftCause::TrunkFailure, LeftCause::HungUp),
            (Reason::ParticipantRemoved, LeftCause::Released, LeftCause::Released),
            (Reason::RoomDeleted, LeftCause::Released, LeftCause::Released),
            (Reason::ConnectionTimeout, LeftCause::MediaLost, LeftCause::MediaLost),
        ];
        for (reason, unanswered, answered) in table {
            assert_eq!(of_reason(&reason, false), left(unanswered, None), "{reason}");
            assert_eq!(of_reason(&reason, true), left(answered, None), "{reason}");
        }
    }

    #[test]
    fn errors_say_the_fix() {
        assert!(refused(&ServiceError::NoSip).detail.contains("livekit-sip"));
        assert!(refused(&ServiceError::Unauthorized("x".into())).detail.contains("LIVEKIT_API_KEY"));
        assert_eq!(refused(&ServiceError::Dial(DialFailure::Busy)).sip_status, Some(486));
    }
}
