//! What the program is told before it starts: flags over environment over `.env` over defaults.
//!
//! [`Settings::inspect`] always gives settings, with everything that is wrong beside them; [`Settings::load`] refuses
//! those that can't be started with. A half-set LiveKit group does start: the program then says so, on the log, in
//! `/readyz` and to whoever wants to place a call ([`Settings::not_ready`]).

mod build;
mod dotenv;
mod known;
mod parse;
mod problem;
mod show;
mod sources;
mod value;

use std::{fmt, net::SocketAddr, path::PathBuf};

use warmline_api::PhoneNumber;
use warmline_call::{Timers, VoicemailPolicy};
use warmline_livekit_telephony::ConsultIn;

pub use dotenv::{Entry, EnvFile, Lint, Rule};
pub use known::{KNOWN, Known, Shown};
pub use problem::{Area, Problem, SettingsErrors, Severity};
pub use show::Row;
pub use sources::{EnvFileSource, Flag, Sources};
pub use value::{Origin, Secret, masked_number};

/// Where the exchange's default supervisor answers.
pub const DEFAULT_SUPERVISOR: &str = "+15550100002";

/// Everything the program is told before it starts.
#[derive(Clone)]
pub struct Settings {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Names by which it may be asked for, besides those of this machine to itself.
    pub hosts: Vec<String>,
    /// Store and saved settings.
    pub data_dir: PathBuf,
    /// Speech models.
    pub models_dir: PathBuf,
    /// The store, `sqlite:…`.
    pub database_url: String,
    /// What calls are placed on.
    pub backend: Backend,
    /// Supervisors, tried in order.
    pub supervisors: Vec<PhoneNumber>,
    /// The number calls come from, E.164.
    pub twilio_number: Option<String>,
    /// Language of a call that names none.
    pub language: String,
    /// Emotion of a call that names none.
    pub emotion: String,
    /// Who the agent is.
    pub instructions: String,
    /// On whose behalf it calls.
    pub caller_name: Option<String>,
    /// A file of hold music; without it, built-in music.
    pub hold_music: Option<PathBuf>,
    /// Folder of the exchange's personas.
    pub personas: Option<PathBuf>,
    /// The exchange records its calls there.
    pub record_dir: Option<PathBuf>,
    /// Calls at the same time.
    pub max_calls: usize,
    /// HTTP connections at the same time; without it, as many as the process may have.
    pub max_connections: Option<usize>,
    /// How long things may take.
    pub timers: Timers,
    /// What to do when a machine answers.
    pub voicemail: VoicemailPolicy,
    /// The language model; without it, the rule-based brain.
    pub openai: Option<OpenAiSettings>,
    /// Whether every event is on disk before it is told.
    pub fsync: bool,
    /// What is logged, and how.
    pub log: LogSettings,
    /// The `.env` file that was read.
    pub env_file: Option<PathBuf>,
    /// Everything that is wrong, gravest first.
    pub problems: Vec<Problem>,
    rows: Vec<Row>,
}

/// What calls are placed on.
#[derive(Clone, Debug)]
pub enum Backend {
    /// The embedded telephone exchange.
    Exchange,
    /// LiveKit.
    LiveKit(LiveKitGroup),
}

/// The settings of LiveKit, all or not all of them.
#[derive(Clone, Debug)]
pub enum LiveKitGroup {
    /// All.
    Complete(LiveKitSettings),
    /// Some. No call can be placed.
    Incomplete {
        /// What is missing.
        missing: Vec<&'static str>,
    },
}

/// A complete LiveKit group.
#[derive(Clone, Debug)]
pub struct LiveKitSettings {
    /// `wss://…`.
    pub url: String,
    /// Where its API is reached, if not there.
    pub api_url: Option<String>,
    /// The API key.
    pub key: Secret,
    /// The API secret.
    pub secret: Secret,
    /// `ST_…`.
    pub trunk: String,
    /// Who dials.
    pub carrier: Carrier,
    /// Where supervisors are consulted.
    pub consult: ConsultIn,
}

/// Who dials the numbers of calls over LiveKit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carrier {
    /// LiveKit's SIP service, over the trunk.
    #[default]
    Sip,
    /// Nobody outside: personas and browser phones join the rooms of a LiveKit server that has no SIP service.
    Simulated,
}

/// An OpenAI-compatible language model.
#[derive(Clone, Debug)]
pub struct OpenAiSettings {
    /// `https://…/v1`, without a slash at the end.
    pub base_url: String,
    /// The key; many local endpoints need none.
    pub key: Option<Secret>,
    /// The model's name.
    pub model: String,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// A filter, `warmline=debug,info`.
    pub filter: String,
    /// How lines are written.
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Settings {
    /// The settings, or everything that keeps the program from starting with them.
    ///
    /// # Errors
    /// A value that is none, or a file that can't be read.
    pub fn load(sources: &Sources) -> Result<Self, SettingsErrors> {
        let settings = Self::inspect(sources);
        let fatal: Vec<_> = settings.problems.iter().filter(|p| p.severity == Severity::Fatal).cloned().collect();
        if fatal.is_empty() { Ok(settings) } else { Err(SettingsErrors(fatal)) }
    }

    /// The settings with everything that is wrong beside them; a value that is none is replaced by its default.
    #[must_use]
    pub fn inspect(sources: &Sources) -> Self {
        build::build(sources)
    }

    /// Why no call can be placed with these settings, in the guide's words; `None` where calls can be placed.
    #[must_use]
    pub fn not_ready(&self) -> Option<String> {
        let causes: Vec<_> = self
            .problems
            .iter()
            .filter(|p| p.severity != Severity::Warning)
            .map(|p| match (&p.area, &p.origin) {
                (Area::EnvFile, Some(origin)) => format!("{origin}: {}. {}", p.cause, p.fix),
                _ => format!("{}. {}", p.cause, p.fix),
            })
            .collect();
        (!causes.is_empty()).then(|| causes.join(" · "))
    }

    /// Whether a human can be reached from a call.
    #[must_use]
    pub fn escalation_enabled(&self) -> bool {
        !self.supervisors.is_empty()
    }

    /// Every setting with its value as it may be shown, and where it comes from.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Where programs on this machine reach it.
    #[must_use]
    pub fn local_url(&self) -> String {
        let mut addr = self.addr;
        if addr.ip().is_unspecified() {
            addr.set_ip(match addr {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{addr}")
    }
}

/// The rows are made to be shown; the fields may hold passwords and names.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("rows", &self.rows).field("problems", &self.problems).finish_non_exhaustive()
    }
}
