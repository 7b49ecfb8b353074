//! Whether the tests of the call's machine notice when it is broken: cargo-mutants breaks it, in one place after the other.

use std::{
    env,
    process::{Command, ExitCode},
};

use anyhow::{Result, bail};

use crate::{
    place::Place,
    tool::{self, Step},
};

/// What is broken unless another is named, and its version of the tool.
const PACKAGE: &str = "warmline-call";
const VERSION: &str = "27.1.0";

/// How long the random calls go on: what they find at all they find soon, and a whole run of them takes longer than the rest.
const RANDOM_STEPS: &str = "WARMLINE_RANDOM_STEPS";

/// What cargo-mutants ends with when mutants were missed, and when none was but some ran into their time limit.
const MISSED: i32 = 2;
const TIMED_OUT: i32 = 3;

/// Further arguments go to cargo-mutants: `--shard 0/8`, `--file 'crates/call/src/machine/*.rs'`, `-p warmline-voice`.
pub(crate) fn run(place: &Place, args: &[String]) -> Result<ExitCode> {
    install(place)?;
    let step = Step::begin("mutants", "breaking, building and testing, one after the other; it takes hours");
    let mut mutants = tool::cargo(place);
    // It builds in a copy of the sources, with a target directory of its own.
    if env::var_os(RANDOM_STEPS).is_none() {
        mutants.env(RANDOM_STEPS, "200000");
    }
    mutants.env_remove("CARGO_TARGET_DIR").arg("mutants").arg("--output").arg(&place.target).args(args);
    if !args.iter().any(|arg| arg == "-p" || arg.starts_with("--package")) {
        mutants.args(["-p", PACKAGE]);
    }
    let status = tool::status(&mut mutants)?;
    let told = place.target.join("mutants.out");
    match status.code() {
        Some(0 | TIMED_OUT) => step.done("every one was caught"),
        Some(MISSED) => bail!("not all were caught: {}", told.join("missed.txt").display()),
        _ => bail!("cargo-mutants failed: {}", told.display()),
    }
    Ok(ExitCode::SUCCESS)
}

fn install(place: &Place) -> Result<()> {
    if tool::is_there(Command::new("cargo-mutants").args(["mutants", "--version"])) {
        return Ok(());
    }
    let step = Step::begin("mutants", "installing cargo-mutants, once, some minutes");
    let mut cargo = tool::cargo(place);
    cargo.env_remove("CARGO_TARGET_DIR").args(["install", "cargo-mutants", "--locked", "--version", VERSION]);
    tool::must(&mut cargo, "cargo-mutants can't be installed")?;
    step.done("installed");
    Ok(())
}
