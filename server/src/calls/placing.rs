//! Placing a call: whether it may be, what a key that is known says, and what becomes of a dial that takes too long.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::task::task_tracker::TaskTrackerToken;
use warmline_api::Details;
use warmline_call::{CallId, Input, Left, LeftCause, LegFact, LegRef, Private};

use super::{Calls, Inner, NotReady, Order, PlaceError, Placed, driver};
use crate::store;

/// How long a POST waits for everything together: speech that is still loading, the log, and the dial to begin. Less than any
/// answer may take (`Limits::answer_time`): whoever is told that a call failed is not called after that.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a call that is called off may take to say so.
const CALLED_OFF: Duration = Duration::from_secs(5);

/// When a client that comes when too many calls are open may try again.
const RETRY_AFTER_S: u32 = 5;

/// One of the calls that may be open at once. Dropping it gives the place to another.
pub(super) struct Slot {
    inner: Arc<Inner>,
    /// Who waits for the open calls to end waits for this one too.
    _token: TaskTrackerToken,
}

impl Slot {
    /// For a call that is there, whether there is room for it or not.
    pub(super) fn for_adopted(inner: &Arc<Inner>) -> Self {
        inner.taken.fetch_add(1, Ordering::AcqRel);
        Self { inner: Arc::clone(inner), _token: inner.tasks.token() }
    }

    /// For a new call, if there is room.
    fn reserve(inner: &Arc<Inner>) -> Option<Self> {
        let most = inner.parts.policy.max_calls;
        let one_more = |taken| if taken < most { Some(taken + 1) } else { None };
        inner.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Self { inner: Arc::clone(inner), _token: inner.tasks.token() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.inner.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Calls {
    /// Places a call: it is on disk before anybody is dialled; returns as soon as the dial has begun. A key that was answered
    /// before is answered again, also when no new call could be placed.
    ///
    /// Whoever stops waiting for the answer leaves the call alone; whoever is told that it failed is not called.
    ///
    /// # Errors
    /// Nobody was dialled, nor will be.
    pub async fn place(&self, order: Order) -> Result<Placed, PlaceError> {
        let deadline = Instant::now() + PATIENCE;
        match self.admit(&order) {
            Ok(slot) if self.is_speech_ready() => self.write_down(order, slot, deadline).await,
            Ok(slot) => match self.known(&order).await {
                Some(placed) => Ok(placed),
                None => {
                    self.speech_ready(deadline).await?;
                    self.write_down(order, slot, deadline).await
                }
            },
            Err(refused) => self.known(&order).await.ok_or(refused),
        }
    }

    /// Whether such a call may be placed at all.
    fn admit(&self, order: &Order) -> Result<Slot, PlaceError> {
        let slot = Slot::reserve(&self.0);
        // Looked at with the place in hand: who stops the program waits for everybody who has one.
        if self.0.stopping.load(Ordering::Acquire) {
            return Err(PlaceError::NotReady("Warmline is stopping and places no more calls.".into()));
        }
        let slot = slot.ok_or(PlaceError::Busy { retry_after_s: RETRY_AFTER_S })?;
        let speech = &self.0.parts.speech;
        if !speech.load().has_room(self.0.taken.load(Ordering::Acquire) - 1) {
            return Err(PlaceError::overloaded());
        }
        if !speech.stt.understands(&order.language) || !speech.tts.speaks(&order.language) {
            return Err(PlaceError::Language(order.language.clone()));
        }
        Ok(slot)
    }

    /// What the order's key says, if it is known.
    async fn known(&self, order: &Order) -> Option<Placed> {
        let (key, body_hash) = order.idempotency.as_ref()?;
        match self.store().known_key(key, body_hash).await {
            Ok(known) => Placed::known(known?),
            Err(error) => {
                tracing::warn!("an idempotency key could not be looked up: {error}");
                None
            }
        }
    }

    async fn write_down(&self, order: Order, slot: Slot, deadline: Instant) -> Result<Placed, PlaceError> {
        let call = (self.0.ids)();
        let escalation = order.escalation && !self.0.parts.policy.supervisors.is_empty();
        let at = self.0.parts.clock.corrected().now();
        let placed = self.store().place(&call, at, order.placed(escalation), order.idempotency.clone()).await?;
        if let Some(known) = Placed::known(placed) {
            return Ok(known);
        }
        let dialled = self.dial(&call, order.clone(), slot, deadline).await.map_err(PlaceError::Failed)?;
        Ok(Placed::New(Box::new(Details {
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
        })))
    }

    /// Starts the call's task and waits until the dial has begun.
    async fn dial(&self, call: &CallId, order: Order, slot: Slot, deadline: Instant) -> Result<driver::Begun, String> {
        let mut begun = Inner::spawn(&self.0, call.clone(), order, slot);
        let result = match timeout_at(deadline, &mut begun).await {
            Ok(result) => result.ok(),
            Err(_) => {
                // Either it has begun just now, or nobody will hear of it any more.
                begun.close();
                match begun.try_recv() {
                    Ok(result) => Some(result),
                    Err(_) => {
                        self.call_off(call).await;
                        return Err(driver::NOT_BEGUN.to_owned());
                    }
                }
            }
        };
        result.unwrap_or_else(|| Err("The call ended before anybody was dialled.".into()))
    }

    /// Ends a call whose dial takes too long: for its machine the trunk has failed, and a leg that begins all the same is hung
    /// up.
    async fn call_off(&self, call: &CallId) {
        let open = self.0.open().get(call).map(|open| (open.inbox.clone(), open.over.clone()));
        let Some((inbox, mut over)) = open else { return };
        let left = Left { cause: LeftCause::TrunkFailure, sip_status: None };
        let input = Input::Leg(LegRef::Customer, LegFact::Left(left));
        let (reply, _) = oneshot::channel();
        let ended = async {
            // An inbox that nobody reads any more is that of a call that has ended, or is about to.
            let _ = inbox.send(driver::Message::Act { input, reply }).await;
            let _ = over.wait_for(|over| *over).await;
        };
        if timeout(CALLED_OFF, ended).await.is_err() {
            tracing::error!(%call, "a call whose dial takes too long does not end");
        }
    }

    fn is_speech_ready(&self) -> bool {
        self.0.parts.readiness.iter().all(|part| part.borrow().is_ok())
    }

    /// Waits for what will be ready by itself in a moment.
    async fn speech_ready(&self, deadline: Instant) -> Result<(), PlaceError> {
        for part in &self.0.parts.readiness {
            let mut part = part.clone();
            let settled = part.wait_for(|r| r.as_ref().map_or_else(|why| !why.soon, |()| true));
            let result = match timeout_at(deadline, settled).await {
                Ok(Ok(result)) => result.clone(),
                _ => Err(NotReady { detail: "Speech is still loading.".into(), soon: true }),
            };
            result.map_err(|why| PlaceError::NotReady(why.detail))?;
        }
        Ok(())
    }
}

impl Placed {
    /// What a known key says; `None` for a new call.
    fn known(placed: store::WrittenDown) -> Option<Self> {
        Some(match placed {
            store::WrittenDown::New(_) => return None,
            store::WrittenDown::Replay { status, body } => Self::Replay { status, body },
            store::WrittenDown::Running => Self::Running,
            store::WrittenDown::KeyReused => Self::KeyReused,
        })
    }
}
