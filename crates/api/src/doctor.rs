use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What the doctor found. None of its texts holds a secret or a whole telephone number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    /// Whether calls can be placed: nothing failed.
    pub ok: bool,
    /// One or more a name, in the order in which they should be mended.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Check {
    /// What was looked at; stable, for programs. Several findings about one thing share it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: Cow<'static, str>,
    /// The same for people.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub title: Cow<'static, str>,
    /// How it is.
    pub status: Status,
    /// What was tried, and what came of it.
    pub tried: String,
    /// How long that took, milliseconds.
    pub ms: u64,
    /// What is wrong.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub cause: Option<String>,
    /// How to mend it; a command or a line to copy where there is one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub fix: Option<String>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Fine.
    Ok,
    /// Calls can be placed, but perhaps not as meant.
    Warn,
    /// No calls, or not good ones, before this is mended.
    Fail,
    /// Not needed here.
    Skipped,
}
