//! A livekit-server of a bench's own, in a process of its own.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use livekit_api::access_token::{AccessToken, VideoGrants};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};
use warmline_livekit::services::Project;

const KEY: &str = "devkey";
const SECRET: &str = "secret-of-at-least-thirty-two-characters";

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// It ends with this value.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts the program at `path` on free ports of 127.0.0.1.
    pub(crate) async fn start(path: PathBuf) -> anyhow::Result<Self> {
        let free = |tcp: bool| -> anyhow::Result<SocketAddr> {
            let any = (Ipv4Addr::LOCALHOST, 0);
            Ok(if tcp { TcpListener::bind(any)?.local_addr()? } else { UdpSocket::bind(any)?.local_addr()? })
        };
        let (port, tcp, udp) = (free(true)?.port(), free(true)?.port(), free(false)?.port());
        let config = format!(
            "port: {port}\nbind_addresses: [127.0.0.1]\nkeys: {{ {KEY}: {SECRET} }}\nlogging: {{ level: warn }}\n\
             rtc: {{ udp_port: {udp}, tcp_port: {tcp}, node_ip: 127.0.0.1, use_external_ip: false, \
             enable_loopback_candidate: true, interfaces: {{ includes: [lo] }} }}\n"
        );
        let mut command = Command::new(path);
        command.args(["--config-body", &config, "--node-ip", "127.0.0.1", "--bind", "127.0.0.1"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().context("livekit-server cannot be started")?;
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("livekit-server ended with {status} instead of starting");
            }
            ensure!(started.elapsed() < PATIENCE, "livekit-server does not start");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { child, port })
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    pub(crate) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Its address, key and secret.
    pub(crate) fn project(&self) -> Project {
        Project { url: self.url(), key: KEY.to_owned(), secret: SECRET.into() }
    }

    /// Lets somebody join a room.
    pub(crate) fn token(&self, room: &str, identity: &str) -> anyhow::Result<String> {
        let grants = VideoGrants { room_join: true, room: room.to_owned(), ..VideoGrants::default() };
        let token = AccessToken::with_api_key(KEY, SECRET).with_identity(identity).with_kind("agent");
        Ok(token.with_grants(grants).to_jwt()?)
    }
}

/// The server's program: `WARMLINE_LIVEKIT_SERVER`, or where `cargo xtask livekit` builds it.
pub(crate) fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os("WARMLINE_LIVEKIT_SERVER") {
        return Some(named.into());
    }
    let built = env::home_dir()?.join(".cache/warmline/livekit").join(format!("server{}", env::consts::EXE_SUFFIX));
    fs::metadata(&built).is_ok_and(|file| file.is_file()).then_some(built)
}

/// A Python that has LiveKit's own SDK: `WARMLINE_LIVEKIT_PYTHON`, or the environment that `cargo xtask livekit` makes.
pub(crate) fn python() -> Option<PathBuf> {
    if let Some(named) = env::var_os("WARMLINE_LIVEKIT_PYTHON") {
        return Some(named.into());
    }
    let target = env::current_exe().ok()?.parent()?.parent()?.join("venv/bin/python");
    let has_sdk = |python: &PathBuf| {
        let mut check = std::process::Command::new(python);
        check.args(["-c", "import livekit.rtc, numpy"]).stdout(Stdio::null()).stderr(Stdio::null());
        check.status().is_ok_and(|status| status.success())
    };
    Some(target).filter(has_sdk)
}
