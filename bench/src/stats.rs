//! Percentiles, and what the kernel knows of this machine and its processes.

use std::fs;

use anyhow::Context as _;
use tokio::time::Instant;

/// Clock ticks a second in `/proc/…/stat`: part of Linux's interface to programs, whatever the kernel's own rate.
const TICKS: f64 = 100.0;

/// Measured times, in milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, value: f64) {
        let at = self.0.partition_point(|v| *v < value);
        self.0.insert(at, value);
    }

    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value that so large a share does not exceed (nearest rank); NaN where nothing was measured.
    pub(crate) fn at(&self, share: f64) -> f64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn show(&self) -> String {
        let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| crate::report::number(self.at(share)));
        format!("p50 {p50} · p90 {p90} · p99 {p99} ms ({} measured)", self.len())
    }
}

/// Seconds that this process has computed, on all threads that there are and were.
pub(crate) fn cpu() -> anyhow::Result<f64> {
    seconds(&fs::read_to_string("/proc/self/stat")?)
}

/// Seconds that another process has computed.
pub(crate) fn cpu_of(process: u32) -> anyhow::Result<f64> {
    seconds(&fs::read_to_string(format!("/proc/{process}/stat"))?)
}

/// Seconds that this process has computed without those threads that play clients and phones.
pub(crate) fn own_cpu() -> anyhow::Result<f64> {
    let mut load = 0.0;
    for task in fs::read_dir("/proc/self/task")? {
        // A thread may end while the list is read; those of the load live as long as the process.
        let Ok(stat) = fs::read_to_string(task?.path().join("stat")) else { continue };
        if stat.contains(&format!("({})", crate::LOAD_THREADS)) {
            load += seconds(&stat)?;
        }
    }
    Ok(cpu()? - load)
}

fn seconds(stat: &str) -> anyhow::Result<f64> {
    let fields = stat.rsplit_once(')').context("no process name in stat")?.1;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || anyhow::Ok(fields.next().context("stat is too short")?.parse::<f64>()?);
    Ok((next()? + next()?) / TICKS)
}

/// Resident memory in megabytes: of this process, or of another one.
pub(crate) fn memory(process: Option<u32>) -> anyhow::Result<f64> {
    let process = process.map_or_else(|| "self".to_owned(), |id| id.to_string());
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).context("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("no number")?.parse::<f64>()? / 1_024.0)
}

/// From one moment to another, in milliseconds.
pub(crate) fn millis(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1_000.0
}

/// How many cores this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The load averages of the last 1, 5 and 15 minutes.
pub(crate) fn load_average() -> anyhow::Result<[f64; 3]> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let mut fields = text.split_whitespace();
    let mut next = || anyhow::Ok(fields.next().context("loadavg is too short")?.parse::<f64>()?);
    Ok([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let mut samples = Samples::of((2..=100).rev().map(f64::from).collect());
        samples.push(1.0);
        assert_eq!([0.5, 0.9, 0.99, 1.0].map(|share| samples.at(share)), [50.0, 90.0, 99.0, 100.0]);
        assert!(Samples::default().at(0.5).is_nan());
    }

    #[test]
    fn a_thread_with_brackets_in_its_name_is_read() {
        let stat = "7 (a) b) S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 1 0";
        assert_eq!(seconds(stat).unwrap(), 2.0);
    }
}
