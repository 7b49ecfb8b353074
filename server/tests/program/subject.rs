//! The program that is killed: Warmline as it is, but with speech that costs next to nothing, so that twenty calls at once
//! are limited by nothing but Warmline. It is this test's own executable, started again.

use std::sync::Arc;

use tokio::{process::Command, sync::watch};
use warmline::{
    serve::{EarsAndMouth, serve_with},
    settings::{Settings, Sources},
};
use warmline_testing::StandIn;

/// How it is started.
pub fn command() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "subject::is_killed", "--ignored", "--nocapture"]);
    command
}

/// Serves until it is killed, or told to stop.
#[test]
#[ignore = "not a test: it is what the tests start that kill it"]
fn is_killed() {
    assert!(
        std::env::var_os("WARMLINE_DATA_DIR").is_some(),
        "it is for the tests that kill it, which say where it lives"
    );
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let settings = Settings::load(&Sources::of_process(Vec::new(), None)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(serve_with(settings, |_| stand_in())).unwrap();
}

fn stand_in() -> EarsAndMouth {
    let speech = StandIn::speech();
    EarsAndMouth { stt: Arc::clone(&speech.stt), tts: speech.tts, readiness: watch::channel(Ok(())).1 }
}
