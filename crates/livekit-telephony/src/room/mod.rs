//! One call's room on the server: how the agent, the legs and the watcher meet in it.
//!
//! [`machine`] decides, [`owner`] is the one task that feeds it, and [`LiveKitRoom`] is how a call reaches that task.

mod captions;
mod lines;
mod machine;
mod orders;
mod ours;
mod owner;
mod requests;
mod sound;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use warmline_call::{CallId, LegRef};
use warmline_livekit::services::Member;
use warmline_telephony::{
    Caption, Dial, DialError, Dialled, Frame, Health, Inherited, Line, MergeError, OpenError, Room,
};

use self::{
    machine::{Present, RoomMachine, Rules, Ticket, Who},
    orders::{DialOrder, Order, Orders},
    ours::Ours,
    owner::{LegEnd, Owner, Ways},
    requests::Requests,
    sound::Sound,
};
use crate::{backend::Backend, cause, identity, identity::Place, recovery::Found};

/// Room for `Ringing`, `Answered` and `Left`.
const FACTS: usize = 4;

/// The handle of a room. Dropped, it ends the call, unless customer and supervisor have been merged: they go on.
pub(crate) struct LiveKitRoom {
    orders: Arc<Orders>,
    sound: Arc<Sound>,
    captions: mpsc::Sender<Caption>,
    health: watch::Receiver<Health>,
    call: CallId,
    /// Counts dials and merges.
    asked: AtomicU64,
}

/// How a room that somebody holds is told that something has changed.
#[derive(Clone, Debug)]
pub(crate) struct Hints(Arc<Orders>);

impl Hints {
    /// Looks at the next opportunity who is in the room.
    pub(crate) fn look_soon(&self) {
        self.0.give(Order::Hint);
    }

    /// Whether the room is closed, or left to others.
    pub(crate) fn are_over(&self) -> bool {
        self.0.are_over()
    }
}

/// A room that is being made.
struct Making {
    room: LiveKitRoom,
    owner: Owner,
}

impl LiveKitRoom {
    pub(crate) async fn open(backend: Arc<Backend>, call: CallId) -> Result<Self, OpenError> {
        let room = backend.new_room(call.as_str());
        backend.services.create_room(room).await.map_err(cause::not_open)?;
        let sound = Arc::new(Sound::new());
        match ours::enter(&backend, &call, &sound, false).await {
            Ok((ours, events)) => {
                let mut making = Self::make(&backend, &call, sound, |_| {});
                making.owner.with(ours, Who::Agent, events);
                Ok(making.begin(&backend))
            }
            Err(error) => {
                // What is half made is taken down again by the room's own task.
                drop(Self::make(&backend, &call, sound, |_| {}).begin(&backend));
                Err(error)
            }
        }
    }

    /// Those of its legs that somebody has answered; others are hung up. Where customer and supervisor are merged the agent
    /// stays out, and a hidden watcher comes; else the agent is there again, and each leg hears it alone.
    pub(crate) async fn adopt(
        backend: Arc<Backend>,
        call: CallId,
        members: Vec<(Place, Member)>,
        merged: bool,
    ) -> Result<Inherited, OpenError> {
        let (found, others) = answered(&call, members, merged);
        let sound = Arc::new(Sound::new());
        let mut making = Self::make(&backend, &call, Arc::clone(&sound), |machine| {
            for (id, (place, name, who)) in found.iter().enumerate() {
                machine.adopt(id as u64, *name, (*place, who));
            }
        });
        let mut legs = Vec::new();
        for (id, (place, name, who)) in found.iter().enumerate() {
            let (line, end) = Line::new();
            let (progress, facts) = mpsc::channel(FACTS);
            let end = Arc::new(end);
            if !merged {
                sound.mouthpiece(*name).connect(Arc::clone(&end), *place);
            }
            let leg = LegEnd { name: *name, identity: who.identity.clone(), line: end, progress, asked: None };
            making.owner.with_leg(id as u64, leg);
            sound.lines.answered(id as u64);
            let (participant_id, sip_call_id) = (who.sid.clone(), who.sip_call.clone());
            legs.push((*name, Dialled { participant_id, sip_call_id, progress: facts, line }));
        }
        making.room.asked.store(found.len() as u64, Relaxed);
        // Dropped on a failure: a merged call goes on.
        if merged {
            let watching = ours::watch(&backend, &call).await;
            let (watcher, events) =
                watching.map_err(|error| OpenError::new(format!("The call's room could not be joined: {error}.")))?;
            making.owner.with(Ours { watcher: Some(watcher), ..Ours::default() }, Who::Watcher, events);
            sound.silence();
            let supervisor = found.iter().map(|(_, name, _)| *name).find(|name| *name != LegRef::Customer);
            making.owner.adopt_merged(supervisor);
        } else if let Err(error) = making.enter(&backend, &call, &found).await {
            drop(making.begin(&backend));
            return Err(error);
        }
        making.owner.removes(others);
        Ok(Inherited { room: Arc::new(making.begin(&backend)), merged, legs })
    }

    fn make(backend: &Arc<Backend>, call: &CallId, sound: Arc<Sound>, set_up: impl FnOnce(&mut RoomMachine)) -> Making {
        let reconnect = backend.settings.reconnect;
        let mut machine = RoomMachine::new(Rules {
            call: call.clone(),
            wants_own_room: backend.settings.wants_own_room(),
            patience: reconnect.resume_for + reconnect.rejoin_for,
        });
        set_up(&mut machine);
        let orders = Arc::<Orders>::default();
        let (captions, shown) = mpsc::channel(captions::WAITING);
        let (told, telling) = mpsc::channel(captions::WAITING);
        tokio::spawn(captions::run(call.clone(), telling));
        let (health, is_healthy) = watch::channel(Health::Good);
        let ways = Ways { orders: Arc::clone(&orders), captions: shown, told, health };
        let requests = Requests { backend: Arc::clone(backend), call: call.clone(), sound: Arc::clone(&sound) };
        let over = CancellationToken::new();
        tokio::spawn(sound::run(Arc::clone(&sound), over.clone()));
        let asked = AtomicU64::new(0);
        let room = Self { orders, sound, captions, health: is_healthy, call: call.clone(), asked };
        Making { room, owner: Owner::new(machine, requests, ways, over) }
    }
}

impl Making {
    fn begin(self, backend: &Arc<Backend>) -> LiveKitRoom {
        backend.register(&self.room.call, Hints(Arc::clone(&self.room.orders)));
        backend.own(&self.room.call, self.owner.run());
        self.room
    }

    /// The agent is there again.
    async fn enter(
        &mut self,
        backend: &Backend,
        call: &CallId,
        legs: &[(Place, LegRef, Present)],
    ) -> Result<(), OpenError> {
        let somebody = |place| legs.iter().any(|leg| leg.0 == place);
        let sound = &self.room.sound;
        let (mut ours, events) = ours::enter(backend, call, sound, somebody(Place::Call)).await?;
        if somebody(Place::Consult) {
            let (consult, events) = ours::enter_consult(backend, call, sound, true).await?;
            ours.consult = Some(consult);
            self.owner.follow(Who::Consult, events);
        }
        self.owner.with(ours, Who::Agent, events);
        self.owner.adopt_apart();
        Ok(())
    }
}

type Others = Vec<(Place, String)>;

/// The legs of a call that somebody has answered and that are where they belong, and its other legs.
fn answered(call: &CallId, members: Vec<(Place, Member)>, merged: bool) -> (Vec<(Place, LegRef, Present)>, Others) {
    let (mut legs, mut others) = (Vec::new(), Vec::new());
    for (place, member) in members {
        let who = Present::from(&member);
        if identity::leg_of(call, &who.identity).is_none() {
            continue;
        }
        match Found::of(place, &member).answered(call).filter(|_| !merged || place == Place::Call) {
            Some(name) => legs.push((place, name, who)),
            None => others.push((place, who.identity)),
        }
    }
    (legs, others)
}

/// Gives a merge up when whoever waits for it goes away.
struct Awaited<'a> {
    orders: &'a Orders,
    ticket: Ticket,
    answered: bool,
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.orders.give(Order::Dropped(self.ticket));
        }
    }
}

#[async_trait]
impl Room for LiveKitRoom {
    async fn dial(&self, dial: Dial) -> Result<Dialled, DialError> {
        let identity = identity::leg(&dial.identity, dial.leg);
        let (line, end) = Line::new();
        let (progress, facts) = mpsc::channel(FACTS);
        let (reply, begun) = oneshot::channel();
        let id = self.asked.fetch_add(1, Relaxed);
        self.orders.give(Order::Dial(Box::new(DialOrder { id, dial, identity, line: end, progress, reply })));
        match begun.await {
            Ok(Ok(ids)) => {
                Ok(Dialled { participant_id: ids.participant, sip_call_id: ids.sip_call, progress: facts, line })
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(cause::over()),
        }
    }

    async fn merge(&self) -> Result<(), MergeError> {
        let (reply, merged) = oneshot::channel();
        let ticket = self.asked.fetch_add(1, Relaxed);
        self.orders.give(Order::Merge { ticket, reply });
        let mut awaited = Awaited { orders: &self.orders, ticket, answered: false };
        let merged = merged.await;
        awaited.answered = true;
        merged.unwrap_or_else(|_| Err(MergeError::new("The call is over.")))
    }

    fn separate(&self) {
        self.orders.give(Order::Separate);
    }

    async fn leave(&self) {
        self.orders.give(Order::Leave);
    }

    async fn hang_up(&self, leg: LegRef) {
        self.orders.give(Order::HangUp(leg));
    }

    async fn close(&self) {
        self.orders.give(Order::Close);
    }

    fn listen(&self) -> broadcast::Receiver<Arc<Frame>> {
        self.sound.listen()
    }

    fn show(&self, caption: Caption) {
        if self.captions.try_send(caption).is_err() {
            tracing::debug!(call = %self.call, "a caption was left out");
        }
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }
}

impl Drop for LiveKitRoom {
    fn drop(&mut self) {
        self.orders.give(Order::Released);
    }
}

impl fmt::Debug for LiveKitRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("call", &self.call).finish_non_exhaustive()
    }
}
