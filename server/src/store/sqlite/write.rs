//! A batch as one transaction. Each kind of row goes to SQLite as one JSON array, so that a statement serves any number of
//! them.

use serde::Serialize;
use sqlx::{Connection, SqliteConnection};

use super::super::disk::Batch;
use crate::metrics::event_type;

/// Writes a batch.
pub(super) async fn write(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    for (sql, rows) in statements(batch) {
        sqlx::query(sql).bind(rows).execute(&mut *tx).await?;
    }
    tx.commit().await
}

/// Forgets the keys that came before that moment.
pub(super) async fn forget_keys(connection: &mut SqliteConnection, before: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM idempotency WHERE at < ?").bind(before).execute(connection).await?;
    Ok(())
}

/// Writes the first page anew, as it is.
pub(super) async fn probe(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA user_version = 0").execute(connection).await?;
    Ok(())
}

/// What there is to write, in order: each statement with its rows.
fn statements(batch: &Batch) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    let mut add = |rows: usize, sql: &'static str, json: &dyn Fn() -> String| {
        if rows > 0 {
            all.push((sql, json()));
        }
    };
    add(
        batch.calls.len(),
        "INSERT INTO call (placed, id, placed_at) SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)",
        &|| json(batch.calls.iter().map(|new| (new.placed, &new.call, new.at))),
    );
    add(
        batch.events.len(),
        "INSERT INTO event (seq, call, kind, body)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)",
        &|| {
            json(batch.events.iter().map(|new| {
                let recorded = &new.delivered.recorded;
                (recorded.seq, new.placed, event_type(&recorded.event), new.delivered.body())
            }))
        },
    );
    add(
        batch.freed.len(),
        "DELETE FROM idempotency WHERE (key, call) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))",
        &|| json(batch.freed.iter()),
    );
    add(
        batch.keys.len(),
        "INSERT INTO idempotency (key, body_hash, call, at)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)",
        &|| json(batch.keys.iter().map(|new| (&new.key, &new.body_hash, &new.call, new.at))),
    );
    add(
        batch.answers.len(),
        "UPDATE idempotency SET status = new.value ->> 1, answer = new.value ->> 2
            FROM json_each(?) AS new WHERE idempotency.key = new.value ->> 0 AND idempotency.status IS NULL",
        &|| json(batch.answers.iter().map(|(key, status, body)| (key, status, &**body))),
    );
    add(
        batch.details.len(),
        "UPDATE call SET details = new.value ->> 1 FROM json_each(?) AS new WHERE call.id = new.value ->> 0",
        &|| json(batch.details.iter().map(|(call, text)| (call, &**text))),
    );
    add(
        batch.ends.len(),
        "UPDATE call SET ended = new.value ->> 1, view = new.value ->> 2, search = new.value ->> 3
            FROM json_each(?) AS new WHERE call.placed = new.value ->> 0",
        &|| json(batch.ends.iter().map(|end| (end.placed, end.ended, &end.view, &end.search))),
    );
    all
}

/// Rows as one JSON array.
pub(super) fn json<T: Serialize>(rows: impl Iterator<Item = T>) -> String {
    serde_json::to_string(&rows.collect::<Vec<_>>()).unwrap_or_else(|_| "[]".into())
}
