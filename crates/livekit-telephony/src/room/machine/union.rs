//! Whether customer and supervisor are to hear each other, and how far the way there has come.

use std::time::Duration;

use warmline_call::LegRef;
use warmline_livekit::services::ServiceError;

use super::{RequestId, Ticket};

/// Whether customer and supervisor are to hear each other.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Union {
    Apart,
    /// They are being merged.
    Joining {
        ticket: Ticket,
        pair: Pair,
        step: Step,
    },
    /// They hear each other.
    Together {
        ticket: Option<Ticket>,
        pair: Pair,
    },
}

/// Customer and supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) customer: String,
    pub(super) supervisor: String,
    pub(super) name: LegRef,
}

/// How far a merge has come.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Both halves were asked for at once, after that request.
    Granting(RequestId),
    /// Both are confirmed; whether both are still there is looked up.
    Checking(RequestId),
    /// The supervisor is moved to the customer's room.
    Moving(RequestId),
    /// The supervisor was moved, or may have been.
    Arriving { failed: Option<ServiceError>, until: Duration, look: Look },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Look {
    UnderWay(RequestId),
    Due(Duration),
}

impl Union {
    pub(super) fn pair(&self) -> Option<&Pair> {
        match self {
            Self::Apart => None,
            Self::Joining { pair, .. } | Self::Together { pair, .. } => Some(pair),
        }
    }

    /// Whether these two are to hear each other.
    pub(super) fn wants(&self, one: &str, other: &str) -> bool {
        self.pair().is_some_and(|pair| {
            (pair.customer == one && pair.supervisor == other) || (pair.customer == other && pair.supervisor == one)
        })
    }

    /// Whether that supervisor and the customer hear each other.
    pub(super) fn is_with(&self, leg: LegRef) -> bool {
        matches!(self, Self::Together { pair, .. } if pair.name == leg)
    }

    /// Who is on the way from one room to another.
    pub(super) fn moves(&self, identity: &str) -> bool {
        matches!(self, Self::Joining { pair, step: Step::Moving(_) | Step::Arriving { .. }, .. } if pair.supervisor == identity)
    }

    pub(super) fn due(&self) -> Option<Duration> {
        match self {
            Self::Joining { step: Step::Arriving { look: Look::Due(due), .. }, .. } => Some(*due),
            _ => None,
        }
    }
}
