//! Who waits, who runs, and whose turn it is. Without IO: time is an argument where it decides.

use std::{sync::Arc, time::Duration};

use rten::ThreadPool;
use tokio::{sync::oneshot, time::Instant};

use super::{Ask, Kind, Worker};

/// A turn that has waited so long for its inference is late.
const LATE: Duration = Duration::from_secs(1);

/// How much something is waited for, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Since, or from, that moment on.
    Wanted(Instant),
    Speculative,
    Partial,
}

impl Ask {
    fn rank(&self) -> Rank {
        match self.need.due() {
            _ if self.partial => Rank::Partial,
            Some(due) => Rank::Wanted(due),
            None => Rank::Speculative,
        }
    }
}

struct Waiting {
    job: u64,
    ask: Ask,
    since: Instant,
    slot: oneshot::Sender<Worker>,
}

struct Running {
    job: u64,
    ask: Ask,
    began: Instant,
}

/// Somebody's turn has come.
pub(super) struct Grant {
    pub(super) job: u64,
    pub(super) pool: Arc<ThreadPool>,
    pub(super) slot: oneshot::Sender<Worker>,
    /// It was wanted long before.
    pub(super) late: bool,
}

pub(super) struct Queue {
    idle: Vec<Arc<ThreadPool>>,
    waiting: Vec<Waiting>,
    running: Vec<Running>,
    last_job: u64,
}

impl Queue {
    pub(super) fn new(idle: Vec<Arc<ThreadPool>>) -> Self {
        Self { idle, waiting: Vec::new(), running: Vec::new(), last_job: 0 }
    }

    pub(super) fn workers(&self) -> usize {
        self.idle.len() + self.running.len()
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether somebody waits for something that has no worker.
    pub(super) fn is_pressed(&self) -> bool {
        self.waiting.iter().any(|w| matches!(w.ask.rank(), Rank::Wanted(_)))
    }

    /// Gives it a place. Partials are left out where there is more important work than workers; gives how many.
    pub(super) fn add(&mut self, ask: Ask, slot: oneshot::Sender<Worker>, since: Instant) -> (u64, u64) {
        self.last_job += 1;
        self.waiting.push(Waiting { job: self.last_job, ask, since, slot });
        if !self.idle.is_empty() || !self.is_pressed() {
            return (self.last_job, 0);
        }
        let before = self.waiting.len();
        self.waiting.retain(|w| w.ask.rank() != Rank::Partial);
        (self.last_job, (before - self.waiting.len()) as u64)
    }

    /// Takes it out, unless its turn has come.
    pub(super) fn give_up(&mut self, job: u64) -> Option<Rank> {
        let at = self.waiting.iter().position(|w| w.job == job)?;
        Some(self.waiting.remove(at).ask.rank())
    }

    /// Whose turn it is, if there is a worker.
    pub(super) fn next(&mut self) -> Option<Grant> {
        let spare = self.has_spare();
        let first = (0..self.waiting.len()).min_by_key(|at| (self.waiting[*at].ask.rank(), self.waiting[*at].job))?;
        if !spare && !matches!(self.waiting[first].ask.rank(), Rank::Wanted(_)) {
            return None;
        }
        let pool = self.idle.pop()?;
        let Waiting { job, ask, since, slot } = self.waiting.remove(first);
        let now = Instant::now();
        let late = matches!(ask.rank(), Rank::Wanted(due) if due.max(since) + LATE <= now);
        self.running.push(Running { job, ask, began: now });
        Some(Grant { job, pool, slot, late })
    }

    pub(super) fn finished(&mut self, job: u64, pool: Arc<ThreadPool>) {
        self.running.retain(|r| r.job != job);
        self.idle.push(pool);
    }

    /// How long something would wait that came now and was wanted at once.
    pub(super) fn expected_wait(&self, now: Instant, cost: impl Fn(Kind, f64) -> f64) -> Duration {
        if !self.idle.is_empty() {
            return Duration::ZERO;
        }
        let of = |ask: &Ask| cost(ask.kind, ask.speech);
        let left = |r: &Running| (of(&r.ask) - now.saturating_duration_since(r.began).as_secs_f64()).max(0.0);
        // A partial stops as soon as somebody waits.
        let running: f64 = self.running.iter().filter(|r| !r.ask.partial).map(left).sum();
        // What is needed later comes later.
        let before: f64 = self.waiting.iter().filter(|w| w.ask.rank() <= Rank::Wanted(now)).map(|w| of(&w.ask)).sum();
        let since = self.waiting.iter().filter_map(wanted_since).min();
        let overdue = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let expected = (running + before) / self.running.len().max(1) as f64;
        Duration::try_from_secs_f64(expected).unwrap_or(Duration::MAX).max(overdue)
    }

    /// Whether what nobody waits for may begin: it leaves half of the workers to those who do.
    fn has_spare(&self) -> bool {
        let unwanted = self.running.iter().filter(|r| !matches!(r.ask.rank(), Rank::Wanted(_))).count();
        unwanted < (self.workers() / 2).max(1)
    }
}

fn wanted_since(waiting: &Waiting) -> Option<Instant> {
    match waiting.ask.rank() {
        Rank::Wanted(due) => Some(due.max(waiting.since)),
        Rank::Speculative | Rank::Partial => None,
    }
}
