//! A question each. Programs are started rather than looked for where a version or a set-up matters.

use std::{
    env,
    ffi::OsString,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use super::{Fix, Here, Missing, TARGET, disk};

/// The oldest Node.js that the style sheet's tools run on.
const NODE: u32 = 20;

const NODE_FIX: Fix = Fix {
    debian: "sudo apt-get install nodejs npm     (older than Debian 13 or Ubuntu 25.04: from https://nodejs.org/en/download)",
    mac: "brew install node",
    others: "install Node.js with npm, from https://nodejs.org/en/download",
};

impl Here {
    /// A program, as whoever started this would start it.
    pub(super) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.env("PATH", &self.path).stdin(Stdio::null());
        command
    }

    /// What a program says on its standard output, where it is there and succeeds.
    pub(super) fn says(&self, program: impl Into<OsString>, args: &[&str]) -> Option<String> {
        let out = self.command(program).args(args).stderr(Stdio::null()).output().ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
    }

    pub(super) fn is_on_path(&self, program: &str) -> bool {
        let ends = if cfg!(windows) { &["", ".exe", ".cmd"][..] } else { &[""] };
        env::split_paths(&self.path)
            .any(|folder| ends.iter().any(|end| folder.join(format!("{program}{end}")).is_file()))
    }
}

pub(super) fn node(here: &Here) -> Vec<Missing> {
    let found = here.says("node", &["--version"]);
    if found.as_deref().and_then(major).is_some_and(|major| major >= NODE) {
        return Vec::new();
    }
    let found = found.map_or_else(String::new, |version| format!(" ({version} is too old)"));
    vec![Missing {
        what: format!("Node.js {NODE} or newer{found}"),
        why: "makes the pages' style sheet",
        fix: NODE_FIX,
    }]
}

/// It takes half a second to say its version: that it is there is enough.
pub(super) fn npm(here: &Here) -> Vec<Missing> {
    if here.is_on_path("npm") {
        return Vec::new();
    }
    vec![Missing { what: "npm".into(), why: "installs the style sheet's tools", fix: NODE_FIX }]
}

/// The number that a version begins with: `v20.11.1` → 20.
pub(super) fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

/// Without models only: whoever has them needs no client to fetch them.
pub(super) fn pip(here: &Here) -> Vec<Missing> {
    let has_pip = |python| here.says(python, &["-c", "import pip"]).is_some();
    if disk::has_models(&here.models) || has_pip("python3") || has_pip("python") {
        return Vec::new();
    }
    if ["pip3", "pip"].iter().any(|pip| here.says(*pip, &["--version"]).is_some()) {
        return Vec::new();
    }
    let fix = Fix {
        debian: "sudo apt-get install python3-pip",
        mac: "brew install python",
        others: "install Python 3 with pip, from https://www.python.org/downloads",
    };
    vec![Missing { what: "Python 3 with pip".into(), why: "fetches the speech models", fix }]
}

/// With its headers: a compiler alone compiles nothing.
pub(super) fn c_compiler(here: &Here) -> Vec<Missing> {
    // On Windows the `cc` crate looks for Visual Studio's, and says itself where it is to be had.
    if cfg!(windows) || compiles(here).unwrap_or(false) {
        return Vec::new();
    }
    let fix = Fix {
        debian: "sudo apt-get install build-essential",
        mac: "xcode-select --install",
        others: "install a C compiler with its headers: gcc and libc's development files, or clang",
    };
    vec![Missing { what: "a C compiler".into(), why: "compiles SQLite, Opus and the cryptography", fix }]
}

fn compiles(here: &Here) -> Option<bool> {
    let mut words = here.c_compiler.split_whitespace();
    let mut run = here.command(words.next()?);
    run.args(words).args(["-x", "c", "-E", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = run.spawn().ok()?;
    // A compiler that ends before it has read all has failed, and says so itself.
    let _ = child.stdin.take()?.write_all(b"#include <stdlib.h>\n");
    Some(child.wait().ok()?.success())
}

pub(super) fn cmake(here: &Here) -> Vec<Missing> {
    if here.says(&here.cmake, &["--version"]).is_some() {
        return Vec::new();
    }
    let fix = Fix {
        debian: "sudo apt-get install cmake",
        mac: "brew install cmake",
        others: "install CMake, from https://cmake.org/download",
    };
    vec![Missing { what: "CMake".into(), why: "builds the audio codec Opus", fix }]
}

/// What CMake uses where nothing else is named.
pub(super) fn make(here: &Here) -> Vec<Missing> {
    if !here.needs_make || here.is_on_path("make") {
        return Vec::new();
    }
    let fix = Fix { debian: "sudo apt-get install make", mac: "xcode-select --install", others: "install GNU make" };
    vec![Missing { what: "make".into(), why: "builds the audio codec Opus, called by CMake", fix }]
}

/// Whether the compiler has the browser's standard library.
pub(super) fn has_target(here: &Here) -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let folder = here.says(rustc, &["--print", "target-libdir", "--target", TARGET]);
    folder.is_some_and(|folder| Path::new(&folder).exists())
}

pub(super) fn no_target() -> Missing {
    let fix =
        Fix::everywhere("in the project: rustup toolchain install --no-self-update     (rustup: https://rustup.rs)");
    Missing { what: format!("the compiler's {TARGET} target"), why: "the pages' program is compiled for it", fix }
}
