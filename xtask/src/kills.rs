//! The program killed at as many random moments as one likes: on the exchange, and over a real LiveKit server.

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::{
    livekit,
    place::Place,
    tool::{self, Step},
};

/// As many as tell something of one time in a hundred.
const KILLS: u32 = 500;

/// `[KILLS] [--livekit KILLS]`. Whichever is asked for is run; without a wish, the exchange.
pub(crate) fn run(place: &Place, args: &[String]) -> Result<ExitCode> {
    let (exchange, over_livekit) = wishes(args)?;
    if exchange > 0 {
        kill(tests(place, "program"), "kills", ("WARMLINE_KILLS", exchange))?;
    }
    if over_livekit > 0 {
        let mut tests = tests(place, "livekit");
        livekit::with_what_they_need(place, &mut tests)?;
        tests.arg("--ignore-default-filter");
        kill(tests, "points", ("WARMLINE_KILLS_LIVEKIT", over_livekit))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn wishes(args: &[String]) -> Result<(u32, u32)> {
    let number = |text: &str| match text.parse() {
        Ok(number) => Ok(number),
        Err(_) => bail!("how many kills? '{text}' is no number"),
    };
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok((KILLS, 0)),
        ["--livekit", kills] => Ok((0, number(kills)?)),
        [kills] => Ok((number(kills)?, 0)),
        [kills, "--livekit", over] => Ok((number(kills)?, number(over)?)),
        _ => bail!("kills [KILLS] [--livekit KILLS]"),
    }
}

fn tests(place: &Place, binary: &str) -> Command {
    let mut run = tool::cargo(place);
    run.args(["nextest", "run", "--workspace", "--test", binary, "--no-tests=fail", "--profile", "fuzz"]);
    run.args(["--success-output", "immediate"]);
    run
}

fn kill(mut tests: Command, module: &str, (variable, kills): (&str, u32)) -> Result<()> {
    let step = Step::begin("kills", &format!("{kills}, at random moments"));
    tests.args(["-E", &format!("test(/^{module}::killed/)")]).env(variable, kills.to_string());
    tool::must(&mut tests, "something was lost; the output names the seed")?;
    step.done("passed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_asked_for_by_number_here_and_there() {
        let wishes = |line: &str| wishes(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).ok();
        assert_eq!(wishes(""), Some((KILLS, 0)));
        assert_eq!(wishes("30"), Some((30, 0)));
        assert_eq!(wishes("30 --livekit 5"), Some((30, 5)));
        assert_eq!(wishes("--livekit 50"), Some((0, 50)));
        for line in ["many", "--livekit", "1 2", "1 --livekit"] {
            assert_eq!(wishes(line), None, "{line}");
        }
    }
}
