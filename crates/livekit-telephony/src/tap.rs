use std::collections::VecDeque;

use warmline_telephony::Frame;

/// Frames that may wait: more are skipped, oldest first.
const LONGEST: usize = 5;

/// Frames with which it begins, so that a late one is no gap.
const CUSHION: usize = 2;

/// Frames between somebody who makes one every 20 ms and somebody who takes one every 20 ms, on other clocks.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    frames: VecDeque<Frame>,
    flowing: bool,
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
        self.flowing = (self.flowing && !self.frames.is_empty()) || self.frames.len() >= CUSHION;
        if self.flowing { self.frames.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_with_a_cushion_and_skips_what_is_too_late() {
        let mut tap = Tap::default();
        let first = |frame: Option<Frame>| frame.map(|frame| frame[0]);
        tap.push([1; 320]);
        assert_eq!(first(tap.next()), None);
        tap.push([2; 320]);
        assert_eq!(first(tap.next()), Some(1));
        assert_eq!((first(tap.next()), first(tap.next())), (Some(2), None));
        for n in 3..13 {
            tap.push([n; 320]);
        }
        assert_eq!(first(tap.next()), Some(8));
    }
}
