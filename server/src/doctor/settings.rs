//! What the settings themselves say.

use super::{Check, Finding, Status, check};
use crate::settings::{Area, Backend, LiveKitGroup, Problem, Settings, Severity};

pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    let file = match &settings.env_file {
        Some(file) => Finding::ok(format!("read {}", file.display())),
        None => Finding::skipped("no .env file in this folder"),
    };
    let values = Finding::ok(format!("{} settings, {} of them set", settings.rows().len(), set(settings)));
    let mut checks = Vec::new();
    checks.extend(area(settings, Area::EnvFile, "env_file", ".env", file));
    checks.extend(area(settings, Area::Values, "settings", "Settings", values));
    checks.extend(area(settings, Area::Telephony, "telephony", "Telephony", telephony(settings)));
    checks.extend(area(settings, Area::Supervisor, "supervisor", "Supervisor", supervisor(settings)));
    checks.extend(area(settings, Area::Providers, "providers", "Providers", Finding::ok("speech on this machine")));
    checks
}

/// The problems of one area, or what is to be said where there are none.
fn area(settings: &Settings, area: Area, name: &'static str, title: &'static str, fine: Finding) -> Vec<Check> {
    let mut checks: Vec<_> = settings
        .problems
        .iter()
        .filter(|p| p.area == area)
        .map(|p| check(name, title, 0, finding(p, &fine.tried)))
        .collect();
    if checks.is_empty() {
        checks.push(check(name, title, 0, fine));
    }
    checks
}

fn finding(problem: &Problem, tried: &str) -> Finding {
    let status = if problem.severity == Severity::Warning { Status::Warn } else { Status::Fail };
    let tried = match &problem.origin {
        Some(origin) => origin.to_string(),
        None => tried.to_owned(),
    };
    Finding { status, tried, cause: Some(problem.cause.clone()), fix: Some(problem.fix.clone()) }
}

fn set(settings: &Settings) -> usize {
    settings.rows().iter().filter(|row| row.origin != crate::settings::Origin::Default).count()
}

fn telephony(settings: &Settings) -> Finding {
    match &settings.backend {
        Backend::Exchange => Finding::ok("the embedded exchange: any number can be dialled, nobody outside is called"),
        Backend::LiveKit(LiveKitGroup::Complete(_)) => Finding::ok("LiveKit: all four settings are set"),
        Backend::LiveKit(LiveKitGroup::Incomplete { .. }) => Finding::ok("LiveKit"),
    }
}

fn supervisor(settings: &Settings) -> Finding {
    if settings.supervisors.is_empty() {
        let cause = "Escalation will fail if requested: there is no supervisor's number";
        return Finding::warn("supervisors' numbers", cause, "Set LIVEKIT_SUPERVISOR_PHONE_NUMBER in .env");
    }
    let numbers: Vec<_> = settings.supervisors.iter().map(|n| format!("{n:?}")).collect();
    Finding::ok(format!("{}, tried in this order", numbers.join(", ")))
}
