use std::{path::PathBuf, sync::Arc};

use sqlx::migrate::MigrateError;

/// Why the log could not be opened, written or read. Each sentence says what to do about it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// `DATABASE_URL` can't be used.
    #[error(
        "DATABASE_URL: {detail}. Use a SQLite file, for example sqlite://data/warmline.db, or leave it out: then the file is in WARMLINE_DATA_DIR"
    )]
    Url {
        /// What is wrong with it.
        detail: String,
    },
    /// The file or its folder can't be written.
    #[error("The store {} can't be written ({detail}). Make its folder writable, or set DATABASE_URL or WARMLINE_DATA_DIR to one that is", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// The file is not one of ours, or it is damaged.
    #[error("The store {} is damaged or is no SQLite file ({detail}). Restore it from a backup, or move it away, or set DATABASE_URL or WARMLINE_DATA_DIR to another place", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// Another Warmline works with this file.
    #[error("The store {} is in use by another Warmline. Stop that one, or give this one a store of its own with DATABASE_URL or WARMLINE_DATA_DIR", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer Warmline.
    #[error("The store {} was written by a newer Warmline. Use that version, or set DATABASE_URL or WARMLINE_DATA_DIR to another place", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
    },
    /// A transaction failed; nothing of it was written.
    #[error(
        "The store can't be written to now. Look at the disk that DATABASE_URL or WARMLINE_DATA_DIR is on: is it full, read-only or locked?"
    )]
    Write(#[source] Arc<sqlx::Error>),
    /// A query failed.
    #[error("The store can't be read now. Look at the disk that DATABASE_URL or WARMLINE_DATA_DIR is on")]
    Read(#[source] Arc<sqlx::Error>),
    /// What was read is not what was once written.
    #[error("The store holds something that Warmline did not write: {0}")]
    Content(String),
    /// Events of a call that was never placed, or whose end is long past.
    #[error("there is no open call of that id")]
    UnknownCall,
    /// That id has been given away already.
    #[error("there is a call of that id already")]
    CallExists,
    /// The store is being closed.
    #[error("The store is closed")]
    Closed,
}

impl StoreError {
    pub(super) fn write(error: sqlx::Error) -> Self {
        Self::Write(Arc::new(error))
    }

    pub(super) fn read(error: sqlx::Error) -> Self {
        Self::Read(Arc::new(error))
    }

    /// What went wrong while the file was opened.
    pub(super) fn opening(path: PathBuf, error: &sqlx::Error) -> Self {
        let detail = error.to_string();
        match primary_code(error) {
            Some(SQLITE_CORRUPT | SQLITE_NOTADB | SQLITE_FORMAT) => Self::Corrupt { path, detail },
            Some(SQLITE_BUSY | SQLITE_LOCKED) => Self::InUse { path },
            _ => Self::Unwritable { path, detail },
        }
    }

    /// What went wrong while the tables were made.
    pub(super) fn migrating(path: PathBuf, error: &MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::opening(path, error),
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => Self::TooNew { path },
            other => Self::Corrupt { path, detail: other.to_string() },
        }
    }
}

const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FORMAT: u32 = 24;
const SQLITE_NOTADB: u32 = 26;

/// SQLite's result code without its extension.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<u32>().ok().map(|extended| extended & 0xff)
}
