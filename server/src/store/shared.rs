//! What the writer and the handles share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{Notify, broadcast, watch};
use warmline_telephony::Clock;

use super::{
    Delivered,
    board::Board,
    disk::{Disk, DiskError},
    outbox::{Next, Outbox},
};
use crate::metrics::Metrics;

/// What the writer and the handles share. Where both locks are taken, the outbox's comes first.
pub(super) struct Shared {
    pub(super) board: RwLock<Board>,
    pub(super) outbox: Mutex<Outbox>,
    /// Something was put into the outbox, or it was closed.
    pub(super) wake: Notify,
    /// Counts what was published.
    pub(super) settled: watch::Sender<u64>,
    pub(super) events: broadcast::Sender<Arc<Delivered>>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) metrics: Metrics,
    pub(super) trouble: Mutex<Option<DiskError>>,
    pub(super) snapshot: Mutex<Option<(u64, Utf8Bytes)>>,
    pub(super) clock: Clock,
    pub(super) keep_keys: Duration,
    /// How long the writer goes on with a disk that fails once the store is closed.
    pub(super) patience: Duration,
}

impl Shared {
    pub(super) fn board(&self) -> RwLockReadGuard<'_, Board> {
        self.board.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn board_mut(&self) -> RwLockWriteGuard<'_, Board> {
        self.board.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<DiskError>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to write; false once the store is closed and there is nothing left.
    pub(super) async fn work(&self) -> bool {
        loop {
            {
                let outbox = self.outbox();
                if !outbox.is_empty() {
                    return true;
                }
                if outbox.closed().is_some() {
                    return false;
                }
            }
            self.wake.notified().await;
        }
    }

    /// Folds what is on disk and tells everybody, in the log's order.
    pub(super) fn publish(&self, events: Vec<Arc<Delivered>>, written: Option<&Next>) {
        {
            // Together: whoever looks sees an event either waiting or folded in.
            let mut outbox = self.outbox();
            let mut board = self.board_mut();
            for delivered in &events {
                board.apply(&delivered.recorded);
            }
            if let Some(next) = written {
                outbox.written(next);
            }
        }
        for delivered in events {
            self.metrics.event(&delivered.recorded.event);
            // Nobody may be watching.
            let _ = self.events.send(delivered);
        }
        self.settled.send_modify(|settled| *settled += 1);
    }

    pub(super) fn failed(&self, error: &DiskError) {
        let mut trouble = self.trouble();
        if trouble.as_ref().is_none_or(|known| known.trouble != error.trouble) {
            tracing::error!(cause = %error.cause, "{error}");
        }
        *trouble = Some(error.clone());
    }

    /// Something was really written.
    pub(super) fn recovered(&self) {
        self.outbox().sound();
        if self.trouble().take().is_some() {
            tracing::info!("the store can be written to again");
        }
    }

    pub(super) fn in_trouble(&self) -> bool {
        self.trouble().is_some()
    }

    /// What was wrong with the disk when it was last written to.
    pub(super) fn last_trouble(&self) -> Option<DiskError> {
        self.trouble().clone()
    }

    /// Whether a disk that failed can be written to again.
    pub(super) async fn probe(&self) {
        match self.disk.probe().await {
            Ok(()) => self.recovered(),
            Err(error) => self.failed(&error),
        }
    }

    /// Forgets idempotency keys that are old enough.
    pub(super) async fn purge(&self) {
        let keep = i64::try_from(self.keep_keys.as_millis()).unwrap_or(i64::MAX);
        let before = self.clock.now().as_millisecond().saturating_sub(keep);
        if let Err(error) = self.disk.forget_keys(before).await {
            self.failed(&error);
        }
    }
}
