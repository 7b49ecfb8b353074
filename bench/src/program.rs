//! The built program itself: how fast it starts, and how much memory it keeps.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};
use warmline_speech_local::models;

use crate::{
    Context,
    http::Client,
    report::{Row, number},
    stats::{self, Samples},
};

/// A call for which there was no room is tried again after so long.
const AGAIN: Duration = Duration::from_millis(200);

/// Whoever is called there is busy.
const BUSY: &str = r#"{"phone_number":"+15550100017"}"#;

/// How long the program may take until it answers, and until its models are loaded.
const PATIENCE: Duration = Duration::from_secs(120);

/// A started program, with data of its own.
struct Program {
    child: Child,
    address: SocketAddr,
    started: Instant,
    _dir: TempDir,
}

pub(crate) async fn startup(context: &Context) -> anyhow::Result<Vec<Row>> {
    let (mut up, mut ready) = (Samples::default(), Samples::default());
    for _ in 0..context.pick(7, 1) {
        let mut program = Program::start(true)?;
        up.push(program.until("/healthz").await?);
        ready.push(program.until("/readyz").await?);
        program.stop().await?;
    }
    Ok(vec![
        Row::times("start → /healthz answers", &up).at_most("p50", up.at(0.5), 300.0, "ms"),
        Row::times("start → calls can be placed (models loaded)", &ready)
            .why("a call placed before waits for the models instead of failing"),
    ])
}

pub(crate) async fn memory(context: &Context) -> anyhow::Result<Vec<Row>> {
    let settle = context.pick(Duration::from_secs(3), Duration::from_millis(300));
    let mut without = Program::start(false)?;
    without.until("/healthz").await?;
    sleep(settle).await;
    let idle = without.memory()?;
    without.stop().await?;

    let mut with = Program::start(true)?;
    with.until("/readyz").await?;
    sleep(settle).await;
    let loaded = with.memory()?;
    let calls = context.pick(2_000, 40);
    with.calls(context, calls / 10).await?;
    sleep(settle).await;
    let warm = with.memory()?;
    with.calls(context, calls).await?;
    sleep(settle).await;
    let after = with.memory()?;
    with.stop().await?;
    let drift = 100.0 * (after - warm) / warm;
    Ok(vec![
        Row::new("memory, idle, without models", format!("{} MB", number(idle)))
            .value("megabytes", idle)
            .at_most("RSS", idle, 60.0, "MB"),
        Row::new("memory, idle, models loaded", format!("{} MB", number(loaded))).value("megabytes", loaded),
        Row::new(
            format!("memory after {calls} short calls"),
            format!("{} % drift: {} MB → {} MB", number(drift), number(warm), number(after)),
        )
        .value("drift_percent", drift)
        .at_most("drift", drift, 2.0, "%")
        .why(format!(
            "measured from after {} calls on; {} kB a call; every call is busy, so nobody talks",
            calls / 10,
            number((after - warm) * 1_024.0 / f64::from(u32::try_from(calls)?))
        )),
    ])
}

impl Program {
    /// Starts it with nothing but its own settings. Without models it also has no folder to fetch them to.
    fn start(with_models: bool) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let free = TcpListener::bind("127.0.0.1:0")?;
        let address = free.local_addr()?;
        drop(free);
        let models = if with_models { models::default_dir() } else { PathBuf::from("/dev/null/models") };
        let mut command = Command::new(binary()?);
        command.arg("serve").current_dir(dir.path()).env_clear();
        for kept in ["PATH", "HOME", "RUST_BACKTRACE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
            .env("WARMLINE_ADDR", address.to_string())
            .env("WARMLINE_DATA_DIR", dir.path())
            .env("WARMLINE_MODELS_DIR", models)
            .env("WARMLINE_MAX_CALLS", "1000")
            .env("WARMLINE_LOG", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn()?;
        Ok(Self { child, address, started, _dir: dir })
    }

    /// Milliseconds from its start until a path is answered with 200.
    async fn until(&mut self, path: &str) -> anyhow::Result<f64> {
        loop {
            if let Ok(mut client) = Client::connect(self.address).await
                && client.get(path).await.is_ok_and(|answer| answer.status == 200)
            {
                return Ok(self.started.elapsed().as_secs_f64() * 1_000.0);
            }
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("warmline ended with {status} before {path} was answered");
            }
            ensure!(self.started.elapsed() < PATIENCE, "{path} is not answered with 200 after {PATIENCE:?}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn memory(&self) -> anyhow::Result<f64> {
        stats::memory(Some(self.child.id().context("warmline has ended")?))
    }

    /// Places that many calls and waits for the end of each.
    async fn calls(&self, context: &Context, count: usize) -> anyhow::Result<()> {
        let (at_once, address) = (context.pick(100, 20).min(count), self.address);
        let tasks = (0..at_once).map(|_| {
            context.load.spawn(async move {
                let mut client = Client::connect(address).await?;
                for _ in 0..count / at_once {
                    let mut answer = client.post("/calls/outbound", "", BUSY).await?;
                    // So many at once may be more than speech can carry: then they come a little later.
                    while answer.status == 429 {
                        tokio::time::sleep(AGAIN).await;
                        answer = client.post("/calls/outbound", "", BUSY).await?;
                    }
                    ensure!(answer.status == 200, "a call was answered with {}", answer.status);
                }
                Ok(())
            })
        });
        let tasks: Vec<_> = tasks.collect();
        try_join_all(tasks).await?.into_iter().collect()
    }

    async fn stop(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// The built program: `WARMLINE_BIN`, or beside this one.
fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("WARMLINE_BIN") {
        return Ok(path.into());
    }
    let own = std::env::current_exe()?;
    let beside = own.with_file_name(format!("warmline{}", std::env::consts::EXE_SUFFIX));
    let profile = if cfg!(debug_assertions) { "" } else { " --release" };
    ensure!(
        beside.is_file(),
        "{} is not there: build it with 'cargo build{profile} --workspace --bins', or name another one with WARMLINE_BIN",
        beside.display()
    );
    Ok(beside)
}
