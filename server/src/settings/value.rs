use std::{fmt, path::PathBuf};

use serde::{Serialize, Serializer};

use super::known::{Known, Shown};

/// A key or a password. Neither `Debug` nor serde shows it; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// For whoever sends it to the service it belongs to.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str("…")
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// The command line.
    Flag {
        /// As it is written, `--addr`.
        flag: &'static str,
    },
    /// The environment.
    Environment,
    /// The `.env` file.
    EnvFile {
        /// Which.
        file: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag { flag } => f.write_str(flag),
            Self::Environment => f.write_str("environment"),
            Self::EnvFile { file, line } => write!(f, "{} line {line}", file.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value as it may be shown: secrets and numbers masked, passwords inside addresses hidden.
pub(super) fn masked(known: &Known, value: &str) -> String {
    match known.shown {
        Shown::Open => without_password(value),
        Shown::Secret => "••••••••".to_owned(),
        Shown::Phone => value.split(',').map(|n| masked_number(n.trim())).collect::<Vec<_>>().join(", "),
    }
}

/// The last two digits of a number.
#[must_use]
pub fn masked_number(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let plus = if number.starts_with('+') { "+" } else { "" };
    if digits.len() < 7 {
        "…".to_owned()
    } else {
        format!("{plus}…{}", digits[digits.len() - 2..].iter().collect::<String>())
    }
}

/// `scheme://user:password@host` without user and password; query values are kept.
fn without_password(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://…@{}", &rest[at + 1..]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::known;

    #[test]
    fn what_is_shown_gives_nothing_away() {
        let show = |name: &str, value: &str| masked(known::find(name).unwrap(), value);
        assert_eq!(show("OPENAI_API_KEY", "sk-abc"), "••••••••");
        assert_eq!(show("LIVEKIT_SUPERVISOR_PHONE_NUMBER", "+919911062767, +15550100002"), "+…67, +…02");
        assert_eq!(show("TWILIO_NUMBER", "12"), "…");
        assert_eq!(show("DATABASE_URL", "postgres://me:pa@ss@host/db"), "postgres://…@host/db");
        assert_eq!(show("WARMLINE_ADDR", "127.0.0.1:8000"), "127.0.0.1:8000");
        assert_eq!(format!("{:?}", Secret::from("sk-abc".to_owned())), "Secret(…)");
    }
}
