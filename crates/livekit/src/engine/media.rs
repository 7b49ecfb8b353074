use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use livekit_protocol::{self as proto, signal_request::Message as Request};
use tokio::sync::oneshot;

use super::{End, Engine, Link};
use crate::{
    ParticipantEvent, RequestError,
    audio::{AudioReceiver, AudioSender},
    track::{LocalEnd, RemoteEnd, TrackId, remote_track},
};

/// How long the server may take to publish a track.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);

/// Samples in 20 ms at the highest rate.
const LONGEST_FRAME: usize = 960;

/// What is sent is fetched so long after what is heard was handed over: an answer to it (silence, where somebody breaks in)
/// does not wait for the next frame.
const REACTION: Duration = Duration::from_millis(8);

/// One of our tracks.
pub(crate) struct Publication {
    pub(super) end: LocalEnd,
    pub(super) sender: AudioSender,
    /// What the server knows it by until it gives it an id of its own.
    pub(super) cid: String,
    pub(super) muted: bool,
    /// Set once the server has published it; `None` again while the room is joined anew.
    pub(super) info: Option<proto::TrackInfo>,
    pub(super) asked: Option<(oneshot::Sender<Result<(), RequestError>>, Instant)>,
}

/// A track of somebody's that we hear.
pub(crate) struct Reception {
    identity: String,
    receiver: AudioReceiver,
    end: RemoteEnd,
    started: bool,
}

impl Engine {
    /// Asks the server to publish a track.
    #[allow(deprecated, reason = "servers of today still go by these flags")]
    pub(super) fn announce(link: &mut Link, track: &Publication) {
        let options = track.end.options();
        link.outbox.push_back(Request::AddTrack(proto::AddTrackRequest {
            cid: track.cid.clone(),
            name: options.name.clone(),
            r#type: proto::TrackType::Audio as i32,
            source: proto::TrackSource::Microphone as i32,
            muted: track.muted,
            disable_dtx: true,
            ..proto::AddTrackRequest::default()
        }));
        link.peer.negotiation().wants().publish.push(track.cid.clone());
    }

    /// Tells whoever published a track once it can be heard.
    pub(super) fn confirm_published(&mut self, link: &mut Link) {
        for track in &mut self.tracks {
            if track.info.is_some()
                && link.peer.way_out(&track.cid).is_some()
                && let Some((reply, _)) = track.asked.take()
            {
                let _ = reply.send(Ok(()));
            }
        }
    }

    pub(super) fn give_up_publishing(&mut self, now: Instant) {
        let late = |track: &mut Publication| {
            track.asked.take_if(|(_, asked)| now.saturating_duration_since(*asked) > PUBLISH_TIMEOUT)
        };
        self.tracks.retain_mut(|track| match late(track) {
            Some((reply, _)) => {
                let _ = reply.send(Err(RequestError::Timeout));
                false
            }
            None => true,
        });
    }

    pub(super) fn track_mut(&mut self, id: TrackId) -> Option<&mut Publication> {
        self.tracks.iter_mut().find(|track| track.end.id() == id)
    }

    /// Hands over what is heard, 20 ms or several times that.
    pub(super) fn hear_frames(&mut self, now: Instant) {
        for _ in 0..self.hearing.due(now).frames {
            for heard in self.heard.values_mut().filter(|heard| heard.started) {
                let frame = heard.receiver.next_frame(now);
                heard.end.hear(&frame, heard.receiver.stats());
            }
        }
    }

    /// Sends what is due, 20 ms or several times that.
    pub(super) fn send_frames(&mut self, link: &mut Link, now: Instant) -> Result<(), End> {
        let due = self.sending.due(now);
        if due.skipped > 0 {
            tracing::debug!(frames = due.skipped, "the task was held up: frames were left out");
            self.tracks.iter_mut().for_each(|track| track.sender.skip(due.skipped));
        }
        for _ in 0..due.frames {
            self.send_frame(link, now)?;
        }
        Ok(())
    }

    fn send_frame(&mut self, link: &mut Link, now: Instant) -> Result<(), End> {
        let mut pcm = [0; LONGEST_FRAME];
        let mut sent = false;
        for track in &mut self.tracks {
            let ready = link.peer.is_connected() && track.info.is_some() && !track.muted;
            let Some(way) = link.peer.way_out(&track.cid).filter(|_| ready) else {
                track.sender.skip(1);
                continue;
            };
            let pcm = &mut pcm[..track.end.frame_samples()];
            if !track.end.next_frame(pcm) {
                track.sender.skip(1);
                continue;
            }
            match track.sender.encode(pcm, way.red.map(|_| way.opus)) {
                Ok(frame) => {
                    link.peer.write_audio(way.mid, way.red.unwrap_or(way.opus), now, &frame);
                    sent = true;
                }
                Err(error) => tracing::warn!(%error, "a frame could not be encoded"),
            }
        }
        if sent {
            link.peer.handle_timeout(now)?;
            link.peer.drain(&mut self.happened)?;
        }
        Ok(())
    }

    pub(super) fn on_rtp(&mut self, track: &str, ssrc: u32, timestamp: u32, payload: &Arc<[u8]>, red: bool) {
        let Some(heard) = self.heard.get_mut(track) else { return };
        heard.started = true;
        heard.receiver.packet(Instant::now(), ssrc, timestamp, payload, red);
        // Who is heard alone does not wait for a grid that was there before.
        if let Some(due) = heard.receiver.begins()
            && self.heard.values().filter(|heard| heard.started).count() == 1
        {
            self.hearing.align(due);
            self.sending.align(due + REACTION);
        }
    }

    /// Hears the tracks that the server sends us, and no others. Called when it has said which, or whose they are.
    pub(super) fn hear_what_is_sent(&mut self, link: &mut Link) {
        let sent = link.peer.negotiation().sent_tracks();
        let is_sent = |sid: &Arc<str>| sent.contains(sid);
        let gone: Vec<_> = self.heard.keys().filter(|sid| !is_sent(sid)).cloned().collect();
        for sid in gone {
            self.stop_hearing(&sid);
        }
        for sid in sent {
            self.start_hearing(&sid);
        }
    }

    /// Begins to hear a track, if it is known to be somebody's audio.
    fn start_hearing(&mut self, sid: &str) {
        if self.heard.contains_key(sid) {
            return;
        }
        let Some((identity, track)) = self.roster.track(sid).filter(|(_, track)| track.audio) else { return };
        let (identity, track) = (identity.to_owned(), track.clone());
        let receiver = match AudioReceiver::new(self.options.jitter) {
            Ok(receiver) => receiver,
            Err(error) => {
                tracing::warn!(%error, "no decoder: a track is not heard");
                return;
            }
        };
        let (audio, end) = remote_track(sid);
        let reception = Reception { identity: identity.clone(), receiver, end, started: false };
        self.heard.insert(sid.into(), reception);
        self.tell(ParticipantEvent::TrackSubscribed { identity, track, audio });
    }

    fn stop_hearing(&mut self, sid: &str) {
        if let Some(heard) = self.heard.remove(sid) {
            self.tell(ParticipantEvent::TrackUnsubscribed { identity: heard.identity, sid: sid.to_owned() });
        }
    }
}
