//! The log: every call's events on disk, numbered without gaps, and the calls as the fold of them.
//!
//! Whoever has something to say puts it into the [`outbox`] and goes on. One task writes ([`writer`]) to a [`disk`]; what it has
//! committed is folded into the calls in memory ([`board`]) and told to everybody who has subscribed, in the log's order.
//! Only a new call waits to be written down. Readers never wait for the writer.

mod batch;
mod board;
pub mod disk;
mod error;
mod filter;
mod outbox;
mod read;
mod shared;
mod sqlite;
pub mod testing;
mod times;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use jiff::Timestamp;
use tokio::{
    sync::{Notify, broadcast, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use warmline_call::{CallId, CallView, Event, Phase, Recorded};
use warmline_telephony::Clock;

use self::{
    disk::Disk,
    outbox::{Key, NewPlace, Outbox},
    shared::Shared,
};
pub use self::{
    error::StoreError,
    filter::{CallFilter, Cursor},
    outbox::Backlog,
    read::{CallJson, Page},
    times::Times,
};
use crate::metrics::{Metrics, event_type};

/// Events that a subscriber may be behind before it has to start over.
const BEHIND: usize = 4_096;

/// How long a new call waits to be written down.
const PLACE_PATIENCE: Duration = Duration::from_secs(5);

/// From when on events that wait are worth a word: writing them takes milliseconds.
const LONG: Duration = Duration::from_secs(3);

/// How a store works.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Hold tokio's virtual time still while SQLite works: for tests with a paused clock.
    pub hold_time: bool,
    /// Wait for the disk before anything is acknowledged.
    pub fsync: bool,
    /// How long an idempotency key is remembered.
    pub keep_keys: Duration,
    /// Bytes of events that may wait in memory for a disk that can't be written to.
    pub outbox: usize,
    /// How long such a disk is tried again once the store is closed.
    pub flush: Duration,
    /// The time, for what the store itself has to say.
    pub clock: Clock,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            hold_time: false,
            fsync: true,
            keep_keys: Duration::from_secs(7 * 24 * 3600),
            outbox: 64 << 20,
            flush: Duration::from_secs(10),
            clock: Clock::start(),
        }
    }
}

/// The log, and the calls as the fold of it. Clones are handles to the same.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    writing: Arc<Writing>,
}

/// The writer's task. It ends when it has written what is left, should every handle go.
struct Writing {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.shared.outbox().close();
        self.shared.wake.notify_one();
    }
}

/// An event on its way to everybody who watches.
#[derive(Debug)]
pub struct Delivered {
    /// The event.
    pub recorded: Recorded,
    /// `{"type":"event","event":{…}}`, serialised once for all.
    pub json: Utf8Bytes,
}

const ENVELOPE: &str = r#"{"type":"event","event":"#;

/// An event's console message around its JSON.
fn envelope(body: &str) -> Utf8Bytes {
    format!("{ENVELOPE}{body}}}").into()
}

impl Delivered {
    fn new(recorded: Recorded) -> Self {
        let json = envelope(&serde_json::to_string(&recorded).unwrap_or_else(|_| "null".into()));
        Self { recorded, json }
    }

    /// The event's own JSON.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.json.as_str()[ENVELOPE.len()..self.json.len() - 1]
    }
}

/// What became of [`Store::place`].
#[derive(Debug)]
pub enum WrittenDown {
    /// It is on disk.
    New(Recorded),
    /// The same request was answered before: the answer.
    Replay {
        /// HTTP status of the first answer.
        status: u16,
        /// Its body.
        body: String,
    },
    /// The same request is being answered right now.
    Running,
    /// The key was used for another request.
    KeyReused,
}

impl Store {
    /// Opens the store at a `DATABASE_URL` (`sqlite://…`) or path; makes it if it is not there.
    ///
    /// # Errors
    /// It can't be written, is damaged, or is in use; the sentence says what to do.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, StoreOptions::default()).await
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let disk = sqlite::open(url, &options).await?;
        Self::open_on(Arc::new(disk), options).await
    }

    /// Opens the store that is on a disk.
    ///
    /// # Errors
    /// It can't be read, or holds something that is not ours.
    pub async fn open_on(disk: Arc<dyn Disk>, options: StoreOptions) -> Result<Self, StoreError> {
        let board = read::load(&*disk).await?;
        let shared = Arc::new(Shared {
            board: RwLock::new(board),
            outbox: Mutex::new(Outbox::new(options.outbox)),
            wake: Notify::new(),
            settled: watch::Sender::new(0),
            events: broadcast::channel(BEHIND).0,
            disk,
            metrics: Metrics::default(),
            trouble: Mutex::default(),
            snapshot: Mutex::default(),
            clock: options.clock,
            keep_keys: options.keep_keys,
            patience: options.flush,
        });
        shared.purge().await;
        let task = Mutex::new(Some(tokio::spawn(writer::run(Arc::clone(&shared)))));
        Ok(Self { writing: Arc::new(Writing { shared: Arc::clone(&shared), task }), shared })
    }

    /// Puts events of a call in line for the disk, in order, and returns at once. They are written as soon as the disk can be
    /// written to, also when their call is long over; only then they are numbered and told to the subscribers.
    ///
    /// # Errors
    /// No such call, or no more can be kept in memory: the others of these events are in line.
    pub fn record(&self, call: &CallId, at: Timestamp, events: Vec<Event>) -> Result<(), StoreError> {
        if self.shared.board().placed(call).is_none() {
            return Err(StoreError::UnknownCall);
        }
        let mut lost = 0;
        {
            let mut outbox = self.shared.outbox();
            if outbox.closed().is_some() {
                return Err(StoreError::Closed);
            }
            for event in events {
                if let Err(event) = outbox.record(call, at, event) {
                    self.shared.metrics.dropped(event_type(&event));
                    lost += 1;
                }
            }
        }
        self.shared.wake.notify_one();
        if lost == 0 { Ok(()) } else { Err(StoreError::Overflow { lost }) }
    }

    /// The same for somebody who wants to know that they are on disk, however long that takes.
    ///
    /// # Errors
    /// As [`Store::record`], or the store was closed before.
    pub async fn append(&self, call: &CallId, at: Timestamp, events: Vec<Event>) -> Result<(), StoreError> {
        self.record(call, at, events)?;
        self.written(call).await
    }

    /// Resolves when nothing of a call waits for the disk any more.
    ///
    /// # Errors
    /// The store was closed before.
    pub async fn written(&self, call: &CallId) -> Result<(), StoreError> {
        let mut settled = self.shared.settled.subscribe();
        loop {
            settled.mark_unchanged();
            {
                let outbox = self.shared.outbox();
                if !outbox.waits(call) {
                    return Ok(());
                }
                if outbox.is_given_up() {
                    return Err(StoreError::Closed);
                }
            }
            settled.changed().await.map_err(|_| StoreError::Closed)?;
        }
    }

    /// Writes a new call down: its row, its first event and its idempotency key (key, hash of the body) in one
    /// transaction.
    ///
    /// # Errors
    /// It was not written, or not within five seconds. Should it reach the disk after that, it is ended in the log, and its key
    /// can be used again.
    pub async fn place(
        &self,
        call: &CallId,
        at: Timestamp,
        placed: Event,
        idempotency: Option<(String, String)>,
    ) -> Result<WrittenDown, StoreError> {
        let key = idempotency.map(|(key, body_hash)| Key { key, body_hash });
        let (reply, mut answer) = oneshot::channel();
        {
            let mut outbox = self.shared.outbox();
            if outbox.closed().is_some() {
                return Err(StoreError::Closed);
            }
            outbox.place(NewPlace { call: call.clone(), at, placed, key, reply });
        }
        self.shared.wake.notify_one();
        match timeout(PLACE_PATIENCE, &mut answer).await {
            Ok(answer) => answer.map_err(|_| StoreError::Closed)?,
            Err(_) => {
                // From here on it can't be answered: either it was just now, or it will be taken back.
                answer.close();
                answer
                    .try_recv()
                    .unwrap_or_else(|_| Err(self.shared.last_trouble().map_or(StoreError::Slow, StoreError::Write)))
            }
        }
    }

    /// Remembers the first answer to a key, and returns at once. Unknown and answered keys stay as they are.
    pub fn finish_key(&self, key: &str, status: u16, body: &str) {
        self.shared.outbox().answer(key, status, Arc::from(body));
        self.shared.wake.notify_one();
    }

    /// Remembers what a call's request was answered with (JSON), and returns at once.
    pub fn note_details(&self, call: &CallId, details: &str) {
        let details: Arc<str> = Arc::from(details);
        {
            let mut outbox = self.shared.outbox();
            self.shared.board_mut().note_details(call, Arc::clone(&details));
            outbox.detail(call, details);
        }
        self.shared.wake.notify_one();
    }

    /// Every event from now on, in the log's order. Who falls too far behind is told so and starts over.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Delivered>> {
        self.shared.events.subscribe()
    }

    /// The log's last event.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.shared.board().seq()
    }

    /// The log's last event, and with it open calls and the latest ended ones, newest first.
    #[must_use]
    pub fn snapshot(&self) -> (u64, Vec<CallView>) {
        let (seq, entries) = {
            let board = self.shared.board();
            (board.seq(), board.snapshot())
        };
        (seq, entries.iter().map(|entry| CallView::clone(&entry.view)).collect())
    }

    /// The snapshot as the console's message, serialised once for all who ask at that point of the log.
    #[must_use]
    pub fn snapshot_json(&self) -> (u64, Utf8Bytes) {
        let mut cached = self.shared.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let (seq, entries) = {
            let board = self.shared.board();
            match &*cached {
                Some((seq, json)) if *seq == board.seq() => return (*seq, json.clone()),
                _ => (board.seq(), board.snapshot()),
            }
        };
        let mut json = format!(r#"{{"type":"snapshot","seq":{seq},"calls":["#).into_bytes();
        read::join(&mut json, entries.iter().map(board::Entry::json));
        json.extend_from_slice(b"]}");
        let json = Utf8Bytes::try_from(json).unwrap_or_default();
        *cached = Some((seq, json.clone()));
        (seq, json)
    }

    /// The calls that have not ended, oldest first. After a restart: those that were left open.
    ///
    /// # Errors
    /// None today.
    #[allow(clippy::unused_async, reason = "callers need not know that the answer is in memory")]
    pub async fn open_calls(&self) -> Result<Vec<CallId>, StoreError> {
        Ok(self.shared.board().open())
    }

    /// How many calls are in each phase but `ended`.
    #[must_use]
    pub fn phases(&self) -> HashMap<Phase, i64> {
        self.shared.board().phases()
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// The counters as Prometheus reads them.
    #[must_use]
    pub fn render_metrics(&self) -> String {
        self.shared.metrics.backlog(&self.backlog());
        self.shared.metrics.render(&self.phases())
    }

    /// What waits for the disk.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        self.shared.outbox().backlog()
    }

    /// Whether calls can be written down, and what happens to them is.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to do.
    pub fn health(&self) -> Result<(), String> {
        let trouble = self.shared.disk.in_place().err().or_else(|| self.shared.last_trouble());
        let Backlog { events, oldest, full, lost } = self.backlog();
        let mut said: Vec<String> = trouble.iter().map(|error| format!("{error}.")).collect();
        if full || oldest >= LONG {
            said.push(format!("{events} events of calls wait to be written, for {} s.", oldest.as_secs()));
        }
        if lost > 0 {
            said.push(format!("{lost} more are lost: no more can be kept in memory."));
        }
        if said.is_empty() { Ok(()) } else { Err(said.join(" ")) }
    }

    /// Takes nothing more, writes what waits, and closes the file. A disk that can't be written to is given up after a while
    /// ([`StoreOptions::flush`]); the program's log then says how much is lost.
    pub async fn close(self) {
        self.shared.outbox().close();
        self.shared.wake.notify_one();
        let writer = self.writing.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut writer) = writer {
            // A disk that fails is given up by the writer; one that does not even fail is given up here.
            match timeout(self.shared.patience + PLACE_PATIENCE, &mut writer).await {
                Ok(Ok(())) => {}
                Ok(Err(died)) => tracing::error!("the store's writer died: {died}"),
                Err(_) => {
                    writer.abort();
                    let lost = self.shared.outbox().give_up();
                    tracing::error!(events = lost, "events are lost: the store's disk does not answer");
                }
            }
        }
        self.shared.disk.close().await;
    }
}
