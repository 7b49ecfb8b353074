//! The REST interface against its own OpenAPI document: schemathesis makes requests up, good and bad ones.

use std::{
    fs,
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Result, bail};

use crate::{
    e2e::Server,
    place::Place,
    tool::{self, Step},
};

/// Every number is busy, so that a made-up call is over at once.
const EVERYBODY_BUSY: &str = r#"
name = "Everybody"
about = "Is busy, whatever the number."
numbers = ["+15550100001"]
role = "customer"
voice = 1
answer = "busy"
"#;

/// Runs it against a server of its own. Where schemathesis is not installed it says so and passes.
pub(crate) fn run(place: &Place) -> Result<ExitCode> {
    let Some(schemathesis) = find(place) else {
        eprintln!("fuzz: SKIPPED, schemathesis is not installed (.ci/setup installs it)");
        return Ok(ExitCode::SUCCESS);
    };
    tool::build_server(place)?;
    run_built(place, &schemathesis)
}

/// The same with a server that is there already.
pub(crate) fn run_after_tests(place: &Place) -> Result<ExitCode> {
    match find(place) {
        Some(schemathesis) => run_built(place, &schemathesis),
        None => run(place),
    }
}

fn run_built(place: &Place, schemathesis: &PathBuf) -> Result<ExitCode> {
    let step = Step::begin("fuzz", "requests made up from /openapi.json");
    let data = place.target.join("fuzz");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let personas = data.join("personas");
    fs::create_dir_all(&personas)?;
    fs::write(personas.join("everybody.toml"), EVERYBODY_BUSY)?;
    let server = Server::start(place, &data, &[("WARMLINE_PERSONAS", &personas)])?;
    let mut fuzz = Command::new(schemathesis);
    fuzz.args(["run", "--checks", "all", "--max-examples", "30", "--seed", "1", "--suppress-health-check", "all"]);
    // No schema can say that a key was used for another request, or which languages the speech of the day knows: 422 too.
    fuzz.args(["--exclude-checks", "positive_data_acceptance"]);
    fuzz.args(["--request-timeout", "30", "--wait-for-schema", "30", "--warnings", "off"]);
    fuzz.arg(format!("http://{}/openapi.json", server.address)).current_dir(&data);
    if !tool::status(&mut fuzz)?.success() {
        bail!("what the REST interface does is not what its document says");
    }
    step.done("passed");
    Ok(ExitCode::SUCCESS)
}

/// Where `.ci/setup` puts it, or on the path.
fn find(place: &Place) -> Option<PathBuf> {
    let candidates = [place.target.join("venv/bin/schemathesis"), "schemathesis".into()];
    candidates.into_iter().find(|program| tool::is_there(Command::new(program).arg("--version")))
}
