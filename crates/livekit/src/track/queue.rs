//! What waits to be sent on a track, and the end that takes it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::sync::Notify;

use super::local::{TrackId, TrackOptions};

/// Called when 20 ms are due: fills the frame and answers `true`, or answers `false` for silence.
pub type Source = dyn FnMut(&mut [i16]) -> bool + Send;

/// The participant's end of a [`LocalTrack`](super::LocalTrack).
pub(crate) struct LocalEnd {
    shared: Arc<Shared>,
    source: Option<Box<Source>>,
    started: bool,
}

/// What both ends of a track have.
pub(super) struct Shared {
    pub(super) id: TrackId,
    pub(super) options: TrackOptions,
    queue: Mutex<Queue>,
    pub(super) changed: Notify,
    pub(super) played: AtomicU64,
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) samples: VecDeque<i16>,
    /// Less than a frame waited already when the last one was due.
    waited: bool,
    pub(super) closed: bool,
    pub(super) sid: Option<String>,
}

impl LocalEnd {
    pub(super) fn new(shared: Arc<Shared>, source: Option<Box<Source>>) -> Self {
        Self { shared, source, started: false }
    }

    pub(crate) fn id(&self) -> TrackId {
        self.shared.id
    }

    pub(crate) fn options(&self) -> &TrackOptions {
        &self.shared.options
    }

    pub(crate) fn set_sid(&self, sid: Option<String>) {
        self.shared.lock().sid = sid;
    }

    /// Samples in 20 ms.
    pub(crate) fn frame_samples(&self) -> usize {
        self.shared.options.sample_rate as usize / 50
    }

    /// Fills the frame that is due. `false` when nothing has ever been said: then nothing needs to be sent yet.
    pub(crate) fn next_frame(&mut self, frame: &mut [i16]) -> bool {
        let said = match &mut self.source {
            Some(source) => {
                if source(frame) {
                    frame.len()
                } else {
                    frame.fill(0);
                    0
                }
            }
            None => self.shared.take(frame),
        };
        self.shared.played.fetch_add(said as u64, Relaxed);
        self.started |= said > 0;
        self.started
    }
}

impl Drop for LocalEnd {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        queue.samples.clear();
        queue.sid = None;
        drop(queue);
        self.shared.changed.notify_waiters();
    }
}

impl Shared {
    pub(super) fn new(id: TrackId, options: TrackOptions) -> Self {
        Self { id, options, queue: Mutex::default(), changed: Notify::new(), played: AtomicU64::new(0) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_drained(&self) -> bool {
        let queue = self.lock();
        queue.closed || queue.samples.is_empty()
    }

    pub(super) fn capacity(&self) -> usize {
        let samples = self.options.queue.as_micros() * u128::from(self.options.sample_rate) / 1_000_000;
        usize::try_from(samples).unwrap_or(usize::MAX).max(self.options.sample_rate as usize / 50)
    }

    /// Moves what waits into the frame, silence after it, and says how many samples that were.
    fn take(&self, frame: &mut [i16]) -> usize {
        let mut queue = self.lock();
        let waiting = queue.samples.len();
        if waiting < frame.len() && !queue.waited {
            // A part of a frame may be about to become a whole one: it is worth one frame's wait, but no more.
            queue.waited = waiting > 0;
            frame.fill(0);
            return 0;
        }
        let said = waiting.min(frame.len());
        for (to, from) in frame.iter_mut().zip(queue.samples.drain(..said)) {
            *to = from;
        }
        frame[said..].fill(0);
        queue.waited = false;
        drop(queue);
        if said > 0 {
            self.changed.notify_waiters();
        }
        said
    }
}
