use std::path::Path;

use warmline_speech_local::models::ModelStore;

use super::{
    Exit, Failure,
    args::Models,
    progress::{ProgressBar, megabytes},
    terminal::Terminal,
};

pub(super) async fn run(command: Models, dir: &Path, terminal: &Terminal) -> Result<Exit, Failure> {
    let store = ModelStore::new(dir);
    match command {
        Models::Ls => ls(&store, terminal),
        Models::Pull => {
            let pulled = tokio::task::spawn_blocking(move || {
                let mut bar = ProgressBar::on_standard_error();
                let pulled = store.pull(|progress| bar.show(&progress));
                bar.finish();
                pulled.map(|()| store)
            });
            let pulled = pulled.await;
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
