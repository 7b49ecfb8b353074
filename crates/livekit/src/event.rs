use std::collections::BTreeMap;

use livekit_protocol as proto;

use crate::{DisconnectReason, RemoteTrack, RpcInvocation};

/// What a participant learns about its room.
#[derive(Debug)]
#[non_exhaustive]
pub enum ParticipantEvent {
    /// The connection was lost; it is being made again. Local tracks wait.
    Reconnecting,
    /// The lost session goes on: nothing else has changed.
    Resumed,
    /// The room was joined anew and the local tracks are published again, under new ids.
    Rejoined,
    /// Somebody is in the room: was already, or has joined.
    Joined(RemoteParticipant),
    /// Somebody has left.
    Left {
        /// Who.
        identity: String,
        /// Why, as far as the server tells.
        reason: DisconnectReason,
    },
    /// Somebody's attributes have changed (`sip.callStatus` and the like).
    AttributesChanged {
        /// Who.
        identity: String,
        /// Those that are new or different, with their values; empty for those that are gone.
        changed: BTreeMap<String, String>,
        /// All that there are now.
        attributes: BTreeMap<String, String>,
    },
    /// Somebody's metadata or name has changed.
    MetadataChanged {
        /// Who.
        identity: String,
        /// The name now.
        name: String,
        /// The metadata now.
        metadata: String,
    },
    /// Somebody publishes a track.
    TrackPublished {
        /// Who.
        identity: String,
        /// What.
        track: TrackInfo,
    },
    /// A track is gone.
    TrackUnpublished {
        /// Whose.
        identity: String,
        /// Its id.
        sid: String,
    },
    /// An audio track is heard from now on.
    TrackSubscribed {
        /// Whose.
        identity: String,
        /// What.
        track: TrackInfo,
        /// Its sound.
        audio: RemoteTrack,
    },
    /// An audio track is no longer heard.
    TrackUnsubscribed {
        /// Whose.
        identity: String,
        /// Its id.
        sid: String,
    },
    /// A track was muted or unmuted.
    TrackMuted {
        /// Whose.
        identity: String,
        /// Its id.
        sid: String,
        /// Which of the two.
        muted: bool,
    },
    /// The server asks for a local track of this id to be muted or unmuted, and it has been.
    LocalTrackMuted {
        /// Its id.
        sid: String,
        /// Which of the two.
        muted: bool,
    },
    /// Who talks, loudest first: all of them.
    ActiveSpeakers(Vec<Speaker>),
    /// A message.
    Data(Data),
    /// A text stream that is complete.
    Text(TextMessage),
    /// A telephone key.
    Dtmf {
        /// Who pressed it.
        identity: String,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// Somebody calls a procedure of ours.
    Rpc(RpcInvocation),
    /// It is over. The last event.
    Disconnected(DisconnectReason),
}

/// Somebody else in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteParticipant {
    /// Who it is: unique in the room.
    pub identity: String,
    /// The id of this stay of theirs.
    pub sid: String,
    /// Their name, for people.
    pub name: String,
    /// What they are.
    pub kind: Kind,
    /// Their metadata.
    pub metadata: String,
    /// Their attributes.
    pub attributes: BTreeMap<String, String>,
}

/// What a participant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A person at an application.
    Standard,
    /// A media stream from outside.
    Ingress,
    /// A recorder.
    Egress,
    /// Somebody at a telephone.
    Sip,
    /// A program that takes part.
    Agent,
    /// Something else.
    Other,
}

/// A published track.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrackInfo {
    /// Its id.
    pub sid: String,
    /// Its name.
    pub name: String,
    /// Whether it is audio (else video or data).
    pub audio: bool,
    /// Whether it is muted.
    pub muted: bool,
    /// Its MIME type.
    pub mime_type: String,
}

/// Somebody who talks.
#[derive(Clone, Debug, PartialEq)]
pub struct Speaker {
    /// Who; ourselves too.
    pub identity: String,
    /// How loud: 0 to 1.
    pub level: f32,
}

/// A message on a data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Who sent it; `None` if the server did.
    pub identity: Option<String>,
    /// What it is about.
    pub topic: Option<String>,
    /// The message.
    pub payload: Vec<u8>,
    /// Whether it came on the reliable channel.
    pub reliable: bool,
}

/// A text stream, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextMessage {
    /// Who sent it.
    pub identity: String,
    /// What it is about: `lk.chat`, `lk.transcription`.
    pub topic: String,
    /// The stream's id.
    pub id: String,
    /// The text.
    pub text: String,
    /// Its attributes: `lk.segment_id` and the like.
    pub attributes: BTreeMap<String, String>,
}

impl From<&proto::ParticipantInfo> for RemoteParticipant {
    fn from(info: &proto::ParticipantInfo) -> Self {
        use proto::participant_info::Kind as Said;
        let kind = match info.kind() {
            Said::Standard => Kind::Standard,
            Said::Ingress => Kind::Ingress,
            Said::Egress => Kind::Egress,
            Said::Sip => Kind::Sip,
            Said::Agent => Kind::Agent,
            _ => Kind::Other,
        };
        Self {
            identity: info.identity.clone(),
            sid: info.sid.clone(),
            name: info.name.clone(),
            kind,
            metadata: info.metadata.clone(),
            attributes: info.attributes.clone().into_iter().collect(),
        }
    }
}

impl From<&proto::TrackInfo> for TrackInfo {
    fn from(info: &proto::TrackInfo) -> Self {
        Self {
            sid: info.sid.clone(),
            name: info.name.clone(),
            audio: info.r#type() == proto::TrackType::Audio,
            muted: info.muted,
            mime_type: info.mime_type.clone(),
        }
    }
}
