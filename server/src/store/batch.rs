//! Planning a batch: what waits is numbered, and calls that end are folded.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use warmline_call::{CallId, CallView, Event, Recorded};

use super::{
    Delivered, StoreError, WrittenDown,
    board::Board,
    disk::{Batch, KnownKey, NewCall, NewEnd, NewEvent, NewKey},
    filter::haystack,
    outbox::{NewPlace, Next},
};

/// A batch, and who waits for it.
pub(super) struct Plan {
    pub(super) batch: Batch,
    /// What of the outbox is in it.
    pub(super) next: Next,
    /// Those who wait for a call to be written down, with what they will be told.
    pub(super) places: Vec<(NewPlace, Outcome)>,
}

/// What becomes of a call that is to be placed.
pub(super) enum Outcome {
    New(Arc<Delivered>),
    /// The key says so.
    Not(WrittenDown),
    Wrong(StoreError),
}

impl Plan {
    /// New calls come first: somebody waits for each of them.
    pub(super) fn new(places: Vec<NewPlace>, next: Next, mut known: HashMap<String, KnownKey>, board: &Board) -> Self {
        let mut planner = Planner { seq: board.seq(), board, placed: HashMap::new(), batch: Batch::default() };
        let places = places.into_iter().map(|place| {
            let outcome = planner.place(&place, &mut known);
            (place, outcome)
        });
        let places = places.collect();
        for waiting in &next.events {
            planner.append(&waiting.call, waiting.at, &waiting.event);
        }
        planner.fold_ends();
        let mut batch = planner.batch;
        batch.answers.clone_from(&next.answers);
        batch.details.clone_from(&next.details);
        batch.freed.clone_from(&next.freed);
        Self { batch, next, places }
    }
}

struct Planner<'a> {
    seq: u64,
    board: &'a Board,
    /// The numbers of the batch's own calls.
    placed: HashMap<CallId, u64>,
    batch: Batch,
}

impl Planner<'_> {
    fn place(&mut self, place: &NewPlace, known: &mut HashMap<String, KnownKey>) -> Outcome {
        let NewPlace { call, at, placed, key, .. } = place;
        if !matches!(placed, Event::CallPlaced { .. }) {
            return Outcome::Wrong(StoreError::Content("a call begins with call_placed".into()));
        }
        if let Some(key) = key
            && let Some(known) = known.get(&key.key)
        {
            return Outcome::Not(known.says(&key.body_hash));
        }
        if self.number(call).is_some() {
            return Outcome::Wrong(StoreError::CallExists);
        }
        let number = self.seq + 1;
        self.placed.insert(call.clone(), number);
        self.batch.calls.push(NewCall { placed: number, call: call.clone(), at: at.as_millisecond() });
        if let Some(key) = key {
            let (body_hash, call) = (key.body_hash.clone(), call.clone());
            known.insert(key.key.clone(), KnownKey { body_hash: body_hash.clone(), call: call.clone(), answer: None });
            self.batch.keys.push(NewKey { key: key.key.clone(), body_hash, call, at: at.as_millisecond() });
        }
        Outcome::New(self.event(number, call, *at, placed))
    }

    fn append(&mut self, call: &CallId, at: Timestamp, event: &Event) {
        match self.number(call) {
            Some(number) => drop(self.event(number, call, at, event)),
            // Looked up when it was put in line; the board forgets only calls that ended long ago.
            None => tracing::error!(%call, "an event of a call that nobody knows any more is lost"),
        }
    }

    fn number(&self, call: &CallId) -> Option<u64> {
        self.placed.get(call).copied().or_else(|| self.board.placed(call))
    }

    fn event(&mut self, placed: u64, call: &CallId, at: Timestamp, event: &Event) -> Arc<Delivered> {
        self.seq += 1;
        let recorded = Recorded { seq: self.seq, call: call.clone(), at, event: event.clone() };
        let delivered = Arc::new(Delivered::new(recorded));
        self.batch.events.push(NewEvent { placed, delivered: Arc::clone(&delivered) });
        delivered
    }

    /// Calls that end with this batch: their last view is kept.
    fn fold_ends(&mut self) {
        let mut ends: HashMap<u64, (CallId, u64)> = HashMap::new();
        for new in &self.batch.events {
            let recorded = &new.delivered.recorded;
            if matches!(recorded.event, Event::CallEnded { .. }) {
                ends.insert(new.placed, (recorded.call.clone(), recorded.seq));
            }
        }
        for (placed, (call, ended)) in ends {
            let mut view = self.board.entry(&call).map(|entry| CallView::clone(&entry.view));
            for new in self.batch.events.iter().filter(|new| new.placed == placed) {
                match &mut view {
                    Some(view) => view.apply(&new.delivered.recorded),
                    None => view = CallView::placed(&new.delivered.recorded),
                }
            }
            if let Some(view) = view {
                let search = haystack(&view);
                let view = serde_json::to_string(&view).unwrap_or_else(|_| "null".into());
                self.batch.ends.push(NewEnd { placed, ended, view, search });
            }
        }
    }
}

impl KnownKey {
    /// Why a key that is known already starts no call.
    pub(super) fn says(&self, body_hash: &str) -> WrittenDown {
        match &self.answer {
            _ if self.body_hash != body_hash => WrittenDown::KeyReused,
            Some((status, body)) => WrittenDown::Replay { status: *status, body: body.to_string() },
            None => WrittenDown::Running,
        }
    }
}
