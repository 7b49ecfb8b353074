use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

pub const KEY: &str = "devkey";
pub const SECRET: &str = "secret-of-at-least-thirty-two-characters";

/// Linux gives out ports from 32768 on, others from 49152.
const FIRST_PORT: u16 = 20_000;
const PORTS: u32 = 12_000;

/// A livekit-server of our own on 127.0.0.1, killed when dropped.
pub struct Server {
    child: Mutex<Option<Child>>,
    port: u16,
    config: String,
    log: PathBuf,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(free_port(), "").await
    }

    /// One that does not take redundant audio.
    pub async fn without_red() -> Self {
        Self::start_with(free_port(), "room: { enabled_codecs: [{ mime: audio/opus }] }\n").await
    }

    /// One that takes media over UDP only.
    pub async fn without_tcp() -> Self {
        Self::start_with(0, "").await
    }

    /// One with more lines in its configuration.
    pub async fn configured(more: &str) -> Self {
        Self::start_with(free_port(), more).await
    }

    async fn start_with(tcp: u16, more: &str) -> Self {
        super::show_log();
        let (port, udp) = (free_port(), free_port());
        let config = format!(
            "port: {port}\nbind_addresses: [127.0.0.1]\nkeys: {{ {KEY}: {SECRET} }}\nlogging: {{ level: info }}\n\
             rtc: {{ udp_port: {udp}, tcp_port: {tcp}, node_ip: 127.0.0.1, use_external_ip: false, \
             enable_loopback_candidate: true, interfaces: {{ includes: [lo] }} }}\n{more}"
        );
        let log = env::temp_dir().join(format!("warmline-livekit-{}-{port}.log", std::process::id()));
        let server = Self { child: Mutex::new(None), port, config, log };
        server.run().await;
        server
    }

    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Starts it (again), on the same ports and with no memory of its rooms.
    pub async fn run(&self) {
        let log = fs::File::options().create(true).append(true).open(&self.log).unwrap();
        let child = Command::new(binary())
            .args(["--config-body", &self.config, "--node-ip", "127.0.0.1", "--bind", "127.0.0.1"])
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        *self.child.lock().unwrap() = Some(child);
        let started = Instant::now();
        while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_err() {
            let ended = self.child.lock().unwrap().as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "livekit-server ended ({ended:?}): {}", self.said());
            assert!(started.elapsed() < Duration::from_secs(30), "livekit-server does not start: {}", self.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// As `kill -9` does.
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends SIGTERM twice: after the first it would wait for everybody to go, after the second it says goodbye to them.
    pub fn terminate(&self) {
        let Some(mut child) = self.child.lock().unwrap().take() else { return };
        for _ in 0..100 {
            let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            if matches!(child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("livekit-server does not stop");
    }

    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let said = self.said();
            let tail = said.lines().rev().take(40).collect::<Vec<_>>();
            eprintln!("livekit-server said last:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        let _ = fs::remove_file(&self.log);
    }
}

fn binary() -> PathBuf {
    const HOW: &str = "livekit-server is needed for this test. Get it (Go, 3 to 5 minutes):\n  \
        GOBIN=~/.cache/warmline/livekit go install github.com/livekit/livekit-server/cmd/server@v1.13.5\n\
        or name one in WARMLINE_LIVEKIT_SERVER.";
    if let Some(named) = env::var_os("WARMLINE_LIVEKIT_SERVER").map(PathBuf::from) {
        assert!(named.is_file(), "WARMLINE_LIVEKIT_SERVER={} is no file.\n{HOW}", named.display());
        return named;
    }
    let home = PathBuf::from(env::var_os("HOME").unwrap_or_default());
    let cargo = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let cache = home.join(".cache/warmline");
    let folders = [cargo.join("bin"), cache.join("livekit"), cache.join("livekit-server")];
    let names = ["livekit-server", "server"];
    let found = folders.iter().flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{HOW}"))
}

/// A port that nobody has, for TCP or UDP, and that nobody will be given before the server has taken it, nor while it is
/// stopped and started again: it is below those that the system gives to whoever connects or asks for any.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let is_free = |port: u16| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    };
    // Tests run as processes of their own, some side by side: each begins somewhere else.
    let begin = std::process::id() * 16;
    let mut ports = (0..PORTS).map(|_| FIRST_PORT + ((begin + NEXT.fetch_add(1, Relaxed)) % PORTS) as u16);
    ports.find(|port| is_free(*port)).expect("a free port")
}
