//! Rows: what was measured, what it should be, and how far off it is.

use serde_json::{Value, json};

use crate::stats::Samples;

/// One result.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    measured: String,
    values: Vec<(String, f64)>,
    goals: Vec<String>,
    /// The worst of the goals: how many times as good as wanted; below 1 it is off.
    score: Option<f64>,
    why: String,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, measured: impl Into<String>) -> Self {
        let (what, measured) = (what.into(), measured.into());
        Self { what, measured, values: Vec::new(), goals: Vec::new(), score: None, why: String::new() }
    }

    /// A distribution, in milliseconds.
    pub(crate) fn times(what: impl Into<String>, times: &Samples) -> Self {
        let row = Self::new(what, times.show());
        let percentiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];
        percentiles.into_iter().fold(row, |row, (name, share)| row.value(name, times.at(share)))
    }

    /// A number for programs.
    pub(crate) fn value(mut self, name: &str, value: f64) -> Self {
        self.values.push((name.to_owned(), value));
        self
    }

    /// The goal that a value stays below a limit. Of several goals all have to be reached.
    pub(crate) fn at_most(mut self, name: &str, value: f64, limit: f64, unit: &str) -> Self {
        self.goals.push(format!("{name} ≤ {} {unit}", number(limit)));
        let score = if value <= 0.0 { f64::INFINITY } else { limit / value };
        self.judge(if value.is_nan() { 0.0 } else { score });
        self
    }

    /// The goal that a value reaches a limit.
    pub(crate) fn at_least(mut self, name: &str, value: f64, limit: f64, unit: &str) -> Self {
        self.goals.push(format!("{name} ≥ {} {unit}", number(limit)));
        self.judge(if value.is_nan() { 0.0 } else { value / limit });
        self
    }

    /// What explains the number: shown with it, and most needed where it is off.
    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    fn judge(&mut self, score: f64) {
        self.score = Some(self.score.map_or(score, |worst| worst.min(score)));
    }

    fn verdict(&self) -> String {
        match self.score {
            None => "no goal".to_owned(),
            Some(score) if score >= 1.0 => "reached".to_owned(),
            Some(score) if score > 0.0 => format!("off by a factor of {:.2}", 1.0 / score),
            Some(_) => "off".to_owned(),
        }
    }

    /// The row as text.
    pub(crate) fn print(&self) {
        let goal = if self.goals.is_empty() { "–".to_owned() } else { self.goals.join(", ") };
        println!("  {}\n      measured {}\n      goal     {goal}: {}", self.what, self.measured, self.verdict());
        if !self.why.is_empty() {
            println!("      why      {}", self.why);
        }
    }

    /// The row for programs.
    pub(crate) fn json(&self, bench: &str) -> Value {
        let values: serde_json::Map<String, Value> =
            self.values.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "bench": bench,
            "what": self.what,
            "measured": self.measured,
            "values": values,
            "goals": self.goals,
            "reached": self.score.map(|score| score >= 1.0),
            "verdict": self.verdict(),
            "why": self.why,
        })
    }
}

/// A number with as many digits as it deserves.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        big if big >= 10_000.0 => format!("{:.1} k", value / 1_000.0),
        some if some >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        few if few >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
