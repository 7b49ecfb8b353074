//! The legs' lines, as far as sound goes: no frame ever waits for the room's task.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use warmline_telephony::{Frame, LineEnd};

use super::machine::LegId;
use crate::tap::Tap;

/// Frames kept from before the answer was known: sound can be ahead of the news.
const AHEAD: usize = 3;

/// What is heard of each leg.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    lines: Vec<LegLine>,
    /// The last number given to an audio stream.
    streams: u64,
}

#[derive(Debug)]
struct LegLine {
    id: LegId,
    identity: String,
    end: Arc<LineEnd>,
    answered: bool,
    tap: Tap,
    early: VecDeque<Frame>,
    /// The stream that is listened to: a later one takes over from an earlier one.
    stream: u64,
}

impl Lines {
    pub(super) fn add(&self, id: LegId, identity: String, end: Arc<LineEnd>) {
        let (tap, early) = (Tap::default(), VecDeque::new());
        self.lock().lines.push(LegLine { id, identity, end, answered: false, tap, early, stream: 0 });
    }

    pub(super) fn remove(&self, id: LegId) {
        self.lock().lines.retain(|line| line.id != id);
    }

    /// Somebody picked up.
    pub(super) fn answered(&self, id: LegId) {
        if let Some(line) = self.lock().lines.iter_mut().find(|line| line.id == id) {
            line.answered = true;
            for frame in std::mem::take(&mut line.early) {
                line.end.hear(frame);
            }
        }
    }

    /// The number of a new stream of that leg's.
    pub(super) fn new_stream(&self, identity: &str) -> Option<u64> {
        let mut known = self.lock();
        known.streams += 1;
        let stream = known.streams;
        known.line(identity)?.stream = stream;
        Some(stream)
    }

    /// `false`: nobody listens to that stream any more.
    pub(super) fn hears(&self, identity: &str, stream: u64, frame: Frame) -> bool {
        let mut known = self.lock();
        let Some(line) = known.line(identity).filter(|line| line.stream == stream) else { return false };
        if line.answered {
            line.end.hear(frame);
            line.tap.push(frame);
            return true;
        }
        if line.early.len() == AHEAD {
            line.early.pop_front();
        }
        line.early.push_back(frame);
        true
    }

    pub(super) fn key(&self, identity: &str, digit: char) {
        if let Some(line) = self.lock().line(identity).filter(|line| line.answered) {
            line.end.key(digit);
        }
    }

    /// The next frame of each leg of which there is one.
    pub(super) fn next_frames(&self) -> Vec<Frame> {
        self.lock().lines.iter_mut().filter_map(|line| line.tap.next()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn line(&mut self, identity: &str) -> Option<&mut LegLine> {
        self.lines.iter_mut().find(|line| line.identity == identity)
    }
}
