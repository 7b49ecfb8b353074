//! The official Python SDK as the other party.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use crate::common::*;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use warmline_livekit::{ParticipantEvent as Event, Secret, TrackOptions, Transcription};

const HOW: &str = "The official SDK is needed for this test:\n  \
    python3 -m venv venv && venv/bin/pip install livekit numpy\n\
    in the root of the workspace, or name a Python that has them in WARMLINE_LIVEKIT_PYTHON.";

/// `peer.py`, ended when dropped.
struct Peer {
    _child: Child,
    orders: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
    seen: Vec<Value>,
}

impl Peer {
    async fn start(url: &str, token: &Secret) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/peer.py");
        let mut child = Command::new(python())
            .arg(script)
            .args([url, token.expose()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("no Python: {error}\n{HOW}"));
        let (orders, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { _child: child, orders, told: BufReader::new(out).lines(), seen: Vec::new() }
    }

    async fn order(&mut self, order: &str) {
        self.orders.write_all(format!("{order}\n").as_bytes()).await.unwrap();
    }

    /// What it tells next, or has told, that satisfies this.
    async fn tells(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let is_it = |told: &Value| told["what"] == what && is_it(told);
        if let Some(at) = self.seen.iter().position(is_it) {
            return self.seen.remove(at);
        }
        let wait = async {
            loop {
                let line = self.told.next_line().await.unwrap();
                let line = line.unwrap_or_else(|| panic!("peer.py has ended, waiting for {what}.\n{HOW}"));
                let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("peer.py said {line}"));
                if is_it(&told) {
                    return told;
                }
                self.seen.push(told);
            }
        };
        match timeout(PATIENCE, wait).await {
            Ok(told) => told,
            Err(_) => panic!("waited in vain for {what}; peer.py told {:#?}", self.seen),
        }
    }
}

fn python() -> PathBuf {
    if let Some(named) = env::var_os("WARMLINE_LIVEKIT_PYTHON") {
        return named.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../venv/bin/python");
    if root.is_file() { root } else { "python3".into() }
}

#[tokio::test]
async fn the_official_sdk_and_we_understand_each_other() {
    let server = Server::start().await;
    let (rust, mut to_rust) = join(&server, "interop", "rust").await;
    let voice = rust.publish(TrackOptions::new("voice")).await.unwrap();
    say(&voice, 440.0);
    let mut peer = Peer::start(&server.url(), &token("interop", "python")).await;
    peer.tells("connected", |_| true).await;

    // Audio both ways.
    let mut heard = subscribed(&mut to_rust, "python", "tone").await;
    until_tone(&mut heard, 660.0).await;
    let here = measure(&listen(&mut heard, 50, 150).await, 660.0);
    println!("from Python: {here:?} {:?}", heard.stats());
    assert!(here.snr > 30.0 && here.dropouts == 0, "{here:?}");
    let good = |told: &Value| {
        let close = told["hz"].as_f64().is_some_and(|hz| (hz - 440.0).abs() < 2.0);
        close && told["snr"].as_f64().is_some_and(|snr| snr > 30.0) && told["dropouts"] == 0
    };
    let there = peer.tells("heard", good).await;
    println!("from Rust: {there}");

    // Words from us.
    rust.send_data(*b"reliable", Some("r"), true, vec![]).await.unwrap();
    assert_eq!(peer.tells("data", |_| true).await["text"], "reliable");
    let long = "grüße, 世界 ".repeat(3_000);
    rust.send_text("lk.chat", &long, &[("k".to_owned(), "v".to_owned())].into(), vec![]).await.unwrap();
    let text = peer.tells("text", |told| told["topic"] == "lk.chat").await;
    assert!(text["text"] == long.as_str() && text["attributes"]["k"] == "v");
    let sid = voice.sid().unwrap();
    let said = Transcription { segment: "SG_1", track: &sid, text: "hello", is_final: true };
    rust.send_transcription(said).await.unwrap();
    let text = peer.tells("text", |told| told["topic"] == "lk.transcription").await;
    assert!(text["text"] == "hello" && text["attributes"]["lk.transcribed_track_id"] == sid.as_str());
    rust.send_dtmf('#', vec![]).await.unwrap();
    assert_eq!(peer.tells("key", |_| true).await["digit"], "#");
    rust.set_attributes([("lk.agent.state".to_owned(), "speaking".to_owned())].into()).await.unwrap();
    assert_eq!(peer.tells("attributes", |_| true).await["changed"]["lk.agent.state"], "speaking");
    let answer = rust.call("python", "echo", "hi", Duration::from_secs(10)).await;
    assert_eq!(answer, Ok("rust said hi".to_owned()));
    voice.mute().await.unwrap();
    assert_eq!(peer.tells("muted", |_| true).await["who"], "rust");

    // Words from them.
    peer.order("speak").await;
    let (mut data, mut text, mut key, mut mood) = (0, None, None, None);
    while data < 2 || text.is_none() || key.is_none() || mood.is_none() {
        match soon("words from Python", to_rust.recv()).await.unwrap() {
            Event::Data(said) => {
                let expected: &[u8] = if said.reliable { b"reliable" } else { b"lossy" };
                assert_eq!((said.payload.as_slice(), said.identity.as_deref()), (expected, Some("python")));
                data += 1;
            }
            Event::Text(said) => text = Some((said.text, said.attributes["k"].clone())),
            Event::Dtmf { digit, .. } => key = Some(digit),
            Event::AttributesChanged { identity, changed, .. } if identity == "python" => {
                mood = changed.get("mood").cloned();
            }
            _ => {}
        }
    }
    assert_eq!(text, Some(("grüße 世界".to_owned(), "v".to_owned())));
    assert_eq!((key, mood.as_deref()), (Some('5'), Some("happy")));
    peer.order("call").await;
    let call = event(&mut to_rust, "a call", |event| match event {
        Event::Rpc(call) => Some(call),
        _ => None,
    });
    call.await.answer(Ok("hello yourself".to_owned()));
    assert_eq!(peer.tells("answer", |_| true).await["answer"], "hello yourself");
    peer.order("mute").await;
    event(&mut to_rust, "python mutes", |event| matches!(event, Event::TrackMuted { muted: true, .. }).then_some(()))
        .await;

    rust.close().await;
    assert_eq!(peer.tells("left", |_| true).await["who"], "rust");
}
