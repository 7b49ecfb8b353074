use std::{
    collections::HashMap,
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::FutureExt;
use livekit_api::access_token::{AccessToken, VideoGrants};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use warmline_call::{CallId, Phase};
use warmline_livekit::{
    Options, TokenSource,
    services::{Member, NewRoom, ServiceError, Services, Webhooks},
};
use warmline_telephony::{Inherited, OpenError, Room, Telephony};

use crate::{
    Found, LiveKitSettings, Recovery, cause,
    identity::{self, Place},
    moving::Moving,
    recover,
    room::{Hints, LiveKitRoom},
    webhook::{Gate, Notice, WebhookRefused},
};

/// How often, and how many times, an ended call's room is looked for: a dial that was under way may make it again.
const LATE_DIAL: Duration = Duration::from_secs(2);
const LATE_DIALS: u32 = 5;

/// How long the program's end waits for rooms that are being closed.
const SETTLING: Duration = Duration::from_secs(5);

/// Calls over a LiveKit server with a SIP trunk. Clones are the same.
#[derive(Clone, Debug)]
pub struct LiveKit {
    inner: Arc<Backend>,
}

/// A room of Warmline's on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRoom {
    /// Whose room it is.
    pub call: CallId,
    /// Who is in it.
    pub members: Vec<Found>,
}

pub(crate) struct Backend {
    pub(crate) settings: LiveKitSettings,
    pub(crate) services: Services,
    rooms: Mutex<HashMap<CallId, Hints>>,
    /// The tasks of the rooms.
    owners: TaskTracker,
    gate: Mutex<Gate>,
    pub(crate) moving: Moving,
}

impl LiveKit {
    /// Nothing is connected or sent yet.
    #[must_use]
    pub fn new(settings: LiveKitSettings) -> Self {
        let services = Services::new(settings.project());
        let gate = Mutex::new(Gate::new(Webhooks::new(services.project())));
        Self {
            inner: Arc::new(Backend {
                settings,
                services,
                rooms: Mutex::default(),
                owners: TaskTracker::new(),
                gate,
                moving: Moving::default(),
            }),
        }
    }

    /// Asks the server whether calls can be placed: it is there, it takes the key, it has SIP, and the trunk.
    ///
    /// # Errors
    /// One sentence that says what is missing and how to fix it.
    pub async fn check(&self) -> Result<(), String> {
        let trunks = self.inner.services.list_outbound_trunks().await.map_err(|error| cause::sentence(&error))?;
        let wanted = &self.inner.settings.trunk;
        if trunks.iter().any(|trunk| trunk.id == *wanted) {
            return Ok(());
        }
        let known: Vec<&str> = trunks.iter().map(|trunk| trunk.id.as_str()).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
        Err(format!("LIVEKIT_SIP_OUTBOUND_TRUNK: the LiveKit server knows no outbound trunk of that id; {known}."))
    }

    /// The rooms on the server that are calls of Warmline's, with who is in them: for start-up, before any call is placed.
    ///
    /// # Errors
    /// The server's API can't be used.
    pub async fn open_rooms(&self) -> Result<Vec<OpenRoom>, OpenError> {
        let mut open = Vec::new();
        for room in self.inner.services.list_rooms(Vec::new()).await.map_err(cause::not_open)? {
            let Some((call, place)) = Place::of(&room.name) else { continue };
            let members = self.inner.members(&call, place).await.map_err(cause::not_open)?;
            let found = members.iter().map(|member| Found::of(place, member));
            match open.iter_mut().find(|known: &&mut OpenRoom| known.call == call) {
                Some(known) => known.members.extend(found),
                None => open.push(OpenRoom { call, members: found.collect() }),
            }
        }
        Ok(open)
    }

    /// Hangs up every leg of a call that nobody owns, and closes its rooms. A room that is gone already is no error.
    ///
    /// # Errors
    /// The server's API can't be used.
    pub async fn end_room(&self, call: &CallId) -> Result<(), OpenError> {
        for place in Place::ALL {
            self.inner.delete(call, place).await.map_err(cause::not_open)?;
        }
        Ok(())
    }

    /// Takes in a webhook of the server's: its body and its `Authorization` header. What it tells of a call is looked up on
    /// the server, so a webhook that lies, comes late or comes twice does nothing.
    ///
    /// # Errors
    /// It is not to be believed: answer 401.
    pub fn webhook(&self, body: &str, authorization: &str) -> Result<Option<Notice>, WebhookRefused> {
        let now = std::time::SystemTime::now();
        let notice = lock(&self.inner.gate).receive(body, authorization, now)?;
        if let Some(room) = notice.as_ref().and_then(|notice| self.inner.room(notice.call())) {
            room.look_soon();
        }
        Ok(notice)
    }

    /// Calls whose rooms are not closed yet.
    #[must_use]
    pub fn live_calls(&self) -> usize {
        lock(&self.inner.rooms).values().filter(|room| !room.are_over()).count()
    }
}

#[async_trait]
impl Telephony for LiveKit {
    async fn open(&self, call: &CallId) -> Result<Arc<dyn Room>, OpenError> {
        Ok(Arc::new(LiveKitRoom::open(Arc::clone(&self.inner), call.clone()).await?))
    }

    fn merged_outlives(&self) -> bool {
        true
    }

    /// Who talks to each other goes on; who waits for the agent is handed over to be told; legs that ring are hung up.
    async fn adopt(&self, call: &CallId, phase: Phase) -> Result<Option<Inherited>, OpenError> {
        let mut members = Vec::new();
        for place in Place::ALL {
            let there = self.inner.members(call, place).await.map_err(cause::not_open)?;
            members.extend(there.into_iter().map(|member| (place, member)));
        }
        let found: Vec<_> = members.iter().map(|(place, member)| Found::of(*place, member)).collect();
        let merged = match recover(call, Some(phase), &found) {
            Recovery::GoOn => true,
            Recovery::TakeLeave => false,
            Recovery::End(why) => {
                tracing::info!(%call, why, "what is left of a call is ended");
                self.end_room(call).await?;
                tokio::spawn(Arc::clone(&self.inner).sweep(call.clone()));
                return Ok(None);
            }
        };
        LiveKitRoom::adopt(Arc::clone(&self.inner), call.clone(), members, merged).await.map(Some)
    }

    async fn settled(&self) {
        let owners = &self.inner.owners;
        owners.close();
        if timeout(SETTLING, owners.wait()).await.is_err() {
            tracing::warn!(
                "{} rooms are not closed yet; what is left of them is ended at the next start",
                owners.len()
            );
        }
    }
}

impl Backend {
    pub(crate) fn new_room(&self, name: &str) -> NewRoom {
        NewRoom {
            name: name.to_owned(),
            empty_timeout: self.settings.empty_timeout,
            departure_timeout: self.settings.departure_timeout,
            ..NewRoom::default()
        }
    }

    /// Who is in a call's room; nobody if there is none.
    pub(crate) async fn members(&self, call: &CallId, place: Place) -> Result<Vec<Member>, ServiceError> {
        match self.services.list_participants(&place.room(call)).await {
            Err(ServiceError::NotFound(_)) => Ok(Vec::new()),
            members => members,
        }
    }

    /// Takes a call's room down. Whether there was one.
    pub(crate) async fn delete(&self, call: &CallId, place: Place) -> Result<bool, ServiceError> {
        match self.services.delete_room(&place.room(call)).await {
            Ok(()) => Ok(true),
            Err(ServiceError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How the agent joins a call's room.
    pub(crate) fn as_agent(&self, call: &CallId, place: Place) -> Options {
        let token = AccessToken::with_api_key(&self.settings.key, self.settings.secret.expose())
            .with_identity(&identity::agent(call))
            .with_name("Agent")
            .with_kind("agent")
            .with_attributes([("lk.agent.state", "listening")])
            .with_grants(VideoGrants {
                room_join: true,
                room: place.room(call),
                can_update_own_metadata: Some(true),
                ..VideoGrants::default()
            });
        self.joining(token)
    }

    /// How the watcher does: nobody sees it, and it can't say anything.
    pub(crate) fn as_watcher(&self, call: &CallId) -> Options {
        let token = AccessToken::with_api_key(&self.settings.key, self.settings.secret.expose())
            .with_identity(&identity::watcher(call))
            .with_kind("agent")
            .with_grants(VideoGrants {
                room_join: true,
                room: call.to_string(),
                can_publish: Some(false),
                can_publish_data: Some(false),
                hidden: true,
                ..VideoGrants::default()
            });
        self.joining(token)
    }

    /// How somebody joins a consult's room who does nothing there.
    pub(crate) fn as_probe(&self, call: &CallId) -> Options {
        let token = AccessToken::with_api_key(&self.settings.key, self.settings.secret.expose())
            .with_identity(&identity::probe(call))
            .with_kind("agent")
            .with_grants(VideoGrants {
                room_join: true,
                room: Place::Consult.room(call),
                can_publish: Some(false),
                can_publish_data: Some(false),
                can_subscribe: Some(false),
                hidden: true,
                ..VideoGrants::default()
            });
        self.joining(token)
    }

    fn joining(&self, token: AccessToken) -> Options {
        let source = TokenSource::fresh(move || {
            let made = token.clone().to_jwt();
            async move { made.map(Into::into).map_err(|error| error.to_string()) }
        });
        let mut options = Options::with_source(self.settings.url.clone(), source);
        options.reconnect = self.settings.reconnect;
        options.impairment = self.settings.impairment.clone();
        options
    }

    pub(crate) fn register(&self, call: &CallId, room: Hints) {
        let mut rooms = lock(&self.rooms);
        rooms.retain(|_, room| !room.are_over());
        rooms.insert(call.clone(), room);
    }

    /// Runs a room's task. Whatever kills it, the room's legs are not left without an owner.
    pub(crate) fn own(self: &Arc<Self>, call: &CallId, room: impl Future<Output = ()> + Send + 'static) {
        let (backend, call) = (Arc::clone(self), call.clone());
        self.owners.spawn(async move {
            if AssertUnwindSafe(room).catch_unwind().await.is_err() {
                tracing::error!(%call, "a room's task has died; the call's legs are hung up");
                backend.sweep_now(call).await;
            }
        });
    }

    /// Takes a call's room down that is made again by a dial which was under way when the call ended.
    pub(crate) async fn sweep(self: Arc<Self>, call: CallId) {
        sleep(LATE_DIAL).await;
        self.sweep_now(call).await;
    }

    async fn sweep_now(self: Arc<Self>, call: CallId) {
        for attempt in 0..LATE_DIALS {
            if attempt > 0 {
                sleep(LATE_DIAL).await;
            }
            for place in Place::ALL {
                match self.delete(&call, place).await {
                    Ok(false) => {}
                    Ok(true) => tracing::info!(%call, "a dial of an ended call was hung up"),
                    Err(error) => tracing::debug!(%call, %error, "an ended call's room could not be looked for"),
                }
            }
        }
    }

    fn room(&self, call: &CallId) -> Option<Hints> {
        lock(&self.rooms).get(call).cloned()
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
