//! A phone as the exchange knows it: something that rings, is answered, hears and says 20 ms frames, and hangs up.
//! Personas and browser phones are both that.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use warmline_call::CallId;
use warmline_telephony::{FRAME_SAMPLES, Frame, SILENCE};

use crate::record::SaidLine;

/// Frames on their way to a phone that does not read: half a second. Past that the oldest are lost.
const HEARD_FRAMES: usize = 25;

/// Frames on their way from a phone over a network: 200 ms. Past that the oldest are lost, so that the delay stays low.
pub(crate) const LIVE_FRAMES: usize = 10;

/// Frames a persona may have ready to say: 2 min.
pub(crate) const SCRIPTED_FRAMES: usize = 6_000;

/// Orders of a phone that wait for the next tick. Past that they are ignored.
const ORDERS: usize = 64;

/// What a phone is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "nearly all are frames; a box would be an allocation every 20 ms")]
pub enum PhoneEvent {
    /// It rings.
    Ringing {
        /// Whose call it is.
        call: CallId,
        /// The number that calls, E.164.
        from: String,
    },
    /// Its answer has been taken: audio flows from now on.
    Answered,
    /// The call is over, or it rings no longer.
    Ended {
        /// Why.
        reason: Ended,
    },
    /// 20 ms of what it hears: one every 20 ms between `Answered` and `Ended`, zeros for silence.
    Audio(Frame),
}

/// Why a phone's call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// One side hung up.
    HungUp,
    /// The caller gave up before it was answered.
    Cancelled,
    /// It was not answered in time.
    NoAnswer,
    /// This phone declined.
    Declined,
    /// The call took as long as a call may take.
    MaxDuration,
}

impl Ended {
    /// The reason in one word, as it goes over the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HungUp => "hung_up",
            Self::Cancelled => "cancelled",
            Self::NoAnswer => "no_answer",
            Self::Declined => "declined",
            Self::MaxDuration => "max_duration",
        }
    }
}

/// Gives a phone's orders. Clones are handles of the same phone. An order that makes no sense now is ignored.
#[derive(Clone, Debug)]
pub struct PhoneHandle {
    slot: Arc<Slot>,
}

impl PhoneHandle {
    /// Answers the call that rings.
    pub fn answer(&self) {
        self.order(Order::Answer);
    }

    /// Declines the call that rings.
    pub fn decline(&self) {
        self.order(Order::Decline);
    }

    /// Hangs up; declines where it still rings.
    pub fn hang_up(&self) {
        self.order(Order::HangUp);
    }

    /// Presses a key: `0`–`9`, `*`, `#`. Others are ignored.
    pub fn dtmf(&self, digit: char) {
        if digit.is_ascii_digit() || matches!(digit, '*' | '#') {
            self.order(Order::Key(digit));
        }
    }

    /// Says 20 ms. More than 200 ms ahead of real time, the oldest are lost.
    pub fn audio(&self, frame: Frame) {
        if let Some(link) = self.link() {
            link.lock().say(frame);
        }
    }

    /// Says a line of a script when all before it has been said.
    pub(crate) fn say(&self, text: &str, audio: &[i16]) {
        let Some(link) = self.link() else { return };
        let mut link = link.lock();
        let start = (link.taken + link.said.len() as u64) * FRAME_SAMPLES as u64;
        link.lines.push(SaidLine { text: text.to_owned(), start, end: start + audio.len() as u64 });
        for chunk in audio.chunks(FRAME_SAMPLES) {
            link.say(std::array::from_fn(|i| chunk.get(i).copied().unwrap_or(0)));
        }
    }

    /// Notes something in the list of lines that is no speech: a key, a failure.
    pub(crate) fn note(&self, text: String) {
        let Some(link) = self.link() else { return };
        let mut link = link.lock();
        let at = link.taken * FRAME_SAMPLES as u64;
        link.lines.push(SaidLine { text, start: at, end: at });
    }

    /// Whether something waits to be said.
    pub(crate) fn is_speaking(&self) -> bool {
        self.link().is_some_and(|link| !link.lock().said.is_empty())
    }

    /// Puts steady noise of that RMS behind everything it says.
    pub(crate) fn noise(&self, rms: f32) {
        if let Some(link) = self.link() {
            link.lock().noise = rms;
        }
    }

    fn order(&self, order: Order) {
        if let Some(link) = self.link() {
            let mut link = link.lock();
            if link.orders.len() < ORDERS {
                link.orders.push_back(order);
            }
        }
    }

    fn link(&self) -> Option<Arc<Link>> {
        self.slot.lock().link.clone()
    }
}

/// A phone. Once dropped it is gone, and its call with it.
#[derive(Debug)]
pub(crate) struct Phone {
    slot: Arc<Slot>,
}

/// The exchange's end of a phone's call. Dropped, it tells the phone that the call was hung up.
#[derive(Debug)]
pub(crate) struct PhoneEnd {
    slot: Arc<Slot>,
    link: Arc<Link>,
}

/// What a phone wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Answer,
    Decline,
    HangUp,
    Key(char),
}

/// What the two ends of a phone share, for as long as the phone lives.
#[derive(Debug)]
struct Slot {
    state: Mutex<SlotState>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct SlotState {
    events: VecDeque<PhoneEvent>,
    link: Option<Arc<Link>>,
    gone: bool,
}

/// One call of a phone.
#[derive(Debug)]
struct Link(Mutex<LinkState>);

#[derive(Debug)]
struct LinkState {
    orders: VecDeque<Order>,
    said: VecDeque<Frame>,
    limit: usize,
    taken: u64,
    lines: Vec<SaidLine>,
    noise: f32,
    seed: u32,
}

impl Phone {
    pub(crate) fn new() -> Self {
        Self { slot: Arc::new(Slot { state: Mutex::default(), wake: Notify::new() }) }
    }

    pub(crate) fn handle(&self) -> PhoneHandle {
        PhoneHandle { slot: Arc::clone(&self.slot) }
    }

    /// A way to call this phone that does not keep it alive.
    pub(crate) fn socket(&self) -> Socket {
        Socket { slot: Arc::clone(&self.slot) }
    }

    /// What it is told next. Cancel-safe.
    pub(crate) async fn event(&mut self) -> PhoneEvent {
        loop {
            if let Some(event) = self.slot.lock().events.pop_front() {
                return event;
            }
            self.slot.wake.notified().await;
        }
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let mut slot = self.slot.lock();
        slot.gone = true;
        slot.events.clear();
    }
}

/// Where a phone can be reached.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    slot: Arc<Slot>,
}

impl Socket {
    /// Makes it ring. `None`: it is in a call, or gone. `limit` is how many frames it may say ahead of time.
    pub(crate) fn ring(&self, call: CallId, from: String, limit: usize) -> Option<PhoneEnd> {
        let mut slot = self.slot.lock();
        if slot.gone || slot.link.is_some() {
            return None;
        }
        let link = Arc::new(Link(Mutex::new(LinkState {
            orders: VecDeque::new(),
            said: VecDeque::new(),
            limit,
            taken: 0,
            lines: Vec::new(),
            noise: 0.0,
            seed: 0x9e37_79b9,
        })));
        slot.link = Some(Arc::clone(&link));
        drop(slot);
        self.slot.tell(PhoneEvent::Ringing { call, from });
        Some(PhoneEnd { slot: Arc::clone(&self.slot), link })
    }
}

impl PhoneEnd {
    /// What the phone wants, oldest first.
    pub(crate) fn order(&self) -> Option<Order> {
        self.link.lock().orders.pop_front()
    }

    /// Whether nobody holds the phone any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.slot.lock().gone
    }

    pub(crate) fn answered(&self) {
        self.link.lock().said.clear();
        self.slot.tell(PhoneEvent::Answered);
    }

    /// The next 20 ms that the phone says.
    pub(crate) fn take(&self) -> Frame {
        let mut link = self.link.lock();
        link.taken += 1;
        let frame = link.said.pop_front().unwrap_or(SILENCE);
        if link.noise > 0.0 { link.noisy(frame) } else { frame }
    }

    pub(crate) fn hear(&self, frame: Frame) {
        self.slot.tell(PhoneEvent::Audio(frame));
    }

    /// The lines that a persona said so far.
    pub(crate) fn lines(&self) -> Vec<SaidLine> {
        self.link.lock().lines.clone()
    }

    /// Ends the call; the phone can be called again.
    pub(crate) fn end(&self, reason: Ended) {
        let mut slot = self.slot.lock();
        if slot.link.as_ref().is_some_and(|link| Arc::ptr_eq(link, &self.link)) {
            slot.link = None;
            drop(slot);
            self.slot.tell(PhoneEvent::Ended { reason });
        }
    }
}

impl Drop for PhoneEnd {
    fn drop(&mut self) {
        self.end(Ended::HungUp);
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: PhoneEvent) {
        let mut slot = self.lock();
        if slot.gone {
            return;
        }
        if matches!(event, PhoneEvent::Audio(_)) && slot.events.len() >= HEARD_FRAMES {
            // Whatever is no audio stays: there are at most three of those a call.
            match slot.events.iter().position(|e| matches!(e, PhoneEvent::Audio(_))) {
                Some(oldest) => drop(slot.events.remove(oldest)),
                None => return,
            }
        }
        slot.events.push_back(event);
        drop(slot);
        self.wake.notify_one();
    }
}

impl Link {
    fn lock(&self) -> MutexGuard<'_, LinkState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LinkState {
    fn say(&mut self, frame: Frame) {
        if self.said.len() >= self.limit {
            self.said.pop_front();
        }
        self.said.push_back(frame);
    }

    /// Adds noise, nearly white and Gaussian, the same in every call.
    fn noisy(&mut self, frame: Frame) -> Frame {
        // Three uniform numbers between −1 and 1 have a variance of 1 together.
        frame.map(|sample| {
            let noise: f32 = (0..3).map(|_| self.uniform()).sum();
            (f32::from(sample) + self.noise * noise).round() as i16
        })
    }

    fn uniform(&mut self) -> f32 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        self.seed as f32 / (u32::MAX / 2) as f32 - 1.0
    }
}
