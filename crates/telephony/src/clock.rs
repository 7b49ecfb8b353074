use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Wall-clock time, to the millisecond, that never jumps: read once, then carried on by the monotonic clock (and by virtual time in tests).
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Timestamp,
    read_at: Instant,
}

impl Clock {
    /// A clock that shows the system's time from now on.
    #[must_use]
    pub fn start() -> Self {
        Self { wall: Timestamp::now(), read_at: Instant::now() }
    }

    /// A clock that shows that time now: for tests, where a moment must be the same in every run.
    #[must_use]
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { wall, read_at: Instant::now() }
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
