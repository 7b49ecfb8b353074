//! The tests and the checks, the same by hand and in CI.

use std::{
    io::{BufRead, BufReader},
    process::{Command, ExitCode, Stdio},
    thread,
};

use anyhow::{Context, Result, anyhow, bail};

use crate::{
    e2e, fuzz, livekit, page,
    place::Place,
    tool::{self, Step},
};

/// Every test there is; with a filter, only the Rust tests that match.
pub(crate) fn test(place: &Place, args: &[String]) -> Result<ExitCode> {
    let no_browser = args.iter().any(|a| a == "--no-browser");
    let filter: Vec<_> = args.iter().filter(|a| *a != "--no-browser").collect();
    let browser = filter.is_empty() && !no_browser;
    if browser {
        e2e::require_browser()?;
    }
    let with_nextest = tool::is_there(tool::cargo(place).args(["nextest", "--version"]));
    build(place, with_nextest)?;

    let step = Step::begin("tests", "running");
    if with_nextest {
        let mut run = nextest(place);
        run.args(["--no-tests=fail", "--no-fail-fast"]).args(&filter).env("WARMLINE_SITE", place.site());
        tool::must(&mut run, "tests failed")?;
    } else {
        eprintln!("tests: cargo-nextest is not installed, so cargo's own runner it is (.ci/setup installs it)");
        cargo_test(place, &filter)?;
    }
    step.done("passed");
    eprintln!("{}", livekit::APART);

    if no_browser {
        eprintln!("browser: not run (--no-browser)");
    }
    if browser {
        e2e::run_built(place)?;
    }
    if filter.is_empty() { fuzz::run_after_tests(place) } else { Ok(ExitCode::SUCCESS) }
}

/// The page as users get it, and the tests. Side by side: the page's last step is one core's alone.
fn build(place: &Place, with_nextest: bool) -> Result<()> {
    let optimised = place.optimised();
    thread::scope(|scope| {
        let page = scope.spawn(|| page::build(&optimised));
        if with_nextest {
            tool::must(nextest(place).arg("--no-run"), "the tests do not build")?;
        }
        page.join().map_err(|_| anyhow!("the page was not built"))?
    })
}

fn nextest(place: &Place) -> Command {
    let mut run = tool::cargo(place);
    run.args(["nextest", "run", "--workspace"]);
    run
}

/// Cargo's own runner is content when nothing ran; this is not.
fn cargo_test(place: &Place, filter: &[&String]) -> Result<()> {
    let mut run = tool::cargo(place);
    run.args(["test", "--workspace", "--no-fail-fast"]);
    run.args(filter).env("WARMLINE_SITE", place.site()).stdout(Stdio::piped());
    let mut child = run.spawn().context("cargo cannot be started")?;
    let mut passed = 0;
    for line in BufReader::new(child.stdout.take().context("no output of cargo test")?).lines() {
        let line = line?;
        passed += passed_in(&line);
        println!("{line}");
    }
    if !child.wait()?.success() {
        bail!("tests failed");
    }
    if passed == 0 {
        bail!("no test ran");
    }
    eprintln!("tests: {passed} passed");
    Ok(())
}

/// The number in `test result: ok. 12 passed; …`.
fn passed_in(line: &str) -> u64 {
    let count = |rest: &str| rest.split(' ').next()?.parse().ok();
    line.strip_prefix("test result: ok. ").and_then(count).unwrap_or(0)
}

/// Formatting, lints and licences. Everything is tried; any failure fails it.
pub(crate) fn check(place: &Place) -> Result<ExitCode> {
    let mut failed = Vec::new();
    let mut step = |name: &'static str, args: &[&str]| -> Result<()> {
        let step = Step::begin(name, &format!("cargo {}", args.join(" ")));
        let fine = tool::status(tool::cargo(place).args(args))?.success();
        step.done(if fine { "fine" } else { "failed" });
        if !fine {
            failed.push(name);
        }
        Ok(())
    };
    step("formatting", &["fmt", "--all", "--check"])?;
    step("lints", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    let page = ["clippy", "-p", "warmline-app", "--lib", "--features", "hydrate", "--target", "wasm32-unknown-unknown"];
    step("page lints", &[page.as_slice(), &["--profile", "wasm-dev", "--", "-D", "warnings"]].concat())?;
    if tool::is_there(Command::new("cargo-deny").arg("--version")) {
        step("licences", &["deny", "check", "bans", "licenses", "sources"])?;
    } else {
        eprintln!("licences: not checked, cargo-deny is not installed (cargo install cargo-deny --locked)");
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_tests_are_counted_from_cargos_words() {
        assert_eq!(passed_in("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured"), 12);
        assert_eq!(passed_in("test result: FAILED. 3 passed; 1 failed"), 0);
        assert_eq!(passed_in("test words::tests::all ... ok"), 0);
    }
}
