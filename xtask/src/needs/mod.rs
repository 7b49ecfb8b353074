//! What the build and the first start need besides cargo: looked at before anything is compiled, all at once, each with its
//! fix. Nothing is worse than to be told after minutes what could have been said at once.

mod checks;
mod disk;
mod fix;

use std::{env, ffi::OsString, fmt::Write, path::PathBuf, thread};

use anyhow::{Result, bail};

use self::fix::{Fix, System};
use crate::{
    place::Place,
    tool::{self, Step},
};

/// The browser's target.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// The pages' files alone.
    Page,
    /// The server alone.
    Server,
    /// Both, and the server started.
    Start,
}

/// Something that is not there.
struct Missing {
    /// What it is, and what of it was found.
    what: String,
    /// What it is needed for.
    why: &'static str,
    fix: Fix,
}

/// Where is looked for it.
struct Here {
    /// As in `PATH`.
    path: OsString,
    /// Cargo's target directory.
    target: PathBuf,
    /// Where the speech models are, or will be.
    models: PathBuf,
    /// Whether the server was built before.
    built: bool,
    /// `CC`, which may have arguments, as in `ccache gcc`.
    c_compiler: String,
    cmake: OsString,
    /// Unless CMake is told to use something else.
    needs_make: bool,
}

/// Fails with everything that is missing. What can be installed without asking is: the compiler's target.
pub(crate) fn require(place: &Place, work: Work) -> Result<()> {
    require_here(&Here::find(place), work)
}

fn require_here(here: &Here, work: Work) -> Result<()> {
    let step = Step::quietly("needs");
    let (mut missing, target) = here.missing(work);
    let target = target || work == Work::Server;
    if !target && !here.is_on_path("rustup") {
        missing.push(checks::no_target());
    }
    if !missing.is_empty() {
        bail!("{}", list(&missing, System::this()));
    }
    if !here.built {
        step.done("everything that the build needs is there");
    }
    if !target {
        install_target(here)?;
    }
    Ok(())
}

impl Here {
    fn find(place: &Place) -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            path: env::var_os("PATH").unwrap_or_default(),
            target: place.target.clone(),
            models: disk::models(),
            built: place.program("warmline", place.release).exists(),
            c_compiler: set("CC").map_or_else(|| "cc".into(), |cc| cc.to_string_lossy().into_owned()),
            cmake: set("CMAKE").unwrap_or_else(|| "cmake".into()),
            needs_make: set("CMAKE_GENERATOR").is_none() && !cfg!(windows),
        }
    }

    /// What is missing, and whether the compiler's target is there. All are asked at once: together they take as long as
    /// the slowest.
    fn missing(&self, work: Work) -> (Vec<Missing>, bool) {
        type Check = fn(&Here) -> Vec<Missing>;
        let page: [Check; 2] = [checks::node, checks::npm];
        let server: [Check; 3] = [checks::c_compiler, checks::cmake, checks::make];
        let start: [Check; 1] = [checks::pip];
        let mut asked: Vec<Check> = vec![disk::room];
        if work != Work::Server {
            asked.extend(page);
        }
        if work != Work::Page {
            asked.extend(server);
        }
        if work == Work::Start {
            asked.extend(start);
        }
        thread::scope(|scope| {
            let target = scope.spawn(|| checks::has_target(self));
            let asked: Vec<_> = asked.into_iter().map(|check| scope.spawn(move || check(self))).collect();
            let missing = asked.into_iter().filter_map(|answer| answer.join().ok()).flatten().collect();
            (missing, target.join().unwrap_or(false))
        })
    }
}

/// All of it, in words.
fn list(missing: &[Missing], system: System) -> String {
    let mut text = match missing {
        [_] => "one thing is missing:\n".to_owned(),
        several => format!("{} things are missing:\n", several.len()),
    };
    for Missing { what, why, fix } in missing {
        // Writing to a string does not fail.
        let _ = write!(text, "\n  {what}: {why}\n{}", fix.lines(system));
    }
    text.push_str("\nThen start this again. Nothing was compiled for it yet.");
    text
}

/// Has rustup add the browser's target to the compiler in use.
fn install_target(here: &Here) -> Result<()> {
    let step = Step::begin("needs", &format!("adding the compiler's {TARGET} target with rustup"));
    let mut rustup = here.command("rustup");
    rustup.args(["target", "add", TARGET]);
    let added = tool::status(&mut rustup).is_ok_and(|status| status.success());
    if !added || !checks::has_target(here) {
        bail!("{}", list(&[checks::no_target()], System::this()));
    }
    step.done("added");
    Ok(())
}

#[cfg(all(test, unix))]
mod tests;
