//! The benches that need a real LiveKit server run, tiny. What they print is no measurement.

use std::process::Command;

#[test]
fn every_bench_over_livekit_runs() {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_warmline-bench"));
    let bench = bench.args(["participants", "livekit", "--smoke", "--json"]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&bench.stdout), String::from_utf8_lossy(&bench.stderr));
    println!("{out}");
    assert!(bench.status.success(), "{err}");
    assert!(!out.contains("not measured"), "the server and the SDK are there:\n{out}");
    assert!(out.lines().filter(|line| line.contains("over LiveKit")).count() >= 6, "rows of calls:\n{out}");
    assert!(out.contains("Warmline: joining") && out.contains("Python SDK: joining"), "rows of participants:\n{out}");
}
