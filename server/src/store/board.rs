//! The calls as they are now, kept in memory: every open one and the latest that have ended.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, OnceLock},
};

use axum::body::Bytes;
use warmline_call::{CallId, CallView, Phase, Recorded};

use super::{
    filter::{CallFilter, haystack},
    outbox::Waiting,
    times::Times,
};

/// Ended calls that are kept in memory; older ones are read from the file.
const KEEP_ENDED: usize = 1_000;

/// Ended calls in a snapshot.
const SNAPSHOT_ENDED: usize = 100;

/// The fold of the log, call by call.
#[derive(Debug, Default)]
pub(super) struct Board {
    seq: u64,
    /// By the number of their `call_placed`.
    calls: BTreeMap<u64, Entry>,
    placed: HashMap<CallId, u64>,
    ended: BTreeSet<u64>,
    /// Calls up to this number may be in the file alone.
    floor: u64,
}

/// One call. Clones share the view and what was made of it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) view: Arc<CallView>,
    /// Of an open call.
    pub(super) times: Times,
    json: Arc<OnceLock<Bytes>>,
    search: Arc<OnceLock<String>>,
    pub(super) details: Option<Arc<str>>,
}

impl Entry {
    fn new(view: CallView, times: Times) -> Self {
        Self { view: Arc::new(view), times, json: Arc::default(), search: Arc::default(), details: None }
    }

    /// The same call with what is not on disk yet. Its number stays that of the last event in the log.
    pub(super) fn with(&self, waiting: &[Arc<Waiting>]) -> Self {
        let (mut view, mut times) = (CallView::clone(&self.view), self.times);
        for (seq, waiting) in (self.view.seq + 1..).zip(waiting) {
            let recorded = waiting.recorded(seq);
            view.apply(&recorded);
            times.apply(&recorded);
        }
        view.seq = self.view.seq;
        Self { details: self.details.clone(), ..Self::new(view, times) }
    }

    /// The view on the wire; serialised once, whoever asks.
    pub(super) fn json(&self) -> Bytes {
        let serialise = || serde_json::to_vec(&*self.view).unwrap_or_else(|_| b"null".to_vec()).into();
        self.json.get_or_init(serialise).clone()
    }

    /// Whether that text, in lower case, is found in the call. Takes long where nobody has asked before.
    pub(super) fn contains(&self, text: &str) -> bool {
        self.search.get_or_init(|| haystack(&self.view)).contains(text)
    }
}

impl Board {
    /// A board for a log whose last event is `seq` and whose calls up to `floor` may be in the file alone.
    pub(super) fn new(seq: u64, floor: u64) -> Self {
        Self { seq, floor, ..Self::default() }
    }

    /// The last event folded in.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Calls up to this number may be in the file alone.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    /// Puts a call on the board as it was read from the file.
    pub(super) fn restore(&mut self, placed: u64, view: CallView, times: Times, details: Option<String>) {
        if view.end.is_some() {
            self.ended.insert(placed);
        }
        self.placed.insert(view.call.clone(), placed);
        self.calls.insert(placed, Entry { details: details.map(Arc::from), ..Entry::new(view, times) });
    }

    /// Folds one event in.
    pub(super) fn apply(&mut self, recorded: &Recorded) {
        self.seq = self.seq.max(recorded.seq);
        if let Some(view) = CallView::placed(recorded) {
            self.placed.insert(view.call.clone(), recorded.seq);
            let mut times = Times::default();
            times.apply(recorded);
            self.calls.insert(recorded.seq, Entry::new(view, times));
            return;
        }
        let Some(&placed) = self.placed.get(&recorded.call) else { return };
        let Some(entry) = self.calls.get_mut(&placed) else { return };
        Arc::make_mut(&mut entry.view).apply(recorded);
        entry.times.apply(recorded);
        (entry.json, entry.search) = (Arc::default(), Arc::default());
        if entry.view.end.is_some() && self.ended.insert(placed) {
            self.forget_the_oldest();
        }
    }

    fn forget_the_oldest(&mut self) {
        while self.ended.len() > KEEP_ENDED
            && let Some(oldest) = self.ended.pop_first()
        {
            if let Some(entry) = self.calls.remove(&oldest) {
                self.placed.remove(&entry.view.call);
            }
            self.floor = self.floor.max(oldest);
        }
    }

    /// Notes what the request for a call was answered with.
    pub(super) fn note_details(&mut self, call: &CallId, details: Arc<str>) {
        if let Some(entry) = self.placed.get(call).and_then(|placed| self.calls.get_mut(placed)) {
            entry.details = Some(details);
        }
    }

    /// The number of a call on the board.
    pub(super) fn placed(&self, call: &CallId) -> Option<u64> {
        self.placed.get(call).copied()
    }

    /// A call on the board.
    pub(super) fn entry(&self, call: &CallId) -> Option<&Entry> {
        self.calls.get(self.placed.get(call)?)
    }

    /// Open calls and the latest ended ones, newest first.
    pub(super) fn snapshot(&self) -> Vec<Entry> {
        let mut ended = 0;
        let shown = |entry: &&Entry| {
            ended += usize::from(entry.view.end.is_some());
            entry.view.end.is_none() || ended <= SNAPSHOT_ENDED
        };
        self.calls.values().rev().filter(shown).cloned().collect()
    }

    /// The ids of the calls that have not ended, oldest first.
    pub(super) fn open(&self) -> Vec<CallId> {
        self.calls.values().filter(|e| e.view.end.is_none()).map(|e| e.view.call.clone()).collect()
    }

    /// How many calls are in each phase that is not the last.
    pub(super) fn phases(&self) -> HashMap<Phase, i64> {
        let mut phases = HashMap::new();
        for entry in self.calls.iter().filter(|(placed, _)| !self.ended.contains(placed)).map(|(_, entry)| entry) {
            *phases.entry(entry.view.phase).or_default() += 1;
        }
        phases
    }

    /// Calls below `below` that fit all but the filter's text, newest first, at most `limit`.
    pub(super) fn select(&self, filter: &CallFilter, below: u64, limit: usize) -> Vec<(u64, Entry)> {
        self.calls
            .range(..below)
            .rev()
            .filter(|(_, entry)| filter.fits(&entry.view))
            .take(limit)
            .map(|(placed, entry)| (*placed, entry.clone()))
            .collect()
    }
}
