//! The browser tests: a server of its own on a free port, with a data directory of its own.

use std::{
    env, fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    page,
    place::Place,
    tool::{self, Step},
};

/// The pages' benchmark, in `end2end/`.
const BENCH: &str = "bench.js";

/// How long the server may take until it answers.
const START: Duration = Duration::from_secs(60);

/// Settings that would take the server off its embedded exchange.
const FOREIGN: [&str; 7] = [
    "LIVEKIT_URL",
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
    "LIVEKIT_SIP_OUTBOUND_TRUNK",
    "LIVEKIT_SUPERVISOR_PHONE_NUMBER",
    "DATABASE_URL",
    "AGENT_INSTRUCTIONS",
];

pub(crate) fn run(place: &Place) -> Result<ExitCode> {
    require_browser()?;
    page::build(&place.optimised())?;
    tool::build_server(place)?;
    run_built(place)
}

/// The same with a page and a server that are there already: the server's own tests have built it.
pub(crate) fn run_built(place: &Place) -> Result<ExitCode> {
    let browser = require_browser()?;
    let end2end = place.root.join("end2end");
    tool::npm_ci(&end2end, "browser")?;

    let step = Step::begin("browser", "tests");
    let stage = Stage::set(place, browser)?;
    stage.play(test_files(&end2end)?, &[])?;
    stage.play(vec![end2end.join(BENCH)], &[("SMOKE", "1")])?;
    step.done("passed");
    Ok(ExitCode::SUCCESS)
}

/// What the pages weigh, how soon they answer and how fast they are rendered.
pub(crate) fn bench(place: &Place) -> Result<ExitCode> {
    let browser = require_browser()?;
    page::build(place)?;
    tool::build_server(place)?;
    let end2end = place.root.join("end2end");
    tool::npm_ci(&end2end, "browser")?;
    if !place.release {
        eprintln!("pages: a development build; the goals are for a release build (--release)");
    }
    Stage::set(place, browser)?.play(vec![end2end.join(BENCH)], &[])?;
    Ok(ExitCode::SUCCESS)
}

/// A server with files of its own, and a browser to look at it.
struct Stage {
    end2end: PathBuf,
    data: PathBuf,
    browser: PathBuf,
    server: Server,
}

impl Stage {
    fn set(place: &Place, browser: PathBuf) -> Result<Self> {
        let data = place.target.join("e2e");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(&data)?;
        let server = Server::start(place, &data, &[])?;
        Ok(Self { end2end: place.root.join("end2end"), data, browser, server })
    }

    /// Runs programs of `end2end/`, one after the other.
    fn play(&self, files: Vec<PathBuf>, env: &[(&str, &str)]) -> Result<()> {
        let mut node = Command::new("node");
        node.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]).args(files);
        node.current_dir(&self.end2end).envs(env.iter().copied());
        node.env("BASE_URL", format!("http://{}", self.server.address));
        node.env("CHROMIUM", &self.browser).env("SHOTS", &self.data);
        if !tool::status(&mut node).context(tool::NO_NODE)?.success() {
            bail!("the browser tests failed; the server's log: {}", self.data.join("server.log").display());
        }
        Ok(())
    }
}

/// `end2end/*.test.js`; none is an error.
fn test_files(end2end: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(end2end)?.map(|e| Ok(e?.path())).collect::<Result<Vec<_>>>()?;
    let is_test = |path: &PathBuf| path.to_string_lossy().ends_with(".test.js");
    let mut files: Vec<_> = entries.into_iter().filter(is_test).collect();
    files.sort();
    if files.is_empty() {
        bail!("no browser test in {}", end2end.display());
    }
    Ok(files)
}

/// A Chromium: `CHROMIUM`, or where they usually are.
pub(crate) fn require_browser() -> Result<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM") {
        return Ok(named.into());
    }
    let usual = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let folders: Vec<_> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let on_path = usual.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let mac = ["Google Chrome", "Chromium"].map(|app| format!("/Applications/{app}.app/Contents/MacOS/{app}").into());
    on_path.chain(mac).find(|path| path.exists()).context(
        "no Chromium or Chrome was found; the browser smoke test needs one.
  Debian: apt-get install chromium     elsewhere: CHROMIUM=/path/to/chrome     without it: cargo xtask test --no-browser",
    )
}

/// A running server; it ends with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts one with its files in `data` and further settings.
    pub(crate) fn start(place: &Place, data: &Path, settings: &[(&str, &Path)]) -> Result<Self> {
        let address = free_address()?;
        let log = data.join("server.log");
        let out = fs::File::create(&log)?;
        let mut server = tool::server(place, &["serve".to_owned()]);
        for name in FOREIGN {
            server.env_remove(name);
        }
        server.current_dir(data).env("WARMLINE_ADDR", address.to_string()).env("WARMLINE_DATA_DIR", data.join("data"));
        server.envs(settings.iter().copied());
        server.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let mut server = Self { child: server.spawn().context("the server cannot be started")?, address };
        server.wait_until_it_answers().with_context(|| format!("the server's log: {}", log.display()))?;
        Ok(server)
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < START {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status} instead of starting");
            }
            if is_up(self.address).unwrap_or(false) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("the server did not answer within {} s", START.as_secs())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that has ended already cannot be ended again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether `/healthz` answers 200.
fn is_up(address: SocketAddr) -> Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(&head == b"HTTP/1.1 200")
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
