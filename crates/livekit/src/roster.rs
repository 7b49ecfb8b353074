//! Who is in the room, and what changed: a fold over the server's updates. No IO.

use std::collections::BTreeMap;

use livekit_protocol as proto;

use crate::{DisconnectReason, ParticipantEvent, RemoteParticipant, event::TrackInfo};

/// The others in the room.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// By identity.
    others: BTreeMap<String, Other>,
    own_sid: String,
}

#[derive(Debug)]
struct Other {
    participant: RemoteParticipant,
    version: u32,
    tracks: Vec<TrackInfo>,
}

impl Roster {
    /// We have joined: `others` is everybody else. Whoever is not among them any more has left meanwhile.
    pub(crate) fn joined(&mut self, own_sid: &str, others: &[proto::ParticipantInfo]) -> Vec<ParticipantEvent> {
        own_sid.clone_into(&mut self.own_sid);
        let mut events = Vec::new();
        let here = |identity: &String| others.iter().any(|other| &other.identity == identity);
        let gone: Vec<String> = self.others.keys().filter(|identity| !here(identity)).cloned().collect();
        for identity in gone {
            self.leave(&identity, DisconnectReason::Unknown, &mut events);
        }
        // Versions count anew with the server's memory of the room.
        self.others.values_mut().for_each(|other| other.version = 0);
        for other in others {
            self.update(other, &mut events);
        }
        events
    }

    /// The server's news of participants.
    pub(crate) fn updated(&mut self, infos: &[proto::ParticipantInfo]) -> Vec<ParticipantEvent> {
        let mut events = Vec::new();
        for info in infos {
            if info.sid != self.own_sid {
                self.update(info, &mut events);
            }
        }
        events
    }

    /// Everybody's tracks: whose and what.
    pub(crate) fn track(&self, sid: &str) -> Option<(&str, &TrackInfo)> {
        self.tracks().find(|(_, track)| track.sid == sid)
    }

    pub(crate) fn tracks(&self) -> impl Iterator<Item = (&str, &TrackInfo)> {
        self.others.values().flat_map(|o| o.tracks.iter().map(|track| (o.participant.identity.as_str(), track)))
    }

    /// Who has this participant id.
    pub(crate) fn identity_of(&self, sid: &str) -> Option<&str> {
        self.others.values().map(|other| &other.participant).find(|p| p.sid == sid).map(|p| p.identity.as_str())
    }

    fn update(&mut self, info: &proto::ParticipantInfo, events: &mut Vec<ParticipantEvent>) {
        let known = self.others.get(&info.identity);
        if info.state() == proto::participant_info::State::Disconnected {
            // The end of an earlier stay says nothing about this one.
            if known.is_some_and(|other| other.participant.sid == info.sid) {
                self.leave(&info.identity, info.disconnect_reason().into(), events);
            }
            return;
        }
        match known {
            Some(other) if other.participant.sid == info.sid && other.version > info.version => return,
            Some(other) if other.participant.sid != info.sid => {
                self.leave(&info.identity, DisconnectReason::Unknown, events);
            }
            _ => {}
        }
        let now = RemoteParticipant::from(info);
        let other = self.others.entry(info.identity.clone()).or_insert_with(|| {
            events.push(ParticipantEvent::Joined(now.clone()));
            Other { participant: now.clone(), version: info.version, tracks: Vec::new() }
        });
        other.version = info.version;
        other.change(now, events);
        other.retrack(info.tracks.iter().map(TrackInfo::from).collect(), events);
    }

    fn leave(&mut self, identity: &str, reason: DisconnectReason, events: &mut Vec<ParticipantEvent>) {
        if let Some(mut other) = self.others.remove(identity) {
            other.retrack(Vec::new(), events);
            events.push(ParticipantEvent::Left { identity: identity.to_owned(), reason });
        }
    }
}

impl Other {
    fn change(&mut self, now: RemoteParticipant, events: &mut Vec<ParticipantEvent>) {
        let before = std::mem::replace(&mut self.participant, now);
        let now = &self.participant;
        if before.attributes != now.attributes {
            let fresh = now.attributes.iter().filter(|(key, value)| before.attributes.get(*key) != Some(value));
            let gone = before.attributes.keys().filter(|key| !now.attributes.contains_key(*key));
            let changed = fresh.map(|(k, v)| (k.clone(), v.clone())).chain(gone.map(|k| (k.clone(), String::new())));
            events.push(ParticipantEvent::AttributesChanged {
                identity: now.identity.clone(),
                changed: changed.collect(),
                attributes: now.attributes.clone(),
            });
        }
        if before.name != now.name || before.metadata != now.metadata {
            events.push(ParticipantEvent::MetadataChanged {
                identity: now.identity.clone(),
                name: now.name.clone(),
                metadata: now.metadata.clone(),
            });
        }
    }

    fn retrack(&mut self, now: Vec<TrackInfo>, events: &mut Vec<ParticipantEvent>) {
        let identity = &self.participant.identity;
        let before = std::mem::replace(&mut self.tracks, now);
        for gone in before.iter().filter(|track| !self.tracks.iter().any(|t| t.sid == track.sid)) {
            events.push(ParticipantEvent::TrackUnpublished { identity: identity.clone(), sid: gone.sid.clone() });
        }
        for track in &self.tracks {
            match before.iter().find(|t| t.sid == track.sid) {
                None => {
                    events.push(ParticipantEvent::TrackPublished { identity: identity.clone(), track: track.clone() })
                }
                Some(old) if old.muted != track.muted => events.push(ParticipantEvent::TrackMuted {
                    identity: identity.clone(),
                    sid: track.sid.clone(),
                    muted: track.muted,
                }),
                Some(_) => {}
            }
        }
    }
}

#[cfg(test)]
#[path = "roster_tests.rs"]
mod tests;
