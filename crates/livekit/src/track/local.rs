use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::queue::{LocalEnd, Shared, Source};
use crate::{RequestError, engine::Command};

/// How to publish a track.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TrackOptions {
    /// Its name.
    pub name: String,
    /// Samples a second of what is written to it: 16,000 or 48,000.
    pub sample_rate: u32,
    /// How much may wait to be sent: what is said is heard so much later at worst.
    pub queue: Duration,
}

impl TrackOptions {
    /// A track of this name; 16 kHz, 60 ms.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), sample_rate: 16_000, queue: Duration::from_millis(60) }
    }
}

/// The track is no longer published, and never will be again.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the track is no longer published")]
pub struct TrackClosed;

/// Which of a participant's tracks; stays the same when the room is joined anew.
pub(crate) type TrackId = u64;

/// A published audio track. Clones are the same track.
#[derive(Clone)]
pub struct LocalTrack {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

/// A track and the end that plays it.
pub(crate) fn local_track(
    id: TrackId,
    options: TrackOptions,
    source: Option<Box<Source>>,
    commands: mpsc::Sender<Command>,
) -> (LocalTrack, LocalEnd) {
    let shared = Arc::new(Shared::new(id, options));
    (LocalTrack { shared: Arc::clone(&shared), commands }, LocalEnd::new(shared, source))
}

impl LocalTrack {
    /// Says this after what waits already: mono PCM at the track's rate, any number of samples. Waits while the queue is
    /// full, which paces the caller to real time. Dropping the future keeps what was queued so far.
    ///
    /// # Errors
    /// [`TrackClosed`] when the track is unpublished or the participant has left.
    pub async fn write(&self, pcm: &[i16]) -> Result<(), TrackClosed> {
        let mut rest = pcm;
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // Enabled before looking, so that no change in between is missed.
            changed.as_mut().enable();
            let taken = self.try_write(rest)?;
            rest = &rest[taken..];
            if rest.is_empty() {
                return Ok(());
            }
            changed.await;
        }
    }

    /// Queues as much of this as there is room for, and says how many samples that were.
    ///
    /// # Errors
    /// [`TrackClosed`] when the track is unpublished or the participant has left.
    pub fn try_write(&self, pcm: &[i16]) -> Result<usize, TrackClosed> {
        let mut queue = self.shared.lock();
        if queue.closed {
            return Err(TrackClosed);
        }
        let room = self.shared.capacity().saturating_sub(queue.samples.len());
        let taken = room.min(pcm.len());
        queue.samples.extend(&pcm[..taken]);
        Ok(taken)
    }

    /// Throws away what waits to be sent, and says how many samples that were. What was sent before is
    /// [`played`](Self::played).
    #[allow(clippy::must_use_candidate, reason = "clearing is what it is for")]
    pub fn clear(&self) -> usize {
        let mut queue = self.shared.lock();
        let dropped = queue.samples.len();
        queue.samples.clear();
        drop(queue);
        self.shared.changed.notify_waiters();
        dropped
    }

    /// Samples put on the wire so far; silence in between not counted.
    #[must_use]
    pub fn played(&self) -> u64 {
        self.shared.played.load(Relaxed)
    }

    /// Samples that wait to be sent.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.lock().samples.len()
    }

    /// Waits until all that was written has been sent, cleared, or will never be sent.
    pub async fn drained(&self) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.shared.is_drained() {
                return;
            }
            changed.await;
        }
    }

    /// The server's id of it. Changes when the room is joined anew; `None` while it is not published.
    #[must_use]
    pub fn sid(&self) -> Option<String> {
        self.shared.lock().sid.clone()
    }

    /// Mutes it: nothing is sent, what is written waits.
    ///
    /// # Errors
    /// [`RequestError::Left`] when the participant has left.
    pub async fn mute(&self) -> Result<(), RequestError> {
        self.set_muted(true).await
    }

    /// Ends the muting.
    ///
    /// # Errors
    /// [`RequestError::Left`] when the participant has left.
    pub async fn unmute(&self) -> Result<(), RequestError> {
        self.set_muted(false).await
    }

    /// Takes it back: nobody hears it any more.
    ///
    /// # Errors
    /// [`RequestError::Left`] when the participant has left.
    pub async fn unpublish(&self) -> Result<(), RequestError> {
        let command = Command::Unpublish(self.id());
        self.commands.send(command).await.map_err(|_| RequestError::Left)
    }

    pub(crate) fn id(&self) -> TrackId {
        self.shared.id
    }

    async fn set_muted(&self, muted: bool) -> Result<(), RequestError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Mute { track: self.id(), muted, reply };
        self.commands.send(command).await.map_err(|_| RequestError::Left)?;
        answer.await.unwrap_or(Err(RequestError::Left))
    }
}

impl fmt::Debug for LocalTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalTrack").field("name", &self.shared.options.name).field("sid", &self.sid()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track() -> (LocalTrack, LocalEnd) {
        local_track(1, TrackOptions::new("voice"), None, mpsc::channel(1).0)
    }

    #[tokio::test]
    async fn writing_waits_for_room_and_is_played_in_order() {
        let (track, mut end) = track();
        let mut frame = [9; 320];
        assert!(!end.next_frame(&mut frame), "nothing said yet");
        let writer = tokio::spawn({
            let track = track.clone();
            async move { track.write(&(0..2_000).collect::<Vec<i16>>()).await }
        });
        let mut heard = Vec::new();
        while track.played() < 2_000 {
            tokio::task::yield_now().await;
            assert!(track.queued() <= 960, "60 ms at most");
            if end.next_frame(&mut frame) {
                heard.extend(frame);
            }
        }
        heard.retain(|&s| s != 0);
        assert!(heard.into_iter().eq(1..2_000));
        assert_eq!(writer.await.unwrap(), Ok(()));
        assert_eq!(track.played(), 2_000);
        track.drained().await;
    }

    #[tokio::test]
    async fn clear_flushes_at_once_and_tells_how_much_was_not_played() {
        let (track, mut end) = track();
        assert_eq!(track.try_write(&[5; 4_000]), Ok(960));
        let mut frame = [0; 320];
        assert!(end.next_frame(&mut frame));
        assert_eq!(track.clear(), 640);
        assert!(end.next_frame(&mut frame), "silence goes on being sent");
        assert_eq!(frame, [0; 320]);
        assert_eq!(track.played(), 320);
    }

    #[test]
    fn a_part_of_a_frame_waits_for_the_rest_once() {
        let (track, mut end) = track();
        track.try_write(&[7; 100]).unwrap();
        let mut frame = [1; 320];
        assert!(!end.next_frame(&mut frame));
        assert!(end.next_frame(&mut frame));
        assert_eq!((frame[99], frame[100]), (7, 0));
        assert_eq!(track.played(), 100);
    }

    #[tokio::test]
    async fn when_the_other_end_is_gone_nobody_waits_for_ever() {
        let (track, end) = track();
        track.try_write(&[5; 960]).unwrap();
        let writer = tokio::spawn({
            let track = track.clone();
            async move { track.write(&[6; 960]).await }
        });
        tokio::task::yield_now().await;
        drop(end);
        assert_eq!(writer.await.unwrap(), Err(TrackClosed));
        track.drained().await;
        assert_eq!(track.mute().await, Err(RequestError::Left));
    }

    #[test]
    fn a_source_is_asked_when_a_frame_is_due() {
        let mut left = 2;
        let source = Box::new(move |frame: &mut [i16]| {
            frame.fill(3);
            left -= 1;
            left >= 0
        });
        let (track, mut end) = local_track(1, TrackOptions::new("voice"), Some(source), mpsc::channel(1).0);
        let mut frame = [0; 320];
        assert!(end.next_frame(&mut frame) && end.next_frame(&mut frame) && end.next_frame(&mut frame));
        assert_eq!(frame, [0; 320]);
        assert_eq!(track.played(), 640);
    }
}
