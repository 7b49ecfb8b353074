//! Those of us who are in the rooms: the agent with the tracks on which it speaks, and the hidden watcher.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::timeout};
use warmline_call::{CallId, LegRef};
use warmline_livekit::{
    LocalTrack, Participant, ParticipantEvent, RequestError, SubscriptionPermissions, TrackOptions,
};
use warmline_telephony::OpenError;

use super::{machine::Permit, sound::Sound};
use crate::{backend::Backend, identity::Place};

/// How long the watcher may take to join.
const WATCHER: Duration = Duration::from_secs(5);

/// What somebody of us learns of the room.
pub(super) type Events = mpsc::Receiver<ParticipantEvent>;

/// Those of us who are there. Dropped, they leave.
#[derive(Debug, Default)]
pub(super) struct Ours {
    pub(super) agent: Option<Arc<Participant>>,
    /// The agent's tracks: for the customer, and for the supervisor.
    pub(super) tracks: Option<[LocalTrack; 2]>,
    /// The agent where a supervisor is consulted in a room of its own.
    pub(super) consult: Option<Consult>,
    pub(super) watcher: Option<Participant>,
}

/// The agent in a consult's own room.
#[derive(Clone, Debug)]
pub(super) struct Consult {
    pub(super) agent: Arc<Participant>,
    pub(super) track: LocalTrack,
}

/// Lets the agent join the customer's room. Nothing is said on its tracks before it is settled whom they are for.
pub(super) async fn enter(
    backend: &Backend,
    call: &CallId,
    sound: &Sound,
    somebody: bool,
) -> Result<(Ours, Events), OpenError> {
    let (agent, events) = join(backend, call, Place::Call).await?;
    let publishing = async {
        be_heard_by_nobody(&agent, somebody).await?;
        let source = |leg| sound.mouthpiece(leg).source(Place::Call);
        tokio::try_join!(
            agent.publish_source(TrackOptions::new("customer"), source(LegRef::Customer)),
            agent.publish_source(TrackOptions::new("supervisor"), source(LegRef::Supervisor(1))),
        )
    };
    let (customer, supervisor) = publishing.await.map_err(not_published)?;
    let tracks = Some([customer, supervisor]);
    Ok((Ours { agent: Some(Arc::new(agent)), tracks, ..Ours::default() }, events))
}

/// Lets the agent join the consult's room.
pub(super) async fn enter_consult(
    backend: &Backend,
    call: &CallId,
    sound: &Sound,
    somebody: bool,
) -> Result<(Consult, Events), OpenError> {
    let (agent, events) = join(backend, call, Place::Consult).await?;
    let publishing = async {
        be_heard_by_nobody(&agent, somebody).await?;
        let source = sound.mouthpiece(LegRef::Supervisor(1)).source(Place::Consult);
        agent.publish_source(TrackOptions::new("supervisor"), source).await
    };
    let track = publishing.await.map_err(not_published)?;
    Ok((Consult { agent: Arc::new(agent), track }, events))
}

/// Lets a watcher join, who hears and is not seen.
pub(super) async fn watch(backend: &Backend, call: &CallId) -> Result<(Participant, Events), String> {
    match timeout(WATCHER, Participant::connect(backend.as_watcher(call))).await {
        Ok(joined) => joined.map_err(|error| error.to_string()),
        Err(_) => Err("it took too long".to_owned()),
    }
}

async fn join(backend: &Backend, call: &CallId, place: Place) -> Result<(Participant, Events), OpenError> {
    let joined = Participant::connect(backend.as_agent(call, place)).await;
    joined.map_err(|error| OpenError::from_source(format!("{error}; check LIVEKIT_URL."), error))
}

fn not_published(error: RequestError) -> OpenError {
    OpenError::from_source(format!("The agent could not publish: {error}."), error)
}

/// Legs that are in the room already, in a call that is taken over, must not hear a track before it is settled which is
/// theirs. Where nobody is there yet this would only cost time: the server does not answer it, and the kernel keeps back
/// what follows a message without an answer.
async fn be_heard_by_nobody(agent: &Participant, somebody: bool) -> Result<(), RequestError> {
    if somebody { agent.set_permissions(SubscriptionPermissions::nobody()).await } else { Ok(()) }
}

/// Lets each leg hear the track that is meant for it, and nobody any other.
pub(super) async fn permit(
    agent: Option<Arc<Participant>>,
    tracks: Option<[LocalTrack; 2]>,
    consult: Option<Consult>,
    permit: Permit,
) -> Result<(), RequestError> {
    let (Some(agent), Some(tracks)) = (agent, tracks) else { return Err(RequestError::Left) };
    let [customer, supervisor] = &tracks;
    let mut permissions = SubscriptionPermissions::nobody();
    for (identity, track) in [(permit.customer, customer), (permit.supervisor, supervisor)] {
        if let Some(identity) = identity {
            permissions = permissions.allow(identity, track);
        }
    }
    agent.set_permissions(permissions).await?;
    let (Some(consult), Some(identity)) = (consult, permit.consulted) else { return Ok(()) };
    consult.agent.set_permissions(SubscriptionPermissions::nobody().allow(identity, &consult.track)).await
}
