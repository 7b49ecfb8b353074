//! What the agent, or the watcher, learns of the room.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::mpsc;
use warmline_call::{Left, LeftCause};
use warmline_livekit::{DisconnectReason, Kind, ParticipantEvent as Event, RemoteParticipant, RemoteTrack};
use warmline_telephony::Health;

use super::{Shared, state::Ids};
use crate::{
    cause,
    identity::{self, Place},
};

/// Who of us learns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Agent,
    Watcher,
    /// The agent in a consult's own room.
    Consult,
}

impl Who {
    fn place(self) -> Place {
        if self == Self::Consult { Place::Consult } else { Place::Call }
    }
}

/// Follows a participant of ours until it is out of the room.
pub(super) async fn follow(shared: Arc<Shared>, mut events: mpsc::Receiver<Event>, who: Who) {
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = shared.over.cancelled() => return,
        };
        match event {
            Some(Event::Disconnected(reason)) => return shared.lost(who, &reason),
            Some(event) => shared.on_event(event, who.place()),
            None => return,
        }
    }
}

impl Shared {
    fn on_event(self: &Arc<Self>, event: Event, place: Place) {
        match event {
            Event::Joined(participant) => self.joined(&participant, place),
            Event::AttributesChanged { identity, attributes, .. } => self.status(&identity, &attributes),
            Event::TrackPublished { identity, track } if track.audio => self.published((place, identity), track.sid),
            Event::TrackUnpublished { identity, sid } => {
                if let Some(tracks) = self.lock().published.get_mut(&(place, identity)) {
                    tracks.retain(|known| *known != sid);
                }
            }
            Event::TrackSubscribed { identity, audio, .. } => self.listen_to(identity, place, audio),
            // The room was joined anew and they are not there yet, or no more: that is to be looked up.
            Event::Left { identity, reason: DisconnectReason::Unknown } => {
                self.lock().published.remove(&(place, identity));
                self.look_soon();
            }
            Event::Left { identity, reason } => self.gone(&identity, place, &reason),
            Event::Dtmf { identity, digit } => {
                if let Some(leg) = self.lock().leg(&identity).filter(|leg| leg.is_answered()) {
                    leg.line.key(digit);
                }
            }
            Event::Reconnecting => {
                tracing::warn!(call = %self.call, "the connection to LiveKit was lost; trying again");
                self.health.send_replace(Health::Degraded);
            }
            Event::Resumed | Event::Rejoined => {
                tracing::info!(call = %self.call, "the connection to LiveKit is back");
                self.health.send_replace(Health::Good);
                self.look_soon();
                self.keep_apart_closely();
            }
            _ => {}
        }
    }

    pub(super) fn joined(self: &Arc<Self>, participant: &RemoteParticipant, place: Place) {
        let mut state = self.lock();
        let closed = state.closed;
        match state.leg(&participant.identity) {
            // The other of two rooms, on the way from one to the other.
            Some(leg) if leg.place != place => {}
            Some(leg) => {
                let sip_call = participant.attributes.get("sip.callID").cloned().unwrap_or_default();
                leg.is_there(Ids { participant: participant.sid.clone(), sip_call });
                drop(state);
                self.status(&participant.identity, &participant.attributes);
            }
            // A leg of this call that nobody waits for any more.
            None if participant.kind == Kind::Sip
                && !closed
                && identity::leg_of(&self.call, &participant.identity).is_some() =>
            {
                drop(state);
                tokio::spawn(Arc::clone(self).remove(place, participant.identity.clone()));
            }
            None => {}
        }
    }

    pub(super) fn status(self: &Arc<Self>, identity: &str, attributes: &BTreeMap<String, String>) {
        match attributes.get("sip.callStatus").map(String::as_str) {
            Some("ringing") => {
                if let Some(leg) = self.lock().leg(identity) {
                    leg.ringing();
                }
            }
            Some("active") => self.answered(identity),
            _ => {}
        }
    }

    pub(super) fn published(self: &Arc<Self>, (place, identity): (Place, String), sid: String) {
        let mut state = self.lock();
        let is_leg = state.leg(&identity).is_some();
        let tracks = state.published.entry((place, identity)).or_default();
        if !tracks.contains(&sid) {
            tracks.push(sid);
        }
        drop(state);
        if is_leg {
            self.keep_apart_closely();
        }
    }

    /// A later stream of a leg takes over from an earlier one.
    fn listen_to(self: &Arc<Self>, identity: String, place: Place, mut audio: RemoteTrack) {
        let mut state = self.lock();
        state.streams += 1;
        let stream = state.streams;
        let Some(leg) = state.leg(&identity).filter(|leg| leg.place == place || place == Place::Call) else { return };
        leg.stream = stream;
        drop(state);
        self.heard.notify_waiters();
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let frame = tokio::select! {
                    frame = audio.next_frame() => frame,
                    () = shared.over.cancelled() => return,
                };
                let Some(frame) = frame else { return };
                match shared.lock().leg(&identity) {
                    Some(leg) if leg.stream >= stream => leg.hears(stream, frame),
                    _ => return,
                }
            }
        });
    }

    /// We are out of the room, for good.
    fn lost(self: &Arc<Self>, who: Who, reason: &DisconnectReason) {
        let mut state = self.lock();
        if who == Who::Watcher {
            // It comes back by itself; the call does not depend on it.
            state.watcher = None;
            drop(state);
            return self.look_soon();
        }
        let ours = if who == Who::Consult { state.consult.take().is_some() } else { state.agent.take().is_some() };
        if state.closed || !ours {
            return;
        }
        // Without the agent at the customer's there is no call.
        let legs = state.legs.iter().filter(|leg| who == Who::Agent || leg.place == Place::Consult);
        let legs: Vec<(String, Place, bool)> =
            legs.map(|leg| (leg.identity.clone(), leg.place, leg.is_answered())).collect();
        let merged = state.agent_left;
        drop(state);
        tracing::warn!(call = %self.call, %reason, "the agent is out of the room");
        if merged {
            return self.look_soon();
        }
        // Another program of ours has taken over: room and legs are its own.
        let taken_over = *reason == DisconnectReason::DuplicateIdentity;
        if taken_over {
            self.lock().closed = true;
            self.over.cancel();
        }
        let room_gone = matches!(reason, DisconnectReason::RoomDeleted | DisconnectReason::RoomClosed);
        for (identity, place, answered) in legs {
            if room_gone {
                self.finish(&identity, cause::of_reason(reason, answered));
            } else {
                self.finish(&identity, Left { cause: LeftCause::MediaLost, sip_status: None });
                if !taken_over {
                    tokio::spawn(Arc::clone(self).remove(place, identity));
                }
            }
        }
    }
}
