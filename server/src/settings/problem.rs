use std::fmt;

use serde::Serialize;

use super::value::Origin;

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The program works, perhaps not as meant.
    Warning,
    /// The program starts and says so, but places no calls: `/readyz` is red.
    NotReady,
    /// The program does not start.
    Fatal,
}

/// What a problem is about; the doctor's checks go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// The file itself.
    EnvFile,
    /// A value.
    Values,
    /// Which telephone network calls are placed on.
    Telephony,
    /// Whom an escalation reaches.
    Supervisor,
    /// Speech and language providers.
    Providers,
}

/// Something wrong with the settings. Its texts never hold a secret or a whole number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub area: Area,
    /// The setting, where it is about one.
    pub setting: Option<String>,
    /// Where its value comes from.
    pub origin: Option<Origin>,
    /// What is wrong.
    pub cause: String,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) if *origin != Origin::Default => write!(f, "{} ({origin}). Fix: {}", self.cause, self.fix),
            _ => write!(f, "{}. Fix: {}", self.cause, self.fix),
        }
    }
}

/// The settings can't be used. One line a problem.
#[derive(Clone, Debug)]
pub struct SettingsErrors(pub Vec<Problem>);

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsErrors {}
