//! The whole runtime in a simulated world, for as many seeds as one likes.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::{
    place::Place,
    tool::{self, Step},
};

/// From so many seeds on the server is worth being optimised.
const MANY: u64 = 100_000;

/// The rest of the build is left as it is: what runs hot in it is optimised anyway, and nothing else is compiled anew.
const OPTIMISED: &str = "profile.dev.package.warmline-server.opt-level=2";

/// That test with that many seeds, which tells what they came to.
pub(crate) fn run(place: &Place, seeds: Option<&String>) -> Result<ExitCode> {
    let step = Step::begin("simulate", "the runtime, seed by seed");
    let mut run = tool::cargo(place);
    run.args(["nextest", "run", "--workspace", "--test", "simulation", "--no-tests=fail", "--profile", "fuzz"]);
    run.args(["--success-output", "immediate"]);
    if let Some(seeds) = seeds {
        let Ok(seeds) = seeds.parse::<u64>() else { bail!("how many seeds? '{seeds}' is no number") };
        run.env("WARMLINE_SIMULATE_SEEDS", seeds.to_string());
        if seeds >= MANY {
            run.args(["--config", OPTIMISED]);
        }
    }
    tool::must(&mut run, "a seed failed; keep it in server/tests/simulation/main.rs when what is wrong is mended")?;
    step.done("passed");
    Ok(ExitCode::SUCCESS)
}
