//! The command line: `serve` (the default), `doctor`, `call`, `calls`, `models`, `openapi`, `config`.
//!
//! What is asked for goes to standard output, everything about it to standard error. Exit codes: see [`Exit`].

mod args;
mod call;
mod calls;
mod client;
mod config;
mod lines;
mod logging;
mod models;
mod progress;
mod terminal;
mod watch;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use crate::{
    doctor,
    serve::Stopped,
    settings::{Settings, Severity, Sources},
};
use args::{Args, Command, ConfigCommand};
use terminal::Terminal;

pub use logging::dropped_log_lines;
pub use progress::ProgressBar;

/// How a command came out, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Something went wrong; standard error says what.
    Failure = 1,
    /// The command line, or a value in it, is wrong.
    Usage = 2,
    /// No Warmline answers there.
    Unreachable = 3,
    /// There is no such call.
    NotFound = 4,
    /// Not possible now, or refused.
    Rejected = 5,
    /// Calls can't be placed yet.
    NotReady = 6,
}

/// A command that did not come out.
#[derive(Debug)]
pub struct Failure {
    /// For the shell.
    pub exit: Exit,
    /// For the person.
    pub message: String,
}

impl Failure {
    /// A failure with that exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Failure, format!("{error:#}"))
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    ExitCode::from(run_with(std::env::args_os()) as u8)
}

/// Runs a command line; the first argument is the program's name.
pub fn run_with(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            // A closed pipe is nobody's failure.
            drop(error.print());
            return exit;
        }
    };
    let terminal = Terminal::of_process(args.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return terminal.failure(&Failure::new(Exit::Failure, format!("no threads to run on: {error}"))),
    };
    let done = runtime.block_on(command(args, &terminal));
    // A model that is still being fetched must not keep the program from ending.
    runtime.shutdown_background();
    match done {
        Ok(exit) => exit,
        Err(failure) => terminal.failure(&failure),
    }
}

async fn command(args: Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let sources = Sources::of_process(args.flags(), args.env_file.clone());
    match &args.command {
        None | Some(Command::Serve) => serve(&sources, terminal).await,
        Some(Command::Doctor) => Ok(run_doctor(&Settings::inspect(&sources), terminal).await),
        Some(Command::Config(ConfigCommand::Show)) => Ok(config::show(&Settings::inspect(&sources), terminal)),
        Some(Command::Openapi) => terminal.value(&crate::openapi::document()),
        Some(Command::Models(command)) => {
            models::run(*command, &Settings::inspect(&sources).models_dir, terminal).await
        }
        Some(Command::Call(call)) => call::run(call, &client(&args, &sources)?, terminal).await,
        Some(Command::Calls(command)) => calls::run(command, &client(&args, &sources)?, terminal).await,
    }
}

fn client(args: &Args, sources: &Sources) -> Result<client::Client, Failure> {
    let url = args.url.clone().unwrap_or_else(|| Settings::inspect(sources).local_url());
    client::Client::new(&url)
}

async fn serve(sources: &Sources, terminal: &Terminal) -> Result<Exit, Failure> {
    let settings = Settings::load(sources).map_err(|errors| Failure::new(Exit::Usage, errors.to_string()))?;
    let _log = logging::start(&settings.log, terminal);
    for problem in &settings.problems {
        match problem.severity {
            Severity::Warning => tracing::warn!("{problem}"),
            Severity::NotReady | Severity::Fatal => tracing::error!("{problem}"),
        }
    }
    if settings.not_ready().is_some() {
        tracing::error!("no calls can be placed until this is mended; 'warmline doctor' looks at everything");
    }
    match crate::serve::serve(settings).await? {
        Stopped::Clean => Ok(Exit::Ok),
        // The log has said so; nothing more may wait for whoever reads it.
        Stopped::Cut => Ok(Exit::Failure),
    }
}

async fn run_doctor(settings: &Settings, terminal: &Terminal) -> Exit {
    let report = doctor::run(settings).await;
    if terminal.json {
        terminal.json(&report);
    } else {
        terminal.say(doctor::render(&report, terminal.style).trim_end_matches('\n'));
    }
    if report.ok { Exit::Ok } else { Exit::NotReady }
}

#[cfg(test)]
mod tests;
