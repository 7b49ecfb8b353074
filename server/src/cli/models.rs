use std::{
    io::{IsTerminal, Write, stderr},
    path::Path,
    sync::Mutex,
    time::Instant,
};

use warmline_speech_local::models::{ModelStore, Progress, Stage};

use super::{Exit, Failure, args::Models, terminal::Terminal};

pub(super) async fn run(command: Models, dir: &Path, terminal: &Terminal) -> Result<Exit, Failure> {
    let store = ModelStore::new(dir);
    match command {
        Models::Ls => ls(&store, terminal),
        Models::Pull => {
            let pulled = tokio::task::spawn_blocking(move || store.pull(progress_bar()).map(|()| store)).await;
            let store = finished(pulled)?;
            terminal.note(&format!("the models are in {}", store.dir().display()));
            Ok(Exit::Ok)
        }
        Models::Verify => {
            let verified = tokio::task::spawn_blocking(move || store.verify().map(|()| store)).await;
            let store = finished(verified)?;
            terminal.note(&format!("the models in {} are as they should be", store.dir().display()));
            Ok(Exit::Ok)
        }
    }
}

fn finished<T, E: std::fmt::Display>(done: Result<Result<T, E>, tokio::task::JoinError>) -> Result<T, Failure> {
    match done {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Failure::new(Exit::Failure, error.to_string())),
        Err(died) => Err(Failure::new(Exit::Failure, died.to_string())),
    }
}

fn ls(store: &ModelStore, terminal: &Terminal) -> Result<Exit, Failure> {
    let files = store.ls();
    if terminal.json {
        let files: Vec<_> = files
            .iter()
            .map(|f| {
                let state = format!("{:?}", f.state).to_lowercase();
                let package = &f.package;
                serde_json::json!({
                    "name": package.name, "version": package.version, "licence": package.licence, "purpose": package.purpose,
                    "bytes": package.bytes, "sha256": package.sha256, "state": state,
                })
            })
            .collect();
        return terminal.value(&serde_json::json!({"dir": store.dir(), "ready": store.ready(), "models": files}));
    }
    for file in &files {
        let state = format!("{:?}", file.state).to_lowercase();
        terminal.say(&format!(
            "{:22} {:9} {:>6.1} MB  {:9} {:28} {}",
            file.package.name,
            file.package.version,
            megabytes(file.package.bytes),
            state,
            file.package.purpose,
            file.package.licence
        ));
    }
    Ok(Exit::Ok)
}

/// Shows how far a fetch is: one moving line on a terminal, one line a stage elsewhere.
pub fn progress_bar() -> impl Fn(Progress) + Send + Sync + 'static {
    let moving = stderr().is_terminal();
    let shown: Mutex<Option<(String, Instant)>> = Mutex::new(None);
    move |progress: Progress| {
        let Ok(mut shown) = shown.lock() else { return };
        let stage = format!("{} {:?}", progress.package, progress.stage);
        let same = shown.as_ref().is_some_and(|(last, _)| *last == stage);
        let soon = shown.as_ref().is_some_and(|(_, at)| at.elapsed().as_millis() < 100);
        if same && (!moving || soon) {
            return;
        }
        let line = described(&progress);
        let ends = matches!(progress.stage, Stage::Done);
        drop(if moving {
            write!(stderr(), "\r\x1b[K{line}{}", if ends { "\n" } else { "" })
        } else {
            writeln!(stderr(), "{line}")
        });
        *shown = Some((stage, Instant::now()));
    }
}

fn described(progress: &Progress) -> String {
    let what = match progress.stage {
        Stage::Fetching => "fetching",
        Stage::Checking => "checking",
        Stage::Converting => "converting",
        Stage::Done => "done",
    };
    if progress.total == 0 || matches!(progress.stage, Stage::Done) {
        return format!("{:22} {what}", progress.package);
    }
    format!("{:22} {what} {:.1} of {:.1} MB", progress.package, megabytes(progress.bytes), megabytes(progress.total))
}

#[allow(clippy::cast_precision_loss, reason = "for show, to a tenth")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
