//! Reading: calls and events, from memory where they are there, from the file otherwise.

use std::collections::BTreeMap;

use axum::{body::Bytes, extract::ws::Utf8Bytes};
use serde::Deserialize;
use sqlx::SqlitePool;
use warmline_api::CallPage;
use warmline_call::{CallId, CallView, EndReason, Phase, Recorded};

use super::{
    CallFilter, Cursor, Store, StoreError,
    board::{Board, Entry},
    envelope,
    filter::haystack,
    hold::Hold,
};

/// Ended calls that are put on the board at start.
const LOAD_ENDED: i64 = 1_000;

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

fn column(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn number(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, StoreError> {
    // serde's message would quote what it read, which may be somebody's name.
    serde_json::from_str(text).map_err(|e| StoreError::Content(format!("line {}, column {}", e.line(), e.column())))
}

/// The board as the file has it: every open call and the latest that have ended.
pub(super) async fn load(pool: &SqlitePool) -> Result<Board, StoreError> {
    let (seq,): (i64,) =
        sqlx::query_as("SELECT COALESCE(MAX(seq), 0) FROM event").fetch_one(pool).await.map_err(StoreError::read)?;
    let ended: Vec<(i64, String, Option<String>)> = sqlx::query_as(
        "SELECT placed, view, details FROM call WHERE ended IS NOT NULL AND view IS NOT NULL ORDER BY placed DESC LIMIT ?",
    )
    .bind(LOAD_ENDED)
    .fetch_all(pool)
    .await
    .map_err(StoreError::read)?;
    let floor = if ended.len() < LOAD_ENDED as usize { 0 } else { ended.last().map_or(0, |row| number(row.0) - 1) };
    let mut board = Board::new(number(seq), floor);
    for (placed, view, details) in ended {
        board.restore(number(placed), parse(&view)?, details);
    }
    let open: Vec<(i64, Option<String>)> = sqlx::query_as("SELECT placed, details FROM call WHERE ended IS NULL")
        .fetch_all(pool)
        .await
        .map_err(StoreError::read)?;
    for (placed, details) in open {
        if let Some(view) = fold(pool, placed).await? {
            board.restore(number(placed), view, details);
        }
    }
    Ok(board)
}

async fn fold(pool: &SqlitePool, placed: i64) -> Result<Option<CallView>, StoreError> {
    let mut view: Option<CallView> = None;
    for (_, body) in bodies_of(pool, placed, 0, i64::MAX).await? {
        let recorded: Recorded = parse(&body)?;
        match &mut view {
            Some(view) => view.apply(&recorded),
            None => view = CallView::placed(&recorded),
        }
    }
    Ok(view)
}

async fn bodies_of(pool: &SqlitePool, placed: i64, after: u64, limit: i64) -> Result<Vec<(i64, String)>, StoreError> {
    sqlx::query_as("SELECT seq, body FROM event WHERE call = ? AND seq > ? ORDER BY seq LIMIT ?")
        .bind(placed)
        .bind(column(after))
        .bind(limit)
        .fetch_all(pool)
        .await
        .map_err(StoreError::read)
}

impl Store {
    /// A call as it is now.
    pub async fn view(&self, call: &CallId) -> Option<CallView> {
        let entry = self.shared.board().entry(call).cloned();
        if let Some(entry) = entry {
            return Some(CallView::clone(&entry.view));
        }
        match self.stored(call).await {
            Ok(stored) => stored.and_then(|(_, view, _)| parse(&view).ok()),
            Err(error) => {
                tracing::error!(%call, "{error}");
                None
            }
        }
    }

    /// A call as it is now, with all that belongs to it.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn call_json(&self, call: &CallId) -> Result<Option<CallJson>, StoreError> {
        let on_board = {
            let board = self.shared.board();
            board.entry(call).cloned()
        };
        if let Some(entry) = on_board {
            return Ok(Some(CallJson { view: entry.json(), details: entry.details.as_deref().map(str::to_owned) }));
        }
        Ok(self.stored(call).await?.map(|(_, view, details)| CallJson { view: view.into(), details }))
    }

    /// The call of an idempotency key.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn call_of_key(&self, key: &str) -> Result<Option<CallId>, StoreError> {
        let _hold = Hold::new(self.shared.hold_time);
        let row: Option<(String,)> = sqlx::query_as("SELECT call FROM idempotency WHERE key = ?")
            .bind(key)
            .fetch_optional(&self.shared.readers)
            .await
            .map_err(StoreError::read)?;
        Ok(row.and_then(|(call,)| call.parse().ok()))
    }

    /// The events of a call after `after`, in order; `None` for an unknown call. At most `limit`.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn event_bodies(
        &self,
        call: &CallId,
        after: u64,
        limit: usize,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let Some(placed) = self.number_of(call).await? else { return Ok(None) };
        let _hold = Hold::new(self.shared.hold_time);
        let bodies = bodies_of(&self.shared.readers, column(placed), after, column(limit as u64)).await?;
        Ok(Some(bodies.into_iter().map(|(_, body)| body).collect()))
    }

    /// The events of a call after `after`, in order; none for an unknown call.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn events(&self, call: &CallId, after: u64) -> Result<Vec<Recorded>, StoreError> {
        let bodies = self.event_bodies(call, after, usize::MAX).await?.unwrap_or_default();
        bodies.iter().map(|body| parse(body)).collect()
    }

    /// The events of all calls after `seq`, in order, at most `limit`.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.bodies_after(seq, limit).await?.iter().map(|(_, body)| parse(body)).collect()
    }

    /// The same as the console's messages, each with its number.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn messages_after(&self, seq: u64, limit: usize) -> Result<Vec<(u64, Utf8Bytes)>, StoreError> {
        let bodies = self.bodies_after(seq, limit).await?;
        Ok(bodies.into_iter().map(|(seq, body)| (number(seq), envelope(&body))).collect())
    }

    /// Calls that fit, newest first.
    ///
    /// # Errors
    /// The file can't be read.
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
    /// The file can't be read.
    pub async fn page(&self, filter: &CallFilter) -> Result<Page, StoreError> {
        let needle = filter.needle();
        // One more than asked for says whether there is a next page.
        let wanted = filter.limit + 1;
        let below = filter.cursor.map_or(u64::MAX, |cursor| cursor.0);
        let (mut found, floor) = {
            let board = self.shared.board();
            (board.select(filter, below, if needle.is_some() { usize::MAX } else { wanted }), board.floor())
        };
        if let Some(needle) = &needle {
            found.retain(|(_, entry)| haystack(&entry.view).contains(needle.as_str()));
            found.truncate(wanted);
        }
        let complete = found.len() == wanted && found.last().is_some_and(|(placed, _)| *placed > floor);
        let mut calls: Vec<(u64, Bytes)> = found.iter().map(|(placed, entry)| (*placed, Entry::json(entry))).collect();
        if !complete && floor > 0 && filter.phase.is_none_or(|phase| phase == Phase::Ended) {
            let older = self.older(filter, needle, below.min(floor + 1), wanted).await?;
            let mut both: BTreeMap<u64, Bytes> = older.into_iter().collect();
            both.extend(calls);
            calls = both.into_iter().rev().collect();
        }
        let more = calls.len() > filter.limit;
        calls.truncate(filter.limit);
        let next = calls.last().filter(|_| more).map(|(placed, _)| Cursor(*placed));
        Ok(Page { calls: calls.into_iter().map(|(_, json)| json).collect(), next })
    }

    /// Ended calls below a number, from the file.
    async fn older(
        &self,
        filter: &CallFilter,
        needle: Option<String>,
        below: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Bytes)>, StoreError> {
        const SQL: &str = "SELECT placed, view FROM call
            WHERE placed < ?1 AND view IS NOT NULL AND placed_at >= ?2 AND placed_at < ?3
              AND (?4 IS NULL OR instr(search, ?4) > 0)
              AND (?6 IS NULL OR json_extract(view, '$.end.reason') = ?6)
            ORDER BY placed DESC LIMIT ?5";
        let _hold = Hold::new(self.shared.hold_time);
        let rows: Vec<(i64, String)> = sqlx::query_as(SQL)
            .bind(column(below))
            .bind(filter.since.map_or(i64::MIN, jiff::Timestamp::as_millisecond))
            .bind(filter.until.map_or(i64::MAX, jiff::Timestamp::as_millisecond))
            .bind(needle)
            .bind(column(limit as u64))
            .bind(filter.reason.map(EndReason::as_str))
            .fetch_all(&self.shared.readers)
            .await
            .map_err(StoreError::read)?;
        Ok(rows.into_iter().map(|(placed, view)| (number(placed), Bytes::from(view))).collect())
    }

    async fn bodies_after(&self, seq: u64, limit: usize) -> Result<Vec<(i64, String)>, StoreError> {
        let _hold = Hold::new(self.shared.hold_time);
        sqlx::query_as("SELECT seq, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?")
            .bind(column(seq))
            .bind(column(limit as u64))
            .fetch_all(&self.shared.readers)
            .await
            .map_err(StoreError::read)
    }

    async fn number_of(&self, call: &CallId) -> Result<Option<u64>, StoreError> {
        let on_board = self.shared.board().placed(call);
        match on_board {
            Some(placed) => Ok(Some(placed)),
            None => Ok(self.stored(call).await?.map(|(placed, ..)| placed)),
        }
    }

    /// A call that is no longer on the board: number, view, details.
    async fn stored(&self, call: &CallId) -> Result<Option<(u64, String, Option<String>)>, StoreError> {
        let _hold = Hold::new(self.shared.hold_time);
        let row: Option<(i64, String, Option<String>)> =
            sqlx::query_as("SELECT placed, view, details FROM call WHERE id = ? AND view IS NOT NULL")
                .bind(call.as_str())
                .fetch_optional(&self.shared.readers)
                .await
                .map_err(StoreError::read)?;
        Ok(row.map(|(placed, view, details)| (number(placed), view, details)))
    }
}
