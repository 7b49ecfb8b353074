//! The pages' files: WebAssembly with its bindings, the style sheet, and what is in `public/`.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::SystemTime,
};

use anyhow::{Context, Result, anyhow, bail};

use crate::{
    needs::TARGET,
    place::Place,
    tool::{self, Step},
};

/// The programs that a browser loads, each with the pages that lead to each other. `app` has a feature for each: `only-…`.
/// In development both names are of one program that has all pages: it compiles in half the time, and nobody waits for its weight.
const PROGRAMS: [&str; 2] = ["calls", "others"];

/// Builds what has changed since the last time.
pub(crate) fn build(place: &Place) -> Result<()> {
    let compiled = compile(place)?;
    let pack = tool::build_pack(place)?;
    finish(place, &pack, &compiled)
}

/// The page's programs as the compiler made them.
pub(crate) struct Compiled {
    programs: Vec<(&'static str, PathBuf)>,
    step: Step,
    /// Two runs side by side share the site.
    _lock: fs::File,
}

/// Compiles the page for the browser, and installs what the rest is made with.
pub(crate) fn compile(place: &Place) -> Result<Compiled> {
    let step = Step::begin("page", "building");
    let kept = place.target.join("page");
    fs::create_dir_all(&kept)?;
    let lock = fs::File::create(place.target.join("site.lock"))?;
    lock.lock()?;
    thread::scope(|scope| {
        // It comes over the network while the compiler is busy.
        let npm = scope.spawn(|| tool::npm_ci(&place.root.join("style"), "style"));
        let programs = compile_programs(place, &kept);
        npm.join().map_err(|_| anyhow!("npm's packages were not installed"))??;
        Ok(Compiled { programs: programs?, step, _lock: lock })
    })
}

fn compile_programs(place: &Place, kept: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let wanted = if place.release {
        PROGRAMS.map(|program| (program, format!("only-{program}"))).to_vec()
    } else {
        vec![(PROGRAMS[0], "hydrate".to_owned())]
    };
    let mut programs = Vec::new();
    for (program, feature) in wanted {
        // All are built into the same file.
        let wasm = webassembly(place, &feature)?;
        let own = kept.join(format!("{program}.{}.wasm", place.page_profile()));
        bring_up_to_date(&wasm, &own)?;
        programs.push((program, own));
    }
    Ok(programs)
}

/// Makes the browser's files of it.
pub(crate) fn finish(place: &Place, pack: &Path, compiled: &Compiled) -> Result<()> {
    let site = place.site();
    let pkg = site.join("pkg");
    fs::create_dir_all(&pkg)?;
    let mut changed = false;
    for (program, wasm) in &compiled.programs {
        changed |= bindings(place, pack, wasm, &pkg, program)?;
    }
    if !place.release {
        changed |= under_both_names(place, &pkg)?;
    }
    changed |= style_sheet(place, &pkg)?;
    changed |= copy(&place.root.join("public"), &site)?;
    compressed(place, pack, &site)?;
    compiled.step.done(if changed { "built" } else { "up to date" });
    Ok(())
}

fn webassembly(place: &Place, feature: &str) -> Result<PathBuf> {
    let profile = place.page_profile();
    let mut build = tool::cargo(place);
    build.args([
        "build",
        "-p",
        "warmline-app",
        "--lib",
        "--target",
        TARGET,
        "--profile",
        profile,
        "--features",
        feature,
    ]);
    // The server is compiled at the same time, and there is one line for progress.
    build.env("CARGO_TERM_PROGRESS_WHEN", "never");
    tool::must(&mut build, "the page does not build")?;
    Ok(place.target.join(TARGET).join(profile).join("warmline_app.wasm"))
}

/// The development's one program has all pages.
fn under_both_names(place: &Place, pkg: &Path) -> Result<bool> {
    let [first, second] = PROGRAMS;
    // The release build has to make its own again.
    forget(&stamp_of(place, second))?;
    let mut changed = false;
    for end in [".js", "_bg.wasm"] {
        changed |= bring_up_to_date(&pkg.join(format!("{first}{end}")), &pkg.join(format!("{second}{end}")))?;
    }
    Ok(changed)
}

/// Makes `{program}.js` and `{program}_bg.wasm`. Returns whether there was anything to do.
fn bindings(place: &Place, pack: &Path, wasm: &Path, pkg: &Path, program: &str) -> Result<bool> {
    let modified = |file: &Path| fs::metadata(file).and_then(|m| m.modified());
    let compiled = modified(wasm).context("the page's WebAssembly is missing")?;
    // What is made of it depends on what makes it too.
    let stamp = format!("{} {compiled:?} {:?}", place.page_profile(), modified(pack)?);
    let stamped = stamp_of(place, program);
    let (script, bound) = (pkg.join(format!("{program}.js")), pkg.join(format!("{program}_bg.wasm")));
    if script.exists() && bound.exists() && fs::read_to_string(&stamped).is_ok_and(|s| s == stamp) {
        return Ok(false);
    }
    let step = Step::quietly("page");
    let mut bind = Command::new(pack);
    bind.arg("bind").arg(wasm).arg(pkg).arg(program).args(place.release.then_some("--release"));
    tool::must(&mut bind, "the page's bindings cannot be made")?;
    if place.release {
        let mut terser = npm_tool(place, "terser");
        terser.args(["--module", "--compress", "--mangle", "--output"]).arg(&script).arg("--").arg(&script);
        run_npm_tool(&mut terser, "terser")?;
    }
    fs::write(stamped, stamp)?;
    step.done("WebAssembly bound");
    Ok(true)
}

/// What a program's files were made of.
fn stamp_of(place: &Place, program: &str) -> PathBuf {
    place.target.join(format!("{program}.stamp"))
}

fn forget(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", file.display()))
        }
        _ => Ok(()),
    }
}

/// Release: every file gets its compressed twins. Development: there are none, since an outdated twin would be served.
fn compressed(place: &Place, pack: &Path, site: &Path) -> Result<()> {
    let mut compress = Command::new(pack);
    compress.arg("compress").arg(site).args(place.release.then_some("--release"));
    tool::must(&mut compress, "the site's files cannot be compressed")
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
        } else {
            changed |= bring_up_to_date(&entry.path(), &target)?;
        }
    }
    Ok(changed)
}

/// Copies a file where its content is another. Returns whether it was.
fn bring_up_to_date(from: &Path, to: &Path) -> Result<bool> {
    let new = fs::read(from).with_context(|| format!("{} is missing", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(false);
    }
    fs::write(to, new)?;
    Ok(true)
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
