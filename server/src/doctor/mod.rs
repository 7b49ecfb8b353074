//! Looks at everything that a call will need, and says of each what was tried, what is wrong and how to mend it.
//!
//! One engine for the command and the page. No text of a [`Report`] holds a secret or a whole telephone number.

mod aside;
mod files;
mod network;
mod settings;
mod shared;
mod speech;
mod text;

use std::{future::Future, time::Duration};

use tokio::time::{Instant, timeout};
pub use warmline_api::{Check, Report, Status};
use warmline_voice::Load;

use crate::settings::Settings;

pub use shared::{FRESH, SharedDoctor};
pub use text::{Style, render};

use aside::aside;

/// A check that takes longer than this has failed.
const LONGEST_CHECK: Duration = Duration::from_secs(10);

/// How one look came out, before it has a name and a time.
#[derive(Clone, Debug)]
struct Finding {
    status: Status,
    tried: String,
    cause: Option<String>,
    fix: Option<String>,
}

impl Finding {
    fn ok(tried: impl Into<String>) -> Self {
        Self { status: Status::Ok, tried: tried.into(), cause: None, fix: None }
    }

    fn skipped(tried: impl Into<String>) -> Self {
        Self { status: Status::Skipped, ..Self::ok(tried) }
    }

    fn warn(tried: impl Into<String>, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: Status::Warn, tried: tried.into(), cause: Some(cause.into()), fix: Some(fix.into()) }
    }

    fn fail(tried: impl Into<String>, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: Status::Fail, ..Self::warn(tried, cause, fix) }
    }
}

/// Looks at everything. Takes at most about ten seconds, changes nothing.
pub async fn run(settings: &Settings) -> Report {
    let clock = network::ClockProbe::start();
    let (files, speech, port, model, livekit) = tokio::join!(
        async {
            [
                look("data_dir", "Data folder", files::data_dir(settings)).await,
                look("store", "Store", files::store(settings)).await,
                look("personas", "Exchange: personas", files::personas(settings)).await,
                look("hold_music", "Hold music", files::hold_music(settings)).await,
                look("recordings", "Recordings", files::record_dir(settings)).await,
            ]
        },
        async {
            [
                look("models", "Speech models", speech::models(settings)).await,
                look("package_client", "Package client", speech::package_client(settings)).await,
            ]
        },
        look("port", "Port", network::port(settings)),
        look("language_model", "Language model", network::language_model(settings)),
        look("livekit", "LiveKit", network::livekit(settings)),
    );
    let mut checks = settings::checks(settings);
    checks.extend(files.into_iter().flatten());
    checks.extend(speech.into_iter().flatten());
    checks.extend(livekit);
    checks.extend(port);
    checks.extend(model);
    checks.extend(look("clock", "Clock", async move { vec![clock.finish()] }).await);
    Report { ok: checks.iter().all(|c| c.status != Status::Fail), checks }
}

/// The report of a program that runs, with the room that its speech has left.
#[must_use]
pub fn with_room(mut report: Report, load: &Load, room: Option<usize>) -> Report {
    let finding = speech::room(load, room);
    report.ok &= finding.status != Status::Fail;
    report.checks.push(check("speech_load", "Speech load", 0, finding));
    report
}

async fn look(name: &'static str, title: &'static str, what: impl Future<Output = Vec<Finding>>) -> Vec<Check> {
    let begun = Instant::now();
    let findings = timeout(LONGEST_CHECK, what).await.unwrap_or_else(|_| {
        let cause = format!("it took longer than {} s", LONGEST_CHECK.as_secs());
        vec![Finding::fail(title, cause, "try again; if it stays, look at the disk and the network")]
    });
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    findings.into_iter().map(|finding| check(name, title, ms, finding)).collect()
}

fn check(name: &'static str, title: &'static str, ms: u64, finding: Finding) -> Check {
    let Finding { status, tried, cause, fix } = finding;
    Check { name: name.into(), title: title.into(), status, tried, ms, cause, fix }
}
