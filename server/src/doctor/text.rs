use std::fmt::Write;

use super::{Report, Status};
use crate::text::printable;

/// Whether there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Letters and signs alone.
    Plain,
    /// ANSI colours.
    Colour,
}

impl Style {
    /// The text in that SGR code, where there are colours.
    #[must_use]
    pub fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// A report for people: one aligned line a check, cause and fix below those that need one, a sentence at the end.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let width = report.checks.iter().map(|c| c.title.chars().count()).max().unwrap_or(0);
    let indent = " ".repeat(width + 6);
    let mut out = String::new();
    for check in &report.checks {
        let (sign, code) = match check.status {
            Status::Ok => ("✓", "32"),
            Status::Warn => ("!", "33"),
            Status::Fail => ("✗", "31"),
            Status::Skipped => ("–", "2"),
        };
        let ms = if check.ms == 0 { String::new() } else { style.paint("2", &format!("  {} ms", check.ms)) };
        let title = format!("{:width$}", check.title);
        let _ = writeln!(out, "  {} {title}  {}{ms}", style.paint(code, sign), printable(&check.tried));
        if let Some(cause) = &check.cause {
            let _ = writeln!(out, "{indent}{}", style.paint(code, &printable(cause)));
        }
        if let Some(fix) = &check.fix {
            let _ = writeln!(out, "{indent}{} {}", style.paint("2", "fix:"), printable(fix));
        }
    }
    let _ = writeln!(out, "\n  {}", summary(report));
    out
}

fn summary(report: &Report) -> String {
    let count = |status| report.checks.iter().filter(|c| c.status == status).count();
    match (count(Status::Fail), count(Status::Warn)) {
        (0, 0) => "All is well: calls can be placed.".to_owned(),
        (0, 1) => "Calls can be placed. One thing is worth a look.".to_owned(),
        (0, warnings) => format!("Calls can be placed. {warnings} things are worth a look."),
        (1, _) => "One thing has to be mended.".to_owned(),
        (failures, _) => format!("{failures} things have to be mended."),
    }
}
