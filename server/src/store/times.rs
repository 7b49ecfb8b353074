//! How long things in a call have lasted, as far as its events go.

use std::time::Duration;

use jiff::Timestamp;
use warmline_call::{Event, Leg, LegState, Recorded};

/// The fold of a call's events that knows its times. It is in memory for as long as the call is open: whoever has to end a call
/// reads no disk for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    answered: Option<Timestamp>,
    /// Hold music that is over.
    held: Duration,
    /// Since when it plays.
    holds_since: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Times {
    /// Folds one more event in.
    pub fn apply(&mut self, recorded: &Recorded) {
        let at = recorded.at;
        match &recorded.event {
            Event::LegChanged { leg: Leg::Customer, state: LegState::Answered, .. } => {
                self.answered.get_or_insert(at);
            }
            Event::HoldMusic { playing: true } => {
                self.holds_since.get_or_insert(at);
            }
            Event::HoldMusic { playing: false } => {
                self.held += self.holds_since.take().map_or(Duration::ZERO, |from| between(from, at));
            }
            _ => {}
        }
        self.last = Some(at);
    }

    /// How long ago the customer picked up, at that moment; zero where they have not.
    #[must_use]
    pub fn since_answer(&self, now: Timestamp) -> Duration {
        self.answered.map_or(Duration::ZERO, |from| between(from, now))
    }

    /// From the customer's answer to the last event.
    #[must_use]
    pub fn talked(&self) -> Duration {
        self.last.map_or(Duration::ZERO, |last| self.since_answer(last))
    }

    /// How long hold music has played; music that was cut off counts until the last event.
    #[must_use]
    pub fn held(&self) -> Duration {
        self.held + self.holds_since.zip(self.last).map_or(Duration::ZERO, |(from, to)| between(from, to))
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use warmline_call::CallId;

    use super::*;

    fn of(events: &[(i64, Event)]) -> Times {
        let mut times = Times::default();
        for (seq, (at, event)) in (1..).zip(events) {
            let (call, at) = (CallId::from_bits(1), Timestamp::from_second(*at).unwrap());
            times.apply(&Recorded { seq, call, at, event: event.clone() });
        }
        times
    }

    fn answered(leg: Leg) -> Event {
        let state = LegState::Answered;
        Event::LegChanged { leg, state, attempt: None, phone: None, sip_status: None, reason: None }
    }

    fn music(playing: bool) -> Event {
        Event::HoldMusic { playing }
    }

    #[test]
    fn talk_begins_with_the_customers_answer_and_stretches_of_hold_add_up() {
        let (customer, supervisor) = (answered(Leg::Customer), answered(Leg::Supervisor));
        let whole = [
            (100, answered(Leg::Supervisor)),
            (110, customer.clone()),
            (120, music(true)),
            (125, music(true)),
            (130, music(false)),
            (140, customer),
            (150, music(true)),
            (153, music(false)),
            (160, supervisor),
        ];
        let times = of(&whole);
        assert_eq!((times.talked(), times.held()), (Duration::from_secs(50), Duration::from_secs(13)));
        assert_eq!(times.since_answer(Timestamp::from_second(170).unwrap()), Duration::from_secs(60));
        assert_eq!(of(&whole[..4]).held(), Duration::from_secs(5), "music that was cut off with the program");
    }

    #[test]
    fn nobody_has_talked_who_has_not_answered() {
        assert_eq!(of(&[]), Times::default());
        let times = of(&[(100, answered(Leg::Supervisor)), (110, music(false))]);
        assert_eq!((times.talked(), times.held()), (Duration::ZERO, Duration::ZERO));
    }
}
