//! How the machine's requests are made. Each is a future of its own: none waits for another.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use warmline_call::{CallId, LegRef};
use warmline_livekit::{
    LocalTrack, Participant,
    services::{self, ServiceError},
};
use warmline_telephony::Dial;

use super::{
    machine::{Answer, Present, Request, RequestId},
    ours::{self, Consult, Events, Ours},
    sound::Sound,
};
use crate::{backend::Backend, identity::Place, recovery::MERGED};

/// What became of a request.
pub(super) struct Done {
    pub(super) id: RequestId,
    pub(super) answer: Answer,
    pub(super) came: Option<Came>,
}

/// One of us who has joined a room.
pub(super) enum Came {
    Consult(Consult, Events),
    Watcher(Participant, Events),
}

/// Where requests are made.
#[derive(Clone)]
pub(super) struct Requests {
    pub(super) backend: Arc<Backend>,
    pub(super) call: CallId,
    pub(super) sound: Arc<Sound>,
}

impl Requests {
    /// A request to the server's API.
    pub(super) fn ask(&self, id: RequestId, request: Request) -> BoxFuture<'static, Done> {
        let this = self.clone();
        async move { Done { id, answer: this.answer_to(request).await, came: None } }.boxed()
    }

    async fn answer_to(&self, request: Request) -> Answer {
        let (services, call) = (&self.backend.services, self.call.as_str());
        let done = match request {
            Request::Hear { who, tracks, may } => services.update_subscriptions(call, &who, tracks, may).await,
            Request::Look(place) => {
                return match self.backend.members(&self.call, place).await {
                    Ok(members) => Answer::Members(members.iter().map(Present::from).collect()),
                    Err(error) => Answer::Failed(error),
                };
            }
            Request::Mark { who, merged } => {
                // An empty value takes an attribute away.
                let value = if merged { "true" } else { "" };
                let mark = [(MERGED.to_owned(), value.to_owned())].into();
                services.update_attributes(call, &who, mark).await.map(drop)
            }
            Request::Remove { place, identity } => {
                services.remove_participant(&place.room(&self.call), &identity).await
            }
            Request::Delete(place) => self.backend.delete(&self.call, place).await.map(drop),
            Request::Move(who) => {
                services.move_participant(&Place::Consult.room(&self.call), &who, &Place::Call.room(&self.call)).await
            }
            Request::AskForOwnRoom => return Answer::OwnRoom(self.backend.consults_apart(&self.call).await),
            // What is done by those of us who are in the room.
            Request::OpenConsult
            | Request::CloseConsult
            | Request::Permit(_)
            | Request::Dial { .. }
            | Request::Unpublish
            | Request::Watch => Ok(()),
        };
        done.into()
    }

    /// Lets a telephone ring.
    pub(super) fn dial(&self, id: RequestId, dial: &Dial, identity: &str, place: Place) -> BoxFuture<'static, Done> {
        let settings = &self.backend.settings;
        let mut request = services::Dial::new(&settings.trunk, dial.number.reveal(), place.room(&self.call), identity);
        request.name = if dial.leg == LegRef::Customer { "Customer" } else { "Supervisor" }.to_owned();
        request.wait_until_answered = true;
        request.ringing_timeout = dial.ring;
        request.max_call_duration = dial.max_duration;
        request.from.clone_from(&settings.from_number);
        let backend = Arc::clone(&self.backend);
        async move { Done { id, answer: backend.services.dial(request).await.map(drop).into(), came: None } }.boxed()
    }

    /// Opens a consult's own room, with the agent in it.
    pub(super) fn open_consult(&self, id: RequestId) -> BoxFuture<'static, Done> {
        let this = self.clone();
        async move {
            let room = this.backend.new_room(&Place::Consult.room(&this.call));
            if let Err(error) = this.backend.services.create_room(room).await {
                return Done { id, answer: Answer::Failed(error), came: None };
            }
            match ours::enter_consult(&this.backend, &this.call, &this.sound, false).await {
                Ok((consult, events)) => Done { id, answer: Answer::Done, came: Some(Came::Consult(consult, events)) },
                Err(error) => Done { id, answer: Answer::Unable(error.detail), came: None },
            }
        }
        .boxed()
    }

    /// Takes the consult's room down.
    pub(super) fn close_consult(&self, id: RequestId) -> BoxFuture<'static, Done> {
        self.ask(id, Request::Delete(Place::Consult))
    }

    pub(super) fn watch(&self, id: RequestId) -> BoxFuture<'static, Done> {
        let this = self.clone();
        async move {
            match ours::watch(&this.backend, &this.call).await {
                Ok((watcher, events)) => Done { id, answer: Answer::Done, came: Some(Came::Watcher(watcher, events)) },
                Err(detail) => Done { id, answer: Answer::Unable(detail), came: None },
            }
        }
        .boxed()
    }
}

/// Settles who hears the agent.
pub(super) fn permit(id: RequestId, ours: &Ours, permit: super::machine::Permit) -> BoxFuture<'static, Done> {
    let settled = ours::permit(ours.agent.clone(), ours.tracks.clone(), ours.consult.clone(), permit);
    async move {
        let answer = match settled.await {
            Ok(()) => Answer::Done,
            Err(error) => Answer::Unable(format!("The agent is not in the room: {error}.")),
        };
        Done { id, answer, came: None }
    }
    .boxed()
}

/// Takes the agent's tracks away.
pub(super) fn unpublish(id: RequestId, tracks: Option<[LocalTrack; 2]>) -> BoxFuture<'static, Done> {
    async move {
        for track in tracks.into_iter().flatten() {
            // Fails where the agent is out of the room already.
            let _ = track.unpublish().await;
        }
        Done { id, answer: Answer::Done, came: None }
    }
    .boxed()
}

impl From<Result<(), ServiceError>> for Answer {
    fn from(done: Result<(), ServiceError>) -> Self {
        done.map_or_else(Self::Failed, |()| Self::Done)
    }
}
