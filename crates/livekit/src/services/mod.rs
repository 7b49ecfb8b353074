//! The server's API: rooms, participants, subscriptions, dialling, webhooks. A thin, typed layer over livekit-api with errors
//! that people understand.

mod dial;
mod error;
mod webhook;

use std::{collections::HashMap, fmt, time::Duration};

use livekit_api::services::{
    room::{CreateRoomOptions, RoomClient, UpdateParticipantOptions},
    sip::{ListSIPOutboundTrunkFilter, SIPClient},
};
use livekit_protocol as proto;

pub use dial::{Dial, DialFailure, Dialled};
pub use error::ServiceError;
pub use webhook::{Webhook, WebhookError, Webhooks};

use crate::{RemoteParticipant, Secret, engine::install_tls_provider, event::TrackInfo};

/// How long a request may take that dials nobody.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The key of a LiveKit project and where its server is.
#[derive(Clone, Debug)]
pub struct Project {
    /// The server: `ws://`, `wss://`, `http://` or `https://`.
    pub url: String,
    /// The API key.
    pub key: String,
    /// The API secret.
    pub secret: Secret,
}

/// The server's API for one project.
pub struct Services {
    project: Project,
    rooms: RoomClient,
    sip: SIPClient,
}

/// How to create a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRoom {
    /// Its name.
    pub name: String,
    /// Its metadata.
    pub metadata: String,
    /// How long it stays open while nobody has joined; the server's default if zero.
    pub empty_timeout: Duration,
    /// How long it stays open after the last one has left; the server's default if zero.
    pub departure_timeout: Duration,
    /// How many may join; as many as like if zero.
    pub most_participants: u32,
}

/// A room.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Room {
    /// Its name.
    pub name: String,
    /// Its id.
    pub sid: String,
    /// Its metadata.
    pub metadata: String,
    /// How many are in it.
    pub participants: u32,
}

/// Somebody in a room, with what they publish.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Who.
    pub participant: RemoteParticipant,
    /// Their tracks.
    pub tracks: Vec<TrackInfo>,
}

/// A trunk over which calls go out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trunk {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The carrier's host.
    pub address: String,
    /// The numbers that it calls from.
    pub numbers: Vec<String>,
}

impl Services {
    /// The API of that project. Nothing is sent yet.
    #[must_use]
    pub fn new(project: Project) -> Self {
        install_tls_provider();
        let (url, key, secret) = (project.url.as_str(), project.key.as_str(), project.secret.expose());
        let rooms = RoomClient::with_api_key(url, key, secret).with_request_timeout(TIMEOUT);
        // A request that is sent again in another region would dial twice.
        let sip = SIPClient::with_api_key(url, key, secret).with_request_timeout(TIMEOUT).with_failover(false);
        Self { project, rooms, sip }
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Creates a room; if there is one of that name, it is that one.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn create_room(&self, room: NewRoom) -> Result<Room, ServiceError> {
        let options = CreateRoomOptions {
            metadata: room.metadata,
            empty_timeout: seconds(room.empty_timeout),
            departure_timeout: seconds(room.departure_timeout),
            max_participants: room.most_participants,
            ..CreateRoomOptions::default()
        };
        Ok(self.rooms.create_room(&room.name, options).await?.into())
    }

    /// The open rooms: those named, or all if nobody is.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn list_rooms(&self, names: Vec<String>) -> Result<Vec<Room>, ServiceError> {
        Ok(self.rooms.list_rooms(names).await?.into_iter().map(Room::from).collect())
    }

    /// Closes a room: everybody is out, calls are hung up.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if there is none.
    pub async fn delete_room(&self, room: &str) -> Result<(), ServiceError> {
        Ok(self.rooms.delete_room(room).await?)
    }

    /// Who is in a room.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn list_participants(&self, room: &str) -> Result<Vec<Member>, ServiceError> {
        Ok(self.rooms.list_participants(room).await?.iter().map(Member::from).collect())
    }

    /// One of a room.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if they are not there.
    pub async fn participant(&self, room: &str, identity: &str) -> Result<Member, ServiceError> {
        Ok((&self.rooms.get_participant(room, identity).await?).into())
    }

    /// Takes somebody out of a room; a call is hung up.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if they are not there.
    pub async fn remove_participant(&self, room: &str, identity: &str) -> Result<(), ServiceError> {
        Ok(self.rooms.remove_participant(room, identity).await?)
    }

    /// Lets somebody hear these tracks, or no longer. Saying it again changes nothing.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if they are not there.
    pub async fn update_subscriptions(
        &self,
        room: &str,
        identity: &str,
        track_sids: Vec<String>,
        subscribe: bool,
    ) -> Result<(), ServiceError> {
        Ok(self.rooms.update_subscriptions(room, identity, track_sids, subscribe).await?)
    }

    /// Sets attributes of somebody's; others stay.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if they are not there.
    pub async fn update_attributes(
        &self,
        room: &str,
        identity: &str,
        attributes: HashMap<String, String>,
    ) -> Result<Member, ServiceError> {
        let options = UpdateParticipantOptions { attributes, ..UpdateParticipantOptions::default() };
        Ok((&self.rooms.update_participant(room, identity, options).await?).into())
    }

    /// Moves somebody to another room. Only LiveKit Cloud can.
    ///
    /// # Errors
    /// [`ServiceError::NotImplemented`] from a server of one's own.
    pub async fn move_participant(&self, room: &str, identity: &str, to: &str) -> Result<(), ServiceError> {
        Ok(self.rooms.move_participant(room, identity, to).await?)
    }

    /// The trunks over which calls go out.
    ///
    /// # Errors
    /// [`ServiceError::NoSip`] if the server has no SIP service.
    pub async fn list_outbound_trunks(&self) -> Result<Vec<Trunk>, ServiceError> {
        let trunks = self.sip.list_sip_outbound_trunk(ListSIPOutboundTrunkFilter::All).await?;
        Ok(trunks.into_iter().map(Trunk::from).collect())
    }

    /// Dials somebody into a room. Who is called is in the room before the phone rings; with `wait_until_answered` this
    /// comes back when it is answered or never will be, else at once.
    ///
    /// # Errors
    /// [`ServiceError::Dial`] with the reason, when it was waited for.
    pub async fn dial(&self, dial: Dial) -> Result<Dialled, ServiceError> {
        let (trunk, to, room) = (dial.trunk.clone(), dial.to.clone(), dial.room.clone());
        match self.sip.create_sip_participant(trunk, to, room, dial.into_options(), None).await {
            Ok(info) => Ok(info.into()),
            Err(error) => Err(dial::failure(&error).map_or_else(|| error.into(), ServiceError::Dial)),
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").field("project", &self.project).finish_non_exhaustive()
    }
}

impl From<proto::Room> for Room {
    fn from(room: proto::Room) -> Self {
        Self { name: room.name, sid: room.sid, metadata: room.metadata, participants: room.num_participants }
    }
}

impl From<&proto::ParticipantInfo> for Member {
    fn from(info: &proto::ParticipantInfo) -> Self {
        Self { participant: info.into(), tracks: info.tracks.iter().map(TrackInfo::from).collect() }
    }
}

impl From<proto::SipOutboundTrunkInfo> for Trunk {
    fn from(trunk: proto::SipOutboundTrunkInfo) -> Self {
        Self { id: trunk.sip_trunk_id, name: trunk.name, address: trunk.address, numbers: trunk.numbers }
    }
}

/// Whole seconds, rounded up: a short time must not become the default.
fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_does_not_print_its_secret() {
        let project = Project { url: "ws://x".to_owned(), key: "key".to_owned(), secret: Secret::new("hush-hush") };
        assert!(!format!("{project:?} {:?}", Services::new(project.clone())).contains("hush"));
    }

    #[test]
    fn short_times_are_not_the_default() {
        assert_eq!(
            (seconds(Duration::ZERO), seconds(Duration::from_millis(1)), seconds(Duration::from_secs(9))),
            (0, 1, 9)
        );
    }
}
