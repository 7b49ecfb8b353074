//! A disk in memory that fails when it is told to: for tests of what happens then, in no time and in virtual time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::watch, time::timeout};
use warmline_call::{CallId, CallView};

use super::disk::{Batch, Disk, DiskError, EndedCall, EndedQuery, KnownKey, Loaded, StillOpen, Trouble};

/// How long a transaction waits for somebody else's lock, as SQLite does.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// What is wrong with a [`MemoryDisk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Writes neither succeed nor fail.
    Stuck,
    /// Another program holds it: writes fail after two seconds.
    Locked,
    /// Writes fail: there is no room.
    Full,
    /// Reads and writes fail.
    Broken,
    /// Its files are not where they were.
    Moved,
    /// Neither reads nor writes come back.
    Dead,
}

impl Fault {
    /// Whether whoever writes waits until it is over.
    fn holds_writes(self) -> bool {
        matches!(self, Self::Stuck | Self::Dead)
    }
}

/// What becomes of one write that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// Nothing of it is there.
    Without,
    /// All of it is there, though it was reported as failed.
    AfterAll,
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
    fault: Arc<watch::Sender<Option<Fault>>>,
    /// Which of the processes that it has seen this handle belongs to.
    process: u64,
}

#[derive(Default)]
struct State {
    process: u64,
    now: Content,
    /// What a crash leaves, where that is less.
    safe: Option<Content>,
    next: Vec<Failed>,
    commits: u64,
}

#[derive(Clone, Default)]
struct Content {
    calls: BTreeMap<u64, Call>,
    placed: HashMap<CallId, u64>,
    /// The first has number 1.
    events: Vec<Arc<str>>,
    keys: HashMap<String, Key>,
}

#[derive(Clone)]
struct Call {
    at: i64,
    events: Vec<u64>,
    details: Option<Arc<str>>,
    end: Option<(Arc<str>, Arc<str>)>,
}

#[derive(Clone)]
struct Key {
    known: KnownKey,
    at: i64,
}

impl Default for MemoryDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Arc::default(), fault: Arc::new(watch::Sender::new(None)), process: 0 }
    }

    /// From now on this is wrong with it, or nothing any more.
    pub fn set(&self, fault: Option<Fault>) {
        self.fault.send_replace(fault);
    }

    /// The next write fails; of several, in that order.
    pub fn fail_next(&self, how: Failed) {
        self.state().next.push(how);
    }

    /// Keeps what is written from now on from being safe, as without fsync: a crash loses it.
    pub fn hold_back(&self) {
        let mut state = self.state();
        state.safe = Some(state.now.clone());
    }

    /// Makes safe what is there.
    pub fn sync(&self) {
        self.state().safe = None;
    }

    /// The process is killed. Gives the disk as the next one finds it, with nothing wrong with it; this handle, its clones, and
    /// stores on it can't do anything any more.
    #[must_use]
    pub fn crash(&self) -> Self {
        let mut state = self.state();
        state.process += 1;
        state.next.clear();
        if let Some(safe) = state.safe.take() {
            state.now = safe;
        }
        let process = state.process;
        drop(state);
        Self { state: Arc::clone(&self.state), fault: Arc::new(watch::Sender::new(None)), process }
    }

    /// How many transactions have reached it.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.state().commits
    }

    /// The number of the last event that is there.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.state().now.events.len() as u64
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is there, for this process.
    fn open(&self) -> Result<MutexGuard<'_, State>, DiskError> {
        let state = self.state();
        if state.process == self.process { Ok(state) } else { Err(DiskError::new(Trouble::Closed, "killed")) }
    }

    /// Waits until it can be read, or can't.
    async fn readable(&self) -> Result<MutexGuard<'_, State>, DiskError> {
        // The sender lives as long as we do.
        let _ = self.fault.subscribe().wait_for(|fault| *fault != Some(Fault::Dead)).await;
        let fault = *self.fault.borrow();
        match fault {
            Some(Fault::Broken) => Err(DiskError::new(Trouble::Failed, "broken")),
            _ => self.open(),
        }
    }

    /// Waits until it can be written to, or can't.
    async fn writable(&self) -> Result<(), DiskError> {
        let mut fault = self.fault.subscribe();
        // The sender lives as long as we do.
        let _ = fault.wait_for(|fault| !fault.is_some_and(Fault::holds_writes)).await;
        let now = *fault.borrow();
        match now {
            None | Some(Fault::Stuck | Fault::Dead) => Ok(()),
            Some(Fault::Full) => Err(DiskError::new(Trouble::Full, "full")),
            Some(Fault::Broken) => Err(DiskError::new(Trouble::Failed, "broken")),
            Some(Fault::Moved) => Err(DiskError::new(Trouble::Moved, "moved")),
            Some(Fault::Locked) => match timeout(LOCK_PATIENCE, fault.wait_for(Option::is_none)).await {
                Ok(_) => Ok(()),
                Err(_) => Err(DiskError::new(Trouble::Locked, "locked")),
            },
        }
    }
}

impl Content {
    fn write(&mut self, batch: &Batch) -> Result<(), DiskError> {
        let mut last = self.events.len() as u64;
        for new in &batch.events {
            last += 1;
            if new.delivered.recorded.seq != last {
                return Err(DiskError::new(Trouble::Failed, "events are numbered without gaps"));
            }
        }
        for new in &batch.calls {
            self.placed.insert(new.call.clone(), new.placed);
            self.calls.insert(new.placed, Call { at: new.at, events: Vec::new(), details: None, end: None });
        }
        for new in &batch.events {
            self.events.push(Arc::from(new.delivered.body()));
            if let Some(call) = self.calls.get_mut(&new.placed) {
                call.events.push(new.delivered.recorded.seq);
            }
        }
        for (key, call) in &batch.freed {
            if self.keys.get(key).is_some_and(|key| key.known.call == *call) {
                self.keys.remove(key);
            }
        }
        for new in &batch.keys {
            let known = KnownKey { body_hash: new.body_hash.clone(), call: new.call.clone(), answer: None };
            self.keys.insert(new.key.clone(), Key { known, at: new.at });
        }
        for (key, status, body) in &batch.answers {
            if let Some(key) = self.keys.get_mut(key) {
                key.known.answer.get_or_insert_with(|| (*status, Arc::clone(body)));
            }
        }
        for (call, details) in &batch.details {
            if let Some(call) = self.placed.get(call).and_then(|placed| self.calls.get_mut(placed)) {
                call.details = Some(Arc::clone(details));
            }
        }
        for end in &batch.ends {
            if let Some(call) = self.calls.get_mut(&end.placed) {
                call.end = Some((Arc::from(end.view.as_str()), Arc::from(end.search.as_str())));
            }
        }
        Ok(())
    }

    fn body(&self, seq: u64) -> Option<String> {
        let at = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.events.get(at).map(|body| body.to_string())
    }

    fn ended(&self, placed: u64, call: &Call) -> Option<EndedCall> {
        let (view, _) = call.end.as_ref()?;
        let details = call.details.as_deref().map(str::to_owned);
        Some(EndedCall { placed, view: view.to_string(), details })
    }

    fn fits(query: &EndedQuery, placed: u64, call: &Call) -> Option<(u64, String)> {
        let (view, search) = call.end.as_ref()?;
        let of_reason = |reason| {
            let view: Option<CallView> = serde_json::from_str(view).ok();
            view.and_then(|view| view.end).is_some_and(|end| end.reason == reason)
        };
        let fits = (query.since..query.until).contains(&call.at)
            && query.text.as_deref().is_none_or(|text| search.contains(text))
            && query.reason.is_none_or(of_reason);
        fits.then(|| (placed, view.to_string()))
    }
}

#[async_trait]
impl Disk for MemoryDisk {
    async fn load(&self, ended: usize) -> Result<Loaded, DiskError> {
        let state = self.readable().await?;
        let content = &state.now;
        let open = content.calls.iter().filter(|(_, call)| call.end.is_none()).map(|(placed, call)| StillOpen {
            placed: *placed,
            details: call.details.as_deref().map(str::to_owned),
            events: call.events.iter().filter_map(|seq| content.body(*seq)).collect(),
        });
        Ok(Loaded {
            seq: content.events.len() as u64,
            ended: content.calls.iter().rev().filter_map(|(at, call)| content.ended(*at, call)).take(ended).collect(),
            open: open.collect(),
        })
    }

    async fn commit(&self, batch: &Batch) -> Result<(), DiskError> {
        self.writable().await?;
        let mut state = self.open()?;
        let fails = if state.next.is_empty() { None } else { Some(state.next.remove(0)) };
        if fails != Some(Failed::Without) {
            state.now.write(batch)?;
            state.commits += 1;
        }
        match fails {
            None => Ok(()),
            Some(_) => Err(DiskError::new(Trouble::Failed, "it failed as it was told to")),
        }
    }

    async fn known_keys(&self, keys: &[&str]) -> Result<HashMap<String, KnownKey>, DiskError> {
        let state = self.readable().await?;
        let known = |key: &&str| Some(((*key).to_owned(), state.now.keys.get(*key)?.known.clone()));
        Ok(keys.iter().filter_map(known).collect())
    }

    async fn forget_keys(&self, before: i64) -> Result<(), DiskError> {
        self.writable().await?;
        self.open()?.now.keys.retain(|_, key| key.at >= before);
        Ok(())
    }

    async fn probe(&self) -> Result<(), DiskError> {
        self.writable().await?;
        self.open().map(drop)
    }

    fn in_place(&self) -> Result<(), DiskError> {
        match *self.fault.borrow() {
            Some(Fault::Moved) => Err(DiskError::new(Trouble::Moved, "moved")),
            _ => Ok(()),
        }
    }

    async fn ended_call(&self, call: &CallId) -> Result<Option<EndedCall>, DiskError> {
        let state = self.readable().await?;
        let found = state.now.placed.get(call).and_then(|placed| Some((*placed, state.now.calls.get(placed)?)));
        Ok(found.and_then(|(placed, call)| state.now.ended(placed, call)))
    }

    async fn ended_calls(&self, query: &EndedQuery) -> Result<Vec<(u64, String)>, DiskError> {
        let state = self.readable().await?;
        let below = state.now.calls.range(..query.below).rev();
        Ok(below.filter_map(|(placed, call)| Content::fits(query, *placed, call)).take(query.limit).collect())
    }

    async fn events_of(&self, placed: u64, after: u64, limit: usize) -> Result<Vec<String>, DiskError> {
        let state = self.readable().await?;
        let Some(call) = state.now.calls.get(&placed) else { return Ok(Vec::new()) };
        let later = call.events.iter().filter(|seq| **seq > after).take(limit);
        Ok(later.filter_map(|seq| state.now.body(*seq)).collect())
    }

    async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<(u64, String)>, DiskError> {
        let state = self.readable().await?;
        Ok((seq + 1..).take(limit).map_while(|seq| Some((seq, state.now.body(seq)?))).collect())
    }

    async fn close(&self) {}
}
