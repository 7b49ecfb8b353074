//! The built program as a child process, and a console connected to it.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use futures::StreamExt;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    time::{Instant, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::phone::Phone;

pub type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// What the program says to standard error.
pub type Errors = Lines<BufReader<ChildStderr>>;

/// A Warmline of its own, on a free port, with a data directory of its own.
pub struct Program {
    child: Child,
    addr: SocketAddr,
    dir: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
    /// How it is started again.
    command: fn() -> Command,
    http: reqwest::Client,
}

impl Program {
    pub async fn start() -> Self {
        Self::start_with(Vec::new()).await
    }

    pub async fn start_with(settings: Vec<(&'static str, String)>) -> Self {
        let (program, lines) = Self::start_unread(settings).await;
        read_on(lines);
        program
    }

    /// The same, whose standard error nobody reads any more once it is ready.
    pub async fn start_unread(settings: Vec<(&'static str, String)>) -> (Self, Errors) {
        Self::start_as(built(), settings).await
    }

    /// One that is started by a command of its own, each time.
    pub async fn start_by(command: fn() -> Command, settings: Vec<(&'static str, String)>) -> Self {
        let (program, lines) = Self::start_as(command(), settings).await;
        read_on(lines);
        Self { command, ..program }
    }

    /// The same, started by that command.
    pub async fn start_as(command: Command, settings: Vec<(&'static str, String)>) -> (Self, Errors) {
        let dir = tempfile::tempdir().unwrap();
        let (child, addr, lines) = spawn(command, dir.path(), &settings).await;
        (Self { child, addr, dir, settings, command: built, http: reqwest::Client::new() }, lines)
    }

    /// As a power cut does it.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Changes settings; they count from the next start on.
    pub fn set(&mut self, more: &[(&'static str, &str)]) {
        self.settings.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    }

    pub async fn restart(&mut self) {
        let (child, addr, lines) = spawn((self.command)(), self.dir.path(), &self.settings).await;
        read_on(lines);
        (self.child, self.addr) = (child, addr);
    }

    /// Waits until calls can be placed: the speech models are loaded, on a new machine fetched.
    pub async fn ready(&self) {
        let ready = async {
            while self.http.get(self.url("/readyz")).send().await.unwrap().status() != 200 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_secs(300), ready).await.unwrap();
    }

    /// Kills it, as a power cut does, and starts it again. How long that takes until it answers with 200 there.
    pub async fn kill_and_restart(&mut self, until: &str) -> Duration {
        self.kill().await;
        let begun = Instant::now();
        self.restart().await;
        while self.http.get(self.url(until)).send().await.unwrap().status() != 200 {
            assert!(begun.elapsed() < Duration::from_secs(60), "{until} is not answered with 200");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        begun.elapsed()
    }

    /// Waits until it takes no more calls.
    pub async fn draining(&self) {
        let draining = async {
            while self.http.get(self.url("/readyz")).send().await.unwrap().status() == 200 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(30), draining).await.unwrap();
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits until the program has ended; its exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        timeout(Duration::from_secs(60), self.child.wait()).await.expect("it ends").unwrap().code()
    }

    /// Tries to place a call, and hangs it up where there are speech models for one. The answer is JSON in either case.
    pub async fn try_a_call(&self) {
        let answer =
            self.post("/calls/outbound-with-escalation", serde_json::json!({"phone_number": "+15550100001"})).await;
        assert!(answer.is_object(), "{answer}");
        let Some(call) = answer["details"]["call_id"].as_str() else { return };
        self.post(&format!("/calls/{call}/hangup"), serde_json::json!({})).await;
        let over = async {
            while self.get(&format!("/calls/{call}")).await["phase"] != "ended" {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(60), over).await.expect("a call that was hung up ends");
    }

    /// The address it listens on.
    pub fn address(&self) -> String {
        self.addr.to_string()
    }

    /// Asks whether it is there.
    pub async fn is_healthy(&self) -> bool {
        let asked = self.http.get(self.url("/healthz")).timeout(Duration::from_secs(30)).send().await;
        asked.is_ok_and(|answer| answer.status() == 200)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub async fn socket(&self, path: &str) -> Socket {
        connect_async(format!("ws://{}{path}", self.addr)).await.unwrap().0
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(self.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    pub async fn text(&self, path: &str) -> String {
        self.http.get(self.url(path)).send().await.unwrap().text().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.http.post(self.url(path)).json(&body).send().await.unwrap().json().await.unwrap()
    }

    pub async fn post_with_key(&self, path: &str, body: Value, key: &str) -> Value {
        let request = self.http.post(self.url(path)).header("Idempotency-Key", key).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }

    pub async fn events(&self, call: &str) -> Vec<Value> {
        let page = self.get(&format!("/calls/{call}/events")).await;
        page["events"].as_array().unwrap().clone()
    }
}

/// The program as it was built.
fn built() -> Command {
    Command::new(env!("CARGO_BIN_EXE_warmline"))
}

/// Reads what the program says, so that nothing holds it up.
fn read_on(mut lines: Errors) {
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
}

async fn spawn(mut command: Command, dir: &Path, settings: &[(&'static str, String)]) -> (Child, SocketAddr, Errors) {
    let mut child = command
        .env("WARMLINE_ADDR", "127.0.0.1:0")
        .env("WARMLINE_DATA_DIR", dir)
        .env("NO_COLOR", "1")
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let addr = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, addr)) = line.split_once("ready at http://") {
                return addr.trim().parse().unwrap();
            }
            eprintln!("{line}");
        }
        panic!("the program ended before it was ready");
    };
    let addr = timeout(Duration::from_secs(60), addr).await.unwrap();
    (child, addr, lines)
}

/// A console: what it has seen, in order.
pub struct Console {
    socket: Socket,
    pub seen: Vec<Value>,
}

impl Console {
    pub async fn open(program: &Program, after: u64) -> Self {
        Self { socket: program.socket(&format!("/ws/console?after={after}")).await, seen: Vec::new() }
    }

    /// Drops the connection and comes back with the last `seq` it knows.
    pub async fn reconnect(&mut self, program: &Program) {
        let after = self.seen.last().and_then(|e| e["seq"].as_u64()).unwrap_or(0);
        self.socket = program.socket(&format!("/ws/console?after={after}")).await;
    }

    pub async fn some_events(&mut self, count: usize) {
        let enough = self.seen.len() + count;
        while self.seen.len() < enough {
            let message = timeout(Duration::from_secs(60), self.socket.next()).await.expect("an event within a minute");
            self.take(message.unwrap().unwrap());
        }
    }

    /// Waits for an event of a call while the phone's audio goes on.
    pub async fn until(&mut self, call: &str, is_it: impl Fn(&Value) -> bool, phone: &mut Phone) -> Value {
        let found = async {
            loop {
                tokio::select! {
                    message = self.socket.next() => {
                        let count = self.seen.len();
                        self.take(message.unwrap().unwrap());
                        let fresh = self.seen[count..].iter().find(|e| e["call"] == call && is_it(e));
                        if let Some(event) = fresh {
                            return event.clone();
                        }
                    }
                    () = phone.live() => {}
                }
            }
        };
        match timeout(Duration::from_secs(120), found).await {
            Ok(event) => event,
            Err(_) => panic!("it did not come within two minutes; seen: {:#?}", self.seen),
        }
    }

    /// Snapshots of an empty log hold nothing; everything else comes as events.
    fn take(&mut self, message: Message) {
        let Message::Text(text) = message else { return };
        let message: Value = serde_json::from_str(&text).unwrap();
        match message["type"].as_str().unwrap() {
            "event" => self.seen.push(message["event"].clone()),
            "snapshot" => assert_eq!(message["calls"], serde_json::json!([]), "a snapshot in place of events"),
            "heartbeat" => {}
            other => panic!("a message of type {other}"),
        }
    }

    pub fn assert_gap_free(&self) {
        let seqs: Vec<u64> = self.seen.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
        assert!(!seqs.is_empty());
        let expected: Vec<u64> = (seqs[0]..seqs[0] + seqs.len() as u64).collect();
        assert_eq!(seqs, expected);
        assert_eq!(seqs[0], 1);
    }
}
