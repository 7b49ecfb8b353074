//! What is on disk.

use std::{
    io,
    path::{Path, PathBuf},
};

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use warmline_exchange::Personas;
use warmline_telephony::HoldMusic;

use super::{Finding, aside};
use crate::settings::Settings;

pub(super) async fn data_dir(settings: &Settings) -> Vec<Finding> {
    let dir = settings.data_dir.clone();
    vec![writable(dir, "WARMLINE_DATA_DIR").await]
}

pub(super) async fn record_dir(settings: &Settings) -> Vec<Finding> {
    match settings.record_dir.clone() {
        Some(dir) => vec![writable(dir, "WARMLINE_RECORD_DIR").await],
        None => vec![Finding::skipped("calls are not recorded")],
    }
}

/// Writes, syncs and removes a file in the folder, or in the nearest one above it that is there.
async fn writable(dir: PathBuf, setting: &'static str) -> Finding {
    let shown = dir.display().to_string();
    let tried = format!("wrote and removed a file in {shown}");
    let probed = aside(move || {
        let there = dir.ancestors().find(|d| d.exists() || d.as_os_str().is_empty()).map(Path::to_path_buf);
        let place = there.filter(|d| !d.as_os_str().is_empty()).unwrap_or_else(|| PathBuf::from("."));
        scratch(&place).map(|()| place == dir)
    });
    let fix = format!("mkdir -p '{shown}' && chown \"$USER\" '{shown}', or set {setting} to a folder you may write to");
    match probed.await {
        Ok(Ok(true)) => Finding::ok(tried),
        Ok(Ok(false)) => Finding::ok(format!("{shown} is not there yet; it can be made")),
        Ok(Err(error)) => {
            Finding::fail(format!("write to {shown}"), format!("{shown} can't be written to: {error}"), fix)
        }
        Err(died) => Finding::fail(format!("write to {shown}"), died.to_string(), fix),
    }
}

fn scratch(dir: &Path) -> io::Result<()> {
    if !dir.is_dir() {
        return Err(io::Error::other(format!("{} is a file, not a folder", dir.display())));
    }
    let path = dir.join(format!(".warmline-doctor-{}", std::process::id()));
    let written = std::fs::File::create_new(&path).and_then(|file| file.sync_all());
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}

pub(super) async fn store(settings: &Settings) -> Vec<Finding> {
    let tried = "open the store for reading";
    let options: SqliteConnectOptions = match settings.database_url.parse() {
        Ok(options) => options,
        Err(error) => return vec![Finding::fail(tried, error.to_string(), "correct DATABASE_URL, or remove it")],
    };
    let file = options.get_filename().to_path_buf();
    if !file.exists() {
        return vec![Finding::ok(format!("{} is not there yet; it will be made", file.display()))];
    }
    vec![match tables(options.read_only(true).create_if_missing(false)).await {
        Ok(tables) => Finding::ok(format!("opened {}, {tables} tables", file.display())),
        Err(error) => Finding::fail(
            tried,
            format!("{} can't be read: {error}", file.display()),
            "restore it from a backup, or name another with DATABASE_URL=sqlite:///path/warmline.db",
        ),
    }]
}

async fn tables(options: SqliteConnectOptions) -> Result<i64, sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let count =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetch_one(&mut connection).await;
    connection.close().await?;
    count
}

pub(super) async fn personas(settings: &Settings) -> Vec<Finding> {
    let Some(dir) = settings.personas.clone() else {
        let number = Personas::built_in().all().count();
        return vec![Finding::ok(format!("the {number} built-in personas"))];
    };
    let shown = dir.display().to_string();
    let loaded = aside(move || Personas::load(&dir).map(|p| p.all().count()).map_err(|e| e.to_string()));
    vec![match loaded.await.unwrap_or_else(|died| Err(died.to_string())) {
        Ok(number) => Finding::ok(format!("{number} personas, with those of {shown}")),
        Err(error) => Finding::fail(
            format!("read the personas in {shown}"),
            error,
            "correct that file, or unset WARMLINE_PERSONAS",
        ),
    }]
}

pub(super) async fn hold_music(settings: &Settings) -> Vec<Finding> {
    let Some(file) = settings.hold_music.clone() else { return vec![Finding::ok("built-in music")] };
    let shown = file.display().to_string();
    let decoded = aside(move || HoldMusic::from_file(&file).map(|m| m.duration()).map_err(|e| e.to_string()));
    vec![match decoded.await.unwrap_or_else(|died| Err(died.to_string())) {
        Ok(length) => Finding::ok(format!("decoded {shown}, {} s", length.as_secs())),
        Err(error) => Finding::fail(
            format!("decode {shown}"),
            error,
            "name a WAV or Ogg file with WARMLINE_HOLD_MUSIC, or unset it for the built-in music",
        ),
    }]
}
