use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use warmline_api::PhoneNumber;
use warmline_call::CallId;

use crate::settings::Flag;

const EXIT_CODES: &str = "Exit codes: 0 done · 1 failed · 2 wrong usage or settings · 3 no Warmline answers · 4 no such call · \
                          5 not possible now, or refused · 6 calls can't be placed yet.\n\
                          Settings: flags over environment over .env over defaults; 'warmline config show' says where each comes from.";

/// Places AI phone calls and hands them over, warm, to a human supervisor.
#[derive(Debug, Parser)]
#[command(name = "warmline", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// Where to listen [WARMLINE_ADDR]
    #[arg(long, global = true, value_name = "ADDR", help_heading = "Settings")]
    addr: Option<String>,
    /// Store and saved settings [WARMLINE_DATA_DIR]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Settings")]
    data_dir: Option<String>,
    /// Speech models [WARMLINE_MODELS_DIR]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Settings")]
    models_dir: Option<String>,
    /// The exchange records its calls there [WARMLINE_RECORD_DIR]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Settings")]
    record_dir: Option<String>,
    /// Who dials on LiveKit: sip, or simulated (personas) [WARMLINE_CARRIER]
    #[arg(long, global = true, value_name = "CARRIER", help_heading = "Settings")]
    carrier: Option<String>,
    /// Read this file instead of .env
    #[arg(long, global = true, value_name = "FILE", help_heading = "Settings")]
    pub(super) env_file: Option<PathBuf>,
    /// The Warmline that client commands talk to [default: from WARMLINE_ADDR]
    #[arg(long, global = true, value_name = "URL")]
    pub(super) url: Option<String>,
    /// JSON on standard output
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve the pages, the REST API and the calls (the default)
    Serve,
    /// Look at everything that a call needs, and say how to mend it
    Doctor,
    /// Place a call
    Call(Call),
    /// List, show, follow or hang up calls
    #[command(subcommand)]
    Calls(Calls),
    /// Fetch, list or check the speech models
    #[command(subcommand)]
    Models(Models),
    /// Print the OpenAPI document
    Openapi,
    /// Show the settings
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// A call to place.
#[derive(Debug, ClapArgs)]
pub(super) struct Call {
    /// The customer's number, with '+' and country code
    #[arg(value_parser = number)]
    pub(super) phone_number: PhoneNumber,
    /// The customer's name
    #[arg(long)]
    pub(super) name: Option<String>,
    /// What the call is about
    #[arg(long, visible_alias = "dynamic-instruction", value_name = "TEXT")]
    pub(super) instruction: Option<String>,
    /// Language code (en, es, …)
    #[arg(long)]
    pub(super) language: Option<String>,
    /// Emotion of the agent's voice (Calm, Excited, Serious, …)
    #[arg(long)]
    pub(super) emotion: Option<String>,
    /// Follow the call until its end
    #[arg(long)]
    pub(super) watch: bool,
    /// A standard call: no human can be asked for; waits for the end and prints the transcript
    #[arg(long)]
    pub(super) no_escalation: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Calls {
    /// List calls, newest first
    Ls {
        /// Only calls in this phase
        #[arg(long)]
        phase: Option<warmline_call::Phase>,
        /// Only calls that hold this text
        #[arg(long)]
        q: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
    },
    /// Show one call
    Show {
        /// outbound-…
        call: CallId,
    },
    /// Follow one call until its end, or all calls
    Tail {
        /// outbound-…; without it, all calls
        call: Option<CallId>,
    },
    /// Hang up, for everybody on the call
    Hangup {
        /// outbound-…
        call: CallId,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum Models {
    /// Fetch and convert what is missing (112 MB, once)
    Pull,
    /// List the models, their licences and whether they are there
    Ls,
    /// Hash what is there
    Verify,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Every setting, its value, and where that comes from; secrets and numbers are masked
    Show,
}

impl Args {
    /// The settings that were given as flags.
    pub(super) fn flags(&self) -> Vec<Flag> {
        [
            ("--addr", "WARMLINE_ADDR", &self.addr),
            ("--data-dir", "WARMLINE_DATA_DIR", &self.data_dir),
            ("--models-dir", "WARMLINE_MODELS_DIR", &self.models_dir),
            ("--carrier", "WARMLINE_CARRIER", &self.carrier),
            ("--record-dir", "WARMLINE_RECORD_DIR", &self.record_dir),
        ]
        .into_iter()
        .filter_map(|(flag, setting, value)| Some(Flag { flag, setting, value: value.clone()?.into() }))
        .collect()
    }
}

fn number(text: &str) -> Result<PhoneNumber, String> {
    text.parse().map_err(|e: warmline_api::InvalidPhoneNumber| e.to_string())
}
