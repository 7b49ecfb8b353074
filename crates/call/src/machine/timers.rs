//! What happens when something does not.
//!
//! | deadline | from | then |
//! |---|---|---|
//! | `customer_ring` + 2 s | the dial | the call ends, `no_answer` |
//! | `supervisor_ring` + 2 s | the dial | the attempt is over, `no_answer` |
//! | `decision` | the supervisor's answer | the attempt is over, `decision_timeout` |
//! | `merge` | the acceptance | the attempt is over, `merge_failed` |
//! | `sentence` | a fixed sentence's start | the call goes on as if it had been said |
//! | `farewell` | the last sentence's start | those who heard it are hung up |
//! | `message` | a machine's detection | it is hung up, with or without the whole message |
//! | `hang_up` | a leg's hang-up | the leg is taken for gone |
//! | `seat` | a person's wish to speak | their seat is free again |
//! | `max_duration` | the customer's answer | the call ends |

use std::time::Duration;

use super::{
    Audience, FixedLine, Left, LeftCause, LegFact, Machine,
    ending::End,
    state::{MergeStep, State},
};
use crate::{DecidedBy, TransferOutcome};

/// The backend reports at the latest when the ring time is over; after that much longer it never will.
pub(super) const RING_GRACE: Duration = Duration::from_secs(2);

impl Machine {
    pub(super) fn on_tick(&mut self) {
        for leg in self.legs.farewell_due(self.now) {
            self.hang_up(leg);
        }
        for leg in self.legs.overdue(self.now) {
            self.on_leg(leg, LegFact::Left(Left { cause: LeftCause::Released, sip_status: None }));
        }
        self.on_seat_due();
        if self.longest_end().is_some_and(|end| end <= self.now) {
            self.on_longest_end();
        } else if self.position.state().deadline().is_some_and(|until| until <= self.now) {
            self.on_deadline();
        }
    }

    /// When the longest time for a call is over, unless it is ending anyway.
    pub(super) fn longest_end(&self) -> Option<Duration> {
        let answered_at = self.answered_at.filter(|_| !self.position.state().is_ending())?;
        Some(answered_at.saturating_add(self.config.timers.max_duration))
    }

    fn on_longest_end(&mut self) {
        if matches!(self.position.state(), State::Conversing) {
            self.pause_conversation();
            let words = vec![(FixedLine::TimeOver, Audience::Customer)];
            self.farewell(End::max_duration(), words, self.config.timers.farewell);
        } else {
            self.call_off(DecidedBy::Timeout);
            self.close(End::max_duration());
        }
    }

    fn on_deadline(&mut self) {
        match *self.position.state() {
            State::Dialing { .. } | State::Ringing { .. } => self.close(End::never_reported()),
            State::OnHold { .. } => self.hold_said(),
            State::Calling { attempt, .. } => {
                self.attempt_failed(attempt, TransferOutcome::NoAnswer, DecidedBy::Timeout, None);
            }
            State::Briefing { attempt, .. } => {
                self.attempt_failed(attempt, TransferOutcome::DecisionTimeout, DecidedBy::Timeout, None);
            }
            State::Merging { attempt, by, step } => match step {
                MergeStep::Joining { merge_by, .. } if merge_by <= self.now => {
                    self.attempt_failed(attempt, TransferOutcome::MergeFailed, DecidedBy::Timeout, None);
                }
                MergeStep::Joining { merge_by, .. } => {
                    self.enter(State::Merging { attempt, by, step: MergeStep::Joining { merge_by, said_by: None } });
                }
                MergeStep::Joined { .. } => self.last_line(attempt, by),
                MergeStep::LastLine { .. } => self.merged(attempt, by),
            },
            State::Farewell { .. } => self.cut_farewell_short(),
            State::Queued | State::Conversing | State::Merged { .. } | State::Closing { .. } | State::Ended => {}
        }
    }
}
