//! What the seeds have come to: what happened, how often, and where.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use warmline_call::Phase;

/// What a run has come to.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    pub(crate) steps: u64,
    pub(crate) calls: u64,
    pub(crate) restarts: u64,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// Faults, and the phases of calls that were open when they came.
    pub(crate) visited: BTreeSet<(Phase, &'static str)>,
    pub(crate) ends: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.calls += other.calls;
        self.restarts += other.restarts;
        for (kind, times) in other.faults {
            *self.faults.entry(kind).or_default() += times;
        }
        for (reason, times) in other.ends {
            *self.ends.entry(reason).or_default() += times;
        }
        self.visited.extend(other.visited);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: u64 = self.faults.values().sum();
        writeln!(f, "{} steps, {} calls, {} restarts, {faults} faults", self.steps, self.calls, self.restarts)?;
        for (kind, times) in &self.faults {
            let phases: Vec<_> =
                self.visited.iter().filter(|(_, k)| k == kind).map(|(phase, _)| phase.as_str()).collect();
            writeln!(f, "  {times:>8} × {kind}, in {}", phases.join(", "))?;
        }
        write!(f, "  ends: {:?}", self.ends)
    }
}
