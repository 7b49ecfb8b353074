//! The log: every call's events on disk, numbered without gaps, and the calls as the fold of them.
//!
//! One task writes ([`writer`]); what it has committed is folded into the calls in memory ([`board`]) and told to
//! everybody who has subscribed, in the log's order. Readers never wait for the writer.

mod board;
mod error;
mod filter;
mod hold;
mod open;
mod read;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs::File,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use jiff::Timestamp;
use sqlx::SqlitePool;
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::JoinHandle,
};
use warmline_call::{CallId, CallView, Event, Phase, Recorded};

use self::{
    board::Board,
    hold::Hold,
    writer::{Job, Key},
};
pub use self::{
    error::StoreError,
    filter::{CallFilter, Cursor},
    read::{CallJson, Page},
};
use crate::metrics::Metrics;

/// Jobs that wait for the writer. A full queue slows those who write, nobody else.
const QUEUE: usize = 4_096;

/// Events that a subscriber may be behind before it has to start over.
const BEHIND: usize = 4_096;

/// How a store works.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Hold tokio's virtual time still while SQLite works: for tests with a paused clock.
    pub hold_time: bool,
    /// Wait for the disk before anything is acknowledged.
    pub fsync: bool,
    /// How long an idempotency key is remembered.
    pub keep_keys: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { hold_time: false, fsync: true, keep_keys: Duration::from_secs(7 * 24 * 3600) }
    }
}

/// The log, and the calls as the fold of it. Clones are handles to the same.
#[derive(Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
    writing: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// What the writer and the handles share.
struct Shared {
    board: RwLock<Board>,
    events: broadcast::Sender<Arc<Delivered>>,
    readers: SqlitePool,
    metrics: Metrics,
    trouble: Mutex<Option<String>>,
    snapshot: Mutex<Option<(u64, Utf8Bytes)>>,
    hold_time: bool,
    /// Never read: it keeps other processes off the file.
    _lock: File,
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
    fn body(&self) -> &str {
        &self.json.as_str()[ENVELOPE.len()..self.json.len() - 1]
    }
}

/// What became of [`Store::place`].
#[derive(Debug)]
pub enum Placed {
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
        let _hold = Hold::new(options.hold_time);
        let opened = open::open(url, &options).await?;
        let board = read::load(&opened.readers).await?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared {
            board: RwLock::new(board),
            events: broadcast::channel(BEHIND).0,
            readers: opened.readers,
            metrics: Metrics::default(),
            trouble: Mutex::default(),
            snapshot: Mutex::default(),
            hold_time: options.hold_time,
            _lock: opened.lock,
        });
        let writing = tokio::spawn(writer::run(opened.writer, opened.connect, queue, Arc::clone(&shared)));
        Ok(Self { jobs, shared, writing: Arc::new(Mutex::new(Some(writing))) })
    }

    /// Writes events of a call down. They are on disk, and on their way to the subscribers, when this returns.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn append(&self, call: &CallId, at: Timestamp, events: Vec<Event>) -> Result<Vec<Recorded>, StoreError> {
        self.write(|reply| Job::Append { call: call.clone(), at, events, reply }).await
    }

    /// Writes a new call down: its row, its first event and its idempotency key (key, hash of the body) in one
    /// transaction. `order` is the request as JSON.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn place(
        &self,
        call: &CallId,
        at: Timestamp,
        placed: Event,
        order: &str,
        idempotency: Option<(String, String)>,
    ) -> Result<Placed, StoreError> {
        let key = idempotency.map(|(key, body_hash)| Key { key, body_hash });
        let order = order.to_owned();
        self.write(|reply| Job::Place { call: call.clone(), at, placed, order, key, reply }).await
    }

    /// Remembers the first answer to a key. Unknown and answered keys stay as they are.
    ///
    /// # Errors
    /// It was not written.
    pub async fn finish_key(&self, key: &str, status: u16, body: &str) -> Result<(), StoreError> {
        let (key, body) = (key.to_owned(), body.to_owned());
        self.write(|reply| Job::FinishKey { key, status, body, reply }).await
    }

    /// Remembers what a call's request was answered with (JSON).
    ///
    /// # Errors
    /// It was not written.
    pub async fn note_details(&self, call: &CallId, details: &str) -> Result<(), StoreError> {
        let details = Arc::from(details);
        self.write(|reply| Job::NoteDetails { call: call.clone(), details, reply }).await
    }

    async fn write<T>(&self, job: impl FnOnce(writer::Reply<T>) -> Job) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
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

    /// Whether the last transaction went through.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to do.
    pub fn health(&self) -> Result<(), String> {
        let trouble = self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.as_ref().map_or(Ok(()), |sentence| Err(sentence.clone()))
    }

    /// Writes what is waiting and closes the file. Other handles get [`StoreError::Closed`] from then on only if
    /// they are gone: drop them first.
    pub async fn close(self) {
        let Self { jobs, shared, writing } = self;
        let writer = writing.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _hold = Hold::new(shared.hold_time);
        drop(jobs);
        if let Some(writer) = writer {
            let _ = writer.await;
        }
        shared.readers.close().await;
    }
}

impl Shared {
    fn board(&self) -> RwLockReadGuard<'_, Board> {
        self.board.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn board_mut(&self) -> RwLockWriteGuard<'_, Board> {
        self.board.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folds what is on disk and tells everybody, in the log's order.
    fn publish(&self, events: Vec<Arc<Delivered>>) {
        {
            let mut board = self.board_mut();
            for delivered in &events {
                board.apply(&delivered.recorded);
            }
        }
        for delivered in events {
            self.metrics.event(&delivered.recorded.event);
            let _ = self.events.send(delivered);
        }
    }

    fn failed(&self, error: &StoreError) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.is_none() {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(cause, "{error}");
        }
        *trouble = Some(error.to_string());
    }

    fn recovered(&self) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.take().is_some() {
            tracing::info!("the store can be written to again");
        }
    }
}
