//! The store that a FastAPI service has, to be measured in the same run.

use std::{env, net::SocketAddr, path::PathBuf, process::Stdio};

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// What the Python needs.
pub(crate) const PACKAGES: &str = "fastapi uvicorn[standard]";

/// A running `fastapi_store.py`. It ends with this.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    _child: Child,
    _dir: TempDir,
}

impl Peer {
    /// Starts it; `None`: no Python here has [`PACKAGES`].
    pub(crate) async fn start(fsync: bool) -> anyhow::Result<Option<Self>> {
        let Some(python) = python().await else { return Ok(None) };
        let dir = tempfile::tempdir()?;
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fastapi_store.py");
        let mut command = Command::new(python);
        command.arg(script).arg(dir.path().join("calls.db")).arg(if fsync { "FULL" } else { "OFF" });
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let out = child.stdout.take().context("it has no output")?;
        let port = BufReader::new(out).lines().next_line().await?.context("it ended at once")?;
        Ok(Some(Self { address: ([127, 0, 0, 1], port.parse()?).into(), _child: child, _dir: dir }))
    }
}

/// `WARMLINE_BENCH_PYTHON`, or the environment that `.ci/setup` makes beside the built programs.
async fn python() -> Option<PathBuf> {
    if let Some(named) = env::var_os("WARMLINE_BENCH_PYTHON") {
        return Some(named.into());
    }
    let python = env::current_exe().ok()?.parent()?.parent()?.join("venv/bin/python");
    let mut check = Command::new(&python);
    check.args(["-c", "import fastapi, uvicorn"]).stdout(Stdio::null()).stderr(Stdio::null());
    check.status().await.ok().filter(std::process::ExitStatus::success).map(|_| python)
}
