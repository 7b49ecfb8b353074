use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A difference between the system's time and ours that is a correction, or a machine that slept, and no mere drift.
const STEP: SignedDuration = SignedDuration::from_secs(1);

/// Wall-clock time, to the millisecond, that never jumps: read once, then carried on by the monotonic clock (and by virtual time in tests).
///
/// A call keeps one clock, so that its events are in order whatever becomes of the system's time. A new call takes
/// [`Clock::corrected`].
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Timestamp,
    read_at: Instant,
    /// The same moment on the machine's own clock, which virtual time does not move.
    really: std::time::Instant,
    /// Where the system's time is read; `None` for a clock that is never set right.
    source: Option<fn() -> Timestamp>,
}

impl Clock {
    /// A clock that shows the system's time from now on.
    #[must_use]
    pub fn start() -> Self {
        Self::reading(Timestamp::now)
    }

    /// A clock that takes its time from there.
    #[must_use]
    pub fn reading(source: fn() -> Timestamp) -> Self {
        Self { wall: source(), read_at: Instant::now(), really: std::time::Instant::now(), source: Some(source) }
    }

    /// The same clock, set right where the system's time was corrected since: by an administrator, by time synchronisation
    /// after a start with the wrong date, after a machine slept.
    #[must_use]
    pub fn corrected(&self) -> Self {
        let Some(source) = self.source else { return *self };
        let since = SignedDuration::try_from(self.really.elapsed()).unwrap_or_default();
        let carried_on = self.wall.saturating_add(since).unwrap_or(self.wall);
        let step = source().duration_since(carried_on);
        if step.abs() < STEP {
            return *self;
        }
        Self { wall: self.wall.saturating_add(step).unwrap_or(self.wall), ..*self }
    }

    /// A clock that shows that time now: for tests, where a moment must be the same in every run.
    #[must_use]
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { wall, source: None, ..Self::start() }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    /// The time at a monotonic moment, before or after the clock was started.
    #[must_use]
    pub fn at(&self, moment: Instant) -> Timestamp {
        let after = SignedDuration::try_from(moment.saturating_duration_since(self.read_at)).unwrap_or_default();
        let before = SignedDuration::try_from(self.read_at.saturating_duration_since(moment)).unwrap_or_default();
        let at = self.wall.saturating_add(after).and_then(|at| at.saturating_sub(before)).unwrap_or(self.wall);
        // What the log keeps and the wire carries: a view in memory is the same as one read back.
        Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicI64, Ordering},
        time::Duration,
    };

    use super::*;

    /// The system's time as the test sets it: seconds that it is ahead of the machine's.
    static AHEAD: AtomicI64 = AtomicI64::new(0);

    fn system() -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(AHEAD.load(Ordering::Relaxed))
    }

    fn set_ahead(seconds: i64) {
        AHEAD.store(seconds, Ordering::Relaxed);
    }

    /// Seconds by which a clock is ahead of this machine's.
    fn ahead(clock: &Clock) -> i64 {
        clock.now().duration_since(Timestamp::now()).as_secs_f64().round() as i64
    }

    #[tokio::test]
    async fn a_new_call_has_the_corrected_date_and_one_that_runs_keeps_its_order() {
        const YEAR: i64 = 365 * 86_400;
        set_ahead(-YEAR);
        let program = Clock::reading(system);
        let running = program.corrected();
        let before = running.now();
        for correction in [0, 3_600, -3_600, 5, -YEAR] {
            set_ahead(correction);
            assert_eq!(ahead(&program.corrected()), correction, "a new call's date");
            assert_eq!(ahead(&running), -YEAR, "a call goes on as it began");
        }
        set_ahead(0);
        assert!(running.now() >= before);
    }

    #[tokio::test(start_paused = true)]
    async fn virtual_time_is_no_correction() {
        let clock = Clock::start();
        tokio::time::advance(Duration::from_secs(86_400)).await;
        let (carried_on, corrected) = (clock.now(), clock.corrected().now());
        assert_eq!(carried_on, corrected);
    }
}
