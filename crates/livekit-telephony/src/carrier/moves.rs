//! `MoveParticipant`, which a livekit-server of one's own does not have: LiveKit Cloud's, for the carrier's own legs.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use livekit_protocol as proto;
use prost::Message;
use tokio::sync::{mpsc, oneshot};
use warmline_livekit::services::ServiceError;

use super::{
    Inner,
    proxy::{LARGEST, pass_on},
    twirp::{TwirpError, answer, is_json},
};

type Key = (String, String);
type Orders = Arc<Mutex<HashMap<Key, mpsc::Sender<Order>>>>;

/// The legs that are up and can be moved, by room and identity.
#[derive(Clone, Debug, Default)]
pub(super) struct Movable(Orders);

/// The moves that a leg is told to make.
pub(super) struct Moves {
    orders: mpsc::Receiver<Order>,
    sender: mpsc::Sender<Order>,
    known: Orders,
    key: Key,
}

/// One move.
pub(super) struct Order {
    pub(super) to: String,
    pub(super) done: oneshot::Sender<Result<(), String>>,
}

impl Movable {
    pub(super) fn register(&self, room: &str, identity: &str) -> Moves {
        let (sender, orders) = mpsc::channel(1);
        let key = (room.to_owned(), identity.to_owned());
        lock(&self.0).insert(key.clone(), sender.clone());
        Moves { orders, sender, known: Arc::clone(&self.0), key }
    }

    /// Their identities.
    pub(super) fn legs(&self) -> Vec<String> {
        lock(&self.0).keys().map(|(_, identity)| identity.clone()).collect()
    }

    fn leg(&self, room: &str, identity: &str) -> Option<mpsc::Sender<Order>> {
        lock(&self.0).get(&(room.to_owned(), identity.to_owned())).cloned()
    }
}

impl Moves {
    pub(super) async fn next(&mut self) -> Order {
        match self.orders.recv().await {
            Some(order) => order,
            None => pending().await,
        }
    }

    pub(super) fn moved_to(&mut self, room: &str) {
        let mut known = lock(&self.known);
        known.remove(&self.key);
        self.key.0 = room.to_owned();
        known.insert(self.key.clone(), self.sender.clone());
    }
}

impl Drop for Moves {
    fn drop(&mut self) {
        let mut known = lock(&self.known);
        // The same leg, dialled again, has taken the place.
        if known.get(&self.key).is_some_and(|sender| sender.same_channel(&self.sender)) {
            known.remove(&self.key);
        }
    }
}

pub(super) async fn move_participant(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    if !inner.can_move.load(Relaxed) {
        return pass_on(State(inner), Request::from_parts(parts, Body::from(body))).await;
    }
    let json = is_json(&parts.headers);
    match carry_out(&inner, &parts.headers, json, &body).await {
        Ok(()) => answer(json, &proto::MoveParticipantResponse::default()),
        Err(error) => error.into_response(),
    }
}

async fn carry_out(inner: &Inner, headers: &HeaderMap, json: bool, body: &[u8]) -> Result<(), TwirpError> {
    let malformed = || TwirpError::new(400, "malformed", "the request could not be decoded");
    let request: proto::MoveParticipantRequest = if json {
        serde_json::from_slice(body).map_err(|_| malformed())?
    } else {
        proto::MoveParticipantRequest::decode(body).map_err(|_| malformed())?
    };
    let proto::MoveParticipantRequest { room, identity, destination_room: to, .. } = request;
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let claims = token.and_then(|token| inner.verifier.verify(token.trim_start_matches("Bearer ")).ok());
    let may = claims.is_some_and(|claims| {
        claims.video.room_admin && claims.video.room == room && claims.video.destination_room == to
    });
    if !may {
        return Err(TwirpError::new(401, "unauthenticated", "permissions denied"));
    }
    if let Some(leg) = inner.moves.leg(&room, &identity) {
        let (done, moved) = oneshot::channel();
        let gone = || TwirpError::new(404, "not_found", "participant does not exist");
        leg.send(Order { to, done }).await.map_err(|_| gone())?;
        let moved = moved.await.map_err(|_| gone())?;
        return moved.map_err(|why| TwirpError::new(500, "internal", why));
    }
    // Anybody else is taken out of their room, as far as that can be done from here.
    match inner.services.remove_participant(&room, &identity).await {
        Ok(()) => Ok(()),
        Err(ServiceError::NotFound(_)) => Err(TwirpError::new(404, "not_found", "participant does not exist")),
        Err(error) => Err(TwirpError::new(500, "internal", error.to_string())),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
