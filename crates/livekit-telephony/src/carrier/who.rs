//! Who a leg is on the server, and its being in a room.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use livekit_api::access_token::{AccessToken, VideoGrants};
use livekit_protocol as proto;
use tokio::sync::mpsc;
use warmline_livekit::{AutoSubscribe, Options, Participant, ParticipantEvent, TokenSource, TrackOptions};

use super::{Inner, lock, relay::Relay};
use crate::tap::Tap;

/// How a leg is known on the server; another room of it is joined as the same.
#[derive(Clone)]
pub(super) struct Who {
    pub(super) identity: String,
    name: String,
    pub(super) attributes: HashMap<String, String>,
}

/// A participant in a room, as a leg.
pub(super) struct Joined {
    pub(super) participant: Participant,
    pub(super) events: mpsc::Receiver<ParticipantEvent>,
    pub(super) relay: Relay,
    /// What the phone says, until it is fetched to be sent.
    pub(super) microphone: Arc<Mutex<Tap>>,
}

impl Joined {
    pub(super) async fn as_who(inner: &Inner, who: &Who, room: &str) -> Result<Self, String> {
        let url = inner.services.project().url.clone();
        let relay = Relay::start(url).await.map_err(|error| error.to_string())?;
        let mut options = Options::with_source(relay.url(), who.token(inner, room));
        options.subscribe = AutoSubscribe::Nothing;
        let joined = Participant::connect(options).await;
        let (participant, events) = joined.map_err(|error| error.to_string())?;
        let microphone = Arc::<Mutex<Tap>>::default();
        let source = source(Arc::clone(&microphone));
        let published = participant.publish_source(TrackOptions::new("sip-audio"), source).await;
        published.map_err(|error| error.to_string())?;
        Ok(Self { participant, events, relay, microphone })
    }
}

impl Who {
    pub(super) fn dialled(inner: &Inner, request: &proto::CreateSipParticipantRequest, call_id: &str) -> Self {
        let own = [
            ("sip.callStatus", "dialing"),
            ("sip.callID", call_id),
            ("sip.phoneNumber", &request.sip_call_to),
            ("sip.trunkPhoneNumber", &inner.from_number),
            ("sip.trunkID", &inner.trunk),
            ("sip.hostname", "carrier.invalid"),
        ];
        let mut attributes = request.participant_attributes.clone();
        attributes.extend(own.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let (identity, name) = (request.participant_identity.clone(), request.participant_name.clone());
        Self { identity, name, attributes }
    }

    fn token(&self, inner: &Inner, room: &str) -> TokenSource {
        let project = inner.services.project();
        let grants = VideoGrants {
            room_join: true,
            room: room.to_owned(),
            can_update_own_metadata: Some(true),
            ..VideoGrants::default()
        };
        let token = AccessToken::with_api_key(&project.key, project.secret.expose())
            .with_identity(&self.identity)
            .with_name(&self.name)
            .with_kind("sip")
            .with_attributes(self.attributes.clone())
            .with_grants(grants);
        TokenSource::fresh(move || {
            let made = token.clone().to_jwt();
            async move { made.map(Into::into).map_err(|error| error.to_string()) }
        })
    }
}

/// What is sent: silence until there is something to say.
fn source(microphone: Arc<Mutex<Tap>>) -> impl FnMut(&mut [i16]) -> bool + Send + 'static {
    move |frame| match lock(&microphone).next() {
        Some(said) => {
            frame.copy_from_slice(&said);
            true
        }
        None => false,
    }
}
