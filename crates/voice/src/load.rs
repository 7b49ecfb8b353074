//! How busy a provider of speech is, and how much somebody waits for its work.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};

/// Nobody waits longer than this for one piece of work, however much the provider has to do.
const MOST_PATIENCE: Duration = Duration::from_secs(60);

/// How busy a provider is at one moment. The default is one that is never busy: a remote provider, or a stand-in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// How long a recognition that a turn waits for would wait for its beginning if it came now.
    pub expected_wait: Duration,
    /// That is longer than a turn may wait, or was a few seconds ago: no call is taken on.
    pub overloaded: bool,
    /// How many calls can be carried at once, by the measured rates; `None`: as many as there are.
    pub calls: Option<usize>,
    /// Inferences that run at once, at most; 0 where nothing is computed here.
    pub workers: usize,
    /// Inferences that run.
    pub busy: usize,
    /// Inferences that wait.
    pub waiting: usize,
    /// Seconds of computing that a second of recognised speech takes.
    pub recognition_rate: f64,
    /// Seconds of computing that a second of made speech takes.
    pub synthesis_rate: f64,
    /// Inferences that were done, since the start; so are the counts below.
    pub done: u64,
    /// Partial recognitions that were left out.
    pub shed_partials: u64,
    /// Sentences made on speculation that were given up before they were begun.
    pub shed_speculative: u64,
    /// Inferences that a turn waited for and that began more than a second after they were wanted.
    pub late: u64,
    /// Inferences that failed.
    pub failed: u64,
}

impl Load {
    /// Whether a call more can be carried where so many are open.
    #[must_use]
    pub fn has_room(&self, open: usize) -> bool {
        !self.overloaded && self.room(open) != Some(0)
    }

    /// How many calls more can be carried where so many are open; `None`: as many as there are.
    #[must_use]
    pub fn room(&self, open: usize) -> Option<usize> {
        self.calls.map(|calls| if self.overloaded { 0 } else { calls.saturating_sub(open) })
    }
}

/// How much a piece of work is waited for: not at all yet, or from some moment on. Clones are the same need, which may grow
/// while the work waits: a reply made on speculation is wanted once the turn is over.
#[derive(Clone, Debug)]
pub struct Need(Arc<Mutex<Option<Instant>>>);

impl Need {
    /// Perhaps nobody ever needs it.
    #[must_use]
    pub fn speculative() -> Self {
        Self(Arc::default())
    }

    /// It is needed by then.
    #[must_use]
    pub fn by(at: Instant) -> Self {
        Self(Arc::new(Mutex::new(Some(at))))
    }

    /// It is needed at once.
    #[must_use]
    pub fn now() -> Self {
        Self::by(Instant::now())
    }

    /// From now on it is needed by then, if not earlier.
    pub fn raise(&self, at: Instant) {
        let mut due = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *due = Some(due.map_or(at, |due| due.min(at)));
    }

    /// When it is needed; `None`: perhaps never.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a provider: `patience` for its own work, and on top of that for as long as it works off what others wait for.
/// `None`: it stands still, or took longer than a minute.
pub(crate) async fn patiently<T>(
    work: impl Future<Output = T>,
    patience: Duration,
    load: impl Fn() -> Load,
) -> Option<T> {
    tokio::pin!(work);
    let until = Instant::now() + MOST_PATIENCE;
    loop {
        let before = load();
        if let Ok(done) = timeout(patience, &mut work).await {
            return Some(done);
        }
        let moves = load().done != before.done;
        if !moves || Instant::now() >= until {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::atomic::{AtomicU64, Ordering},
    };

    use tokio::time::sleep;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn room_is_what_the_measured_rates_leave_and_none_while_overloaded() {
        let load = Load { calls: Some(3), ..Load::default() };
        assert_eq!([0, 2, 3, 9].map(|open| load.has_room(open)), [true, true, false, false]);
        assert_eq!(load.room(1), Some(2));
        let overloaded = Load { overloaded: true, ..load };
        assert!(!overloaded.has_room(0) && overloaded.room(0) == Some(0));
        assert!(Load::default().has_room(1_000_000) && Load::default().room(7).is_none());
    }

    #[test]
    fn a_need_only_grows() {
        let (need, now) = (Need::speculative(), Instant::now());
        let same = need.clone();
        assert_eq!(same.due(), None);
        need.raise(now + PATIENCE);
        assert_eq!(same.due(), Some(now + PATIENCE));
        need.raise(now + 2 * PATIENCE);
        assert_eq!(same.due(), Some(now + PATIENCE));
        need.raise(now);
        assert_eq!(same.due(), Some(now));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_waits_behind_others_is_waited_for_and_a_provider_that_stands_still_is_not() {
        let done = AtomicU64::new(0);
        let counting = || Load { done: done.fetch_add(1, Ordering::Relaxed), ..Load::default() };
        assert_eq!(
            patiently(
                async {
                    sleep(3 * PATIENCE).await;
                    7
                },
                PATIENCE,
                counting
            )
            .await,
            Some(7)
        );
        let start = Instant::now();
        assert_eq!(patiently(pending::<u8>(), PATIENCE, Load::default).await, None);
        assert_eq!(start.elapsed(), PATIENCE);
        let start = Instant::now();
        assert_eq!(patiently(pending::<u8>(), PATIENCE, counting).await, None);
        assert_eq!(start.elapsed(), MOST_PATIENCE);
    }
}
