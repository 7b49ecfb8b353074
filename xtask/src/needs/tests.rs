#![allow(clippy::unwrap_used, reason = "tests, with a machine made up for them")]

use std::{fs, path::Path, process::Command};

use super::*;

/// A machine with these programs, each a script, and nothing else.
fn machine(folder: &Path, programs: &[(&str, &str)]) -> Here {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).unwrap();
    for (name, script) in programs {
        // Another process writes it: a file that this one has open can't be started by another thread's child.
        let write = r##"printf '#!/bin/sh\n%s\n' "$1" >"$0" && chmod +x "$0""##;
        let written = Command::new("/bin/sh").args(["-c", write]).arg(bin.join(name)).arg(script).status();
        assert!(written.unwrap().success());
    }
    Here {
        path: bin.into(),
        target: folder.join("target"),
        models: folder.join("models"),
        built: false,
        c_compiler: "cc".into(),
        cmake: "cmake".into(),
        needs_make: true,
    }
}

/// What everything needs, as a machine has it that lacks nothing.
fn whole() -> Vec<(&'static str, &'static str)> {
    let room = "echo Filesystem; echo /dev/disk 99000000 1 90000000 1% /";
    let target = "echo /";
    let fine = "exit 0";
    vec![
        ("node", "echo v22.1.0"),
        ("npm", fine),
        ("python3", fine),
        ("cc", fine),
        ("cmake", fine),
        ("make", fine),
        ("df", room),
        ("rustc", target),
    ]
}

fn missing(here: &Here, work: Work) -> Vec<String> {
    here.missing(work).0.into_iter().map(|missing| missing.what).collect()
}

#[test]
fn a_machine_that_has_everything_lacks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let here = machine(folder.path(), &whole());
    assert_eq!(missing(&here, Work::Start), Vec::<String>::new());
    assert!(here.missing(Work::Start).1, "the target is there");
}

#[test]
fn everything_that_is_missing_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = require_here(&machine(folder.path(), &[]), Work::Start).unwrap_err().to_string();
    let target = format!("the compiler's {TARGET} target");
    for what in ["Node.js 20 or newer", "npm", "Python 3 with pip", "a C compiler", "CMake", "make", &target] {
        assert!(text.contains(&format!("\n  {what}: ")), "{what} is not in {text}");
    }
    assert!(text.starts_with("7 things are missing"), "{text}");
}

#[test]
fn each_thing_alone_is_missed() {
    let says = [
        ("node", "Node.js 20 or newer"),
        ("npm", "npm"),
        ("python3", "Python 3 with pip"),
        ("cc", "a C compiler"),
        ("cmake", "CMake"),
        ("make", "make"),
    ];
    for (absent, said) in says {
        let folder = tempfile::tempdir().unwrap();
        let programs: Vec<_> = whole().into_iter().filter(|(name, _)| *name != absent).collect();
        assert_eq!(missing(&machine(folder.path(), &programs), Work::Start), [said]);
    }
}

#[test]
fn what_is_there_and_does_not_do_is_missed_too() {
    let cases = [
        ("node", "echo v18.19.0", "Node.js 20 or newer (v18.19.0 is too old)"),
        ("python3", "exit 1", "Python 3 with pip"),
        // It is there, and lacks the headers.
        ("cc", "cat >/dev/null; exit 1", "a C compiler"),
    ];
    for (program, script, said) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut programs = whole();
        programs.retain(|(name, _)| *name != program);
        programs.push((program, script));
        assert_eq!(missing(&machine(folder.path(), &programs), Work::Start), [said]);
    }
}

#[test]
fn only_what_the_work_needs_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let here = machine(folder.path(), &[]);
    assert_eq!(missing(&here, Work::Page), ["Node.js 20 or newer", "npm"]);
    assert_eq!(missing(&here, Work::Server), ["a C compiler", "CMake", "make"]);
}

#[test]
fn models_that_are_there_need_neither_a_client_nor_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut programs = whole();
    programs.retain(|(name, _)| *name != "python3" && *name != "df");
    programs.push(("df", "echo Filesystem; echo /dev/disk 99000000 1 409600 99% /"));
    let mut here = machine(folder.path(), &programs);
    here.built = true;
    assert_eq!(missing(&here, Work::Start).len(), 2, "a client and 100 MB more");
    fs::create_dir_all(here.models.join("v2")).unwrap();
    fs::write(here.models.join("v2/sums.json"), "{}").unwrap();
    assert_eq!(missing(&here, Work::Start), Vec::<String>::new());
}

#[test]
fn build_and_models_on_one_disk_need_room_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut programs = whole();
    programs.retain(|(name, _)| *name != "df");
    // Enough for either, not for both.
    programs.push(("df", "echo Filesystem; echo /dev/disk 99000000 1 4300800 99% /"));
    let here = machine(folder.path(), &programs);
    let said = missing(&here, Work::Start);
    assert!(said[0].starts_with("room for 4500 MB") && said[0].ends_with("(free: 4200 MB)"), "{said:?}");
}

#[test]
fn the_target_is_added_where_rustup_can() {
    let folder = tempfile::tempdir().unwrap();
    let lib = folder.path().join("lib");
    let (rustc, rustup) = (format!("echo {}", lib.display()), format!("echo \"$@\" >{}", lib.display()));
    let mut here = machine(folder.path(), &[("rustc", &rustc), ("rustup", &rustup)]);
    assert!(!here.missing(Work::Page).1);
    // With something else missing that is said first, and nothing is fetched.
    let text = require_here(&here, Work::Page).unwrap_err().to_string();
    assert!(text.starts_with("2 things are missing") && !lib.exists(), "{text}");
    install_target(&here).unwrap();
    assert_eq!(fs::read_to_string(lib).unwrap().trim(), format!("target add {TARGET}"));
    assert!(here.missing(Work::Page).1);

    // Without rustup, and where it adds nothing, there is a fix to read.
    let bare = tempfile::tempdir().unwrap();
    for programs in [vec![], vec![("rustup", "exit 1")], vec![("rustup", "exit 0")]] {
        here = machine(bare.path(), &programs);
        let error = install_target(&here).unwrap_err().to_string();
        assert!(error.contains("rustup toolchain install"), "{error}");
    }
}

#[test]
fn versions_and_disks_are_read() {
    assert_eq!((checks::major("v20.11.1"), checks::major("22"), checks::major("none")), (Some(20), Some(22), None));
    let said = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 264212084 1 80100824 17% /";
    assert_eq!(disk::of_df(said), Some(("/dev/vda".into(), 78_223)));
    assert_eq!(disk::of_df("df: no such file"), None);
}

#[test]
fn the_models_folder_is_read_from_dot_env() {
    let set = |text: &str| disk::set_in(text, "WARMLINE_MODELS_DIR").map(|path| path.display().to_string());
    assert_eq!(set("A=1\nexport WARMLINE_MODELS_DIR = \"/models\"\n").as_deref(), Some("/models"));
    assert_eq!(set("#WARMLINE_MODELS_DIR=/models\nWARMLINE_MODELS_DIR=\n"), None);
}

#[test]
fn a_system_is_told_its_own_fix() {
    let fix = Fix { debian: "apt", mac: "brew", others: "else" };
    assert_eq!((fix.lines(System::Debian).trim(), fix.lines(System::Mac).trim()), ("apt", "brew"));
    let others = fix.lines(System::Other);
    assert!(["apt", "brew", "else"].iter().all(|each| others.contains(each)), "{others}");
}
