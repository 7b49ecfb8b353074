//! Opening the file: whose it is, whether it is sound, and its tables.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::{
    ConnectOptions, SqlSafeStr, SqliteConnection, SqlitePool,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{StoreError, StoreOptions};

/// How long a connection waits for somebody else's lock (a backup, a `sqlite3` shell).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often, and how many times, a lock that another process holds is tried again.
const LOCK_AGAIN: Duration = Duration::from_millis(10);
const LOCK_TRIES: u32 = 50;

/// Connections for readers; the writer has its own.
const READERS: u32 = 4;

/// An opened file.
pub(super) struct Opened {
    pub(super) writer: SqliteConnection,
    /// How the writer connects anew.
    pub(super) connect: SqliteConnectOptions,
    pub(super) readers: SqlitePool,
    /// Held for as long as the file is ours; the system lets go of it even after a crash.
    pub(super) lock: File,
}

/// Opens or makes the file and brings its tables up to date.
pub(super) async fn open(url: &str, options: &StoreOptions) -> Result<Opened, StoreError> {
    let connect = connect_options(url, options)?;
    let path = connect.get_filename().to_owned();
    let lock = lock_soon(&path).await?;
    let mut writer = connect.connect().await.map_err(|error| StoreError::opening(path.clone(), &error))?;
    migrator().run(&mut writer).await.map_err(|error| StoreError::migrating(path.clone(), &error))?;
    // A file that can be read but not written passes everything up to here.
    sqlx::query("DELETE FROM idempotency WHERE at < ?")
        .bind(jiff::Timestamp::now().as_millisecond() - options.keep_keys.as_millis().min(i64::MAX as u128) as i64)
        .execute(&mut writer)
        .await
        .map_err(|error| StoreError::opening(path.clone(), &error))?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(Duration::from_secs(60))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(connect.clone());
    Ok(Opened { writer, connect: connect.create_if_missing(false), readers, lock })
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
        match lock(path) {
            Err(StoreError::InUse { .. }) if tries < LOCK_TRIES => {
                tries += 1;
                tokio::time::sleep(LOCK_AGAIN).await;
            }
            result => return result,
        }
    }
}

/// Takes the file for this process alone: two that append to one log would both number their events.
fn lock(path: &Path) -> Result<File, StoreError> {
    let unwritable =
        |error: std::io::Error| StoreError::Unwritable { path: path.to_owned(), detail: error.to_string() };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(unwritable)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(PathBuf::from(beside)).map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(unwritable(error)),
    }
}

fn migrator() -> Migrator {
    const CALLS: &str = include_str!("../../migrations/0001_calls.sql");
    let calls = Migration::new(1, "calls".into(), MigrationType::Simple, CALLS.into_sql_str(), false);
    Migrator::with_migrations(vec![calls])
}
