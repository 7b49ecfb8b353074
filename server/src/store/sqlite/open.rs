//! Opening the file: whose it is, whether it is sound, and its tables.

use std::{fs::File, path::Path, str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, SqlSafeStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Mutex;

use super::{
    super::{StoreError, StoreOptions},
    SQLITE_BUSY, SQLITE_LOCKED, SqliteDisk,
    files::{self, Files},
    hold::Hold,
    primary_code,
};

/// How long a connection waits for somebody else's lock (a backup, a `sqlite3` shell) before it is tried again.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// How often, and how many times, a lock that another process holds is tried again.
const LOCK_AGAIN: Duration = Duration::from_millis(10);
const LOCK_TRIES: u32 = 50;

/// Connections for readers, with the one that stays; the writer has its own.
const READERS: u32 = 5;

/// How long a reader waits for a connection.
const READER_PATIENCE: Duration = Duration::from_secs(60);

/// Opens or makes the file and brings its tables up to date.
pub(in crate::store) async fn open(url: &str, options: &StoreOptions) -> Result<SqliteDisk, StoreError> {
    let _hold = Hold::new(options.hold_time);
    let connect = connect_options(url, options)?;
    let path = files::make(connect.get_filename())?;
    let connect = connect.filename(&path);
    let lock = lock_soon(&path).await?;
    let opening = |error: sqlx::Error| opening(&path, error);
    let mut writer = connect.connect().await.map_err(opening)?;
    migrator().run(&mut writer).await.map_err(|error| migrating(&path, error))?;
    // A file that can be read but not written passes everything up to here.
    sqlx::query("DELETE FROM idempotency WHERE at < 0").execute(&mut writer).await.map_err(opening)?;
    let connect = connect.create_if_missing(false);
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(READER_PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(connect.clone());
    let anchor = readers.acquire().await.map_err(opening)?;
    let files = Files::remember(&path, lock).map_err(|error| StoreError::unwritable(&path, error))?;
    let (writer, anchor) = (Mutex::new(Some(writer)), Mutex::new(Some(anchor)));
    Ok(SqliteDisk { writer, connect, readers, anchor, files, hold_time: options.hold_time })
}

fn connect_options(url: &str, options: &StoreOptions) -> Result<SqliteConnectOptions, StoreError> {
    let connect = if url.starts_with("sqlite:") {
        SqliteConnectOptions::from_str(url).map_err(|error| StoreError::Url { detail: error.to_string() })?
    } else if let Some((scheme, _)) = url.split_once("://") {
        return Err(StoreError::Url { detail: format!("'{scheme}' is not supported") });
    } else {
        SqliteConnectOptions::new().filename(url)
    };
    let path = connect.get_filename().as_os_str().to_string_lossy();
    if path.is_empty() || path.contains(":memory:") || path.starts_with("file:") {
        return Err(StoreError::Url { detail: "a store in memory would forget its calls".into() });
    }
    Ok(connect
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if options.fsync { SqliteSynchronous::Full } else { SqliteSynchronous::Normal })
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(false)
        .disable_statement_logging())
}

/// Takes the file as soon as the process that was killed a moment ago has really let go of it.
async fn lock_soon(path: &Path) -> Result<File, StoreError> {
    let mut tries = 0;
    loop {
        match files::lock(path) {
            Err(StoreError::InUse { .. }) if tries < LOCK_TRIES => {
                tries += 1;
                tokio::time::sleep(LOCK_AGAIN).await;
            }
            result => return result,
        }
    }
}

fn migrator() -> Migrator {
    const CALLS: &str = include_str!("../../../migrations/0001_calls.sql");
    const NO_REQUEST: &str = include_str!("../../../migrations/0002_no_request.sql");
    let simple = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![simple(1, "calls", CALLS), simple(2, "no request", NO_REQUEST)])
}

const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FORMAT: u32 = 24;
const SQLITE_NOTADB: u32 = 26;

/// What went wrong while the file was opened.
fn opening(path: &Path, error: sqlx::Error) -> StoreError {
    match primary_code(&error) {
        Some(SQLITE_CORRUPT | SQLITE_NOTADB | SQLITE_FORMAT) => StoreError::corrupt(path, error),
        Some(SQLITE_BUSY | SQLITE_LOCKED) => StoreError::InUse { path: path.to_owned() },
        _ => StoreError::unwritable(path, error),
    }
}

/// What went wrong while the tables were made.
fn migrating(path: &Path, error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => opening(path, error),
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
            StoreError::TooNew { path: path.to_owned() }
        }
        other => StoreError::corrupt(path, other),
    }
}
