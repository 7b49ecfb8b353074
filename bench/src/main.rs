//! Measures Warmline against its performance goals, in real time, with real local speech where speech matters.

mod bargein;
mod calls;
mod console;
mod greeting;
mod handover;
mod http;
mod livekit;
mod overload;
mod peer;
mod phone;
mod posts;
mod program;
mod report;
mod response;
mod soak;
mod speech;
mod stand;
mod stats;
mod wer;

use std::{process::ExitCode, sync::Arc, time::Instant};

use clap::{Parser, ValueEnum};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::OnceCell,
};
use warmline_speech_local::{LocalStt, LocalTts};

use crate::report::Row;

/// Name of the threads that play clients and phones, whose computing is not Warmline's.
const LOAD_THREADS: &str = "load";

#[derive(Parser)]
#[command(about = "Measures Warmline against its performance goals.")]
struct Args {
    /// What to measure.
    #[arg(value_enum, default_values = ["all"])]
    what: Vec<What>,
    /// Everything tiny, only to see that it runs: the numbers mean nothing.
    #[arg(long)]
    smoke: bool,
    /// One JSON object a row instead of text.
    #[arg(long)]
    json: bool,
    /// Be the process of participants that another bench measures, on the LiveKit server at this URL.
    #[arg(long, hide = true, value_name = "URL")]
    participants_at: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    All,
    Startup,
    Memory,
    Response,
    Greeting,
    Handover,
    Bargein,
    Wer,
    Calls,
    Console,
    Posts,
    List,
    Overload,
    Soak,
    Participants,
    Livekit,
}

const EACH: [What; 15] = [
    What::Startup,
    What::Memory,
    What::Response,
    What::Greeting,
    What::Handover,
    What::Bargein,
    What::Wer,
    What::Calls,
    What::Console,
    What::Posts,
    What::List,
    What::Overload,
    What::Soak,
    What::Participants,
    What::Livekit,
];

/// What every bench has.
struct Context {
    smoke: bool,
    /// Where clients and phones run.
    load: Handle,
    speech: OnceCell<(Arc<LocalStt>, Arc<LocalTts>)>,
}

impl Context {
    /// The first, or in a smoke test the second.
    fn pick<T>(&self, full: T, smoke: T) -> T {
        if self.smoke { smoke } else { full }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.participants_at {
        Some(url) => take_part(url),
        None => measure(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Participants and nothing else, until the other bench has seen enough.
fn take_part(url: &str) -> anyhow::Result<bool> {
    runtime("warmline")?.block_on(livekit::subject::run(url))?;
    Ok(true)
}

/// Whether everything could be measured.
fn measure(args: &Args) -> anyhow::Result<bool> {
    let (own, load) = (runtime("warmline")?, runtime(LOAD_THREADS)?);
    let context = Context { smoke: args.smoke, load: load.handle().clone(), speech: OnceCell::new() };
    introduce(args)?;
    let all = args.what.contains(&What::All);
    let mut complete = true;
    for what in EACH.into_iter().filter(|what| all || args.what.contains(what)) {
        let name = what.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        if !args.json {
            println!("{name}");
        }
        let begun = Instant::now();
        let measured = own.block_on(run(what, &context));
        eprintln!("  {name} took {:.0} s", begun.elapsed().as_secs_f64());
        match measured {
            Ok(rows) => {
                rows.iter().for_each(|row| if args.json { println!("{}", row.json(&name)) } else { row.print() })
            }
            Err(error) => {
                complete = false;
                eprintln!("  {name} could not be measured: {error:#}");
            }
        }
    }
    load.shutdown_background();
    own.shutdown_background();
    Ok(complete)
}

fn runtime(threads: &str) -> anyhow::Result<Runtime> {
    Ok(Builder::new_multi_thread().enable_all().thread_name(threads).build()?)
}

/// The machine first: no number means anything without it.
fn introduce(args: &Args) -> anyhow::Result<()> {
    let (cores, load) = (stats::cores(), stats::load_average()?);
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    if args.json {
        let machine = serde_json::json!({
            "bench": "machine", "cores": cores, "load_average": load, "profile": profile, "smoke": args.smoke,
        });
        println!("{machine}");
        return Ok(());
    }
    println!("{cores} cores, load average {:.2} {:.2} {:.2}, {profile} profile", load[0], load[1], load[2]);
    if args.smoke {
        println!("A smoke test: it shows that everything runs; its numbers mean nothing.");
    } else if cfg!(debug_assertions) {
        println!("A development build: the goals are for a release build.");
    }
    if load[0] > 0.3 * cores as f64 {
        println!("The machine is busy with something else: times are worse than they would be on an idle one.");
    }
    Ok(())
}

async fn run(what: What, context: &Context) -> anyhow::Result<Vec<Row>> {
    match what {
        What::All => Ok(Vec::new()),
        What::Startup => program::startup(context).await,
        What::Memory => program::memory(context).await,
        What::Response => response::run(context).await,
        What::Greeting => greeting::run(context).await,
        What::Handover => handover::run(context).await,
        What::Bargein => bargein::run(context).await,
        What::Wer => wer::run(context).await,
        What::Calls => calls::run(context).await,
        What::Console => console::run(context).await,
        What::Posts => posts::posts(context).await,
        What::List => posts::list(context).await,
        What::Overload => overload::run(context).await,
        What::Soak => soak::run(context).await,
        What::Participants => livekit::participants(context).await,
        What::Livekit => livekit::calls(context).await,
    }
}
