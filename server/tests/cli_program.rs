//! The program as a shell sees it: what it prints, and its exit codes, against a server that plays a script.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail loudly")]

use std::{
    collections::HashMap,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path as UrlPath, Query, State, WebSocketUpgrade, ws::Message},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use rustix::fs::{OFlags, fcntl_setfl};
use serde_json::{Value, json};
use tokio::{process::Command, time::timeout};

const CALL: &str = "outbound-a1b2c3d4e5f6";

/// What the scripted server was asked.
#[derive(Clone, Default)]
struct Script {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn note(&self, what: impl Into<String>) {
        self.asked.lock().unwrap().push(what.into());
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn event(seq: u64, mut fields: Value) -> Value {
    fields["seq"] = seq.into();
    fields["call"] = CALL.into();
    fields["at"] = format!("2026-11-22T10:00:0{seq}.000Z").into();
    fields
}

fn story() -> Vec<Value> {
    let said = |seq, utterance, speaker: &str, text: &str, last: bool| {
        event(
            seq,
            json!({"type": "utterance", "side": "call", "speaker": speaker, "utterance": utterance, "text": text, "final": last,
                "interrupted": false, "started_at": "2026-11-22T10:00:02.000Z", "ended_at": null}),
        )
    };
    vec![
        event(
            1,
            json!({"type": "call_placed", "phone_number": "+15550100001", "name": "Ann", "language": "en", "emotion": "Calm",
                "has_dynamic_instruction": false, "escalation_enabled": true}),
        ),
        event(2, json!({"type": "phase_changed", "from": "queued", "to": "dialing"})),
        said(3, 1, "customer", "A hu", false),
        said(4, 1, "customer", "A human, please.", true),
        event(5, json!({"type": "hold_music", "playing": true})),
        event(
            6,
            json!({"type": "call_ended", "reason": "customer_hung_up", "detail": "The customer hung up.", "talk_s": 4.0,
                "hold_s": 1.5, "time_to_human_s": null}),
        ),
    ]
}

async fn placed(State(script): State<Script>, Json(body): Json<Value>) -> Response {
    script.note(format!("placed {}", body["phone_number"].as_str().unwrap_or_default()));
    match body["name"].as_str() {
        Some("Busy") => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"detail": "LiveKit credentials not configured"}))).into_response(),
        _ => Json(json!({"status": "success", "message": "Outbound call with escalation initiated", "transcript": null, "details": {
            "call_id": CALL, "phone_number": "+15550100001", "original_input": "+15550100001", "name": "Ann", "room_name": CALL,
            "participant_id": "PA_1", "sip_call_id": "1", "has_dynamic_instruction": false, "language": "en", "emotion": "Calm",
            "escalation_enabled": true, "supervisor_phone": "+15550100002"}}))
        .into_response(),
    }
}

async fn events(
    State(script): State<Script>,
    UrlPath(call): UrlPath<String>,
    Query(query): Query<HashMap<String, u64>>,
) -> Response {
    if call != CALL {
        return (StatusCode::NOT_FOUND, Json(json!({"detail": "No such call"}))).into_response();
    }
    script.note(format!("events after {}", query["after"]));
    let known: Vec<_> = story()
        .into_iter()
        .filter(|e| e["seq"].as_u64() <= Some(2) && e["seq"].as_u64() > Some(query["after"]))
        .collect();
    Json(json!({"events": known})).into_response()
}

/// The first connection breaks in the middle of the story; the second goes on where it broke.
async fn console(
    State(script): State<Script>,
    Query(query): Query<HashMap<String, u64>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let after = query.get("after").copied();
    script.note(format!("console after {after:?}"));
    upgrade.on_upgrade(async move |mut socket| {
        let messages: Vec<Value> = match after {
            None => std::iter::once(json!({"type": "snapshot", "seq": 2, "calls": []}))
                .chain(story().drain(1..4).map(|e| json!({"type": "event", "event": e})))
                .collect(),
            Some(seq) => {
                story().split_off(seq as usize).into_iter().map(|e| json!({"type": "event", "event": e})).collect()
            }
        };
        for message in messages {
            if socket.send(Message::text(message.to_string())).await.is_err() {
                return;
            }
        }
        if after.is_some() {
            // The program leaves by itself once the call has ended.
            while socket.recv().await.is_some_and(|m| m.is_ok()) {}
        }
    })
}

async fn conflict() -> Response {
    (StatusCode::CONFLICT, Json(json!({"detail": "The call has ended"}))).into_response()
}

async fn server() -> (Script, String) {
    let script = Script::default();
    let app = Router::new()
        .route("/calls/outbound-with-escalation", post(placed))
        .route("/calls/{id}/events", get(events))
        .route("/calls/{id}/hangup", post(conflict))
        .route("/ws/console", get(console))
        .with_state(script.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (script, url)
}

async fn warmline(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_warmline"))
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("HOME", dir)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[tokio::test]
async fn a_watched_call_is_told_to_its_end_though_the_connection_breaks() {
    let (script, url) = server().await;
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) =
        warmline(dir.path(), &["call", "+15550100001", "--name", "Ann", "--watch", "--url", &url]).await;
    assert_eq!(code, 0, "{out}{err}");
    let lines: Vec<_> = out.lines().map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "0:00.0  placed      +15550100001 (Ann), en, Calm",
            "0:01.0              ── dialing",
            "0:03.0  customer    A human, please.",
            "0:04.0              ♪ hold music",
            "0:05.0  ended       customer_hung_up. The customer hung up. (talked 4.0 s, on hold 1.5 s)",
        ]
    );
    assert!(err.contains("connecting again"), "{err}");
    assert_eq!(
        script.asked(),
        ["placed +15550100001", "console after None", "events after 0", "events after 2", "console after Some(4)"]
    );
}

#[tokio::test]
async fn json_gives_one_event_a_line() {
    let (_script, url) = server().await;
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) = warmline(dir.path(), &["calls", "tail", CALL, "--json", "--url", &url]).await;
    let seqs: Vec<_> =
        out.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["seq"].as_u64().unwrap()).collect();
    assert_eq!((code, seqs, err.as_str()), (0, vec![1, 2, 3, 4, 5, 6], ""));
}

#[tokio::test]
async fn every_way_to_fail_has_its_exit_code() {
    let (_script, url) = server().await;
    let dir = tempfile::tempdir().unwrap();
    let gone = "outbound-000000000000";
    let cases: &[(&[&str], i32, &str)] = &[
        (&["calls", "ls", "--url", "http://127.0.0.1:1"], 3, "Is 'warmline serve' running?"),
        (&["calls", "tail", CALL, "--url", "http://127.0.0.1:1"], 3, "Is 'warmline serve' running?"),
        (&["calls", "tail", gone, "--url", &url], 4, "No such call"),
        (&["calls", "hangup", CALL, "--url", &url], 5, "The call has ended"),
        (&["call", "+15550100001", "--name", "Busy", "--url", &url], 6, "LiveKit credentials not configured"),
        (&["call", "5550100001"], 2, "Invalid phone number format"),
        (&["calls", "ls", "--url", "ftp://x"], 2, "no http or https address"),
        (&["serve", "--addr", "nowhere"], 2, "WARMLINE_ADDR is 'nowhere', it should be an IP address and a port"),
        (&["serve", "--env-file", "gone"], 2, "gone is not there"),
        (&["nonsense"], 2, "unrecognized subcommand"),
    ];
    for (args, expected, message) in cases {
        let (code, out, err) = warmline(dir.path(), args).await;
        assert_eq!(code, *expected, "{args:?}: {out}{err}");
        assert!(err.contains(message) && out.is_empty() && !err.contains('\u{1b}'), "{args:?}: {err}");
    }
}

/// What somebody said moves no cursor and turns no line, in text and in JSON.
#[tokio::test]
async fn what_was_said_commands_no_terminal() {
    const EVIL: &str = "Ann\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\nforged";
    let said = event(
        1,
        json!({"type": "utterance", "side": "call", "speaker": "customer", "utterance": 1, "text": EVIL, "final": true,
            "interrupted": false, "started_at": "2026-11-22T10:00:02.000Z", "ended_at": null}),
    );
    let placed = event(
        0,
        json!({"type": "call_placed", "phone_number": "+15550100001", "name": EVIL, "language": EVIL, "emotion": EVIL,
            "has_dynamic_instruction": false, "escalation_enabled": true}),
    );
    let view = warmline_call::CallView::placed(&serde_json::from_value(placed).unwrap());
    let mut view = view.unwrap();
    view.apply(&serde_json::from_value(said).unwrap());
    let page = json!({"calls": [view], "next_cursor": null});
    let refused = (StatusCode::CONFLICT, Json(json!({"detail": EVIL})));
    let app = Router::new()
        .route("/calls", get(async move || Json(page)))
        .route("/calls/{id}", get(async move || Json(view)))
        .route("/calls/{id}/hangup", post(async move || refused));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let dir = tempfile::tempdir().unwrap();
    for args in [
        &["calls", "ls"][..],
        &["calls", "show", CALL],
        &["calls", "ls", "--json"],
        &["calls", "show", CALL, "--json"],
        &["calls", "hangup", CALL],
        &["calls", "hangup", CALL, "--json"],
    ] {
        let (_, out, err) = warmline(dir.path(), &[args, &["--url", &url]].concat()).await;
        let all = format!("{out}{err}");
        assert!(all.contains("Ann"), "{args:?}: {all:?}");
        let commands = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{2028}".contains(c));
        assert!(!all.contains(commands), "{args:?}: {all:?}");
        assert!(!all.lines().any(|line| line.trim_start().starts_with("forged")), "{args:?}: {all}");
        if args.contains(&"--json") && !out.is_empty() {
            assert!(
                serde_json::from_str::<Value>(&out).unwrap().to_string().contains('\u{202e}'),
                "the same text: {out}"
            );
        }
    }
}

/// `warmline … | head -1` ends quietly.
#[tokio::test]
async fn a_pipe_that_is_closed_is_nobodys_failure() {
    for args in [&["openapi"][..], &["--help"], &["config", "show"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_warmline"));
        let child = child.args(args).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = child.kill_on_drop(true).spawn().unwrap();
        drop(child.stdout.take());
        drop(child.stderr.take());
        assert_eq!(child.wait().await.unwrap().code(), Some(0), "{args:?}");
    }
}

#[tokio::test]
async fn config_show_tells_origins_and_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let env = "OPENAI_API_KEY=sk-very-secret\nLIVEKIT_SUPERVISOR_PHONE_NUMBER=\"+919911062767\"\nLIVEKIT_API_SECRET==hidden\n";
    std::fs::write(dir.path().join(".env"), env).unwrap();
    for args in [&["config", "show"][..], &["config", "show", "--json"]] {
        let (code, out, err) = warmline(dir.path(), args).await;
        assert_eq!(code, 0);
        for secret in ["sk-very-secret", "9911062767", "=hidden", "==hidden"] {
            assert!(!out.contains(secret) && !err.contains(secret), "{secret}: {out}{err}");
        }
    }
    let (_, out, err) = warmline(dir.path(), &["config", "show", "--addr", "127.0.0.1:9"]).await;
    let row = |name: &str| {
        out.lines().find(|l| l.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("WARMLINE_ADDR"), "WARMLINE_ADDR 127.0.0.1:9 --addr");
    assert_eq!(row("LIVEKIT_SUPERVISOR_PHONE_NUMBER"), "LIVEKIT_SUPERVISOR_PHONE_NUMBER +…67 .env line 2");
    assert_eq!(row("OPENAI_API_KEY"), "OPENAI_API_KEY •••••••• .env line 1");
    assert!(err.contains("LIVEKIT_API_SECRET is followed by '=='"), "{err}");
}

#[tokio::test]
async fn the_doctor_and_the_document_are_there_for_programs() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".env"), "WARMLINE_ADDR=127.0.0.1:0\nLIVEKIT_URL=wss://x.livekit.cloud\n").unwrap();
    let (code, out, _) = warmline(dir.path(), &["doctor", "--json"]).await;
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, report["ok"].as_bool()), (6, Some(false)));
    let telephony = report["checks"].as_array().unwrap().iter().find(|c| c["name"] == "telephony").unwrap();
    assert_eq!(telephony["status"], "fail");
    assert!(telephony["cause"].as_str().unwrap().starts_with("LiveKit credentials not configured"));
    let (code, out, _) = warmline(dir.path(), &["openapi"]).await;
    let document: Value = serde_json::from_str(&out).unwrap();
    assert!(code == 0 && document["openapi"].as_str().unwrap().starts_with("3."));
}

/// A client that fetches nothing, and leaves word that it was asked to.
const CLIENT: &str = "#!/bin/sh\ncase \"$*\" in *download*) : > asked; exit 1;; *) exit 0;; esac\n";

#[tokio::test]
async fn a_fetch_waits_for_nobody_who_reads_how_far_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let client = dir.path().join("python3");
    std::fs::write(&client, CLIENT).unwrap();
    std::fs::set_permissions(&client, std::fs::Permissions::from_mode(0o755)).unwrap();
    // A standard error that is full before the program has said anything.
    let (unread, full) = std::io::pipe().unwrap();
    fcntl_setfl(&full, OFlags::NONBLOCK).unwrap();
    while (&full).write(&[b'.'; 4_096]).is_ok() {}
    fcntl_setfl(&full, OFlags::empty()).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_warmline"))
        .args(["models", "pull"])
        .env("WARMLINE_MODELS_DIR", dir.path().join("models"))
        .env("PATH", dir.path())
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(full)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let asked = async {
        while !dir.path().join("asked").exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), asked).await.expect("it fetches, whoever reads");
    // Now that somebody reads, it is all there, and what came of it.
    let read = tokio::task::spawn_blocking(move || std::io::read_to_string(unread).unwrap());
    let ended = timeout(Duration::from_secs(60), program.wait()).await.expect("it ends").unwrap();
    assert_eq!(ended.code(), Some(1));
    let said = read.await.unwrap();
    assert!(said.contains("fetching") && said.contains("warmline:"), "{said}");
}
