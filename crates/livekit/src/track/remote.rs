use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::audio::{Frame, JitterStats};

/// Frames that wait for somebody who listens: 1 s. Past that the oldest go.
const WAITING: usize = 50;

/// The sound of somebody's audio track: a frame every 20 ms, silence included, from the first packet on.
#[derive(Debug)]
pub struct RemoteTrack {
    sid: String,
    shared: Arc<Shared>,
}

/// The participant's end of a [`RemoteTrack`].
#[derive(Debug)]
pub(crate) struct RemoteEnd {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    heard: Mutex<Heard>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Heard {
    frames: VecDeque<Frame>,
    stats: JitterStats,
    dropped: u64,
    over: bool,
}

/// A track and the end that fills it.
pub(crate) fn remote_track(sid: &str) -> (RemoteTrack, RemoteEnd) {
    let shared = Arc::new(Shared::default());
    (RemoteTrack { sid: sid.to_owned(), shared: Arc::clone(&shared) }, RemoteEnd { shared })
}

impl RemoteTrack {
    /// The server's id of it.
    #[must_use]
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// The next 20 ms; `None` once the track is no longer heard. Safe to drop and call again.
    pub async fn next_frame(&mut self) -> Option<Frame> {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut heard = self.shared.lock();
                if let Some(frame) = heard.frames.pop_front() {
                    return Some(frame);
                }
                if heard.over {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// The next 20 ms if they are there already.
    pub fn try_next_frame(&mut self) -> Option<Frame> {
        self.shared.lock().frames.pop_front()
    }

    /// How the network treats it.
    #[must_use]
    pub fn stats(&self) -> JitterStats {
        self.shared.lock().stats
    }

    /// Frames lost because nobody listened for a second.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.lock().dropped
    }
}

impl RemoteEnd {
    pub(crate) fn hear(&self, frame: &Frame, stats: JitterStats) {
        let mut heard = self.shared.lock();
        if heard.frames.len() == WAITING {
            heard.frames.pop_front();
            heard.dropped += 1;
        }
        heard.frames.push_back(*frame);
        heard.stats = stats;
        drop(heard);
        self.shared.changed.notify_waiters();
    }
}

impl Drop for RemoteEnd {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_waiters();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_goes_when_nobody_listens_and_the_end_comes_after_the_last_frame() {
        let (mut track, end) = remote_track("TR_x");
        for n in 0..52 {
            end.hear(&[n; 320], JitterStats::default());
        }
        assert_eq!(track.dropped(), 2);
        assert_eq!(track.next_frame().await, Some([2; 320]));
        drop(end);
        for n in 3..52 {
            assert_eq!(track.next_frame().await, Some([n; 320]));
        }
        assert_eq!(track.next_frame().await, None);
    }

    #[tokio::test]
    async fn a_frame_wakes_who_waits() {
        let (mut track, end) = remote_track("TR_x");
        let listener = tokio::spawn(async move { track.next_frame().await });
        tokio::task::yield_now().await;
        end.hear(&[1; 320], JitterStats::default());
        assert_eq!(listener.await.unwrap(), Some([1; 320]));
    }
}
