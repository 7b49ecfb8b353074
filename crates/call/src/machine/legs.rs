use std::time::Duration;

use super::{LegFact, LegRef};
use crate::LegState;

/// Every leg that was ever dialled: the customer's, and one for each transfer attempt.
#[derive(Debug, Default)]
pub(super) struct Legs(Vec<Life>);

#[derive(Debug)]
struct Life {
    leg: LegRef,
    state: LegState,
    /// It hears a last sentence and is hung up then.
    farewell_until: Option<Duration>,
    /// It was hung up, and is taken for gone then.
    gone_by: Option<Duration>,
    left_at: Option<Duration>,
}

impl Legs {
    /// Notes that a leg is dialled.
    pub(super) fn dial(&mut self, leg: LegRef) {
        self.0.push(Life { leg, state: LegState::Dialing, farewell_until: None, gone_by: None, left_at: None });
    }

    /// Notes a leg that was answered before.
    pub(super) fn adopt(&mut self, leg: LegRef) {
        self.0.push(Life { leg, state: LegState::Answered, farewell_until: None, gone_by: None, left_at: None });
    }

    /// Takes a fact in. Whether it was news: facts of unknown legs, facts out of order, facts after the end and all but
    /// the end of a leg that was hung up are not.
    pub(super) fn advance(&mut self, leg: LegRef, fact: &LegFact, now: Duration) -> bool {
        let Some(life) = self.0.iter_mut().find(|l| l.leg == leg) else { return false };
        let next = match (life.state, fact) {
            (LegState::Left, _) => return false,
            (_, LegFact::Left(_)) => LegState::Left,
            _ if life.gone_by.is_some() => return false,
            (LegState::Dialing, LegFact::Ringing) => LegState::Ringing,
            (LegState::Dialing | LegState::Ringing, LegFact::Answered) => LegState::Answered,
            _ => return false,
        };
        life.state = next;
        if next == LegState::Left {
            life.farewell_until = None;
            life.gone_by = None;
            life.left_at = Some(now);
        }
        true
    }

    /// Notes that a leg is hung up. Whether there was anything to hang up.
    pub(super) fn hang_up(&mut self, leg: LegRef, gone_by: Duration) -> bool {
        let Some(life) = self.0.iter_mut().find(|l| l.leg == leg) else { return false };
        if life.state == LegState::Left || life.gone_by.is_some() {
            return false;
        }
        life.farewell_until = None;
        life.gone_by = Some(gone_by);
        true
    }

    /// Lets a leg hear a last sentence.
    pub(super) fn farewell(&mut self, leg: LegRef, until: Duration) {
        if let Some(life) = self.0.iter_mut().find(|l| l.leg == leg) {
            life.farewell_until = Some(until);
        }
    }

    /// Whether that leg was dialled, was not hung up, and is not gone.
    pub(super) fn wanted(&self, leg: LegRef) -> bool {
        self.0.iter().any(|l| l.leg == leg && l.state != LegState::Left && l.gone_by.is_none())
    }

    /// Legs that hear a last sentence.
    pub(super) fn in_farewell(&self) -> Vec<LegRef> {
        self.which(|l| l.farewell_until.is_some())
    }

    /// Legs whose last sentence has taken too long.
    pub(super) fn farewell_due(&self, now: Duration) -> Vec<LegRef> {
        self.which(|l| l.farewell_until.is_some_and(|until| until <= now))
    }

    /// Legs that were hung up and never reported it.
    pub(super) fn overdue(&self, now: Duration) -> Vec<LegRef> {
        self.which(|l| l.gone_by.is_some_and(|by| by <= now))
    }

    /// Legs that are not gone.
    pub(super) fn alive(&self) -> Vec<LegRef> {
        self.which(|l| l.state != LegState::Left)
    }

    /// The next moment at which a leg needs care.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.0.iter().flat_map(|l| [l.farewell_until, l.gone_by]).flatten().min()
    }

    /// When that leg went.
    pub(super) fn left_at(&self, leg: LegRef) -> Option<Duration> {
        self.0.iter().find(|l| l.leg == leg)?.left_at
    }

    fn which(&self, test: impl Fn(&Life) -> bool) -> Vec<LegRef> {
        self.0.iter().filter(|l| test(l)).map(|l| l.leg).collect()
    }
}
