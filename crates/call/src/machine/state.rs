use std::time::Duration;

use super::{Audience, FixedLine, ending::End};
use crate::{DecidedBy, Phase};

/// Where a call is, with all that only matters there. `until` and its like are moments of the machine's clock.
#[derive(Clone, Debug)]
pub(super) enum State {
    Queued,
    Dialing {
        /// The backend should have reported by then.
        until: Duration,
    },
    Ringing {
        /// As in `Dialing`.
        until: Duration,
    },
    Conversing,
    /// The customer is told to hold.
    OnHold {
        until: Duration,
    },
    /// That attempt's supervisor is dialled.
    Calling {
        attempt: u32,
        /// The backend should have reported by then.
        until: Duration,
    },
    /// That attempt's supervisor decides.
    Briefing {
        attempt: u32,
        until: Duration,
        /// Whether the briefing was ready and has begun.
        briefed: bool,
    },
    Merging {
        attempt: u32,
        /// By what means the supervisor accepted.
        by: DecidedBy,
        step: MergeStep,
    },
    Merged {
        attempt: u32,
        by: DecidedBy,
    },
    /// The call is going to end; somebody is told so.
    Farewell {
        phase: Phase,
        /// The supervisor's attempt, where a supervisor is told.
        attempt: Option<u32>,
        /// What is being said still.
        words: Vec<(FixedLine, Audience)>,
        until: Duration,
        end: End,
    },
    /// The call ends as soon as every leg is gone.
    Closing {
        phase: Phase,
        since: Duration,
        end: End,
    },
    Ended,
}

/// How far a merge is.
#[derive(Clone, Copy, Debug)]
pub(super) enum MergeStep {
    /// The backend connects the two while the supervisor is told so (`None`: that was said).
    Joining { merge_by: Duration, said_by: Option<Duration> },
    /// The two hear each other; the sentence to the supervisor isn't over yet.
    Joined { said_by: Duration },
    /// The agent takes its leave of both.
    LastLine { said_by: Duration },
}

impl State {
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Queued => Phase::Queued,
            Self::Dialing { .. } => Phase::Dialing,
            Self::Ringing { .. } => Phase::Ringing,
            Self::Conversing => Phase::Conversing,
            Self::OnHold { .. } => Phase::OnHold,
            Self::Calling { .. } => Phase::CallingSupervisor,
            Self::Briefing { .. } => Phase::Briefing,
            Self::Merging { .. } => Phase::Merging,
            Self::Merged { .. } => Phase::Merged,
            Self::Farewell { phase, .. } | Self::Closing { phase, .. } => *phase,
            Self::Ended => Phase::Ended,
        }
    }

    /// When this state is left if nothing else happens. Legs and the whole call have deadlines of their own.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Queued | Self::Conversing | Self::Merged { .. } | Self::Closing { .. } | Self::Ended => None,
            Self::Dialing { until }
            | Self::Ringing { until }
            | Self::OnHold { until }
            | Self::Calling { until, .. }
            | Self::Briefing { until, .. }
            | Self::Farewell { until, .. } => Some(*until),
            Self::Merging { step, .. } => Some(match *step {
                MergeStep::Joining { merge_by, said_by } => said_by.map_or(merge_by, |said_by| said_by.min(merge_by)),
                MergeStep::Joined { said_by } | MergeStep::LastLine { said_by } => said_by,
            }),
        }
    }

    /// The attempt that has begun and is not decided in public.
    pub(super) fn open_attempt(&self) -> Option<u32> {
        match self {
            Self::Calling { attempt, .. } | Self::Briefing { attempt, .. } | Self::Merging { attempt, .. } => {
                Some(*attempt)
            }
            _ => None,
        }
    }

    /// Whether the end has been decided.
    pub(super) fn is_ending(&self) -> bool {
        matches!(self, Self::Farewell { .. } | Self::Closing { .. } | Self::Ended)
    }
}

/// The state, which nobody can write but [`Position::enter`].
#[derive(Debug)]
pub(super) struct Position(State);

impl Default for Position {
    fn default() -> Self {
        Self(State::Queued)
    }
}

impl Position {
    /// Where another machine was.
    pub(super) fn adopted(state: State) -> Self {
        Self(state)
    }

    pub(super) fn state(&self) -> &State {
        &self.0
    }

    /// Moves on. Gives the phases before and after where they differ.
    pub(super) fn enter(&mut self, state: State) -> Option<(Phase, Phase)> {
        let (from, to) = (self.0.phase(), state.phase());
        self.0 = state;
        (from != to).then_some((from, to))
    }
}
