//! The tests against a real LiveKit server, and what they need: the server, built with Go, and LiveKit's own Python SDK.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Result, bail};

use crate::{
    place::Place,
    tool::{self, Step},
};

/// The server.
const SERVER: Program = Program { name: "server", variable: "WARMLINE_LIVEKIT_SERVER" };
/// LiveKit's own mock of its API, which answers what only LiveKit Cloud does.
const MOCK: Program = Program { name: "test-server", variable: "WARMLINE_LIVEKIT_MOCK" };
/// The version that the tests were written against; `go install` refuses later ones.
const VERSION: &str = "v1.13.5";
const SDK: [&str; 3] = ["livekit", "livekit-api", "numpy"];

/// What nextest's default filter leaves out.
const TESTS: &str = "(package(/^warmline-livekit/) & kind(test)) | binary(livekit)";

/// Why they are not among the others, for whoever reads what ran.
pub(crate) const APART: &str =
    "tests: those against a real LiveKit server run apart, for they need Go to build it: cargo xtask livekit";

/// Installs what they need, where it is missing.
pub(crate) fn install(place: &Place) -> Result<()> {
    SERVER.built()?;
    MOCK.built()?;
    python(place)?;
    Ok(())
}

/// Runs them, one at a time: what they measure is time.
pub(crate) fn test(place: &Place, filter: &[String]) -> Result<ExitCode> {
    let mut run = tool::cargo(place);
    with_what_they_need(place, &mut run)?;
    let step = Step::begin("livekit", "running the tests against a real server");
    run.args(["nextest", "run", "--workspace", "--ignore-default-filter", "--no-tests=fail", "--no-fail-fast"]);
    run.args(["--test-threads", "1", "-E", TESTS]).args(filter);
    tool::must(&mut run, "tests failed")?;
    step.done("passed");
    Ok(ExitCode::SUCCESS)
}

/// Tells tests where all of it is.
pub(crate) fn with_what_they_need(place: &Place, tests: &mut Command) -> Result<()> {
    tests.env(SERVER.variable, SERVER.built()?).env(MOCK.variable, MOCK.built()?);
    tests.env("WARMLINE_LIVEKIT_PYTHON", python(place)?);
    Ok(())
}

/// A program of the LiveKit server's repository.
struct Program {
    name: &'static str,
    /// Where somebody may name one that is there already.
    variable: &'static str,
}

impl Program {
    /// The program, built once for this user.
    fn built(&self) -> Result<PathBuf> {
        if let Some(named) = env::var_os(self.variable) {
            return Ok(named.into());
        }
        let Some(home) = env::home_dir() else {
            bail!("there is no home directory; name a LiveKit {} in {}", self.name, self.variable)
        };
        let folder = home.join(".cache/warmline/livekit");
        let program = folder.join(format!("{}{}", self.name, env::consts::EXE_SUFFIX));
        if program.is_file() {
            return Ok(program);
        }
        if !tool::is_there(Command::new("go").arg("version")) {
            bail!(
                "Go is missing; it builds the LiveKit server.\n  Debian, Ubuntu: apt-get install golang     others: go.dev"
            );
        }
        let step = Step::begin("livekit", "building its server with Go, once, some minutes");
        let package = format!("github.com/livekit/livekit-server/cmd/{}@{VERSION}", self.name);
        tool::must(
            Command::new("go").args(["install", &package]).env("GOBIN", &folder),
            "the LiveKit server does not build",
        )?;
        step.done("ready");
        Ok(program)
    }
}

/// A Python that has LiveKit's SDK.
fn python(place: &Place) -> Result<PathBuf> {
    if let Some(named) = env::var_os("WARMLINE_LIVEKIT_PYTHON") {
        return Ok(named.into());
    }
    let venv = place.target.join("venv");
    let python = venv.join("bin/python");
    if !python.is_file() {
        tool::must(Command::new("python3").args(["-m", "venv"]).arg(&venv), "no Python environment could be made")?;
    }
    if !has_sdk(&python) {
        let step = Step::begin("livekit-sdk", "installing it with pip");
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(SDK);
        tool::must(&mut pip, "LiveKit's Python SDK can't be installed")?;
        step.done("ready");
    }
    Ok(python)
}

fn has_sdk(python: &Path) -> bool {
    tool::is_there(Command::new(python).args(["-c", "import livekit.rtc, livekit.api, numpy"]))
}
