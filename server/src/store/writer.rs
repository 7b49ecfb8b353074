//! The one task that writes. It commits everything that waits in one transaction, however many callers that serves.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{mpsc, oneshot};
use warmline_call::{CallId, CallView, Event, Recorded};

use crate::metrics::event_type;

use super::{Delivered, Placed, Shared, StoreError, filter::haystack, hold::Hold};

/// Jobs in one transaction.
const BATCH: usize = 512;

/// Something to write.
pub(super) enum Job {
    Append { call: CallId, at: Timestamp, events: Vec<Event>, reply: Reply<Vec<Recorded>> },
    Place { call: CallId, at: Timestamp, placed: Event, order: String, key: Option<Key>, reply: Reply<Placed> },
    FinishKey { key: String, status: u16, body: String, reply: Reply<()> },
    NoteDetails { call: CallId, details: Arc<str>, reply: Reply<()> },
}

pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// An idempotency key and the hash of the body that it came with.
pub(super) struct Key {
    pub(super) key: String,
    pub(super) body_hash: String,
}

/// What is known of a key.
struct KnownKey {
    body_hash: String,
    answer: Option<(u16, String)>,
}

/// Runs until every handle to the store is gone, and everything handed in before that is written.
pub(super) async fn run(
    mut connection: SqliteConnection,
    connect: SqliteConnectOptions,
    mut jobs: mpsc::Receiver<Job>,
    shared: Arc<Shared>,
) {
    let mut waiting = Vec::with_capacity(BATCH);
    let mut in_doubt = false;
    while jobs.recv_many(&mut waiting, BATCH).await > 0 {
        let _hold = Hold::new(shared.hold_time);
        let jobs = std::mem::take(&mut waiting);
        let result = match in_doubt {
            true => begin_anew(&mut connection, &connect, &shared).await,
            false => Ok(()),
        };
        in_doubt = match result {
            Ok(()) => commit(&mut connection, jobs, &shared).await.is_err(),
            Err(error) => {
                refuse(jobs, &shared, error);
                true
            }
        };
    }
    let _hold = Hold::new(shared.hold_time);
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the store did not close cleanly; nothing that was acknowledged is lost");
    }
}

/// Goes on after a transaction that failed, over a connection of its own: SQLite has rolled back by itself where the disk
/// was full or broken, and the one before still takes itself for in the middle of it.
async fn begin_anew(
    connection: &mut SqliteConnection,
    connect: &SqliteConnectOptions,
    shared: &Shared,
) -> Result<(), sqlx::Error> {
    *connection = connect.connect().await?;
    catch_up(connection, shared).await
}

/// A transaction that failed may have reached the disk all the same: whatever did is taken for written.
async fn catch_up(connection: &mut SqliteConnection, shared: &Shared) -> Result<(), sqlx::Error> {
    let known = i64::try_from(shared.board().seq()).unwrap_or(i64::MAX);
    let bodies: Vec<(String,)> =
        sqlx::query_as("SELECT body FROM event WHERE seq > ? ORDER BY seq").bind(known).fetch_all(connection).await?;
    let read = |(body,): &(String,)| serde_json::from_str(body).map_err(|error| sqlx::Error::Decode(error.into()));
    let recorded = bodies.iter().map(read).collect::<Result<Vec<Recorded>, _>>()?;
    shared.publish(recorded.into_iter().map(|recorded| Arc::new(Delivered::new(recorded))).collect());
    Ok(())
}

/// The error is for the next turn: whether the file may hold more than we know of.
async fn commit(connection: &mut SqliteConnection, jobs: Vec<Job>, shared: &Shared) -> Result<(), ()> {
    let known = match known_keys(connection, &jobs).await {
        Ok(known) => known,
        Err(error) => {
            refuse(jobs, shared, error);
            return Ok(());
        }
    };
    let batch = Batch::plan(jobs, known, shared);
    match batch.write(connection).await {
        Ok(()) => {
            shared.recovered();
            batch.publish(shared);
            Ok(())
        }
        Err(error) => {
            let error = StoreError::write(error);
            shared.failed(&error);
            for done in batch.done {
                done.fail(&error);
            }
            Err(())
        }
    }
}

fn refuse(jobs: Vec<Job>, shared: &Shared, error: sqlx::Error) {
    let error = StoreError::write(error);
    shared.failed(&error);
    for job in jobs {
        match job {
            Job::Append { reply, .. } => drop(reply.send(Err(error.clone()))),
            Job::Place { reply, .. } => drop(reply.send(Err(error.clone()))),
            Job::FinishKey { reply, .. } | Job::NoteDetails { reply, .. } => drop(reply.send(Err(error.clone()))),
        }
    }
}

/// What the file knows of the keys that these jobs bring.
async fn known_keys(connection: &mut SqliteConnection, jobs: &[Job]) -> Result<HashMap<String, KnownKey>, sqlx::Error> {
    let asked: Vec<&str> = jobs
        .iter()
        .filter_map(|job| match job {
            Job::Place { key: Some(key), .. } => Some(key.key.as_str()),
            _ => None,
        })
        .collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, String, Option<i64>, Option<String>)> = sqlx::query_as(
        "SELECT key, body_hash, status, answer FROM idempotency WHERE key IN (SELECT value FROM json_each(?))",
    )
    .bind(json(&asked))
    .fetch_all(connection)
    .await?;
    let known = rows.into_iter().map(|(key, body_hash, status, answer)| {
        let answer = status.and_then(|s| u16::try_from(s).ok()).zip(answer);
        (key, KnownKey { body_hash, answer })
    });
    Ok(known.collect())
}

/// A reply that is due once the transaction is through.
enum Done {
    Appended(Vec<Arc<Delivered>>, Reply<Vec<Recorded>>),
    Placed(Arc<Delivered>, Reply<Placed>),
    NotPlaced(Placed, Reply<Placed>),
    Noted(Reply<()>),
}

impl Done {
    fn succeed(self) {
        match self {
            Self::Appended(events, reply) => {
                drop(reply.send(Ok(events.iter().map(|delivered| delivered.recorded.clone()).collect())));
            }
            Self::Placed(event, reply) => drop(reply.send(Ok(Placed::New(event.recorded.clone())))),
            Self::NotPlaced(placed, reply) => drop(reply.send(Ok(placed))),
            Self::Noted(reply) => drop(reply.send(Ok(()))),
        }
    }

    fn fail(self, error: &StoreError) {
        match self {
            Self::Appended(_, reply) => drop(reply.send(Err(error.clone()))),
            Self::Placed(_, reply) | Self::NotPlaced(_, reply) => drop(reply.send(Err(error.clone()))),
            Self::Noted(reply) => drop(reply.send(Err(error.clone()))),
        }
    }
}

/// One transaction. Each kind of row goes to SQLite as one JSON array, so that a statement serves any number of them.
#[derive(Default)]
struct Batch {
    seq: u64,
    events: Vec<(u64, Arc<Delivered>)>,
    calls: Vec<CallRow>,
    keys: Vec<KeyRow>,
    answers: Vec<(String, u16, String)>,
    details: Vec<(CallId, Arc<str>)>,
    ends: Vec<EndRow>,
    placed: HashMap<CallId, u64>,
    done: Vec<Done>,
}

#[derive(Serialize)]
struct CallRow(u64, CallId, i64, String);

#[derive(Serialize)]
struct KeyRow(String, String, CallId, i64);

/// Number, seq of the end, view, searchable text.
#[derive(Serialize)]
struct EndRow(u64, u64, String, String);

impl Batch {
    fn plan(jobs: Vec<Job>, mut known: HashMap<String, KnownKey>, shared: &Shared) -> Self {
        let mut batch = Self { seq: shared.board().seq(), ..Self::default() };
        for job in jobs {
            match job {
                Job::Append { call, at, events, reply } => batch.append(call, at, events, reply, shared),
                Job::Place { call, at, placed, order, key, reply } => {
                    match key.as_ref().and_then(|key| not_placed(&known, key)) {
                        Some(placed) => batch.done.push(Done::NotPlaced(placed, reply)),
                        None => {
                            if let Some(key) = batch.place(call, at, placed, order, key, reply, shared) {
                                known.insert(key.key, KnownKey { body_hash: key.body_hash, answer: None });
                            }
                        }
                    }
                }
                Job::FinishKey { key, status, body, reply } => {
                    if let Some(known) = known.get_mut(&key) {
                        known.answer.get_or_insert_with(|| (status, body.clone()));
                    }
                    batch.answers.push((key, status, body));
                    batch.done.push(Done::Noted(reply));
                }
                Job::NoteDetails { call, details, reply } => {
                    batch.details.push((call, details));
                    batch.done.push(Done::Noted(reply));
                }
            }
        }
        batch.fold_ends(shared);
        batch
    }

    fn append(
        &mut self,
        call: CallId,
        at: Timestamp,
        events: Vec<Event>,
        reply: Reply<Vec<Recorded>>,
        shared: &Shared,
    ) {
        let Some(placed) = self.placed.get(&call).copied().or_else(|| shared.board().placed(&call)) else {
            drop(reply.send(Err(StoreError::UnknownCall)));
            return;
        };
        let events = events.into_iter().map(|event| self.record(placed, call.clone(), at, event)).collect();
        self.done.push(Done::Appended(events, reply));
    }

    /// Plans a new call; gives its key back, which is taken from now on.
    #[allow(clippy::too_many_arguments, reason = "the parts of one job, taken apart by its only caller")]
    fn place(
        &mut self,
        call: CallId,
        at: Timestamp,
        placed: Event,
        order: String,
        key: Option<Key>,
        reply: Reply<Placed>,
        shared: &Shared,
    ) -> Option<Key> {
        if !matches!(placed, Event::CallPlaced { .. }) {
            drop(reply.send(Err(StoreError::Content("a call begins with call_placed".into()))));
            return None;
        }
        if self.placed.contains_key(&call) || shared.board().placed(&call).is_some() {
            drop(reply.send(Err(StoreError::CallExists)));
            return None;
        }
        let number = self.seq + 1;
        self.placed.insert(call.clone(), number);
        self.calls.push(CallRow(number, call.clone(), at.as_millisecond(), order));
        if let Some(key) = &key {
            self.keys.push(KeyRow(key.key.clone(), key.body_hash.clone(), call.clone(), at.as_millisecond()));
        }
        let event = self.record(number, call, at, placed);
        self.done.push(Done::Placed(event, reply));
        key
    }

    fn record(&mut self, placed: u64, call: CallId, at: Timestamp, event: Event) -> Arc<Delivered> {
        self.seq += 1;
        let delivered = Arc::new(Delivered::new(Recorded { seq: self.seq, call, at, event }));
        self.events.push((placed, Arc::clone(&delivered)));
        delivered
    }

    /// Calls that end with this batch: their last view is kept.
    fn fold_ends(&mut self, shared: &Shared) {
        let mut ends: HashMap<CallId, (u64, u64)> = HashMap::new();
        for (placed, delivered) in &self.events {
            if matches!(delivered.recorded.event, Event::CallEnded { .. }) {
                ends.insert(delivered.recorded.call.clone(), (*placed, delivered.recorded.seq));
            }
        }
        for (call, (placed, end)) in ends {
            let mut view = shared.board().entry(&call).map(|entry| CallView::clone(&entry.view));
            for (_, delivered) in self.events.iter().filter(|(number, _)| *number == placed) {
                match &mut view {
                    Some(view) => view.apply(&delivered.recorded),
                    None => view = CallView::placed(&delivered.recorded),
                }
            }
            if let Some(view) = view {
                self.ends.push(EndRow(placed, end, json(&view), haystack(&view)));
            }
        }
    }

    async fn write(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        if self.nothing_to_write() {
            return Ok(());
        }
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        if !self.calls.is_empty() {
            const SQL: &str = "INSERT INTO call (placed, id, placed_at, request)
                SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)";
            sqlx::query(SQL).bind(json(&self.calls)).execute(&mut *tx).await?;
        }
        if !self.events.is_empty() {
            const SQL: &str = "INSERT INTO event (seq, call, kind, body)
                SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)";
            let rows: Vec<_> = self.events.iter().map(|(placed, d)| event_row(*placed, d)).collect();
            sqlx::query(SQL).bind(json(&rows)).execute(&mut *tx).await?;
        }
        if !self.keys.is_empty() {
            const SQL: &str = "INSERT INTO idempotency (key, body_hash, call, at)
                SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)";
            sqlx::query(SQL).bind(json(&self.keys)).execute(&mut *tx).await?;
        }
        if !self.answers.is_empty() {
            const SQL: &str = "UPDATE idempotency SET status = new.value ->> 1, answer = new.value ->> 2
                FROM json_each(?) AS new WHERE idempotency.key = new.value ->> 0 AND idempotency.status IS NULL";
            sqlx::query(SQL).bind(json(&self.answers)).execute(&mut *tx).await?;
        }
        if !self.details.is_empty() {
            const SQL: &str = "UPDATE call SET details = new.value ->> 1
                FROM json_each(?) AS new WHERE call.id = new.value ->> 0";
            let rows: Vec<(&CallId, &str)> = self.details.iter().map(|(call, text)| (call, &**text)).collect();
            sqlx::query(SQL).bind(json(&rows)).execute(&mut *tx).await?;
        }
        if !self.ends.is_empty() {
            const SQL: &str =
                "UPDATE call SET ended = new.value ->> 1, view = new.value ->> 2, search = new.value ->> 3
                FROM json_each(?) AS new WHERE call.placed = new.value ->> 0";
            sqlx::query(SQL).bind(json(&self.ends)).execute(&mut *tx).await?;
        }
        tx.commit().await
    }

    fn nothing_to_write(&self) -> bool {
        self.events.is_empty() && self.answers.is_empty() && self.details.is_empty()
    }

    /// It is on disk: tell everybody, and answer.
    fn publish(self, shared: &Shared) {
        shared.publish(self.events.into_iter().map(|(_, delivered)| delivered).collect());
        for (call, details) in self.details {
            shared.board_mut().note_details(&call, details);
        }
        for done in self.done {
            done.succeed();
        }
    }
}

/// Why a key that is known already starts no call.
fn not_placed(known: &HashMap<String, KnownKey>, key: &Key) -> Option<Placed> {
    let known = known.get(&key.key)?;
    Some(match &known.answer {
        _ if known.body_hash != key.body_hash => Placed::KeyReused,
        Some((status, body)) => Placed::Replay { status: *status, body: body.clone() },
        None => Placed::Running,
    })
}

fn event_row(placed: u64, delivered: &Delivered) -> (u64, u64, &'static str, &str) {
    let recorded = &delivered.recorded;
    (recorded.seq, placed, event_type(&recorded.event), delivered.body())
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "[]".into())
}
