use std::collections::VecDeque;

use warmline_telephony::Frame;

/// Frames that may wait: more are skipped, oldest first.
const LONGEST: usize = 5;

/// Frames that have to wait before it flows again, at most: each time that it runs dry it is one more.
const CUSHION: usize = 3;

/// Frames taken, after which those that were always left are skipped: nobody needed them. At first after 1 s, for what has
/// come together before it flowed; each time that it runs dry it is twice as long, up to 10 s.
const WINDOW: usize = 50;
const LONGEST_WINDOW: usize = 500;

/// Frames between somebody who makes one every 20 ms and somebody who takes one every 20 ms, on other clocks. It holds back
/// no more than those clocks need.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    frames: VecDeque<Frame>,
    flowing: bool,
    /// Frames that have to wait before it flows again, beyond the first.
    cushion: usize,
    left: Spare,
}

/// How many of what waits were needed by nobody for a while.
#[derive(Debug)]
struct Spare {
    window: usize,
    seen: usize,
    least: usize,
}

impl Default for Spare {
    fn default() -> Self {
        Self { window: WINDOW, seen: 0, least: 0 }
    }
}

impl Spare {
    /// So many are left. At the end of a window: as many as were left throughout.
    fn after(&mut self, left: usize) -> usize {
        self.least = if self.seen == 0 { left } else { self.least.min(left) };
        self.seen += 1;
        if self.seen < self.window {
            return 0;
        }
        self.seen = 0;
        self.least
    }

    /// It has run dry: what is left is needed after all.
    fn ran_dry(&mut self) {
        (self.window, self.seen) = ((2 * self.window).min(LONGEST_WINDOW), 0);
    }
}

impl Tap {
    pub(crate) fn push(&mut self, frame: Frame) {
        if self.frames.len() == LONGEST {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
    }

    /// The next frame, if there is one yet.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let wanted = if self.flowing { 1 } else { 1 + self.cushion };
        if self.frames.len() < wanted {
            if std::mem::take(&mut self.flowing) {
                self.cushion = (self.cushion + 1).min(CUSHION - 1);
                self.left.ran_dry();
            }
            return None;
        }
        self.flowing = true;
        let spare = self.left.after(self.frames.len() - 1);
        self.cushion = self.cushion.saturating_sub(spare);
        self.frames.drain(..spare);
        self.frames.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(frame: Option<Frame>) -> Option<i16> {
        frame.map(|frame| frame[0])
    }

    #[test]
    fn it_flows_at_once_and_after_a_gap_with_a_cushion() {
        let mut tap = Tap::default();
        assert_eq!(first(tap.next()), None);
        tap.push([1; 320]);
        assert_eq!((first(tap.next()), first(tap.next())), (Some(1), None));
        tap.push([2; 320]);
        assert_eq!(first(tap.next()), None);
        tap.push([3; 320]);
        assert_eq!((first(tap.next()), first(tap.next())), (Some(2), Some(3)));
    }

    #[test]
    fn what_is_too_late_is_skipped_and_what_nobody_needs_does_not_wait_for_ever() {
        let mut tap = Tap::default();
        for n in 0..13 {
            tap.push([n; 320]);
        }
        assert_eq!(first(tap.next()), Some(8));
        for n in 13..100 {
            tap.push([n; 320]);
            assert!(tap.next().is_some(), "nothing is missing");
        }
        assert!(tap.frames.is_empty(), "each is taken as soon as it is there");
    }
}
