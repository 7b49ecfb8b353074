use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::disk::DiskError;

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
    #[error("The store {} can't be written ({cause}). Make its folder writable, or set DATABASE_URL or WARMLINE_DATA_DIR to one that is", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: Arc<dyn Error + Send + Sync>,
    },
    /// The file is not one of ours, or it is damaged.
    #[error("The store {} is damaged or is no SQLite file ({cause}). Restore it from a backup, or move it away, or set DATABASE_URL or WARMLINE_DATA_DIR to another place", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        cause: Arc<dyn Error + Send + Sync>,
    },
    /// Another Warmline works with this file.
    #[error("The store {} is in use by another Warmline. Stop that one, or give this one a store of its own with DATABASE_URL or WARMLINE_DATA_DIR", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file has other names, under which another program would not find what this one has not yet moved into it.
    #[error("The store {} has {names} names (hard links), and two programs that know it by different ones would damage it. Remove the others, or copy the file, or set DATABASE_URL or WARMLINE_DATA_DIR to another place", path.display())]
    ManyNames {
        /// The file.
        path: PathBuf,
        /// How many.
        names: u64,
    },
    /// The file was written by a newer Warmline.
    #[error("The store {} was written by a newer Warmline. Use that version, or set DATABASE_URL or WARMLINE_DATA_DIR to another place", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
    },
    /// It was not written.
    #[error(transparent)]
    Write(DiskError),
    /// The disk took too long over it. It is not written, or will be taken back.
    #[error(
        "The store did not take this down in time. Look at the disk that DATABASE_URL or WARMLINE_DATA_DIR is on: is it full, slow or locked?"
    )]
    Slow,
    /// A query failed.
    #[error("The store can't be read now. Look at the disk that DATABASE_URL or WARMLINE_DATA_DIR is on")]
    Read(#[source] Arc<dyn Error + Send + Sync>),
    /// What was read is not what was once written.
    #[error("The store holds something that Warmline did not write: {0}")]
    Content(String),
    /// Events of a call that was never placed, or whose end is long past.
    #[error("there is no open call of that id")]
    UnknownCall,
    /// That id has been given away already.
    #[error("there is a call of that id already")]
    CallExists,
    /// More waits for the disk than may be kept in memory.
    #[error(
        "{lost} events are lost: the store could not be written to for too long, and no more of them can be kept in memory"
    )]
    Overflow {
        /// How many of those that came.
        lost: usize,
    },
    /// The store is being closed.
    #[error("The store is closed")]
    Closed,
}

impl StoreError {
    pub(super) fn unwritable(path: &Path, cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Unwritable { path: path.to_owned(), cause: Arc::new(cause) }
    }

    pub(super) fn corrupt(path: &Path, cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Corrupt { path: path.to_owned(), cause: Arc::new(cause) }
    }
}
