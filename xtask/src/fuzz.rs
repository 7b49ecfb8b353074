//! What others send us, made up. What comes over LiveKit goes to the fuzz targets of `crates/livekit`; the REST interface is
//! held against its own OpenAPI document by schemathesis, which makes requests up, good and bad ones.

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

/// The targets' tests. Each has a number of inputs of its own, unless another is given.
const TARGETS: &str = "package(warmline-livekit) & test(/^fuzz::/)";

/// The targets with that many inputs each, then the REST interface.
pub(crate) fn run(place: &Place, inputs: Option<&String>) -> Result<ExitCode> {
    let step = Step::begin("fuzz", "what comes over LiveKit");
    let mut run = tool::cargo(place);
    run.args(["nextest", "run", "--workspace", "--lib", "--no-tests=fail", "--no-fail-fast", "-E", TARGETS]);
    if let Some(inputs) = inputs {
        let Ok(inputs) = inputs.parse::<u64>() else { bail!("how many inputs? '{inputs}' is no number") };
        run.env("WARMLINE_FUZZ_INPUTS", inputs.to_string()).args(["--profile", "fuzz"]);
    }
    tool::must(&mut run, "a target failed; crates/livekit/fuzz/README.md says what to do with its input")?;
    step.done("passed");
    rest(place)
}

/// The REST interface of a server of its own. Where schemathesis is not installed it says so and passes.
fn rest(place: &Place) -> Result<ExitCode> {
    let Some(schemathesis) = find(place) else {
        eprintln!("fuzz: SKIPPED, schemathesis is not installed (.ci/setup installs it)");
        return Ok(ExitCode::SUCCESS);
    };
    tool::build_server(place)?;
    run_built(place, &schemathesis)
}

/// The REST interface alone, with a server that is there already: the targets were among the tests.
pub(crate) fn run_after_tests(place: &Place) -> Result<ExitCode> {
    match find(place) {
        Some(schemathesis) => run_built(place, &schemathesis),
        None => rest(place),
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
