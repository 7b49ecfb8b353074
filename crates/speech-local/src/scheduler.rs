//! Who computes next. Everything that is inferred here waits in one queue: first what somebody waits for, the most overdue of
//! it foremost, then what is made on speculation, and partial recognitions last. Those are left out first. What a turn waits
//! for may be late, but it is never left out.

mod meter;
mod queue;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rten::ThreadPool;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use warmline_voice::{Load, Need, SpeechError};

pub(crate) use self::meter::Kind;
use self::{
    meter::Meter,
    queue::{Grant, Queue, Rank},
};

/// A partial that has waited so long is out of date: the next one holds more.
const PARTIAL_PATIENCE: Duration = Duration::from_millis(700);

/// What wants to be computed.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) kind: Kind,
    pub(crate) need: Need,
    /// A recognition for show.
    pub(crate) partial: bool,
    /// About how many seconds of speech it is.
    pub(crate) speech: f64,
}

/// As many inferences at once as there are cores, each on one thread of its own. Clones share the queue.
#[derive(Clone)]
pub(crate) struct Scheduler(Arc<Mutex<State>>);

struct State {
    queue: Queue,
    meter: Meter,
}

/// The right to run one inference. It is given on when this is dropped.
pub(crate) struct Worker {
    scheduler: Scheduler,
    job: u64,
    pool: Arc<ThreadPool>,
    began: std::time::Instant,
    outcome: Outcome,
}

/// What came of an inference.
#[derive(Clone, Copy)]
enum Outcome {
    GivenUp,
    Failed,
    /// So many seconds of speech were recognised or made.
    Done(Kind, f64),
}

impl Scheduler {
    pub(crate) fn new(workers: usize) -> Self {
        let pools = (0..workers).map(|_| Arc::new(ThreadPool::with_num_threads(1))).collect();
        Self(Arc::new(Mutex::new(State { queue: Queue::new(pools), meter: Meter::new() })))
    }

    /// Waits for the right to compute. Dropping the future gives the place in the queue up.
    ///
    /// # Errors
    /// Partials only: there is too much to do.
    pub(crate) async fn worker(&self, ask: Ask) -> Result<Worker, SpeechError> {
        let partial = ask.partial;
        let (slot, granted) = oneshot::channel();
        let place = self.queue_up(ask, slot);
        let worker = if partial { timeout(PARTIAL_PATIENCE, granted).await } else { Ok(granted.await) };
        // A place that is dropped with its grant on the way is known as granted.
        drop(place);
        worker.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// Whether something that somebody waits for has no worker: a partial stops for it.
    pub(crate) fn is_pressed(&self) -> bool {
        self.lock().queue.is_pressed()
    }

    /// How busy it is.
    pub(crate) fn load(&self) -> Load {
        let mut state = self.lock();
        state.look();
        let State { queue, meter } = &*state;
        let load =
            Load { workers: queue.workers(), busy: queue.running(), waiting: queue.waiting(), ..Load::default() };
        meter.fill(load)
    }

    fn queue_up(&self, ask: Ask, slot: oneshot::Sender<Worker>) -> Place {
        let mut state = self.lock();
        let (job, shed) = state.queue.add(ask, slot, Instant::now());
        state.meter.shed_partials += shed;
        self.dispatch(state);
        Place { scheduler: self.clone(), job }
    }

    /// Gives free workers to whoever is next.
    fn dispatch<'a>(&'a self, mut state: MutexGuard<'a, State>) {
        let mut grants = Vec::new();
        while let Some(grant) = state.queue.next() {
            if grant.late {
                state.meter.late += 1;
            }
            grants.push(grant);
        }
        state.look();
        drop(state);
        for Grant { job, pool, slot, .. } in grants {
            let began = std::time::Instant::now();
            // Whoever gave up meanwhile lets the worker fall, which gives it on.
            let _ = slot.send(Worker { scheduler: self.clone(), job, pool, began, outcome: Outcome::GivenUp });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notices whether a turn waits too long.
    fn look(&mut self) {
        let now = Instant::now();
        let meter = &self.meter;
        let wait = self.queue.expected_wait(now, |kind, speech| meter.rate(kind) * speech);
        self.meter.waits(wait, now);
    }
}

impl Worker {
    /// The thread to run on.
    pub(crate) fn pool(&self) -> &Arc<ThreadPool> {
        &self.pool
    }

    /// It is done: so many seconds of speech.
    pub(crate) fn done(&mut self, kind: Kind, speech: f64) {
        self.outcome = Outcome::Done(kind, speech);
    }

    /// It failed.
    pub(crate) fn failed(&mut self) {
        self.outcome = Outcome::Failed;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let mut state = self.scheduler.lock();
        match self.outcome {
            Outcome::GivenUp => {}
            Outcome::Failed => state.meter.failed += 1,
            Outcome::Done(kind, speech) => state.meter.measured(kind, self.began.elapsed(), speech),
        }
        state.queue.finished(self.job, Arc::clone(&self.pool));
        self.scheduler.dispatch(state);
    }
}

/// A place in the queue. Dropping it gives the place up, unless its turn has come.
struct Place {
    scheduler: Scheduler,
    job: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.scheduler.lock();
        match state.queue.give_up(self.job) {
            Some(Rank::Partial) => state.meter.shed_partials += 1,
            Some(Rank::Speculative) => state.meter.shed_speculative += 1,
            Some(Rank::Wanted(_)) | None => {}
        }
    }
}

pub(crate) fn busy() -> SpeechError {
    SpeechError::NotReady("busy".to_owned())
}

#[cfg(test)]
mod tests;
