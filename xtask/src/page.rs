//! The pages' files: WebAssembly with its bindings, the style sheet, and what is in `public/`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    place::Place,
    precompress,
    slim::slim,
    tool::{self, Step},
};

const TARGET: &str = "wasm32-unknown-unknown";

/// The programs that a browser loads, each with the pages that lead to each other. `app` has a feature for each: `only-…`.
const PROGRAMS: [&str; 2] = ["calls", "others"];

/// Builds what has changed since the last time.
pub(crate) fn build(place: &Place) -> Result<()> {
    let step = Step::begin("page", "building");
    let site = place.site();
    let pkg = site.join("pkg");
    fs::create_dir_all(&pkg)?;
    // Two runs side by side share the site.
    let lock = fs::File::create(place.target.join("site.lock"))?;
    lock.lock()?;

    tool::npm_ci(&place.root.join("style"), "style")?;
    let mut changed = false;
    for program in PROGRAMS {
        // Both are built into the same file.
        let wasm = webassembly(place, program)?;
        changed |= bindings(place, &wasm, &pkg, program)?;
    }
    changed |= style_sheet(place, &pkg)?;
    changed |= copy(&place.root.join("public"), &site)?;
    precompress::bring_up_to_date(&site, place.release)?;
    step.done(if changed { "built" } else { "up to date" });
    Ok(())
}

/// Compiles a program for the browser; returns the file.
fn webassembly(place: &Place, program: &str) -> Result<PathBuf> {
    let profile = place.page_profile();
    let mut build = tool::cargo(place);
    build.args(["build", "-p", "warmline-app", "--lib", "--target", TARGET, "--profile", profile]);
    build.arg(format!("--features=only-{program}"));
    if !tool::status(&mut build)?.success() {
        if target_is_missing() {
            bail!(
                "the compiler's {TARGET} target is missing. In the project: rustup toolchain install --no-self-update"
            );
        }
        bail!("the page does not build");
    }
    Ok(place.target.join(TARGET).join(profile).join("warmline_app.wasm"))
}

/// Whether the compiler lacks the browser's standard library.
fn target_is_missing() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let out = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    out.is_ok_and(|out| !Path::new(String::from_utf8_lossy(&out.stdout).trim()).exists())
}

/// Makes `{program}.js` and `{program}_bg.wasm`. Returns whether there was anything to do.
fn bindings(place: &Place, wasm: &Path, pkg: &Path, program: &str) -> Result<bool> {
    let modified = |file: &Path| fs::metadata(file).and_then(|m| m.modified());
    let compiled = modified(wasm).context("the page's WebAssembly is missing")?;
    // What is made of it depends on this very program too.
    let stamp = format!("{} {compiled:?} {:?}", place.page_profile(), modified(&env::current_exe()?)?);
    let stamped = place.target.join(format!("{program}.stamp"));
    let (script, bound) = (pkg.join(format!("{program}.js")), pkg.join(format!("{program}_bg.wasm")));
    if script.exists() && bound.exists() && fs::read_to_string(&stamped).is_ok_and(|s| s == stamp) {
        return Ok(false);
    }
    let step = Step::quietly("page");
    Bindgen::new()
        .input_path(wasm)
        .web(true)?
        .out_name(program)
        .typescript(false)
        .keep_debug(false)
        .generate(pkg)
        .context("the JavaScript bindings cannot be made")?;
    slim(&bound, !place.release)?;
    if place.release {
        let mut terser = npm_tool(place, "terser");
        terser.args(["--module", "--compress", "--mangle", "--output"]).arg(&script).arg("--").arg(&script);
        run_npm_tool(&mut terser, "terser")?;
    }
    fs::write(stamped, stamp)?;
    step.done("WebAssembly bound");
    Ok(true)
}

/// Runs Tailwind where the style sheet, the sources it scans or the profile changed. Returns whether it ran.
fn style_sheet(place: &Place, pkg: &Path) -> Result<bool> {
    let style = place.root.join("style");
    let sheet = pkg.join("warmline.css");
    let stamped = place.target.join("style.stamp");
    let sources = [style.join("tailwind.css"), style.join("package-lock.json"), place.root.join("app/src")];
    let stamp = format!("{} {:?}", place.release, latest_change(&sources)?);
    if sheet.exists() && fs::read_to_string(&stamped).is_ok_and(|s| s == stamp) {
        return Ok(false);
    }
    let step = Step::quietly("style");
    let mut tailwind = npm_tool(place, "tailwindcss");
    tailwind.args(["--input", "tailwind.css", "--output"]).arg(&sheet);
    if place.release {
        tailwind.arg("--minify");
    }
    run_npm_tool(&mut tailwind, "Tailwind")?;
    fs::write(stamped, stamp)?;
    step.done("style sheet built");
    Ok(true)
}

/// A program of npm's that `style/` has installed, to be run there.
fn npm_tool(place: &Place, name: &str) -> Command {
    let style = place.root.join("style");
    let file = if cfg!(windows) { format!("{name}.cmd") } else { name.to_owned() };
    let mut tool = Command::new(style.join("node_modules/.bin").join(file));
    tool.current_dir(style);
    tool
}

fn run_npm_tool(tool: &mut Command, name: &str) -> Result<()> {
    let out = tool.output().context(tool::NO_NODE)?;
    if !out.status.success() {
        bail!("{name} failed:\n{}", String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(())
}

/// The latest change of any file in these files and folders, and how many there are.
fn latest_change(paths: &[PathBuf]) -> Result<(SystemTime, usize)> {
    let (mut latest, mut count) = (SystemTime::UNIX_EPOCH, 0);
    let mut left = paths.to_vec();
    while let Some(path) = left.pop() {
        let meta = fs::metadata(&path).with_context(|| format!("{} is missing", path.display()))?;
        if meta.is_dir() {
            for entry in fs::read_dir(&path)? {
                left.push(entry?.path());
            }
        } else {
            latest = latest.max(meta.modified()?);
            count += 1;
        }
    }
    Ok((latest, count))
}

/// Copies what is new or changed. Returns whether anything was.
fn copy(from: &Path, to: &Path) -> Result<bool> {
    fs::create_dir_all(to)?;
    let mut changed = false;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            changed |= copy(&entry.path(), &target)?;
            continue;
        }
        let new = fs::read(entry.path())?;
        if fs::read(&target).is_ok_and(|old| old == new) {
            continue;
        }
        fs::write(&target, new)?;
        changed = true;
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copying_again_changes_nothing_until_a_file_does() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::write(from.join("deep/a.txt"), "a").unwrap();
        assert!(copy(&from, &to).unwrap());
        assert!(!copy(&from, &to).unwrap());
        fs::write(from.join("deep/a.txt"), "b").unwrap();
        assert!(copy(&from, &to).unwrap());
        assert_eq!(fs::read_to_string(to.join("deep/a.txt")).unwrap(), "b");
    }

    #[test]
    fn a_new_file_counts_as_a_change() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.rs"), "").unwrap();
        let sources = [dir.path().to_owned()];
        let before = latest_change(&sources).unwrap();
        fs::write(dir.path().join("b.rs"), "").unwrap();
        assert_ne!(latest_change(&sources).unwrap(), before);
    }
}
