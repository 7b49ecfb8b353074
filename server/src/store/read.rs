//! Reading: calls and events, from memory where they are there, from the disk otherwise.

use std::{collections::BTreeMap, sync::Arc};

use axum::{body::Bytes, extract::ws::Utf8Bytes};
use jiff::Timestamp;
use serde::Deserialize;
use warmline_api::CallPage;
use warmline_call::{CallId, CallView, Phase, Recorded};

use super::{
    CallFilter, Cursor, Store, StoreError, WrittenDown,
    board::{Board, Entry},
    disk::{Disk, DiskError, EndedCall, EndedQuery},
    envelope,
    times::Times,
};

/// Ended calls that are put on the board at start.
const LOAD_ENDED: usize = 1_000;

/// One page of calls, each as its JSON, newest first.
#[derive(Debug)]
pub struct Page {
    /// The calls.
    pub calls: Vec<Bytes>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// A call with what is not part of its view.
#[derive(Debug)]
pub struct CallJson {
    /// The view.
    pub view: Bytes,
    /// What its request was answered with: JSON, once known.
    pub details: Option<String>,
}

/// Puts JSON values one after the other, with commas between them.
pub(super) fn join(to: &mut Vec<u8>, values: impl Iterator<Item = Bytes>) {
    for (n, value) in values.enumerate() {
        if n > 0 {
            to.push(b',');
        }
        to.extend_from_slice(&value);
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, StoreError> {
    // serde's message would quote what it read, which may be somebody's name.
    serde_json::from_str(text).map_err(|e| StoreError::Content(format!("line {}, column {}", e.line(), e.column())))
}

impl StoreError {
    fn read(error: DiskError) -> Self {
        Self::Read(error.cause)
    }
}

/// The board as the disk has it: every open call and the latest that have ended.
pub(super) async fn load(disk: &dyn Disk) -> Result<Board, StoreError> {
    let loaded = disk.load(LOAD_ENDED).await.map_err(StoreError::read)?;
    let floor = match loaded.ended.last() {
        Some(oldest) if loaded.ended.len() == LOAD_ENDED => oldest.placed - 1,
        _ => 0,
    };
    let mut board = Board::new(loaded.seq, floor);
    for EndedCall { placed, view, details } in loaded.ended {
        board.restore(placed, parse(&view)?, Times::default(), details);
    }
    for call in loaded.open {
        let events = call.events.iter().map(|body| parse::<Recorded>(body)).collect::<Result<Vec<_>, _>>()?;
        let Some(mut view) = events.first().and_then(CallView::placed) else { continue };
        let mut times = Times::default();
        for event in &events {
            view.apply(event);
            times.apply(event);
        }
        board.restore(call.placed, view, times, call.details);
    }
    Ok(board)
}

impl Store {
    /// A call on the board, with what happened to it that is not on disk yet.
    fn entry(&self, call: &CallId) -> Option<Entry> {
        let (entry, waiting) = {
            let outbox = self.shared.outbox();
            (self.shared.board().entry(call).cloned()?, outbox.waiting(call))
        };
        Some(if waiting.is_empty() { entry } else { entry.with(&waiting) })
    }

    /// A call that has not ended, as it is now, and its times: from memory, whatever the disk does.
    #[must_use]
    pub fn open_call(&self, call: &CallId) -> Option<(CallView, Times)> {
        let entry = self.entry(call).filter(|entry| entry.view.end.is_none())?;
        Some((Arc::unwrap_or_clone(entry.view), entry.times))
    }

    /// A call as it is now, also where the disk is behind; `None` where there is none.
    ///
    /// # Errors
    /// The disk can't be read.
    pub async fn call(&self, call: &CallId) -> Result<Option<CallView>, StoreError> {
        if let Some(entry) = self.entry(call) {
            return Ok(Some(Arc::unwrap_or_clone(entry.view)));
        }
        match self.stored(call).await? {
            Some(stored) => parse(&stored.view).map(Some),
            None => Ok(None),
        }
    }

    /// The same for somebody who has no use for an error.
    pub async fn view(&self, call: &CallId) -> Option<CallView> {
        self.call(call).await.unwrap_or_else(|error| {
            tracing::error!(%call, "{error}");
            None
        })
    }

    /// A call as it is now, with all that belongs to it.
    ///
    /// # Errors
    /// The disk can't be read.
    pub async fn call_json(&self, call: &CallId) -> Result<Option<CallJson>, StoreError> {
        if let Some(entry) = self.entry(call) {
            return Ok(Some(CallJson { view: entry.json(), details: entry.details.as_deref().map(str::to_owned) }));
        }
        let stored = self.stored(call).await?;
        Ok(stored.map(|EndedCall { view, details, .. }| CallJson { view: view.into(), details }))
    }

    /// What a request with an idempotency key (key, hash of the body) is told that starts no call any more; `None` where the
    /// key is new.
    ///
    /// # Errors
    /// The disk can't be read.
    pub async fn known_key(&self, key: &str, body_hash: &str) -> Result<Option<WrittenDown>, StoreError> {
        let known = self.shared.disk.known_keys(&[key]).await.map_err(StoreError::read)?.remove(key);
        Ok(self.shared.outbox().amend(key, known).map(|known| known.says(body_hash)))
    }

    /// The call of an idempotency key.
    ///
    /// # Errors
    /// The disk can't be read.
    pub async fn call_of_key(&self, key: &str) -> Result<Option<CallId>, StoreError> {
        let known = self.shared.disk.known_keys(&[key]).await.map_err(StoreError::read)?.remove(key);
        Ok(self.shared.outbox().amend(key, known).map(|known| known.call))
    }

    /// The events of a call after `after`, in order, as far as they are on disk; `None` for an unknown call. At most `limit`.
    ///
    /// # Errors
    /// The disk can't be read.
    pub async fn event_bodies(
        &self,
        call: &CallId,
        after: u64,
        limit: usize,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let Some(placed) = self.number_of(call).await? else { return Ok(None) };
        self.shared.disk.events_of(placed, after, limit).await.map(Some).map_err(StoreError::read)
    }

    /// The events of a call after `after`, in order, as far as they are on disk; none for an unknown call.
    ///
    /// # Errors
    /// The disk can't be read.
    pub async fn events(&self, call: &CallId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        let bodies = self.event_bodies(call, after, usize::MAX).await?.unwrap_or_default();
        bodies.iter().map(|body| parse(body)).collect()
    }

    /// The events of all calls after `seq`, in order, at most `limit`.
    ///
    /// # Errors
    /// The disk can't be read.
    pub async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.bodies_after(seq, limit).await?.iter().map(|(_, body)| parse(body)).collect()
    }

    /// The same as the console's messages, each with its number.
    ///
    /// # Errors
    /// The disk can't be read.
    pub async fn messages_after(&self, seq: u64, limit: usize) -> Result<Vec<(u64, Utf8Bytes)>, StoreError> {
        let bodies = self.bodies_after(seq, limit).await?;
        Ok(bodies.into_iter().map(|(seq, body)| (seq, envelope(&body))).collect())
    }

    /// Calls that fit, newest first.
    ///
    /// # Errors
    /// The disk can't be read.
    pub async fn list(&self, filter: &CallFilter) -> Result<CallPage, StoreError> {
        let page = self.page(filter).await?;
        let view = |json: &Bytes| {
            let text = std::str::from_utf8(json).map_err(|_| StoreError::Content("not UTF-8".into()))?;
            parse(text)
        };
        let calls = page.calls.iter().map(view).collect::<Result<_, StoreError>>()?;
        Ok(CallPage { calls, next_cursor: page.next.map(|cursor| cursor.to_string()) })
    }

    /// The same as JSON that was made once.
    ///
    /// # Errors
    /// The disk can't be read.
    pub async fn page(&self, filter: &CallFilter) -> Result<Page, StoreError> {
        let needle = filter.needle();
        // One more than asked for says whether there is a next page.
        let wanted = filter.limit + 1;
        let below = filter.cursor.map_or(u64::MAX, |cursor| cursor.0);
        let (mut found, floor) = {
            let board = self.shared.board();
            (board.select(filter, below, if needle.is_some() { usize::MAX } else { wanted }), board.floor())
        };
        if let Some(needle) = needle.clone() {
            found = in_which(found, needle, wanted).await;
        }
        let complete = found.len() == wanted && found.last().is_some_and(|(placed, _)| *placed > floor);
        let mut calls: Vec<(u64, Bytes)> = found.iter().map(|(placed, entry)| (*placed, Entry::json(entry))).collect();
        if !complete && floor > 0 && filter.phase.is_none_or(|phase| phase == Phase::Ended) {
            let query = EndedQuery {
                below: below.min(floor + 1),
                since: filter.since.map_or(i64::MIN, Timestamp::as_millisecond),
                until: filter.until.map_or(i64::MAX, Timestamp::as_millisecond),
                text: needle,
                reason: filter.reason,
                limit: wanted,
            };
            let older = self.shared.disk.ended_calls(&query).await.map_err(StoreError::read)?;
            let mut both: BTreeMap<u64, Bytes> =
                older.into_iter().map(|(placed, view)| (placed, Bytes::from(view))).collect();
            both.extend(calls);
            calls = both.into_iter().rev().collect();
        }
        let more = calls.len() > filter.limit;
        calls.truncate(filter.limit);
        let next = calls.last().filter(|_| more).map(|(placed, _)| Cursor(*placed));
        Ok(Page { calls: calls.into_iter().map(|(_, json)| json).collect(), next })
    }

    async fn bodies_after(&self, seq: u64, limit: usize) -> Result<Vec<(u64, String)>, StoreError> {
        self.shared.disk.events_after(seq, limit).await.map_err(StoreError::read)
    }

    async fn number_of(&self, call: &CallId) -> Result<Option<u64>, StoreError> {
        let on_board = self.shared.board().placed(call);
        match on_board {
            Some(placed) => Ok(Some(placed)),
            None => Ok(self.stored(call).await?.map(|stored| stored.placed)),
        }
    }

    /// A call that is no longer on the board.
    async fn stored(&self, call: &CallId) -> Result<Option<EndedCall>, StoreError> {
        self.shared.disk.ended_call(call).await.map_err(StoreError::read)
    }
}

/// The first of these calls in which a text is found, at most `limit`. Whole transcripts are looked through, and put into lower
/// case where that has not been done: not on the threads that everybody waits for.
async fn in_which(calls: Vec<(u64, Entry)>, text: String, limit: usize) -> Vec<(u64, Entry)> {
    let looked = tokio::task::spawn_blocking(move || {
        calls.into_iter().filter(|(_, entry)| entry.contains(&text)).take(limit).collect()
    });
    looked.await.unwrap_or_default()
}
