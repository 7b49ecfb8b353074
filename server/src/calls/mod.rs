//! The call runtime: places calls, keeps the open ones, and lets people act on them.
//!
//! One task a call owns its state machine ([`driver`]); everybody else sends it messages.

mod aftermath;
mod captions;
mod children;
mod driver;
mod effects;
mod hearing;
mod opening;
mod order;
mod placing;
mod recovery;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::task::TaskTracker;
use warmline_api::PhoneNumber;
use warmline_call::{
    Adopted, CallId, CallView, EndReason, Event, Input, OperatorAction, Person, Phase, Private, Rejected, Timers,
    VoicemailPolicy,
};
use warmline_exchange::Exchange;
use warmline_telephony::{Clock, Frame, Inherited, Line, Room, Telephony};
use warmline_voice::{Agents, LocalAgents, Speech};

pub use self::order::{ActError, CallDefaults, Order, PlaceError, Placed};
use self::placing::Slot;
use crate::store::{Store, StoreError};

/// Messages that wait for a call's task. Facts come a few a second; a full queue slows their sender, not the call.
const INBOX: usize = 256;

/// How long an answer waits for what it tells to be on disk. It is true before.
const DURABLE: Duration = Duration::from_millis(100);

/// Whether a part that calls need is ready; the error is a sentence for an operator.
pub type Readiness = watch::Receiver<Result<(), NotReady>>;

/// Where calls get their ids from. Nobody can guess the next one, tests aside.
pub type Ids = Box<dyn Fn() -> CallId + Send + Sync>;

/// Why a part is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady {
    /// One plain sentence: what, and what to do.
    pub detail: String,
    /// It will be ready by itself in a moment: a call may wait for it.
    pub soon: bool,
}

/// What the runtime places calls with.
pub struct Parts {
    /// The log, which every call is written to before anybody is dialled.
    pub store: Store,
    /// Where calls are placed.
    pub telephony: Arc<dyn Telephony>,
    /// The embedded exchange, where that is what `telephony` is: browser phones register there.
    pub exchange: Option<Arc<Exchange>>,
    /// What the agent hears, speaks and thinks with.
    pub speech: Speech,
    /// What has to be ready before a call can be placed.
    pub readiness: Vec<Readiness>,
    /// What the customer hears on hold: 16 kHz mono, looped.
    pub hold_music: Arc<[i16]>,
    /// What settings say about calls.
    pub policy: Policy,
    /// The time.
    pub clock: Clock,
}

/// What settings say about calls.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Supervisors' numbers, tried in order.
    pub supervisors: Vec<PhoneNumber>,
    /// Language of a request that names none.
    pub language: String,
    /// Emotion of a request that names none.
    pub emotion: String,
    /// `AGENT_INSTRUCTIONS`.
    pub instructions: String,
    /// `CALLER_NAME`.
    pub caller_name: Option<String>,
    /// How long things may take.
    pub timers: Timers,
    /// What to do when a machine answers.
    pub voicemail: VoicemailPolicy,
    /// Calls open at once.
    pub max_calls: usize,
}

/// The open calls, and how to place more. Clones are handles to the same.
#[derive(Clone)]
pub struct Calls(Arc<Inner>);

struct Inner {
    parts: Parts,
    agents: Arc<dyn Agents>,
    ids: Ids,
    /// In the order of their ids: what is done to all of them is done in the same order in every run of a test.
    open: Mutex<BTreeMap<CallId, OpenCall>>,
    /// Calls that are open or being placed.
    taken: AtomicUsize,
    stopping: AtomicBool,
    tasks: TaskTracker,
}

/// How the rest of the program reaches an open call.
struct OpenCall {
    inbox: mpsc::Sender<driver::Message>,
    heard: broadcast::Sender<Arc<Frame>>,
    over: watch::Receiver<bool>,
    /// Where its legs are, once there is such a place.
    room: Option<Arc<dyn Room>>,
}

/// Somebody who listens in on a call; dropped, they listen no more.
pub struct Listening {
    /// What is said on the call, mixed. It ends with the call.
    pub heard: broadcast::Receiver<Arc<Frame>>,
    _there: oneshot::Sender<()>,
}

impl Listening {
    /// Somebody who hears that; `there` is dropped with it.
    #[must_use]
    pub fn new(heard: broadcast::Receiver<Arc<Frame>>, there: oneshot::Sender<()>) -> Self {
        Self { heard, _there: there }
    }
}

impl Calls {
    /// A runtime with those calls that an earlier run left open and the network has kept. Others are ended in the log as
    /// `server_stopped`.
    ///
    /// # Errors
    /// The log can't be read or written.
    pub async fn start(parts: Parts) -> Result<Self, StoreError> {
        let agents = LocalAgents { speech: parts.speech.clone() };
        Self::start_with(parts, Arc::new(agents), Box::new(|| CallId::from_bits(rand::random()))).await
    }

    /// The same with others on the lines, and with ids from elsewhere: for tests.
    ///
    /// # Errors
    /// The log can't be read or written.
    pub async fn start_with(parts: Parts, agents: Arc<dyn Agents>, ids: Ids) -> Result<Self, StoreError> {
        let calls = Self(Arc::new(Inner {
            parts,
            agents,
            ids,
            open: Mutex::default(),
            taken: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            tasks: TaskTracker::new(),
        }));
        recovery::recover(&calls.0, calls.store().open_calls().await?).await;
        Ok(calls)
    }

    /// Lets a person act on a call; gives the call as it is afterwards.
    ///
    /// # Errors
    /// No such call, or not possible in its phase.
    pub async fn act(&self, id: &CallId, action: OperatorAction, by: Person) -> Result<CallView, ActError> {
        let input = Input::Operator { action, by };
        self.tell(id, |reply| driver::Message::Act { input, reply }).await
    }

    /// Keeps a place for a person who wants to speak with the customer in the agent's place, over a line of theirs: they do
    /// so from the first frame that comes from them, which is when the call says so. It ends when the line does, and the
    /// line ends when the call does, when the customer is given back ([`OperatorAction::GiveBack`]) or is taken back.
    ///
    /// # Errors
    /// No such call, or not possible in its phase.
    pub async fn take_over(&self, id: &CallId, line: Line, by: Person) -> Result<CallView, ActError> {
        self.tell(id, |reply| driver::Message::TakeOver { line, by, reply }).await
    }

    /// Tells an open call's task something that may be refused; gives the call as it is afterwards.
    async fn tell(
        &self,
        id: &CallId,
        message: impl FnOnce(oneshot::Sender<Result<(), Rejected>>) -> driver::Message,
    ) -> Result<CallView, ActError> {
        let inbox = self.0.open().get(id).map(|open| open.inbox.clone());
        if let Some(inbox) = inbox {
            let (reply, answer) = oneshot::channel();
            if inbox.send(message(reply)).await.is_ok()
                && let Ok(result) = answer.await
            {
                result.map_err(ActError::Rejected)?;
                return self.now(id).await.ok_or(ActError::Unknown);
            }
        }
        match self.store().view(id).await {
            Some(view) if view.end.is_none() => Err(ActError::Rejected(Rejected {
                phase: view.phase,
                detail: format!(
                    "Warmline was started again and is still looking for this call, which was in phase {}. Try again in a moment.",
                    view.phase
                ),
            })),
            Some(_) => Err(ActError::Rejected(Rejected {
                phase: Phase::Ended,
                detail: "This is not possible any more: the call is in phase ended.".into(),
            })),
            None => Err(ActError::Unknown),
        }
    }

    /// Waits for a call's end; `None` for an unknown call.
    pub async fn ended(&self, id: &CallId) -> Option<CallView> {
        let over = self.0.open().get(id).map(|open| open.over.clone());
        if let Some(mut over) = over {
            // A sender that is gone has nothing more to say.
            let _ = over.wait_for(|over| *over).await;
        }
        self.now(id).await
    }

    /// A call as it is now. Mostly it is on disk by then too.
    async fn now(&self, id: &CallId) -> Option<CallView> {
        // A disk that is behind holds up nobody: the view has what waits for it.
        let _ = tokio::time::timeout(DURABLE, self.store().written(id)).await;
        self.store().view(id).await
    }

    /// Lets a person listen in, unheard, for as long as they keep what this gives. Everybody sees that they do.
    ///
    /// # Errors
    /// No such call, or not possible in its phase.
    pub async fn listen(&self, id: &CallId, by: Person) -> Result<Listening, ActError> {
        let heard = self.0.open().get(id).map(|open| open.heard.subscribe());
        let (there, gone) = oneshot::channel();
        self.tell(id, |reply| driver::Message::Listen { by, gone, reply }).await?;
        Ok(Listening::new(heard.ok_or(ActError::Unknown)?, there))
    }

    /// Whether calls can be placed now.
    ///
    /// # Errors
    /// A sentence for each thing that is missing.
    pub fn readiness(&self) -> Result<(), Vec<String>> {
        let mut missing: Vec<String> =
            self.0.parts.readiness.iter().filter_map(|r| r.borrow().as_ref().err().map(|e| e.detail.clone())).collect();
        if self.0.stopping.load(Ordering::Acquire) {
            missing.push("Warmline is stopping.".into());
        }
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }

    /// The embedded exchange, where that is what places the calls.
    #[must_use]
    pub fn phones(&self) -> Option<&Arc<Exchange>> {
        self.0.parts.exchange.as_ref()
    }

    /// What a request that leaves things out gets.
    #[must_use]
    pub fn defaults(&self) -> CallDefaults {
        let policy = &self.0.parts.policy;
        CallDefaults {
            language: policy.language.clone(),
            emotion: policy.emotion.clone(),
            supervisor_phone: self.0.supervisor_phone(),
            escalation_enabled: !policy.supervisors.is_empty(),
        }
    }

    /// The log.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// What the agent hears, speaks and thinks with.
    #[must_use]
    pub fn speech(&self) -> &Speech {
        &self.0.parts.speech
    }

    /// How many calls are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.0.open().len()
    }

    /// No more calls are placed from now on; resolves when the open ones have ended by themselves.
    pub async fn drain(&self) {
        self.0.stopping.store(true, Ordering::Release);
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.parts.telephony.settled().await;
    }

    /// Says goodbye on every open call and ends it.
    pub async fn stop(&self) {
        self.0.stopping.store(true, Ordering::Release);
        let inboxes: Vec<_> = self.0.open().values().map(|open| open.inbox.clone()).collect();
        for inbox in inboxes {
            let _ = inbox.send(driver::Message::Input(Input::Stop)).await;
        }
        self.drain().await;
    }
}

impl Inner {
    fn open(&self) -> MutexGuard<'_, BTreeMap<CallId, OpenCall>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes where a call's legs are: should its task die, they are hung up there.
    fn roomed(&self, call: &CallId, room: &Arc<dyn Room>) {
        if let Some(open) = self.open().get_mut(call) {
            open.room = Some(Arc::clone(room));
        }
    }

    fn supervisor_phone(&self) -> Option<Private<String>> {
        self.parts.policy.supervisors.first().map(|number| Private::from(number.as_str()))
    }

    /// Puts events of a call in line for the log, which waits for nobody.
    fn record(&self, call: &CallId, at: Timestamp, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        if let Err(error) = self.parts.store.record(call, at, events) {
            tracing::error!(%call, "events are not in the log: {error}");
        }
    }

    /// Starts a call's task, and the one that cleans up should it panic.
    fn spawn(
        this: &Arc<Self>,
        call: CallId,
        order: Order,
        slot: Slot,
    ) -> oneshot::Receiver<Result<driver::Begun, String>> {
        let (begun_tx, begun) = oneshot::channel();
        let inner = Arc::clone(this);
        Self::live(this, call.clone(), slot, |ways| driver::drive(inner, call, order, ways, begun_tx));
        begun
    }

    /// Goes on with a call of an earlier run.
    fn adopt(this: &Arc<Self>, call: CallId, order: Order, left: Inherited, adopted: Adopted, last_utterance: u64) {
        let inner = Arc::clone(this);
        let slot = Slot::for_adopted(this);
        Self::live(this, call.clone(), slot, |ways| {
            driver::go_on(inner, call, order, ways, left, adopted, last_utterance)
        });
    }

    /// Makes a call known as open and lives it on a task of its own.
    fn live<F>(this: &Arc<Self>, call: CallId, slot: Slot, life: impl FnOnce(driver::Ways) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (inbox, messages) = mpsc::channel(INBOX);
        let (heard, _) = broadcast::channel(50);
        let (over_tx, over) = watch::channel(false);
        let open = OpenCall { inbox: inbox.clone(), heard: heard.clone(), over, room: None };
        this.open().insert(call.clone(), open);
        let inner = Arc::clone(this);
        let task = tokio::spawn(life(driver::Ways { inbox, messages, heard }));
        this.tasks.spawn(async move {
            if let Err(died) = task.await {
                tracing::error!(%call, "the call's task died: {died}");
                let room = inner.open().get(&call).and_then(|open| open.room.clone());
                if let Some(room) = room {
                    room.close().await;
                }
                inner.close_in_log(&call, EndReason::AgentFailure, "Something went wrong inside Warmline.");
            }
            inner.open().remove(&call);
            drop(slot);
            over_tx.send_replace(true);
        });
    }
}
