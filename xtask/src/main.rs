//! Builds the page and the server, and starts Warmline: what `cargo run` at the root runs.

mod e2e;
mod fuzz;
mod kills;
mod livekit;
mod mutants;
mod needs;
mod page;
mod place;
mod simulate;
mod suite;
mod tool;

use std::{env, process::ExitCode, thread};

use anyhow::{Result, anyhow};

use crate::place::Place;

const HELP: &str = "\
cargo run [-- …]        build the page and the server, then start Warmline (arguments go to it: cargo run -- doctor)
cargo run --release     the same, optimised

cargo xtask page        build the page only (target/site)
cargo xtask build       build the page and the server
cargo xtask test [--no-browser]
                        everything: the page, every test, the browser's, the REST interface's
cargo xtask test FILTER only the tests whose names match
cargo xtask e2e         the browser tests alone
cargo xtask pages       what the pages weigh, and how fast they are (with --release)
cargo xtask fuzz [INPUTS]
                        what comes over LiveKit, so many made-up inputs a target; the REST interface (schemathesis)
cargo xtask simulate [SEEDS]
                        the whole runtime in a simulated world, one random life a seed
cargo xtask kills [KILLS] [--livekit KILLS]
                        kills the program at so many random moments with twenty calls open, and over a real LiveKit
                        server
cargo xtask livekit [FILTER]
                        the tests against a real LiveKit server, which it builds with Go where it is missing
                        (--install: only that)
cargo xtask mutants [ARGUMENTS]
                        breaks the call's machine, one place after the other, and says which breaks no test notices
cargo xtask check       formatting, lints, licences
  --release             with any of these: optimised";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nwarmline: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let mut args: Vec<String> = env::args().skip(1).collect();
    let release = args.iter().any(|a| a == "--release") || !cfg!(debug_assertions);
    args.retain(|a| a != "--release");
    let place = Place::find(release)?;
    let first = args.first().map(String::as_str);
    match first {
        Some("page") => needs::require(&place, needs::Work::Page)?,
        Some("build" | "test" | "e2e" | "pages") => needs::require(&place, needs::Work::Start)?,
        _ => {}
    }
    match first {
        Some("page") => page::build(&place)?,
        Some("build") => build(&place)?,
        Some("test") => return suite::test(&place, &args[1..]),
        Some("e2e") => return e2e::run(&place),
        Some("pages") => return e2e::bench(&place),
        Some("fuzz") => return fuzz::run(&place, args.get(1)),
        Some("simulate") => return simulate::run(&place, args.get(1)),
        Some("kills") => return kills::run(&place, &args[1..]),
        Some("livekit") if args[1..] == ["--install"] => livekit::install(&place)?,
        Some("livekit") => return livekit::test(&place, &args[1..]),
        Some("mutants") => return mutants::run(&place, &args[1..]),
        Some("check") => return suite::check(&place),
        Some("xtask-help") => println!("{HELP}"),
        _ => return start(&place, &args),
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts Warmline in this process's place, so that Ctrl-C and signals reach the server itself.
fn start(place: &Place, args: &[String]) -> Result<ExitCode> {
    if serves(args) {
        needs::require(place, needs::Work::Start)?;
        build(place)?;
    } else {
        needs::require(place, needs::Work::Server)?;
        tool::build_server(place)?;
    }
    tool::replace_this_process(&mut tool::server(place, args))
}

/// The page and the server. They are compiled side by side: the last crates of each leave a core idle.
fn build(place: &Place) -> Result<()> {
    let (page, pack) = thread::scope(|scope| {
        let page = scope.spawn(|| page::compile(place));
        let pack = tool::build_server_and_pack(place);
        (page.join(), pack)
    });
    let page = page.map_err(|_| anyhow!("the page's compilation panicked"))??;
    page::finish(place, &pack?, &page)
}

/// Whether these arguments start the server, which needs the page; `doctor` and its like do without.
fn serves(args: &[String]) -> bool {
    let asks_only = |a: &String| matches!(a.as_str(), "-h" | "--help" | "-V" | "--version");
    match args.first() {
        None => true,
        Some(first) if first == "serve" || first.starts_with('-') => !args.iter().any(asks_only),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_serving_needs_the_page() {
        let serves = |line: &str| serves(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        for line in ["", "serve", "serve --addr 127.0.0.1:1", "--addr 127.0.0.1:1"] {
            assert!(serves(line), "{line}");
        }
        for line in ["doctor", "call +15550100001 --watch", "--help", "serve --help", "-V"] {
            assert!(!serves(line), "{line}");
        }
    }
}
