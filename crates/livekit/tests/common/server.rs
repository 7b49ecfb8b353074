use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

pub const KEY: &str = "devkey";
pub const SECRET: &str = "secret-of-at-least-thirty-two-characters";

/// A livekit-server of our own on 127.0.0.1, killed when dropped.
pub struct Server {
    child: Mutex<Option<Child>>,
    port: u16,
    config: String,
    log: PathBuf,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(free_tcp(), "").await
    }

    /// One that does not take redundant audio.
    pub async fn without_red() -> Self {
        Self::start_with(free_tcp(), "room: { enabled_codecs: [{ mime: audio/opus }] }\n").await
    }

    /// One that takes media over UDP only.
    pub async fn without_tcp() -> Self {
        Self::start_with(0, "").await
    }

    /// One with more lines in its configuration.
    pub async fn configured(more: &str) -> Self {
        Self::start_with(free_tcp(), more).await
    }

    async fn start_with(tcp: u16, more: &str) -> Self {
        super::show_log();
        let (port, udp) = (free_tcp(), free_udp());
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

fn free_tcp() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn free_udp() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
