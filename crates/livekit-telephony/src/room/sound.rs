//! What the agent says, as the participant fetches it, and what is heard of everybody, mixed.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::{
    sync::broadcast,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use warmline_call::LegRef;
use warmline_telephony::{FRAME_TIME, Frame, LineEnd, mix};

use super::lines::Lines;
use crate::{identity::Place, tap::Tap};

/// Frames that wait for a listener: 1 s. One who is later misses some.
const LISTENER_FRAMES: usize = 50;

/// The agent's two mouths, and the listeners.
#[derive(Debug)]
pub(super) struct Sound {
    customer: Mouthpiece,
    supervisor: Mouthpiece,
    /// What is heard of the legs.
    pub(super) lines: Lines,
    silent: AtomicBool,
    listeners: Mutex<Option<broadcast::Sender<Arc<Frame>>>>,
}

/// Where one of the agent's tracks gets its frames from: the line of the leg that it is for.
#[derive(Clone, Debug, Default)]
pub(super) struct Mouthpiece(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    line: Option<Arc<LineEnd>>,
    /// The room in which it is to be heard.
    place: Place,
    tap: Tap,
}

impl Sound {
    pub(super) fn new() -> Self {
        Self {
            customer: Mouthpiece::default(),
            supervisor: Mouthpiece::default(),
            lines: Lines::default(),
            silent: AtomicBool::new(false),
            listeners: Mutex::new(Some(broadcast::Sender::new(LISTENER_FRAMES))),
        }
    }

    pub(super) fn mouthpiece(&self, leg: LegRef) -> &Mouthpiece {
        if leg == LegRef::Customer { &self.customer } else { &self.supervisor }
    }

    /// The agent's voice is out of the call. What it still says is played to nobody, so that nothing waits for it for ever.
    pub(super) fn silence(&self) {
        self.silent.store(true, Relaxed);
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Arc<Frame>> {
        match &*lock(&self.listeners) {
            Some(listeners) => listeners.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    pub(super) fn close(&self) {
        lock(&self.listeners).take();
    }
}

impl Mouthpiece {
    /// A source for a track that is published there.
    pub(super) fn source(&self, place: Place) -> impl FnMut(&mut [i16]) -> bool + Send + 'static {
        let said = Arc::clone(&self.0);
        move |frame| {
            let mut said = lock(&said);
            let Some(line) = said.line.as_ref().filter(|_| said.place == place) else { return false };
            let next = line.next_frame();
            frame.copy_from_slice(&next);
            said.tap.push(next);
            true
        }
    }

    pub(super) fn connect(&self, line: Arc<LineEnd>, place: Place) {
        let mut said = lock(&self.0);
        said.line = Some(line);
        said.place = place;
    }

    /// Who hears it is in the other room now.
    pub(super) fn move_to(&self, place: Place) {
        lock(&self.0).place = place;
    }

    pub(super) fn disconnect(&self, line: &Arc<LineEnd>) {
        let mut said = lock(&self.0);
        if said.line.as_ref().is_some_and(|current| Arc::ptr_eq(current, line)) {
            said.line = None;
        }
    }

    fn discard(&self) {
        if let Some(line) = &lock(&self.0).line {
            let _ = line.next_frame();
        }
    }

    fn next(&self) -> Option<Frame> {
        lock(&self.0).tap.next()
    }
}

/// Ticks every 20 ms until the room is over.
pub(super) async fn run(sound: Arc<Sound>, over: CancellationToken) {
    let mut ticks = interval(FRAME_TIME);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = over.cancelled() => return,
        }
        if sound.silent.load(Relaxed) {
            sound.customer.discard();
            sound.supervisor.discard();
        }
        let listeners = lock(&sound.listeners).clone();
        let Some(listeners) = listeners.filter(|listeners| listeners.receiver_count() > 0) else { continue };
        let mut frames: Vec<Frame> = [&sound.customer, &sound.supervisor].iter().filter_map(|m| m.next()).collect();
        frames.extend(sound.lines.next_frames());
        // Fails where the last listener has just gone.
        drop(listeners.send(Arc::new(mix(&frames.iter().collect::<Vec<_>>()))));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
