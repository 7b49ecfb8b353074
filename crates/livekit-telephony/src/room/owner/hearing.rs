//! What our participants learn of their rooms.

use std::{pin::pin, sync::Arc};

use futures::{StreamExt, stream};
use warmline_livekit::{ParticipantEvent as Event, RemoteTrack};

use super::Owner;
use crate::room::{
    machine::{Input, Present, Who},
    ours::Events,
};

impl Owner {
    pub(in crate::room) fn follow(&mut self, who: Who, events: Events) {
        let events =
            stream::unfold(events, |mut events| async move { events.recv().await.map(|event| (event, events)) });
        self.events.push(events.map(move |event| (who, event)).boxed());
    }

    pub(super) fn on_event(&mut self, who: Who, event: Event) {
        let place = who.place();
        let input = match event {
            Event::Joined(participant) => Input::Joined { place, who: Present::from(&participant) },
            Event::AttributesChanged { identity, attributes, .. } => match attributes.get("sip.callStatus") {
                Some(status) => Input::Status { identity, status: status.clone() },
                None => return,
            },
            Event::TrackPublished { identity, track } if track.audio => {
                Input::Published { place, identity, track: track.sid }
            }
            Event::TrackUnpublished { identity, sid } => Input::Unpublished { place, identity, track: sid },
            Event::TrackSubscribed { identity, audio, .. } => return self.listen_to(identity, who, audio),
            Event::Left { identity, reason } => Input::Left { place, identity, reason },
            Event::Dtmf { identity, digit } => return self.requests.sound.lines.key(&identity, digit),
            Event::Reconnecting => Input::Reconnecting,
            Event::Resumed | Event::Rejoined => Input::Reconnected,
            Event::Disconnected(reason) => {
                match who {
                    Who::Agent if self.ours.agent.take().is_none() => return,
                    Who::Consult if self.ours.consult.take().is_none() => return,
                    Who::Watcher => self.ours.watcher = None,
                    Who::Agent | Who::Consult => {}
                }
                Input::Lost(who, reason)
            }
            _ => return,
        };
        self.tell(input);
    }

    /// A later stream of a leg takes over from an earlier one.
    fn listen_to(&mut self, identity: String, who: Who, mut audio: RemoteTrack) {
        if !self.machine.is_in(&identity, who.place()) {
            return;
        }
        let Some(stream) = self.requests.sound.lines.new_stream(&identity) else { return };
        let (sound, over, listened) = (Arc::clone(&self.requests.sound), self.over.clone(), identity.clone());
        tokio::spawn(async move {
            let mut over = pin!(over.cancelled());
            loop {
                let frame = tokio::select! {
                    frame = audio.next_frame() => frame,
                    () = &mut over => return,
                };
                let Some(frame) = frame else { return };
                if !sound.lines.hears(&listened, stream, frame) {
                    return;
                }
            }
        });
        if who == Who::Watcher {
            self.tell(Input::Overheard(identity));
        }
    }
}
