use std::time::{Duration, Instant};

use super::FRAME_TIME;

/// Frames that are made up for at once when the task was late; later than that, their time is given up.
const CATCH_UP: u32 = 5;

/// Says when frames are due: every 20 ms, on a grid that a late call does not shift.
#[derive(Debug)]
pub(crate) struct Pacer {
    next: Instant,
}

/// What is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DueFrames {
    /// Frames whose time was missed for good.
    pub(crate) skipped: u32,
    /// Frames to handle now.
    pub(crate) frames: u32,
}

impl Pacer {
    pub(crate) fn new(now: Instant) -> Self {
        Self { next: now }
    }

    /// When the next frame is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Moves the grid, by less than a frame, so that it goes through that moment. What comes next is late by as much.
    pub(crate) fn align(&mut self, through: Instant) {
        let rest = |time: Duration| Duration::from_nanos((time.as_nanos() % FRAME_TIME.as_nanos()) as u64);
        self.next += match through.checked_duration_since(self.next) {
            Some(later) => rest(later),
            None => rest(FRAME_TIME - rest(self.next.duration_since(through))),
        };
    }

    /// Nothing is to be done: no frame is missed.
    pub(crate) fn idle(&mut self, now: Instant) {
        if self.next <= now {
            self.next = now + FRAME_TIME;
        }
    }

    /// What is due now.
    pub(crate) fn due(&mut self, now: Instant) -> DueFrames {
        let Some(late) = now.checked_duration_since(self.next) else { return DueFrames::default() };
        let due = u32::try_from(late.as_nanos() / FRAME_TIME.as_nanos() + 1).unwrap_or(u32::MAX);
        self.next += Duration::from_millis(20 * u64::from(due));
        if due > CATCH_UP {
            return DueFrames { skipped: due - 1, frames: 1 };
        }
        DueFrames { skipped: 0, frames: due }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn the_grid_holds_however_late_the_calls_are() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start);
        assert_eq!(pacer.due(start), DueFrames { skipped: 0, frames: 1 });
        assert_eq!(pacer.due(start + ms(19)), DueFrames::default());
        assert_eq!(pacer.due(start + ms(39)), DueFrames { skipped: 0, frames: 1 });
        assert_eq!(pacer.next(), start + ms(40));
        assert_eq!(pacer.due(start + ms(101)), DueFrames { skipped: 0, frames: 4 });
        assert_eq!(pacer.next(), start + ms(120));
    }

    #[test]
    fn the_grid_is_moved_by_less_than_a_frame() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start);
        pacer.align(start + ms(47));
        assert_eq!(pacer.next(), start + ms(7));
        pacer.align(start + ms(47));
        assert_eq!(pacer.next(), start + ms(7), "it lies on the grid already");
        pacer.align(start + ms(3));
        assert_eq!(pacer.next(), start + ms(23), "what is past stays past");
    }

    #[test]
    fn after_a_long_stall_time_is_skipped_and_not_made_up_for() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start);
        assert_eq!(pacer.due(start + ms(1_000)), DueFrames { skipped: 50, frames: 1 });
        assert_eq!(pacer.next(), start + ms(1_020));
    }
}
