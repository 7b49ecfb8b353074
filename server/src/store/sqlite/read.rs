//! Reading.

use std::{collections::HashMap, sync::Arc};

use sqlx::SqlitePool;
use warmline_call::{CallId, EndReason};

use super::{
    super::disk::{EndedCall, EndedQuery, KnownKey, Loaded, StillOpen},
    write::json,
};

fn column(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn number(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

pub(super) async fn load(pool: &SqlitePool, ended: usize) -> Result<Loaded, sqlx::Error> {
    let (seq,): (i64,) = sqlx::query_as("SELECT COALESCE(MAX(seq), 0) FROM event").fetch_one(pool).await?;
    let ended: Vec<(i64, String, Option<String>)> = sqlx::query_as(
        "SELECT placed, view, details FROM call WHERE ended IS NOT NULL AND view IS NOT NULL ORDER BY placed DESC LIMIT ?",
    )
    .bind(rows(ended))
    .fetch_all(pool)
    .await?;
    let ended = ended.into_iter().map(|(placed, view, details)| EndedCall { placed: number(placed), view, details });
    let ended = ended.collect();
    let left: Vec<(i64, Option<String>)> =
        sqlx::query_as("SELECT placed, details FROM call WHERE ended IS NULL ORDER BY placed").fetch_all(pool).await?;
    let mut open = Vec::with_capacity(left.len());
    for (placed, details) in left {
        let placed = number(placed);
        open.push(StillOpen { placed, details, events: events_of(pool, placed, 0, usize::MAX).await? });
    }
    Ok(Loaded { seq: number(seq), ended, open })
}

pub(super) async fn known_keys(pool: &SqlitePool, keys: &[&str]) -> Result<HashMap<String, KnownKey>, sqlx::Error> {
    const SQL: &str = "SELECT key, body_hash, call, status, answer FROM idempotency
        WHERE key IN (SELECT value FROM json_each(?))";
    type Row = (String, String, String, Option<i64>, Option<String>);
    let found: Vec<Row> = sqlx::query_as(SQL).bind(json(keys.iter())).fetch_all(pool).await?;
    let known = found.into_iter().map(|(key, body_hash, call, status, answer)| {
        let call: CallId = call.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let answer = status.and_then(|s| u16::try_from(s).ok()).zip(answer.map(Arc::from));
        Ok((key, KnownKey { body_hash, call, answer }))
    });
    known.collect()
}

pub(super) async fn ended_call(pool: &SqlitePool, call: &CallId) -> Result<Option<EndedCall>, sqlx::Error> {
    let row: Option<(i64, String, Option<String>)> =
        sqlx::query_as("SELECT placed, view, details FROM call WHERE id = ? AND view IS NOT NULL")
            .bind(call.as_str())
            .fetch_optional(pool)
            .await?;
    Ok(row.map(|(placed, view, details)| EndedCall { placed: number(placed), view, details }))
}

pub(super) async fn ended_calls(pool: &SqlitePool, query: &EndedQuery) -> Result<Vec<(u64, String)>, sqlx::Error> {
    const SQL: &str = "SELECT placed, view FROM call
        WHERE placed < ?1 AND view IS NOT NULL AND placed_at >= ?2 AND placed_at < ?3
          AND (?4 IS NULL OR instr(search, ?4) > 0)
          AND (?6 IS NULL OR json_extract(view, '$.end.reason') = ?6)
        ORDER BY placed DESC LIMIT ?5";
    let found: Vec<(i64, String)> = sqlx::query_as(SQL)
        .bind(column(query.below))
        .bind(query.since)
        .bind(query.until)
        .bind(query.text.as_deref())
        .bind(rows(query.limit))
        .bind(query.reason.map(EndReason::as_str))
        .fetch_all(pool)
        .await?;
    Ok(found.into_iter().map(|(placed, view)| (number(placed), view)).collect())
}

pub(super) async fn events_of(
    pool: &SqlitePool,
    placed: u64,
    after: u64,
    limit: usize,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT body FROM event WHERE call = ? AND seq > ? ORDER BY seq LIMIT ?")
        .bind(column(placed))
        .bind(column(after))
        .bind(rows(limit))
        .fetch_all(pool)
        .await
}

pub(super) async fn events_after(pool: &SqlitePool, seq: u64, limit: usize) -> Result<Vec<(u64, String)>, sqlx::Error> {
    let found: Vec<(i64, String)> = sqlx::query_as("SELECT seq, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?")
        .bind(column(seq))
        .bind(rows(limit))
        .fetch_all(pool)
        .await?;
    Ok(found.into_iter().map(|(seq, body)| (number(seq), body)).collect())
}
