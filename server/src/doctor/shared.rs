//! The doctor of a program that is running: one look at a time, told to all who ask meanwhile and for some seconds after.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::time::Instant;

use super::{Report, run};
use crate::settings::Settings;

/// How long a report is told again.
pub const FRESH: Duration = Duration::from_secs(10);

/// Looks at everything at most once in [`FRESH`]. Clones look together.
#[derive(Clone)]
pub struct SharedDoctor {
    look: Arc<dyn Fn() -> BoxFuture<'static, Report> + Send + Sync>,
    latest: Arc<Mutex<Option<Look>>>,
}

/// A look that is under way or over; `None` where it died. With the moment of its end.
type Look = Shared<BoxFuture<'static, Option<(Instant, Arc<Report>)>>>;

impl SharedDoctor {
    /// Looks at these settings.
    #[must_use]
    pub fn of(settings: Arc<Settings>) -> Self {
        Self::looking(move || {
            let settings = Arc::clone(&settings);
            async move { run(&settings).await }.boxed()
        })
    }

    /// Looks in that way.
    pub fn looking(look: impl Fn() -> BoxFuture<'static, Report> + Send + Sync + 'static) -> Self {
        Self { look: Arc::new(look), latest: Arc::default() }
    }

    /// What was found, at most [`FRESH`] ago. `None` when the look died, which the log then tells of.
    pub async fn report(&self) -> Option<Arc<Report>> {
        let look = {
            let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
            match latest.as_ref().filter(|look| is_good(look)) {
                Some(look) => look.clone(),
                None => latest.insert(self.begin()).clone(),
            }
        };
        look.await.map(|(_, report)| report)
    }

    /// A look that goes on though all who asked for it have gone: whoever comes next has its result.
    fn begin(&self) -> Look {
        let look = (self.look)();
        let task = tokio::spawn(async move {
            let report = look.await;
            (Instant::now(), Arc::new(report))
        });
        task.map(Result::ok).boxed().shared()
    }
}

/// Whether a look is under way, or came out not long ago.
fn is_good(look: &Look) -> bool {
    match look.peek() {
        Some(Some((ended, _))) => ended.elapsed() < FRESH,
        Some(None) => false,
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn counting(takes: Duration) -> (SharedDoctor, Arc<AtomicUsize>) {
        let looks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&looks);
        let doctor = SharedDoctor::looking(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::time::sleep(takes).await;
                Report { ok: true, checks: Vec::new() }
            }
            .boxed()
        });
        (doctor, looks)
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_ask_at_once_and_soon_after_share_one_look() {
        let (doctor, looks) = counting(Duration::from_secs(3));
        let all = futures::future::join_all((0..50).map(|_| doctor.report())).await;
        assert!(all.iter().all(|report| report.as_ref().is_some_and(|report| report.ok)));
        tokio::time::advance(FRESH - Duration::from_millis(1)).await;
        doctor.report().await;
        assert_eq!(looks.load(Ordering::Relaxed), 1);
        tokio::time::advance(Duration::from_millis(1)).await;
        doctor.report().await;
        assert_eq!(looks.load(Ordering::Relaxed), 2, "what was found is old by now");
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_takes_the_look_from_nobody() {
        let (doctor, looks) = counting(Duration::from_secs(3));
        let impatient = tokio::time::timeout(Duration::from_secs(1), doctor.report()).await;
        assert!(impatient.is_err());
        assert!(doctor.report().await.is_some());
        assert_eq!(looks.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_look_that_died_is_not_told_again() {
        let doctor = SharedDoctor::looking(|| async { panic!("as the test wants it") }.boxed());
        assert!(doctor.report().await.is_none());
        assert!(doctor.report().await.is_none());
    }
}
