//! The seam below the store: what it asks of the disk that the log is kept on.

use std::{collections::HashMap, error::Error, sync::Arc};

use async_trait::async_trait;
use warmline_call::{CallId, EndReason};

use super::Delivered;

/// What the log is kept on: SQLite in the program, memory in tests ([`super::testing`]).
///
/// One task writes, a batch at a time; any number reads meanwhile. A disk keeps nothing of a call that failed: no open
/// transaction and no broken connection. The next one begins anew.
#[async_trait]
pub trait Disk: Send + Sync + 'static {
    /// What is there: every open call, and as many of the latest that have ended.
    ///
    /// # Errors
    /// It can't be read.
    async fn load(&self, ended: usize) -> Result<Loaded, DiskError>;

    /// Writes a batch, all of it or nothing. It is there after a loss of power when this returns.
    ///
    /// # Errors
    /// Nothing was written, or that is in doubt: [`Disk::events_after`] tells.
    async fn commit(&self, batch: &Batch) -> Result<(), DiskError>;

    /// What is known of these idempotency keys.
    ///
    /// # Errors
    /// It can't be read.
    async fn known_keys(&self, keys: &[&str]) -> Result<HashMap<String, KnownKey>, DiskError>;

    /// Forgets the idempotency keys that came before that moment (Unix milliseconds).
    ///
    /// # Errors
    /// They are still there.
    async fn forget_keys(&self, before: i64) -> Result<(), DiskError>;

    /// Writes something that means nothing, to find out whether it can.
    ///
    /// # Errors
    /// It can't.
    async fn probe(&self) -> Result<(), DiskError>;

    /// Whether what is written still goes to where the next start will look for it. Takes microseconds.
    ///
    /// # Errors
    /// It was deleted, moved or replaced.
    fn in_place(&self) -> Result<(), DiskError>;

    /// A call that has ended.
    ///
    /// # Errors
    /// It can't be read.
    async fn ended_call(&self, call: &CallId) -> Result<Option<EndedCall>, DiskError>;

    /// Ended calls that fit, newest first.
    ///
    /// # Errors
    /// They can't be read.
    async fn ended_calls(&self, query: &EndedQuery) -> Result<Vec<(u64, String)>, DiskError>;

    /// The bodies of a call's events after `after`, in order, at most `limit`.
    ///
    /// # Errors
    /// They can't be read.
    async fn events_of(&self, placed: u64, after: u64, limit: usize) -> Result<Vec<String>, DiskError>;

    /// The numbers and bodies of all events after `seq`, in order, at most `limit`.
    ///
    /// # Errors
    /// They can't be read.
    async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<(u64, String)>, DiskError>;

    /// Lets go of everything.
    async fn close(&self);
}

/// One transaction.
#[derive(Debug, Default)]
pub struct Batch {
    /// New calls. Their first events are among the events.
    pub calls: Vec<NewCall>,
    /// New events, numbered on from the last one that is there.
    pub events: Vec<NewEvent>,
    /// Keys that may be used again: what came of them was taken back. They go before the new ones come.
    pub freed: Vec<(String, CallId)>,
    /// New idempotency keys.
    pub keys: Vec<NewKey>,
    /// First answers to keys: status and body. Keys that are unknown or answered stay as they are.
    pub answers: Vec<(String, u16, Arc<str>)>,
    /// What the requests for calls were answered with.
    pub details: Vec<(CallId, Arc<str>)>,
    /// Calls that end with this batch.
    pub ends: Vec<NewEnd>,
}

impl Batch {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.freed.is_empty() && self.answers.is_empty() && self.details.is_empty()
    }
}

/// A new call.
#[derive(Debug)]
pub struct NewCall {
    /// The number of its first event: calls are numbered by it.
    pub placed: u64,
    /// Its id.
    pub call: CallId,
    /// Unix milliseconds.
    pub at: i64,
}

/// A new event.
#[derive(Debug)]
pub struct NewEvent {
    /// The number of its call.
    pub placed: u64,
    /// The event.
    pub delivered: Arc<Delivered>,
}

/// A new idempotency key.
#[derive(Debug)]
pub struct NewKey {
    /// The key.
    pub key: String,
    /// Hash of the body that it came with.
    pub body_hash: String,
    /// The call that it started.
    pub call: CallId,
    /// Unix milliseconds.
    pub at: i64,
}

/// A call that ends.
#[derive(Debug)]
pub struct NewEnd {
    /// The call's number.
    pub placed: u64,
    /// The number of its last event.
    pub ended: u64,
    /// Its last view, as JSON.
    pub view: String,
    /// What can be searched in it, in lower case.
    pub search: String,
}

/// What is known of an idempotency key.
#[derive(Clone, Debug)]
pub struct KnownKey {
    /// Hash of the body that it came with.
    pub body_hash: String,
    /// The call that it started.
    pub call: CallId,
    /// The first answer, once there is one: status and body.
    pub answer: Option<(u16, Arc<str>)>,
}

/// What a disk has when it is opened.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The number of the last event.
    pub seq: u64,
    /// The latest calls that have ended, newest first.
    pub ended: Vec<EndedCall>,
    /// The calls that have not, oldest first.
    pub open: Vec<StillOpen>,
}

/// A call that has ended, as it was kept.
#[derive(Debug)]
pub struct EndedCall {
    /// Its number.
    pub placed: u64,
    /// Its last view, as JSON.
    pub view: String,
    /// What its request was answered with, as JSON.
    pub details: Option<String>,
}

/// A call that has not ended.
#[derive(Debug)]
pub struct StillOpen {
    /// Its number.
    pub placed: u64,
    /// What its request was answered with, as JSON.
    pub details: Option<String>,
    /// The bodies of its events, in order.
    pub events: Vec<String>,
}

/// Which ended calls, newest first.
#[derive(Clone, Debug)]
pub struct EndedQuery {
    /// Only those numbered below.
    pub below: u64,
    /// Only those placed then or later (Unix milliseconds).
    pub since: i64,
    /// Only those placed before.
    pub until: i64,
    /// Only those in which this is found, in lower case.
    pub text: Option<String>,
    /// Only those that ended so.
    pub reason: Option<EndReason>,
    /// How many at most.
    pub limit: usize,
}

/// What a disk can't do, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{trouble}")]
pub struct DiskError {
    /// What is wrong with it.
    pub trouble: Trouble,
    /// What was said below.
    #[source]
    pub cause: Arc<dyn Error + Send + Sync>,
}

impl DiskError {
    /// Why a disk can't do what it was asked.
    pub fn new(trouble: Trouble, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { trouble, cause: Arc::from(cause.into()) }
    }
}

/// What is wrong with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Another program holds it: it may let go of it in a moment.
    #[error(
        "The store can't be written to now: another program has locked it. End what works with its file (a backup, a sqlite3 shell), or try again in a moment"
    )]
    Locked,
    /// There is no room.
    #[error(
        "The store can't be written to now: its disk is full. Make room where DATABASE_URL or WARMLINE_DATA_DIR is"
    )]
    Full,
    /// The files are not where they were.
    #[error(
        "The store's files were deleted, moved or replaced while Warmline ran. Put them back where DATABASE_URL or WARMLINE_DATA_DIR is, or start Warmline again to begin a new store there"
    )]
    Moved,
    /// This handle's process is gone.
    #[error("The store is closed")]
    Closed,
    /// Anything else.
    #[error(
        "The store can't be written to now. Look whether the disk that DATABASE_URL or WARMLINE_DATA_DIR is on is there, whole and writable"
    )]
    Failed,
}
