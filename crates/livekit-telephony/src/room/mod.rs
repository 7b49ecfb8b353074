//! One call's room on the server: how the agent, the legs and the watcher meet in it.

mod adopt;
mod apart;
mod captions;
mod consult;
mod dialling;
mod events;
mod sound;
mod state;
mod watch;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::{Notify, broadcast, mpsc},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use warmline_call::{CallId, LegRef};
use warmline_livekit::{
    Participant, ParticipantEvent, RequestError, SubscriptionPermissions, TrackOptions, services::ServiceError,
};
use warmline_telephony::{Caption, Dial, DialError, Dialled, Frame, Health, MergeError, OpenError, Room};

use self::{
    dialling::released,
    events::{Who, follow},
    sound::Sound,
    state::State,
};
use crate::{backend::Backend, cause, identity::Place};

/// Longer than any call: an adopted leg's limit is the server's.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How long taking a room down may take before it goes on in the background.
const CLOSING: Duration = Duration::from_secs(3);

/// How often taking a room down is tried.
const TRIES: u32 = 6;

/// The handle of a room. Dropped, it ends the call, unless customer and supervisor have been merged: they go on.
pub(crate) struct LiveKitRoom {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    backend: Arc<Backend>,
    call: CallId,
    state: Mutex<State>,
    sound: Sound,
    /// Held while subscriptions are changed, so that an assertion of the isolation can't overtake the merge.
    subscriptions: tokio::sync::Mutex<()>,
    /// Held while a watcher joins: there is one.
    watching: tokio::sync::Mutex<()>,
    /// Held while a consult's room is opened or closed.
    consulting: tokio::sync::Mutex<()>,
    look: Notify,
    health: tokio::sync::watch::Sender<Health>,
    heard: Notify,
    captions: mpsc::Sender<Caption>,
    over: CancellationToken,
}

impl LiveKitRoom {
    pub(crate) async fn open(backend: Arc<Backend>, call: CallId) -> Result<Self, OpenError> {
        let room = backend.new_room(call.as_str());
        backend.services.create_room(room).await.map_err(|error| OpenError(cause::sentence(&error)))?;
        let shared = Shared::new(backend, call);
        // From here on a failure takes the room down again.
        let room = Self { shared: Arc::clone(&shared) };
        shared.enter().await?;
        Ok(room)
    }
}

impl Shared {
    fn new(backend: Arc<Backend>, call: CallId) -> Arc<Self> {
        let (captions, shown) = mpsc::channel(captions::WAITING);
        let shared = Arc::new(Self {
            backend,
            call,
            state: Mutex::default(),
            sound: Sound::new(),
            subscriptions: tokio::sync::Mutex::default(),
            watching: tokio::sync::Mutex::default(),
            consulting: tokio::sync::Mutex::default(),
            look: Notify::new(),
            health: tokio::sync::watch::channel(Health::Good).0,
            heard: Notify::new(),
            captions,
            over: CancellationToken::new(),
        });
        shared.backend.register(&shared.call, &shared);
        tokio::spawn(captions::run(Arc::clone(&shared), shown));
        shared
    }

    /// Lets the agent join, with nothing to be heard of it yet.
    async fn enter(self: &Arc<Self>) -> Result<(), OpenError> {
        let joined = Participant::connect(self.backend.as_agent(&self.call, Place::Call)).await;
        let (agent, events) = joined.map_err(|error| OpenError(format!("{error}; check LIVEKIT_URL.")))?;
        self.publish(&agent).await.map_err(|error| OpenError(format!("The agent could not publish: {error}.")))?;
        self.lock().agent = Some(Arc::new(agent));
        self.start(Some(events));
        Ok(())
    }

    /// Publishes the agent's two tracks. Nothing is said on them before it is settled whom they are for.
    async fn publish(&self, agent: &Participant) -> Result<(), RequestError> {
        self.be_heard_by_nobody(agent, Place::Call).await?;
        let source = |leg| self.sound.mouthpiece(leg).source(Place::Call);
        let (customer, supervisor) = tokio::try_join!(
            agent.publish_source(TrackOptions::new("customer"), source(LegRef::Customer)),
            agent.publish_source(TrackOptions::new("supervisor"), source(LegRef::Supervisor(1))),
        )?;
        self.lock().tracks = Some([customer, supervisor]);
        Ok(())
    }

    /// Legs that are in the room already, in a call that is taken over, must not hear a track before it is settled which is
    /// theirs. Where nobody is there yet this would only cost time: the server does not answer it, and the kernel keeps back
    /// what follows a message without an answer.
    async fn be_heard_by_nobody(&self, agent: &Participant, place: Place) -> Result<(), RequestError> {
        let somebody = self.lock().legs.iter().any(|leg| leg.place == place);
        if somebody { agent.set_permissions(SubscriptionPermissions::nobody()).await } else { Ok(()) }
    }

    fn start(self: &Arc<Self>, events: Option<mpsc::Receiver<ParticipantEvent>>) {
        if let Some(events) = events {
            tokio::spawn(follow(Arc::clone(self), events, Who::Agent));
        }
        tokio::spawn(sound::run(Arc::clone(self)));
        tokio::spawn(watch::run(Arc::clone(self)));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn close(self: &Arc<Self>) {
        if std::mem::replace(&mut self.lock().closed, true) {
            return;
        }
        let unborn = self.lock().legs.iter().any(|leg| !leg.seen);
        let deleting = async {
            for place in self.places() {
                self.backend.delete(&self.call, *place).await?;
            }
            Ok::<_, ServiceError>(())
        };
        if !matches!(timeout(CLOSING, deleting).await, Ok(Ok(()))) {
            tokio::spawn(Arc::clone(self).delete());
        } else if unborn {
            tokio::spawn(Arc::clone(&self.backend).sweep(self.call.clone()));
        }
        self.detach();
    }

    /// We are out: every leg is released as far as the call is concerned.
    fn detach(&self) {
        let identities: Vec<String> = self.lock().legs.iter().map(|leg| leg.identity.clone()).collect();
        for identity in identities {
            self.finish(&identity, released());
        }
        self.over.cancel();
        self.sound.close();
        let ours = {
            let mut state = self.lock();
            state.closed = true;
            (state.agent.take(), state.watcher.take(), state.tracks.take(), state.consult.take())
        };
        drop(ours);
    }

    /// The rooms that the call may have.
    fn places(&self) -> &'static [Place] {
        if self.backend.settings.wants_own_room() { &Place::ALL } else { &[Place::Call] }
    }

    /// Takes the rooms down; tries again while the server does not answer.
    async fn delete(self: Arc<Self>) {
        for place in self.places() {
            for attempt in 0..TRIES {
                match self.backend.delete(&self.call, *place).await {
                    Ok(_) => break,
                    Err(error) if attempt + 1 == TRIES => {
                        tracing::error!(call = %self.call, %error, "a room was left open");
                    }
                    Err(error) => {
                        tracing::warn!(call = %self.call, %error, "a room could not be closed");
                        sleep(Duration::from_secs(1) * 2_u32.pow(attempt)).await;
                    }
                }
            }
        }
    }
}

#[async_trait]
impl Room for LiveKitRoom {
    async fn dial(&self, dial: Dial) -> Result<Dialled, DialError> {
        self.shared.dial(dial).await
    }

    async fn merge(&self) -> Result<(), MergeError> {
        self.shared.merge().await
    }

    async fn leave(&self) {
        self.shared.leave().await;
    }

    async fn hang_up(&self, leg: LegRef) {
        self.shared.hang_up(leg).await;
    }

    async fn close(&self) {
        self.shared.close().await;
    }

    fn listen(&self) -> broadcast::Receiver<Arc<Frame>> {
        self.shared.sound.listen()
    }

    fn show(&self, caption: Caption) {
        if self.shared.captions.try_send(caption).is_err() {
            tracing::debug!(call = %self.shared.call, "a caption was left out");
        }
    }

    fn health(&self) -> tokio::sync::watch::Receiver<Health> {
        self.shared.health.subscribe()
    }
}

impl Drop for LiveKitRoom {
    fn drop(&mut self) {
        let (closed, merged) = {
            let state = self.shared.lock();
            (state.closed, state.merged.is_some())
        };
        if closed {
            return;
        }
        self.shared.detach();
        if let (false, Ok(runtime)) = (merged, tokio::runtime::Handle::try_current()) {
            runtime.spawn(Arc::clone(&self.shared).delete());
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("call", &self.call).finish_non_exhaustive()
    }
}
