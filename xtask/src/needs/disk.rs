//! Room on the disks that the build and the models are put on.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::{Fix, Here, Missing};

/// Megabytes that a first build fills, with some to spare; later ones only replace.
const BUILD: u64 = 4_000;
/// Megabytes of the fetched models and of what is made of them.
const MODELS: u64 = 500;

const FIX: Fix = Fix::everywhere(
    "make room, or name another folder: CARGO_TARGET_DIR for the build, WARMLINE_MODELS_DIR for the models",
);

pub(super) fn room(here: &Here) -> Vec<Missing> {
    let mut wanted: Vec<Wanted> = Vec::new();
    let build = (!here.built).then_some((&here.target, BUILD));
    let models = (!has_models(&here.models)).then_some((&here.models, MODELS));
    for (folder, megabytes) in build.into_iter().chain(models) {
        // Where nobody can say how much room there is, there is nothing to say.
        let Some((disk, free)) = free(here, folder) else { continue };
        match wanted.iter_mut().find(|wanted| wanted.disk == disk) {
            Some(wanted) => wanted.megabytes += megabytes,
            None => wanted.push(Wanted { disk, free, megabytes, folder: folder.clone() }),
        }
    }
    wanted.iter().filter(|wanted| wanted.free < wanted.megabytes).map(Wanted::missing).collect()
}

struct Wanted {
    disk: String,
    /// Megabytes.
    free: u64,
    /// Megabytes.
    megabytes: u64,
    folder: PathBuf,
}

impl Wanted {
    fn missing(&self) -> Missing {
        let what = format!("room for {} MB in {} (free: {} MB)", self.megabytes, self.folder.display(), self.free);
        Missing { what, why: "the build and the speech models take it", fix: FIX }
    }
}

/// The file system that a folder is in, or will be, and its free megabytes.
fn free(here: &Here, folder: &Path) -> Option<(String, u64)> {
    let there = folder.ancestors().find(|folder| folder.is_dir())?;
    of_df(&here.says("df", &["-Pk", there.to_str()?])?)
}

/// The first and the fourth column of `df -Pk`: the file system, and free megabytes.
pub(super) fn of_df(said: &str) -> Option<(String, u64)> {
    let mut columns = said.lines().nth(1)?.split_whitespace();
    let disk = columns.next()?.to_owned();
    let free: u64 = columns.nth(2)?.parse().ok()?;
    Some((disk, free / 1024))
}

/// Where the server will look for the models: as its settings say, in the environment or in `.env` of the folder that it is
/// started in, else a shared cache.
pub(super) fn models() -> PathBuf {
    let home = || env::home_dir().unwrap_or_default();
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let written = || set_in(&fs::read_to_string(".env").ok()?, "WARMLINE_MODELS_DIR");
    if let Some(folder) = set("WARMLINE_MODELS_DIR").or_else(written) {
        return folder.strip_prefix("~").map_or_else(|_| folder.clone(), |below| home().join(below));
    }
    set("XDG_CACHE_HOME").unwrap_or_else(|| home().join(".cache")).join("warmline")
}

/// What a line of `.env` sets a variable to.
pub(super) fn set_in(text: &str, name: &str) -> Option<PathBuf> {
    let value = |line: &str| {
        let line = line.trim().strip_prefix("export ").unwrap_or(line.trim());
        let value = line.strip_prefix(name)?.trim_start().strip_prefix('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| PathBuf::from(value))
    };
    text.lines().rev().find_map(value)
}

/// Whether models are there that can be loaded: their sums are written last.
pub(super) fn has_models(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.path().join("sums.json").is_file())
}
