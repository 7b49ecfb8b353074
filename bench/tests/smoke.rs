//! Every bench runs, tiny. What it prints is no measurement.

use std::process::Command;

#[test]
fn every_bench_runs() {
    let bench = Command::new(env!("CARGO_BIN_EXE_warmline-bench")).args(["all", "--smoke"]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&bench.stdout), String::from_utf8_lossy(&bench.stderr));
    println!("{out}");
    assert!(bench.status.success(), "{err}");
    assert!(out.lines().count() >= 10, "a row a bench:\n{out}");
}
