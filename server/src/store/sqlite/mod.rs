//! The log on SQLite.

mod files;
mod hold;
mod open;
mod read;
mod write;

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use sqlx::{
    ConnectOptions, Connection, Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection,
    sqlite::SqliteConnectOptions,
};
use tokio::sync::Mutex;
use warmline_call::CallId;

pub(super) use self::open::open;
use self::{files::Files, hold::Hold};
use super::disk::{Batch, Disk, DiskError, EndedCall, EndedQuery, KnownKey, Loaded, Trouble};

/// A file of SQLite's, with a connection for the writer and some for readers.
pub(super) struct SqliteDisk {
    /// None after a transaction that failed: where the disk was full or broken SQLite has rolled back by itself, and the
    /// connection still takes itself for in the middle of it.
    writer: Mutex<Option<SqliteConnection>>,
    connect: SqliteConnectOptions,
    readers: SqlitePool,
    /// The last connection to close would take the write-ahead log along: one of the readers stays.
    anchor: Mutex<Option<PoolConnection<Sqlite>>>,
    files: Files,
    hold_time: bool,
}

impl SqliteDisk {
    fn hold(&self) -> Hold {
        Hold::new(self.hold_time)
    }

    /// Works with the writer's connection, or a new one after a failure.
    async fn with_writer<F>(&self, work: F) -> Result<(), DiskError>
    where
        F: AsyncFnOnce(&mut SqliteConnection) -> Result<(), sqlx::Error>,
    {
        let _hold = self.hold();
        self.files.in_place()?;
        let mut writer = self.writer.lock().await;
        // Taken out, so that a connection is gone too whose work was given up half-way.
        let mut connection = match writer.take() {
            Some(connection) => connection,
            None => self.connect.connect().await.map_err(failed)?,
        };
        work(&mut connection).await.map_err(failed)?;
        *writer = Some(connection);
        // Files that were deleted meanwhile have taken what was written along.
        self.files.in_place()
    }
}

#[async_trait]
impl Disk for SqliteDisk {
    async fn load(&self, ended: usize) -> Result<Loaded, DiskError> {
        let _hold = self.hold();
        read::load(&self.readers, ended).await.map_err(failed)
    }

    async fn commit(&self, batch: &Batch) -> Result<(), DiskError> {
        self.with_writer(async |connection| write::write(connection, batch).await).await
    }

    async fn known_keys(&self, keys: &[&str]) -> Result<HashMap<String, KnownKey>, DiskError> {
        let _hold = self.hold();
        read::known_keys(&self.readers, keys).await.map_err(failed)
    }

    async fn forget_keys(&self, before: i64) -> Result<(), DiskError> {
        self.with_writer(async |connection| write::forget_keys(connection, before).await).await
    }

    async fn probe(&self) -> Result<(), DiskError> {
        self.with_writer(async |connection| write::probe(connection).await).await
    }

    fn in_place(&self) -> Result<(), DiskError> {
        self.files.in_place()
    }

    async fn ended_call(&self, call: &CallId) -> Result<Option<EndedCall>, DiskError> {
        let _hold = self.hold();
        read::ended_call(&self.readers, call).await.map_err(failed)
    }

    async fn ended_calls(&self, query: &EndedQuery) -> Result<Vec<(u64, String)>, DiskError> {
        let _hold = self.hold();
        read::ended_calls(&self.readers, query).await.map_err(failed)
    }

    async fn events_of(&self, placed: u64, after: u64, limit: usize) -> Result<Vec<String>, DiskError> {
        let _hold = self.hold();
        read::events_of(&self.readers, placed, after, limit).await.map_err(failed)
    }

    async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<(u64, String)>, DiskError> {
        let _hold = self.hold();
        read::events_after(&self.readers, seq, limit).await.map_err(failed)
    }

    async fn close(&self) {
        let _hold = self.hold();
        if let Some(writer) = self.writer.lock().await.take()
            && let Err(error) = writer.close().await
        {
            tracing::warn!(%error, "the store did not close cleanly; nothing that was acknowledged is lost");
        }
        drop(self.anchor.lock().await.take());
        self.readers.close().await;
    }
}

const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_FULL: u32 = 13;

/// SQLite's result code without its extension.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<u32>().ok().map(|extended| extended & 0xff)
}

fn failed(error: sqlx::Error) -> DiskError {
    let trouble = match primary_code(&error) {
        Some(SQLITE_BUSY | SQLITE_LOCKED) => Trouble::Locked,
        Some(SQLITE_FULL) => Trouble::Full,
        _ => Trouble::Failed,
    };
    DiskError { trouble, cause: Arc::new(error) }
}
