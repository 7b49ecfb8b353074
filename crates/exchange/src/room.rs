use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering};

use async_trait::async_trait;
use rand::{Rng, distr::Alphanumeric};
use tokio::{
    sync::{broadcast, mpsc},
    time::{Duration, Instant, MissedTickBehavior, interval},
};
use warmline_call::{CallId, LeftCause, LegRef, PhoneNumber};
use warmline_telephony::{Dial, DialError, Dialled, FRAME_TIME, Frame, Line, MergeError, Room, SILENCE, mix};

use crate::{exchange::Inner, leg::Leg};

/// Frames that wait for a listener: 1 s. One who is later misses some.
const LISTENER_FRAMES: usize = 50;

/// Legs that a room can have at once.
const LEGS: usize = 8;

/// Room for `Ringing`, `Answered` and `Left`.
const FACTS: usize = 4;

/// Ticks missed for longer than this (the machine slept) are not made up for.
const STALL: Duration = Duration::from_secs(1);

/// The handle of a room. The room closes with the last of them.
#[derive(Debug)]
pub(crate) struct ExchangeRoom {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    exchange: Arc<Inner>,
    call: CallId,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    legs: Vec<Leg>,
    /// The supervisor's leg that customer and supervisor were merged by.
    merged: Option<LegRef>,
    agent_left: bool,
    /// `None`: the room is closed.
    listeners: Option<broadcast::Sender<Arc<Frame>>>,
}

impl ExchangeRoom {
    pub(crate) fn open(exchange: Arc<Inner>, call: CallId) -> Self {
        exchange.rooms.fetch_add(1, Ordering::Relaxed);
        let listeners = Some(broadcast::Sender::new(LISTENER_FRAMES));
        let state = Mutex::new(State { legs: Vec::new(), merged: None, agent_left: false, listeners });
        let shared = Arc::new(Shared { exchange, call, state });
        tokio::spawn(run(Arc::clone(&shared)));
        Self { shared }
    }
}

/// Ticks until the room is closed.
async fn run(shared: Arc<Shared>) {
    let mut ticks = interval(FRAME_TIME);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        let due = ticks.tick().await;
        if due.elapsed() > STALL {
            tracing::warn!("the exchange stood still for more than a second");
            ticks.reset();
        }
        if !shared.lock().tick(Instant::now()) {
            return;
        }
    }
}

#[async_trait]
impl Room for ExchangeRoom {
    async fn dial(&self, dial: Dial) -> Result<Dialled, DialError> {
        let mut state = self.shared.lock();
        state.admit(&dial)?;
        let (exchange, call) = (&self.shared.exchange, &self.shared.call);
        let callee = exchange.callee(call, dial.leg, dial.number.reveal());
        let recording = exchange.recordings.as_ref().map(|recordings| recordings.begin(call, dial.leg));
        let (line, end) = Line::new();
        let (facts, progress) = mpsc::channel(FACTS);
        state.legs.push(Leg::new(dial.leg, end, callee, facts, (dial.ring, dial.max_duration), recording));
        Ok(Dialled { participant_id: random_id("PA_"), sip_call_id: random_id("SCL_"), progress, line })
    }

    async fn merge(&self) -> Result<(), MergeError> {
        let mut state = self.shared.lock();
        let there = |wanted: fn(LegRef) -> bool| {
            state.legs.iter().rev().find(|leg| leg.is_answered() && wanted(leg.name)).map(|leg| leg.name)
        };
        if there(|leg| leg == LegRef::Customer).is_none() {
            return Err(MergeError::new("The customer is not on the line."));
        }
        let Some(supervisor) = there(|leg| leg != LegRef::Customer) else {
            return Err(MergeError::new("No supervisor is on the line."));
        };
        state.merged = Some(supervisor);
        Ok(())
    }

    fn separate(&self) {
        let mut state = self.shared.lock();
        if !state.agent_left {
            state.merged = None;
        }
    }

    async fn leave(&self) {
        self.shared.lock().agent_left = true;
    }

    async fn hang_up(&self, leg: LegRef) {
        let mut state = self.shared.lock();
        if let Some(at) = state.legs.iter().position(|l| l.name == leg) {
            state.legs.remove(at).release();
        }
    }

    async fn close(&self) {
        self.shared.close();
    }

    fn listen(&self) -> broadcast::Receiver<Arc<Frame>> {
        match &self.shared.lock().listeners {
            Some(listeners) => listeners.subscribe(),
            None => broadcast::channel(1).1,
        }
    }
}

impl Drop for ExchangeRoom {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.lock();
        if state.listeners.take().is_some() {
            self.exchange.rooms.fetch_sub(1, Ordering::Relaxed);
        }
        for leg in state.legs.drain(..) {
            leg.release();
        }
    }
}

impl State {
    fn admit(&self, dial: &Dial) -> Result<(), DialError> {
        let refuse = |cause, sip_status, detail: &str| Err(DialError { cause, sip_status, detail: detail.to_owned() });
        if self.listeners.is_none() {
            return refuse(LeftCause::TrunkFailure, None, "The call is over.");
        }
        if self.legs.iter().any(|leg| leg.name == dial.leg) || self.legs.len() >= LEGS {
            return refuse(LeftCause::TrunkFailure, None, "This leg has been dialled already.");
        }
        if !PhoneNumber::is_e164(dial.number.reveal()) {
            return refuse(LeftCause::InvalidNumber, Some(404), "That is not a telephone number.");
        }
        Ok(())
    }

    /// 20 ms pass. `false`: the room is closed.
    fn tick(&mut self, now: Instant) -> bool {
        if self.listeners.is_none() {
            return false;
        }
        self.advance(now);
        let said: Vec<Frame> =
            self.legs.iter_mut().map(|leg| if leg.is_answered() { leg.listen() } else { SILENCE }).collect();
        let mut agent: Vec<Frame> = Vec::with_capacity(self.legs.len());
        for at in 0..self.legs.len() {
            agent.push(self.speak(at, &said));
        }
        if let Some(listeners) = self.listeners.as_ref().filter(|l| l.receiver_count() > 0) {
            let audible: Vec<&Frame> = agent.iter().chain(&said).filter(|frame| **frame != SILENCE).collect();
            // Fails where the last listener has just gone.
            drop(listeners.send(Arc::new(mix(&audible))));
        }
        true
    }

    fn advance(&mut self, now: Instant) {
        let mut at = 0;
        while let Some(leg) = self.legs.get_mut(at) {
            match leg.advance(now) {
                Some((why, ended)) => self.legs.remove(at).end(why, ended),
                None => at += 1,
            }
        }
    }

    /// Lets a leg hear the agent and, once merged, the other leg. Gives what the agent says to it.
    fn speak(&mut self, at: usize, said: &[Frame]) -> Frame {
        let other = self.merged_with(at);
        let leg = &mut self.legs[at];
        if !leg.is_answered() {
            return SILENCE;
        }
        // Whatever the agent says after it has left is played to nobody, so that nothing waits for it for ever.
        let agent = leg.line.next_frame();
        let agent = if self.agent_left { SILENCE } else { agent };
        match other {
            Some(other) => leg.speak(&mix(&[&agent, &said[other]])),
            None => leg.speak(&agent),
        }
        agent
    }

    /// Where the leg is that this one has been merged with.
    fn merged_with(&self, at: usize) -> Option<usize> {
        let supervisor = self.merged?;
        let partner = match self.legs[at].name {
            LegRef::Customer => supervisor,
            name if name == supervisor => LegRef::Customer,
            LegRef::Supervisor(_) => return None,
        };
        self.legs.iter().position(|leg| leg.name == partner)
    }
}

fn random_id(prefix: &str) -> String {
    let random = rand::rng().sample_iter(Alphanumeric).take(12).map(char::from);
    prefix.chars().chain(random).collect()
}
