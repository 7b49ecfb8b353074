use std::io::{IsTerminal, Write, stderr, stdout};

use serde::Serialize;

use super::{Exit, Failure};
use crate::{
    doctor::Style,
    text::{escaped_json, printable},
};

/// Where output goes, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terminal {
    /// JSON instead of text.
    pub(super) json: bool,
    /// Of standard output.
    pub(super) style: Style,
    /// Of standard error.
    pub(super) error_style: Style,
}

impl Terminal {
    pub(super) fn of_process(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        let style = |terminal: bool| if terminal && !plain { Style::Colour } else { Style::Plain };
        Self { json, style: style(stdout().is_terminal()), error_style: style(stderr().is_terminal()) }
    }

    /// A line of what was asked for. A closed pipe is nobody's failure.
    pub(super) fn say(&self, line: &str) {
        drop(writeln!(stdout(), "{line}"));
    }

    /// A line about it; not with `--json`.
    pub(super) fn note(&self, line: &str) {
        if !self.json {
            drop(writeln!(stderr(), "{}", self.error_style.paint("2", &lines(line))));
        }
    }

    /// A value as JSON on lines of its own.
    pub(super) fn json(&self, value: &impl Serialize) {
        if let Ok(text) = serde_json::to_string_pretty(value) {
            self.say(&escaped_json(&text));
        }
    }

    /// A value as JSON in one line.
    pub(super) fn json_line(&self, value: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(value) {
            self.say(&escaped_json(&text));
        }
    }

    /// The same as a whole command.
    pub(super) fn value(&self, value: &impl Serialize) -> Result<Exit, Failure> {
        self.json(value);
        Ok(Exit::Ok)
    }

    /// Says what went wrong, and gives the exit code back.
    pub(super) fn failure(&self, failure: &Failure) -> Exit {
        if self.json {
            let error = serde_json::json!({"error": failure.message, "exit": failure.exit as u8});
            drop(writeln!(stderr(), "{}", escaped_json(&error.to_string())));
        } else {
            drop(writeln!(stderr(), "{} {}", self.error_style.paint("31", "warmline:"), lines(&failure.message)));
        }
        failure.exit
    }
}

/// A message that may have several lines, and in them text from outside.
fn lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}
