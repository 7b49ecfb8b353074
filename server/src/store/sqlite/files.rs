//! The files themselves: who may read them, whose they are, and whether they are still there.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::super::{
    StoreError,
    disk::{DiskError, Trouble},
};

/// The store holds telephone numbers and what people said: it is its owner's alone.
const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;
const OTHERS: u32 = 0o007;

/// What SQLite puts beside the file.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Where the file really is, whatever names lead to it, with its folder. It is made if it is not there.
pub(super) fn make(path: &Path) -> Result<PathBuf, StoreError> {
    let unwritable = |error: io::Error| StoreError::unwritable(path, error);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(FOLDER).create(folder).map_err(unwritable)?;
    }
    // Opening one that is there would, on closing it, let go of every lock that SQLite holds on it in this process.
    match OpenOptions::new().write(true).create_new(true).mode(FILE).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(unwritable(error)),
        _ => {}
    }
    let path = path.canonicalize().map_err(unwritable)?;
    let found = path.metadata().map_err(unwritable)?;
    if found.is_file() && found.nlink() > 1 {
        return Err(StoreError::ManyNames { path, names: found.nlink() });
    }
    for file in std::iter::once(path.clone()).chain(beside(&path)) {
        close_to_others(&file);
    }
    Ok(path)
}

fn close_to_others(file: &Path) {
    let Ok(found) = file.metadata() else { return };
    let mode = found.permissions().mode();
    if found.is_file()
        && mode & OTHERS != 0
        && let Err(error) = std::fs::set_permissions(file, Permissions::from_mode(mode & 0o7777 & !OTHERS))
    {
        tracing::warn!(%error, "everybody on this machine can read {}", file.display());
    }
}

fn named(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn beside(path: &Path) -> impl Iterator<Item = PathBuf> {
    BESIDE.iter().map(|suffix| named(path, suffix))
}

/// Takes the file for this process alone: two that append to one log would both number their events.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let unwritable = |error: io::Error| StoreError::unwritable(path, error);
    let beside = named(path, ".lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(FILE).open(beside);
    let file = file.map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(unwritable(error)),
    }
}

/// The files of an open store, each as it was found under its name.
#[derive(Debug)]
pub(super) struct Files {
    known: Vec<(PathBuf, Identity)>,
    /// Never read: it keeps other processes off the store; the system lets go of it even after a crash.
    _lock: File,
}

/// Device and inode.
type Identity = (u64, u64);

fn identity(found: &Metadata) -> Identity {
    (found.dev(), found.ino())
}

impl Files {
    /// Remembers the files of a store that has been opened.
    pub(super) fn remember(path: &Path, lock: File) -> io::Result<Self> {
        let mut known = vec![
            (path.to_owned(), identity(&path.metadata()?)),
            // By name, should it have been deleted since.
            (named(path, ".lock"), identity(&lock.metadata()?)),
        ];
        for file in beside(path) {
            if let Ok(found) = file.metadata() {
                known.push((file, identity(&found)));
            }
        }
        Ok(Self { known, _lock: lock })
    }

    /// Whether each is still there under its name.
    pub(super) fn in_place(&self) -> Result<(), DiskError> {
        for (path, known) in &self.known {
            let gone = match path.metadata() {
                Ok(found) if identity(&found) == *known => continue,
                Ok(_) => format!("{} is another file now", path.display()),
                Err(error) => format!("{}: {error}", path.display()),
            };
            return Err(DiskError::new(Trouble::Moved, gone));
        }
        Ok(())
    }
}
