//! The call runtime: places calls, keeps the open ones, and lets people act on them.
//!
//! One task a call owns its state machine ([`driver`]); everybody else sends it messages.

mod aftermath;
mod captions;
mod driver;
mod effects;
mod opening;
mod order;
mod recovery;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::task::TaskTracker;
use warmline_api::{Details, PhoneNumber};
use warmline_call::{
    Adopted, CallId, CallView, EndReason, Input, OperatorAction, Phase, Private, Rejected, Timers, VoicemailPolicy,
};
use warmline_exchange::Exchange;
use warmline_telephony::{Clock, Frame, Inherited, Line, Telephony};
use warmline_voice::Speech;

pub use self::order::{ActError, CallDefaults, Order, PlaceError, Placed};
use crate::store::{self, Store, StoreError};

/// Messages that wait for a call's task. Facts come a few a second; a full queue slows their sender, not the call.
const INBOX: usize = 256;

/// How long a POST waits for speech that is still loading, and for the dial to begin.
const PLACE_PATIENCE: Duration = Duration::from_secs(60);

/// Whether a part that calls need is ready; the error is a sentence for an operator.
pub type Readiness = watch::Receiver<Result<(), NotReady>>;

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
    open: Mutex<HashMap<CallId, OpenCall>>,
    stopping: AtomicBool,
    tasks: TaskTracker,
}

/// How the rest of the program reaches an open call.
struct OpenCall {
    inbox: mpsc::Sender<driver::Message>,
    heard: broadcast::Sender<Arc<Frame>>,
    over: watch::Receiver<bool>,
}

impl Calls {
    /// A runtime with those calls that an earlier run left open and the network has kept. Others are ended in the log as
    /// `server_stopped`.
    ///
    /// # Errors
    /// The log can't be read or written.
    pub async fn start(parts: Parts) -> Result<Self, StoreError> {
        let calls = Self(Arc::new(Inner {
            parts,
            open: Mutex::default(),
            stopping: AtomicBool::new(false),
            tasks: TaskTracker::new(),
        }));
        recovery::recover(&calls.0, calls.store().open_calls().await?).await;
        Ok(calls)
    }

    /// Places a call: it is on disk before anybody is dialled; returns as soon as the dial has begun.
    ///
    /// # Errors
    /// Nobody was dialled.
    pub async fn place(&self, order: Order) -> Result<Placed, PlaceError> {
        self.0.admit(&order)?;
        self.speech_ready().await?;
        let call = CallId::from_bits(rand::random());
        let escalation = order.escalation && !self.0.parts.policy.supervisors.is_empty();
        let event = order.placed(escalation);
        let at = self.0.parts.clock.now();
        match self.store().place(&call, at, event, &order.as_json(), order.idempotency.clone()).await? {
            store::Placed::New(_) => {}
            store::Placed::Replay { status, body } => return Ok(Placed::Replay { status, body }),
            store::Placed::Running => return Ok(Placed::Running),
            store::Placed::KeyReused => return Ok(Placed::KeyReused),
        }
        let begun = Inner::spawn(&self.0, call.clone(), order.clone());
        match tokio::time::timeout(PLACE_PATIENCE, begun).await {
            Ok(Ok(Ok(dialled))) => Ok(Placed::New(Box::new(Details {
                call_id: call.to_string(),
                phone_number: Private::from(order.phone.as_str()),
                original_input: order.original_input,
                name: order.name,
                room_name: call.to_string(),
                participant_id: dialled.participant_id,
                sip_call_id: dialled.sip_call_id,
                has_dynamic_instruction: order.dynamic_instruction.is_some(),
                language: order.language,
                emotion: order.emotion,
                escalation_enabled: escalation,
                supervisor_phone: self.0.supervisor_phone().filter(|_| order.escalation),
            }))),
            Ok(Ok(Err(detail))) => Err(PlaceError::Failed(detail)),
            Ok(Err(_)) => Err(PlaceError::Failed("The call ended before anybody was dialled.".into())),
            Err(_) => Err(PlaceError::Failed("The dial did not begin in time.".into())),
        }
    }

    /// Lets a person act on a call; gives the call as it is afterwards.
    ///
    /// # Errors
    /// No such call, or not possible in its phase.
    pub async fn act(&self, id: &CallId, action: OperatorAction, by: String) -> Result<CallView, ActError> {
        let input = Input::Operator { action, by };
        self.tell(id, |reply| driver::Message::Act { input, reply }).await
    }

    /// Lets a person speak with the customer in the agent's place, over a line of theirs. It ends when the line does, and
    /// the line ends when the call does or the customer is given back ([`OperatorAction::GiveBack`]).
    ///
    /// # Errors
    /// No such call, or not possible in its phase.
    pub async fn take_over(&self, id: &CallId, line: Line, by: String) -> Result<CallView, ActError> {
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
                return self.store().view(id).await.ok_or(ActError::Unknown);
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
            let _ = over.wait_for(|over| *over).await;
        }
        self.store().view(id).await
    }

    /// What is said on an open call, mixed.
    #[must_use]
    pub fn listen(&self, id: &CallId) -> Option<broadcast::Receiver<Arc<Frame>>> {
        self.0.open().get(id).map(|open| open.heard.subscribe())
    }

    /// Whether calls can be placed now.
    ///
    /// # Errors
    /// A sentence for each thing that is missing.
    pub fn readiness(&self) -> Result<(), Vec<String>> {
        let mut missing: Vec<String> =
            self.0.parts.readiness.iter().filter_map(|r| r.borrow().as_ref().err().map(|e| e.detail.clone())).collect();
        if self.0.stopping.load(Ordering::Relaxed) {
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
        self.0.stopping.store(true, Ordering::Relaxed);
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Says goodbye on every open call and ends it.
    pub async fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
        let inboxes: Vec<_> = self.0.open().values().map(|open| open.inbox.clone()).collect();
        for inbox in inboxes {
            let _ = inbox.send(driver::Message::Input(Input::Stop)).await;
        }
        self.drain().await;
    }

    /// Waits for what will be ready by itself in a moment.
    async fn speech_ready(&self) -> Result<(), PlaceError> {
        for part in &self.0.parts.readiness {
            let mut part = part.clone();
            let settled = part.wait_for(|r| r.as_ref().map_or_else(|why| !why.soon, |()| true));
            let result = match tokio::time::timeout(PLACE_PATIENCE, settled).await {
                Ok(Ok(result)) => result.clone(),
                _ => Err(NotReady { detail: "Speech is still loading.".into(), soon: true }),
            };
            result.map_err(|why| PlaceError::NotReady(why.detail))?;
        }
        Ok(())
    }
}

impl Inner {
    fn open(&self) -> MutexGuard<'_, HashMap<CallId, OpenCall>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn supervisor_phone(&self) -> Option<Private<String>> {
        self.parts.policy.supervisors.first().map(|number| Private::from(number.as_str()))
    }

    /// Whether such a call may be placed at all.
    fn admit(&self, order: &Order) -> Result<(), PlaceError> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(PlaceError::NotReady("Warmline is stopping and places no more calls.".into()));
        }
        if self.open().len() >= self.parts.policy.max_calls {
            return Err(PlaceError::Busy { retry_after_s: 5 });
        }
        let speech = &self.parts.speech;
        if !speech.load().has_room(self.open().len()) {
            return Err(PlaceError::overloaded());
        }
        if !speech.stt.understands(&order.language) || !speech.tts.speaks(&order.language) {
            return Err(PlaceError::Language(order.language.clone()));
        }
        Ok(())
    }

    /// Starts a call's task, and the one that cleans up should it panic.
    fn spawn(this: &Arc<Self>, call: CallId, order: Order) -> oneshot::Receiver<Result<driver::Begun, String>> {
        let (begun_tx, begun) = oneshot::channel();
        let inner = Arc::clone(this);
        Self::live(this, call.clone(), |ways| driver::drive(inner, call, order, ways, begun_tx));
        begun
    }

    /// Goes on with a call of an earlier run.
    fn adopt(this: &Arc<Self>, call: CallId, order: Order, left: Inherited, adopted: Adopted, last_utterance: u64) {
        let inner = Arc::clone(this);
        Self::live(this, call.clone(), |ways| driver::go_on(inner, call, order, ways, left, adopted, last_utterance));
    }

    /// Makes a call known as open and lives it on a task of its own.
    fn live<F>(this: &Arc<Self>, call: CallId, life: impl FnOnce(driver::Ways) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (inbox, messages) = mpsc::channel(INBOX);
        let (heard, _) = broadcast::channel(50);
        let (over_tx, over) = watch::channel(false);
        let open = OpenCall { inbox: inbox.clone(), heard: heard.clone(), over };
        this.open().insert(call.clone(), open);
        let inner = Arc::clone(this);
        let task = tokio::spawn(life(driver::Ways { inbox, messages, heard }));
        this.tasks.spawn(async move {
            if let Err(died) = task.await {
                tracing::error!(%call, "the call's task died: {died}");
                inner.close_in_log(&call, EndReason::AgentFailure, "Something went wrong inside Warmline.").await;
            }
            inner.open().remove(&call);
            over_tx.send_replace(true);
        });
    }
}
