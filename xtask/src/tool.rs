use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::place::Place;

/// One step of the work: says that it begins and, once done, how long it took.
pub(crate) struct Step {
    name: &'static str,
    begun: Instant,
}

impl Step {
    pub(crate) fn begin(name: &'static str, what: &str) -> Self {
        eprintln!("{name}: {what} …");
        Self::quietly(name)
    }

    /// Says nothing until it is done.
    pub(crate) fn quietly(name: &'static str) -> Self {
        Self { name, begun: Instant::now() }
    }

    pub(crate) fn done(&self, what: &str) {
        eprintln!("{}: {what} ({})", self.name, spoken(self.begun.elapsed()));
    }
}

/// `0.4 s`, `12 s`, `3 min 5 s`.
pub(crate) fn spoken(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// Cargo, in the workspace, with the target directory of this run.
pub(crate) fn cargo(place: &Place) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&place.root).env("CARGO_TARGET_DIR", &place.target);
    // What cargo told this program about its own package is no business of the builds it starts.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name.as_ref());
        }
    }
    cargo
}

pub(crate) fn build_server(place: &Place) -> Result<()> {
    let step = Step::quietly("server");
    build(place, &["warmline"], place.release)?;
    step.done("ready");
    Ok(())
}

/// What makes a browser's files of the compiled page: it is needed to build, so it is as optimised as this very program,
/// whatever it is that is built.
const PACK: &str = "xtask-pack";
const PACK_RELEASE: bool = !cfg!(debug_assertions);

/// Returns the program.
pub(crate) fn build_pack(place: &Place) -> Result<PathBuf> {
    build(place, &[PACK], PACK_RELEASE)?;
    Ok(pack(place))
}

/// The server and what packs the page, side by side where both are built alike. Returns the latter.
pub(crate) fn build_server_and_pack(place: &Place) -> Result<PathBuf> {
    if place.release != PACK_RELEASE {
        build_server(place)?;
        return build_pack(place);
    }
    let step = Step::begin("server", "building");
    build(place, &["warmline", PACK], place.release)?;
    step.done("built");
    Ok(pack(place))
}

fn pack(place: &Place) -> PathBuf {
    place.program(PACK, PACK_RELEASE)
}

fn build(place: &Place, programs: &[&str], release: bool) -> Result<()> {
    let mut build = cargo(place);
    // The whole workspace's choice of features, as the tests have it: otherwise cargo builds the crates below twice.
    build.args(["build", "--workspace"]).args(programs.iter().flat_map(|program| ["--bin", program]));
    build.args(release.then_some("--release"));
    must(&mut build, &format!("{} does not build", programs[0]))
}

/// The server with the site that was built, in the directory this was called from (`.env` is looked for there).
pub(crate) fn server(place: &Place, args: &[String]) -> Command {
    let mut server = Command::new(place.program("warmline", place.release));
    server.args(args).env("WARMLINE_SITE", place.site());
    server
}

/// Runs to the end; a failure becomes `error`.
pub(crate) fn must(command: &mut Command, error: &str) -> Result<()> {
    if !status(command)?.success() {
        bail!("{error}");
    }
    Ok(())
}

pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.status().with_context(|| format!("{name} cannot be started"))
}

/// Whether the program is there and answers `--version`.
pub(crate) fn is_there(command: &mut Command) -> bool {
    command.output().is_ok_and(|out| out.status.success())
}

/// Installs `dir`'s packages as its lock file says, where that has not been done since the lock file changed.
pub(crate) fn npm_ci(dir: &Path, name: &'static str) -> Result<()> {
    let changed = |path: &str| fs::metadata(dir.join(path)).and_then(|m| m.modified()).ok();
    if changed("node_modules/.package-lock.json") >= changed("package-lock.json") {
        return Ok(());
    }
    let step = Step::begin(name, "installing its packages with npm");
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(dir);
    match npm.status() {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!("{}", NO_NODE),
        Err(error) => return Err(error).context("npm cannot be started"),
        Ok(status) if !status.success() => bail!("npm ci failed in {}", dir.display()),
        Ok(_) => {}
    }
    // npm leaves the file's time alone when there was nothing to do.
    let touched = fs::File::options().append(true).open(dir.join("node_modules/.package-lock.json"))?;
    touched.set_modified(std::time::SystemTime::now())?;
    step.done("packages installed");
    Ok(())
}

pub(crate) const NO_NODE: &str =
    "Node.js with npm (20 or newer) is missing; the style sheet and the browser test need it.
  Debian, Ubuntu: apt-get install nodejs npm     macOS: brew install node     others: nodejs.org";

#[cfg(unix)]
pub(crate) fn replace_this_process(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(error).with_context(|| format!("{} cannot be started", command.get_program().to_string_lossy()))
}

#[cfg(not(unix))]
pub(crate) fn replace_this_process(command: &mut Command) -> Result<ExitCode> {
    let code = status(command)?.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        for (ms, text) in [(400, "0.4 s"), (12_900, "12 s"), (119_000, "119 s"), (185_000, "3 min 5 s")] {
            assert_eq!(spoken(Duration::from_millis(ms)), text);
        }
    }
}
