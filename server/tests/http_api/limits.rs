//! How much and how long: connections, bodies, answers that nobody reads, work that takes a processor.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, http::Request};
use futures::FutureExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use warmline::{
    doctor::{Report, SharedDoctor},
    http::{AppState, Limits, router},
};

use crate::support::{Fake, get, post, send, serve};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Long enough for everything that has to happen.
const PATIENCE: Duration = Duration::from_secs(30);

async fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// All that comes until the connection is closed, in whatever way.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut all)).await;
    drop(read.expect("the connection is never closed"));
    all
}

/// Whether that connection gets the answer to a request. Its last byte is the only one of its kind.
async fn is_answered(stream: &mut TcpStream) -> bool {
    if stream.write_all(HEALTH).await.is_err() {
        return false;
    }
    let mut answer = Vec::new();
    let read = async {
        while answer.last() != Some(&b'}') {
            match stream.read_buf(&mut answer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return false,
            }
        }
        answer.starts_with(b"HTTP/1.1 200")
    };
    timeout(PATIENCE, read).await.expect("neither answered nor closed")
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits::default()).await;
    let mut stream = connect(&address).await;
    // The preface, and empty settings.
    stream.write_all(&[PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat()).await.unwrap();
    let answer = rest(&mut stream).await;
    // Settings of a server that speaks it are a frame of type 4.
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
}

#[tokio::test]
async fn who_says_nothing_or_half_a_word_is_given_up() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits { header_time: Duration::from_millis(100), ..Limits::default() }).await;
    for said in [&b""[..], b"P", &PREFACE[..10], &PREFACE[..20], b"GET /healthz HTTP/1.1\r\nHost: loc"] {
        let mut stream = connect(&address).await;
        stream.write_all(said).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{said:?}");
    }
    // Whoever was answered once and then says nothing is given up, too.
    let mut stream = connect(&address).await;
    assert!(is_answered(&mut stream).await);
    rest(&mut stream).await;
}

#[tokio::test]
async fn connections_that_say_nothing_keep_nobody_out() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits { connections: 8, ..Limits::default() }).await;
    let mut silent = Vec::new();
    for n in 0..100 {
        let mut stream = connect(&address).await;
        stream.write_all(&PREFACE[..n % 12]).await.unwrap();
        silent.push(stream);
    }
    let mut other = connect(&address).await;
    assert!(is_answered(&mut other).await, "somebody who says something is answered");
    // The oldest made room: they are closed, though no time of theirs is over.
    for stream in &mut silent[..90] {
        rest(stream).await;
    }
    assert!(is_answered(&mut other).await, "who has just been answered is not the one that makes room");
}

#[tokio::test]
async fn who_is_being_answered_keeps_the_connection_and_a_new_one_is_told_that_there_is_no_room() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits { connections: 2, ..Limits::default() }).await;
    let mut live = fake.store().subscribe();
    let body = r#"{"phone_number":"+1234567890"}"#;
    let waits =
        format!("POST /calls/outbound HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&address).await;
        stream.write_all(waits.as_bytes()).await.unwrap();
        live.recv().await.unwrap();
        waiting.push(stream);
    }
    let refused = rest(&mut connect(&address).await).await;
    let refused = String::from_utf8(refused).unwrap();
    let (head, body) = refused.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503") && head.contains("Retry-After: 1"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), body.len());
    assert!(serde_json::from_str::<serde_json::Value>(body).unwrap()["detail"].is_string());
    for (n, stream) in (1..).zip(&mut waiting) {
        fake.talk_and_end(&crate::support::id(n), warmline_call::EndReason::Completed, "They were done.").await;
        let mut start = [0; 15];
        timeout(PATIENCE, stream.read_exact(&mut start)).await.unwrap().unwrap();
        assert_eq!(&start, b"HTTP/1.1 200 OK");
    }
    assert!(is_answered(&mut connect(&address).await).await, "there is room again");
}

#[tokio::test]
async fn who_reads_no_answer_is_given_up() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits { write_time: Duration::from_millis(200), ..Limits::default() }).await;
    let mut stream = connect(&address).await;
    let asks = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(64);
    let closed = async { while stream.write_all(&asks).await.is_ok() {} };
    timeout(PATIENCE, closed).await.expect("a client that reads nothing keeps its connection");
    assert!(is_answered(&mut connect(&address).await).await);
}

#[tokio::test]
async fn the_doctor_looks_once_for_all_who_ask_and_never_for_another_site() {
    let fake = Fake::new().await;
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    let doctor = SharedDoctor::looking(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        async {
            tokio::task::yield_now().await;
            Report { ok: true, checks: Vec::new() }
        }
        .boxed()
    });
    let app = router(AppState::new(fake.clone()).with_doctor(doctor));
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "http://evil.example")] {
        let request = Request::get("/doctor").header(name, value).body(Body::empty()).unwrap();
        let answer = send(&app, request).await;
        assert_eq!(answer.status, 403, "{name}");
        answer.detail();
    }
    assert_eq!(looks.load(Ordering::Relaxed), 0);
    let answers = futures::future::join_all((0..40).map(|_| get(&app, "/doctor"))).await;
    for answer in answers {
        assert_eq!((answer.status.as_u16(), &answer.json()["ok"]), (200, &serde_json::json!(true)));
        assert_eq!(answer.headers["cache-control"], "private, max-age=10");
    }
    assert_eq!(looks.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn searches_and_exports_wait_for_their_turn_and_nothing_else_does() {
    let fake = Fake::new().await;
    let call = fake.place(1).await;
    let app = router(AppState::with_limits(fake.clone(), Limits { heavy: 0, ..Limits::default() }));
    for heavy in ["/calls?q=parcel".to_owned(), "/calls/export?format=csv".into(), format!("/calls/{call}/bundle")] {
        let answer = get(&app, &heavy).await;
        assert_eq!((answer.status.as_u16(), &answer.headers["retry-after"]), (429, &"2".parse().unwrap()), "{heavy}");
        answer.detail();
    }
    for light in ["/calls".to_owned(), "/calls?q=&limit=5".into(), "/healthz".into(), format!("/calls/{call}")] {
        assert_eq!(get(&app, &light).await.status, 200, "{light}");
    }
    assert_eq!(post(&app, &format!("/calls/{call}/hangup"), "").await.status, 200);
    let open = router(AppState::new(fake.clone()));
    for heavy in ["/calls?q=parcel".to_owned(), "/calls/export?format=csv".into(), format!("/calls/{call}/bundle")] {
        assert_eq!(get(&open, &heavy).await.status, 200, "{heavy}");
    }
}
