use std::time::Instant;

use livekit_protocol::{
    self as proto, leave_request::Action, request_response::Reason, signal_request::Message as Request,
    signal_response::Message as Response,
};
use livekit_signaling::SignalEvent;

use super::{End, Engine, Link};
use crate::{ParticipantEvent, RequestError, event::Speaker, secret::Secret};

impl Engine {
    pub(super) async fn on_signal_event(&mut self, link: &mut Link, event: Option<SignalEvent>) -> Result<(), End> {
        match event {
            Some(SignalEvent::Message(message)) => self.on_signal(link, *message),
            // The stream that a resume replaces says goodbye too: that is no news (pitfall 3).
            Some(SignalEvent::Close(_)) if link.is_resuming() => Ok(()),
            Some(SignalEvent::Close(why)) => {
                tracing::debug!(%why, "the signalling connection was closed");
                self.resume(link, proto::ReconnectReason::RrSignalDisconnected, false);
                Ok(())
            }
            None => Err(End::Lost("signalling has stopped".to_owned())),
        }
    }

    pub(super) fn on_signal(&mut self, link: &mut Link, message: Response) -> Result<(), End> {
        match message {
            Response::Answer(answer) => {
                link.peer.answer(&answer)?;
                self.hear_what_is_sent(link);
                self.confirm_published(link);
            }
            Response::Trickle(trickle) => link.peer.candidate(&trickle.candidate_init)?,
            Response::MediaSectionsRequirement(needed) => {
                link.peer.negotiation().require(needed.num_audios, needed.num_videos);
            }
            Response::Update(update) => self.on_update(link, &update.participants),
            Response::TrackPublished(published) => self.on_track_published(link, published),
            Response::TrackUnpublished(gone) => {
                self.tracks.retain(|track| track.info.as_ref().is_none_or(|info| info.sid != gone.track_sid));
            }
            Response::Mute(mute) => self.on_muted(&mute),
            Response::SpeakersChanged(changed) => self.on_speakers(link, &changed.speakers),
            Response::RequestResponse(answer) => on_request_response(link, answer),
            Response::RefreshToken(token) => self.refreshed = Some(Secret::new(token)),
            Response::Leave(leave) => self.on_leave(link, &leave)?,
            Response::RoomMoved(moved) => self.on_moved(link, moved),
            _ => {}
        }
        Ok(())
    }

    /// The room as it is when we join, or what has changed since.
    pub(super) fn on_update(&mut self, link: &mut Link, participants: &[proto::ParticipantInfo]) {
        let events = self.roster.updated(participants);
        self.after_update(link, events);
    }

    pub(super) fn after_update(&mut self, link: &mut Link, events: Vec<ParticipantEvent>) {
        let videos: Vec<String> = events
            .iter()
            .filter_map(|event| match event {
                ParticipantEvent::TrackPublished { track, .. } if !track.audio => Some(track.sid.clone()),
                _ => None,
            })
            .collect();
        if !videos.is_empty() {
            let refused = proto::UpdateSubscription { track_sids: videos, subscribe: false, ..Default::default() };
            link.outbox.push_back(Request::Subscription(refused));
        }
        for event in &events {
            if let ParticipantEvent::Left { identity, .. } = event {
                self.rpcs.left(identity);
                self.texts.left(identity);
            }
        }
        self.tell_all(events);
        self.hear_what_is_sent(link);
    }

    fn on_track_published(&mut self, link: &mut Link, published: proto::TrackPublishedResponse) {
        let Some(info) = published.track else { return };
        if let Some(track) = self.tracks.iter_mut().find(|track| track.cid == published.cid) {
            track.end.set_sid(Some(info.sid.clone()));
            track.info = Some(info);
        }
        self.confirm_published(link);
        self.send_permissions(link);
    }

    fn on_muted(&mut self, mute: &proto::MuteTrackRequest) {
        let is_it = |info: &proto::TrackInfo| info.sid == mute.sid;
        if let Some(track) = self.tracks.iter_mut().find(|track| track.info.as_ref().is_some_and(is_it)) {
            track.muted = mute.muted;
            self.tell(ParticipantEvent::LocalTrackMuted { sid: mute.sid.clone(), muted: mute.muted });
        }
    }

    fn on_speakers(&mut self, link: &Link, changed: &[proto::SpeakerInfo]) {
        for speaker in changed {
            let own = (speaker.sid == link.own_sid()).then(|| link.own_identity());
            let Some(identity) = own.or_else(|| self.roster.identity_of(&speaker.sid)) else { continue };
            if speaker.active {
                self.speakers.insert(identity.to_owned(), speaker.level);
            } else {
                self.speakers.remove(identity);
            }
        }
        let talking = self.speakers.iter().map(|(who, &level)| Speaker { identity: who.clone(), level });
        let mut talking: Vec<Speaker> = talking.collect();
        talking.sort_by(|a, b| b.level.total_cmp(&a.level));
        self.tell(ParticipantEvent::ActiveSpeakers(talking));
    }

    fn on_leave(&mut self, link: &mut Link, leave: &proto::LeaveRequest) -> Result<(), End> {
        let reason = leave.reason();
        tracing::debug!(?reason, action = ?leave.action(), "the server sends us away");
        match leave.action() {
            Action::Resume => {
                // Without an ICE restart such a session never comes back.
                self.resume(link, proto::ReconnectReason::RrUnknown, true);
                Ok(())
            }
            Action::Reconnect => Err(End::Lost(format!("the server asks for a new session ({reason:?})"))),
            // A server that restarts will be back, and the room with it.
            Action::Disconnect if reason == proto::DisconnectReason::ServerShutdown => {
                Err(End::Lost("the server stops".to_owned()))
            }
            Action::Disconnect => Err(End::Left(reason.into())),
        }
    }

    fn on_moved(&mut self, link: &mut Link, moved: proto::RoomMovedResponse) {
        if !moved.token.is_empty() {
            self.refreshed = Some(Secret::new(moved.token));
        }
        link.join.room = moved.room.or(link.join.room.take());
        link.join.participant = moved.participant.or(link.join.participant.take());
        let own = link.own_sid().to_owned();
        let events = self.roster.joined(&own, &moved.other_participants);
        self.after_update(link, events);
    }

    /// What has no timer of its own.
    pub(super) fn keep_house(&mut self, link: &mut Link, now: Instant) -> Result<(), End> {
        self.give_up_publishing(now);
        self.rpcs.expire(now);
        self.texts.expire(now);
        self.watch(link, now)
    }
}

fn on_request_response(link: &mut Link, answer: proto::RequestResponse) {
    let Some(waiting) = link.requests.remove(&answer.request_id) else { return };
    let said = match answer.reason() {
        Reason::Ok => Ok(()),
        Reason::Queued => {
            link.requests.insert(answer.request_id, waiting);
            return;
        }
        reason => Err(RequestError::Refused(format!("{reason:?}: {}", answer.message))),
    };
    let _ = waiting.send(said);
}
