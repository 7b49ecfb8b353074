//! A telephone network: it rings, answers, connects and hangs up when it likes to, and knows who hears whom.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{
    sync::{Notify, broadcast, mpsc, watch},
    time::sleep,
};
use warmline_call::{CallId, Left, LeftCause, LegFact, LegRef, Phase};
use warmline_telephony::{
    Caption, Dial, DialError, Dialled, Frame, Health, Inherited, Line, MergeError, OpenError, Room, Telephony,
};

use crate::{
    room::{SimLeg, Stand, leg_ref, number},
    world::World,
};

/// A network as one process sees it.
pub(crate) struct Network {
    pub(crate) world: World,
    /// Calls go on without a process, as over LiveKit; else they end with it, as on the exchange.
    pub(crate) outlives: bool,
}

struct SimulatedRoom {
    world: World,
    call: CallId,
}

/// Whoever lets go of a room owns it no more: a merged call that goes on without its process, for one.
impl Drop for SimulatedRoom {
    fn drop(&mut self) {
        if let Some(room) = self.world.state().rooms.get_mut(&self.call) {
            room.owned = false;
        }
    }
}

#[async_trait]
impl Telephony for Network {
    async fn open(&self, call: &CallId) -> Result<Arc<dyn Room>, OpenError> {
        let world = &self.world;
        let mut wait = world.roll(|dice| dice.ms(0, 200));
        if world.rare_fault("open slow", 3) {
            wait = world.roll(|dice| dice.ms(2_000, 75_000));
        }
        sleep(wait).await;
        world.may_panic("open panics", 4);
        if world.fault("open fails") {
            return Err(OpenError::new("the network takes no calls"));
        }
        Ok(room(world, call, false))
    }

    async fn adopt(&self, call: &CallId, phase: Phase) -> Result<Option<Inherited>, OpenError> {
        let world = &self.world;
        sleep(world.roll(|dice| dice.ms(1, 400))).await;
        let (now, until) = (world.now(), world.state().unreachable_until);
        if now < until {
            world.state().injected("network unreachable");
            return Err(OpenError::new("the network can't be reached"));
        }
        let up: Vec<u32> = {
            let mut state = world.state();
            let Some(room) = state.rooms.get_mut(call) else { return Ok(None) };
            room.legs
                .iter()
                .filter(|(_, leg)| leg.stand == Stand::Answered && !leg.asked)
                .map(|(leg, _)| *leg)
                .collect()
        };
        if phase == Phase::Ended || up.is_empty() || !self.outlives {
            end_all(world, call, LeftCause::Released);
            return Ok(None);
        }
        let ringing: Vec<u32> = {
            let state = world.state();
            let legs = state.rooms[call].legs.iter();
            legs.filter(|(_, leg)| leg.stand == Stand::Dialled).map(|(leg, _)| *leg).collect()
        };
        ringing.into_iter().for_each(|leg| go(world, call, leg, LeftCause::Released));
        let left = room(world, call, true);
        let merged = world.with(call, "is taken over", |room| {
            let goes_on = matches!(phase, Phase::Merging | Phase::Merged) && up.contains(&0);
            room.together = room.together.filter(|_| goes_on);
            room.merges += 1;
            room.together.is_some()
        });
        let legs = up.into_iter().map(|leg| {
            let (dialled, over) = attach(world, call, leg, Stand::Answered);
            tokio::spawn(stay(world.clone(), call.clone(), leg, over));
            (leg_ref(leg), dialled)
        });
        Ok(Some(Inherited { room: left, merged, legs: legs.collect() }))
    }

    fn merged_outlives(&self) -> bool {
        self.outlives
    }
}

/// A process owns that room from now on.
fn room(world: &World, call: &CallId, adopted: bool) -> Arc<dyn Room> {
    world.with(call, "has a room", |room| {
        room.owned = true;
        room.adopted |= adopted;
        room.listen = Some(broadcast::channel(4).0);
        room.health = Some(watch::channel(Health::Good).0);
    });
    Arc::new(SimulatedRoom { world: world.clone(), call: call.clone() })
}

fn attach(world: &World, call: &CallId, leg: u32, stand: Stand) -> (Dialled, Arc<Notify>) {
    let (line, end) = Line::new();
    let (progress_tx, progress) = mpsc::channel(8);
    let over = Arc::new(Notify::new());
    let fresh = SimLeg { stand, progress: Some(progress_tx), end: Some(end), asked: false, over: Arc::clone(&over) };
    world.with(call, format_args!("leg {leg} is there"), |room| room.legs.insert(leg, fresh));
    let dialled = Dialled { participant_id: format!("PA_{leg}"), sip_call_id: format!("SCL_{leg}"), progress, line };
    (dialled, over)
}

#[async_trait]
impl Room for SimulatedRoom {
    async fn dial(&self, dial: Dial) -> Result<Dialled, DialError> {
        let (world, call, leg) = (&self.world, &self.call, number(dial.leg));
        let times = world.with(call, format_args!("leg {leg} is dialled"), |room| {
            let times = room.dials.entry(leg).or_default();
            *times += 1;
            *times
        });
        world.holds(times == 1, || format!("{call}: leg {leg} is dialled {times} times"));
        let kept = world.state().rooms[call].kept();
        world.holds(kept.is_none(), || format!("{call}: {leg} is dialled while supervisor {kept:?} is kept"));
        if leg == 0 {
            let phone = dial.number.reveal();
            let refused = world.state().refused.contains(phone);
            world.holds(!refused, || format!("{call}: dialled though whoever asked was told that nobody will be"));
            let earlier = world.state().numbers.insert(phone.clone(), call.clone());
            world.holds(earlier.is_none(), || format!("{call}: its customer was dialled for {earlier:?} already"));
        }
        let mut wait = world.roll(|dice| dice.ms(5, 200));
        if world.rare_fault("dial slow", 2) {
            wait = world.roll(|dice| dice.ms(1_000, 70_000));
        }
        sleep(wait).await;
        world.may_panic("dial panics", 2);
        let closed = world.state().rooms[call].closing;
        if closed || world.fault("dial fails") {
            let cause = world.roll(|dice| dice.pick(&LeftCause::ALL[..6]));
            return Err(DialError { cause, sip_status: Some(503), detail: "it could not begin".into() });
        }
        let (dialled, over) = attach(world, call, leg, Stand::Dialled);
        tokio::spawn(live(world.clone(), call.clone(), leg, dial.ring, over));
        Ok(dialled)
    }

    async fn merge(&self) -> Result<(), MergeError> {
        let (world, call) = (&self.world, &self.call);
        let asked = self.world.with(call, "is to be merged", |room| room.merges);
        if world.frequent_fault("the agent breaks down in a merge") {
            world.state().rooms[call].company.breaks.notify_one();
        }
        let mut wait = world.roll(|dice| dice.ms(1, 300));
        if world.frequent_fault("merge slow") {
            wait = world.roll(|dice| dice.ms(1_000, 12_000));
        }
        sleep(wait).await;
        if world.frequent_fault("merge fails") {
            return Err(MergeError::new("it failed"));
        }
        let merged = world.with(call, "merges", |room| {
            let supervisor = room.supervisor().filter(|_| room.up(0) && !room.closing && room.merges == asked)?;
            room.together = Some(supervisor);
            Some((supervisor, room.accepted.get(&supervisor).is_some_and(|times| *times > 0)))
        });
        let Some((supervisor, accepted)) = merged else {
            return Err(MergeError::new("one of the two is gone, or it was given up"));
        };
        world.holds(accepted, || format!("{call}: merged with supervisor {supervisor}, who has not accepted"));
        if world.frequent_fault("merge answers late") {
            sleep(world.roll(|dice| dice.ms(500, 10_000))).await;
        }
        world.may_panic("merge panics", 2);
        Ok(())
    }

    fn separate(&self) {
        self.world.with(&self.call, "separates", |room| {
            room.merges += 1;
            room.together = None;
        });
    }

    async fn leave(&self) {
        self.world.note("the agent leaves");
        if self.world.fault("leave slow") {
            sleep(self.world.roll(|dice| dice.ms(1_000, 10_000))).await;
        }
        self.world.may_panic("leave panics", 2);
    }

    async fn hang_up(&self, leg: LegRef) {
        let (world, call, leg) = (&self.world, &self.call, number(leg));
        world.with(call, format_args!("leg {leg} is to be hung up"), |room| {
            if let Some(leg) = room.legs.get_mut(&leg) {
                leg.asked = true;
            }
        });
        let mut wait = world.roll(|dice| dice.ms(1, 100));
        if world.fault("hang-up late") {
            wait = world.roll(|dice| dice.ms(500, 5_000));
        }
        // What was sent reaches the network, whatever becomes of the sender.
        if world.fault("hang-up lost") {
            return;
        }
        sleep(wait).await;
        go(world, call, leg, LeftCause::Released);
    }

    async fn close(&self) {
        let (world, call) = (&self.world, &self.call);
        world.with(call, "is to be closed", |room| {
            room.closing = true;
            room.legs.values_mut().for_each(|leg| leg.asked = true);
        });
        let mut wait = world.roll(|dice| dice.ms(1, 100));
        if world.fault("close late") {
            wait = world.roll(|dice| dice.ms(500, 6_000));
        }
        sleep(wait).await;
        end_all(world, call, LeftCause::Released);
        world.with(call, "is closed", |room| (room.listen, room.health) = (None, None));
    }

    fn listen(&self) -> broadcast::Receiver<Arc<Frame>> {
        self.panics_in_the_calls_task("listen panics");
        let state = self.world.state();
        let heard = state.rooms[&self.call].listen.as_ref();
        heard.map_or_else(|| broadcast::channel(1).1, broadcast::Sender::subscribe)
    }

    fn show(&self, _: Caption) {
        self.panics_in_the_calls_task("show panics");
    }

    fn health(&self) -> watch::Receiver<Health> {
        let state = self.world.state();
        let health = state.rooms[&self.call].health.as_ref();
        health.map_or_else(|| watch::channel(Health::Good).1, watch::Sender::subscribe)
    }
}

impl SimulatedRoom {
    fn panics_in_the_calls_task(&self, kind: &'static str) {
        if self.world.rare_fault(kind, 10) {
            self.world.with(&self.call, "its task panics", |room| room.broken = true);
            std::panic::panic_any(crate::world::Simulated);
        }
    }
}

/// What becomes of a phone that is dialled.
async fn live(world: World, call: CallId, leg: u32, ring: Duration, over: Arc<Notify>) {
    let (wait, fate) = world.roll(|dice| (dice.ms(100, 3_000), dice.between(0, 9)));
    if rest(&over, wait).await {
        return;
    }
    if fate != 0 {
        tell(&world, &call, leg, LegFact::Ringing).await;
        if world.fault("ringing twice") {
            tell(&world, &call, leg, LegFact::Ringing).await;
        }
    }
    let wait = world.roll(|dice| dice.ms(100, 12_000));
    if rest(&over, wait).await {
        return;
    }
    if world.rare_fault("never reported", 2) {
        if !rest(&over, Duration::from_secs(120)).await {
            go(&world, &call, leg, LeftCause::NoAnswer);
        }
        return;
    }
    match fate {
        1 => go(&world, &call, leg, world.roll(|dice| dice.pick(LeftCause::ALL))),
        2 => {
            if !rest(&over, ring.saturating_sub(wait)).await {
                go(&world, &call, leg, LeftCause::NoAnswer);
            }
        }
        _ => {
            let answers = world.with(&call, format_args!("leg {leg} answers"), |room| {
                let leg = room.legs.get_mut(&leg);
                leg.filter(|leg| leg.stand == Stand::Dialled).map(|leg| leg.stand = Stand::Answered).is_some()
            });
            if answers {
                tell(&world, &call, leg, LegFact::Answered).await;
                if world.fault("answered twice") {
                    tell(&world, &call, leg, LegFact::Answered).await;
                }
                stay(world, call, leg, over).await;
            }
        }
    }
}

/// Somebody is at that phone for a while.
async fn stay(world: World, call: CallId, leg: u32, over: Arc<Notify>) {
    let wait = world.roll(|dice| if dice.one_in(3) { dice.ms(50, 20_000) } else { dice.ms(10_000, 200_000) });
    if !rest(&over, wait).await {
        let cause = world.roll(|dice| dice.pick(&[LeftCause::HungUp, LeftCause::HungUp, LeftCause::MediaLost]));
        go(&world, &call, leg, cause);
    }
}

/// Waits; whether the leg is over meanwhile.
async fn rest(over: &Notify, wait: Duration) -> bool {
    tokio::time::timeout(wait, over.notified()).await.is_ok()
}

async fn tell(world: &World, call: &CallId, leg: u32, fact: LegFact) {
    let progress = world.state().rooms[call].legs.get(&leg).and_then(|leg| leg.progress.clone());
    world.note(format_args!("{call}: leg {leg} {fact:?}"));
    if let Some(progress) = progress {
        let _ = progress.send(fact).await;
    }
}

/// A leg is gone; that is reported, late or not at all.
fn go(world: &World, call: &CallId, leg: u32, cause: LeftCause) {
    let progress = world.with(call, format_args!("leg {leg} goes, {cause:?}"), |room| {
        let was_together = room.together.is_some_and(|supervisor| leg == 0 || leg == supervisor);
        let gone = room.legs.get_mut(&leg)?;
        if gone.stand == Stand::Gone {
            return None;
        }
        gone.stand = Stand::Gone;
        gone.end = None;
        gone.over.notify_one();
        let progress = gone.progress.take();
        if was_together {
            room.together = None;
        }
        progress
    });
    let Some(progress) = progress else { return };
    if world.fault("left not reported") {
        return;
    }
    let late = if world.fault("left late") { world.roll(|dice| dice.ms(100, 2_500)) } else { Duration::ZERO };
    tokio::spawn(async move {
        sleep(late).await;
        let _ = progress.send(LegFact::Left(Left { cause, sip_status: None })).await;
    });
}

/// Every leg of a call is gone.
pub(crate) fn end_all(world: &World, call: &CallId, cause: LeftCause) {
    let legs: Vec<u32> =
        world.state().rooms.get(call).map(|room| room.legs.keys().copied().collect()).unwrap_or_default();
    legs.into_iter().for_each(|leg| go(world, call, leg, cause));
}
