//! `/ws/console`.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue, protocol::frame::coding::CloseCode},
};
use warmline::http::Limits;
use warmline_call::{Event, Phase};

use crate::support::{Fake, id, serve};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// No heartbeat but the first gets in between.
fn quiet() -> Limits {
    Limits { heartbeat: Duration::from_secs(3600), ..Limits::default() }
}

pub(crate) async fn connect(address: &str, path: &str) -> Socket {
    connect_async(format!("ws://{address}{path}")).await.unwrap().0
}

/// The next JSON message that is no heartbeat.
async fn next(socket: &mut Socket) -> Value {
    loop {
        let message = next_of_any_kind(socket).await;
        if message["type"] != "heartbeat" {
            return message;
        }
    }
}

async fn next_of_any_kind(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn moved() -> Event {
    Event::PhaseChanged { from: Phase::Queued, to: Phase::Dialing }
}

#[tokio::test]
async fn a_console_gets_a_snapshot_and_then_every_event() {
    let fake = Fake::new().await;
    let address = serve(&fake, quiet()).await;
    let call = fake.place(1).await;
    let mut socket = connect(&address, "/ws/console").await;
    let snapshot = next(&mut socket).await;
    assert_eq!((&snapshot["type"], &snapshot["seq"]), (&"snapshot".into(), &1.into()));
    assert_eq!(snapshot["calls"][0]["call"], call.as_str());
    fake.append(&call, vec![moved(), moved()]).await;
    for seq in [2, 3] {
        let message = next(&mut socket).await;
        assert_eq!(message["type"], "event");
        assert_eq!((&message["event"]["seq"], &message["event"]["type"]), (&seq.into(), &"phase_changed".into()));
        assert_eq!(message["event"]["call"], call.as_str());
    }
}

#[tokio::test]
async fn a_console_that_returns_misses_nothing_and_sees_nothing_twice() {
    let fake = Fake::new().await;
    let address = serve(&fake, quiet()).await;
    let call = fake.place(1).await;
    fake.append(&call, vec![moved(); 1_200]).await;
    // Events go on while the console catches up, so that log and live overlap.
    let writer = {
        let (fake, call) = (fake.clone(), call.clone());
        tokio::spawn(async move {
            for _ in 0..300 {
                fake.append(&call, vec![moved(), moved()]).await;
            }
        })
    };
    let mut sockets = Vec::new();
    for after in [1, 600, 1_201] {
        sockets.push((after, connect(&address, &format!("/ws/console?after={after}")).await));
    }
    for (after, mut socket) in sockets {
        for seq in after + 1..=1_801_u64 {
            let message = next(&mut socket).await;
            assert_eq!((&message["type"], &message["event"]["seq"]), (&"event".into(), &seq.into()), "after {after}");
        }
    }
    writer.await.unwrap();
    assert_eq!(fake.store().seq(), 1_801);
}

#[tokio::test]
async fn a_console_that_missed_too_much_or_comes_from_elsewhere_gets_a_snapshot() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits { catch_up: 10, ..quiet() }).await;
    let call = fake.place(1).await;
    fake.append(&call, vec![moved(); 20]).await;
    for after in [5, 22, u64::MAX] {
        let message = next(&mut connect(&address, &format!("/ws/console?after={after}")).await).await;
        assert_eq!((&message["type"], &message["seq"]), (&"snapshot".into(), &21.into()), "{after}");
    }
    let mut current = connect(&address, "/ws/console?after=21").await;
    let message = next_of_any_kind(&mut current).await;
    assert_eq!((&message["type"], &message["seq"]), (&"heartbeat".into(), &21.into()));
}

#[tokio::test]
async fn a_console_hears_a_heartbeat_with_the_last_number() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits { heartbeat: Duration::from_millis(20), ..Limits::default() }).await;
    fake.place(1).await;
    let mut socket = connect(&address, "/ws/console").await;
    next(&mut socket).await;
    for _ in 0..3 {
        let message = next_of_any_kind(&mut socket).await;
        assert_eq!((&message["type"], &message["seq"]), (&"heartbeat".into(), &1.into()));
    }
}

#[tokio::test]
async fn a_stalled_console_moves_nobody_else_and_is_closed() {
    let fake = Fake::new().await;
    let limits = Limits { stall: Duration::from_millis(300), lags: 1, ..quiet() };
    let address = serve(&fake, limits).await;
    let call = fake.place(1).await;
    let mut stalled = connect(&address, "/ws/console").await;
    let mut lively = connect(&address, "/ws/console").await;
    next(&mut lively).await;
    // More than any socket buffer takes, said while one of the two does not listen.
    let writing = {
        let (fake, call) = (fake.clone(), call.clone());
        tokio::spawn(async move {
            for n in 0..400 {
                let event = Event::EscalationRequested {
                    by: warmline_call::RequestedBy::Customer,
                    reason: format!("{n} {}", "x".repeat(60_000)).into(),
                };
                fake.append(&call, vec![event]).await;
            }
        })
    };
    for seq in 2..=401 {
        let message = next(&mut lively).await;
        assert_eq!(message["event"]["seq"], seq);
    }
    writing.await.unwrap();
    let clients = || fake.store().metrics().render(&fake.store().phases());
    while !clients().contains(r#"warmline_websocket_clients{socket="console"} 1"#) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // What it finds, should it ever read again: events, then the end.
    let end = loop {
        match stalled.next().await {
            Some(Ok(Message::Close(frame))) => break frame.map(|frame| frame.code),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break None,
        }
    };
    assert!(end.is_none() || end == Some(CloseCode::Again), "{end:?}");
}

#[tokio::test]
async fn a_console_that_falls_behind_gets_a_fresh_snapshot_and_then_1013() {
    let fake = Fake::new().await;
    let limits = Limits { stall: Duration::from_secs(60), lags: 1, ..quiet() };
    let address = serve(&fake, limits).await;
    let call = fake.place(1).await;
    let mut socket = connect(&address, "/ws/console").await;
    assert_eq!(next(&mut socket).await["type"], "snapshot");
    let (mut snapshots, mut last) = (0, 1);
    let closed = 'rounds: loop {
        // Far more than is kept for somebody who is behind, and more than the network holds.
        let event =
            Event::EscalationRequested { by: warmline_call::RequestedBy::Customer, reason: "x".repeat(4_000).into() };
        for _ in 0..12 {
            fake.append(&call, vec![event.clone(); 1_000]).await;
        }
        let seq = fake.store().seq();
        while last < seq {
            match socket.next().await.unwrap().unwrap() {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    match message["type"].as_str().unwrap() {
                        "snapshot" => {
                            snapshots += 1;
                            let seq = message["seq"].as_u64().unwrap();
                            assert!(seq > last);
                            last = seq;
                        }
                        "event" => {
                            assert_eq!(message["event"]["seq"], last + 1, "no gap without a snapshot");
                            last += 1;
                        }
                        _ => {}
                    }
                }
                Message::Close(frame) => break 'rounds frame.unwrap().code,
                _ => {}
            }
        }
    };
    assert_eq!((snapshots, closed), (1, CloseCode::Again));
}

#[tokio::test]
async fn a_console_is_only_for_our_own_pages_and_programs() {
    let fake = Fake::new().await;
    let address = serve(&fake, quiet()).await;
    let ask = |path: &str, origin: &str| {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        request.headers_mut().insert("origin", HeaderValue::from_str(origin).unwrap());
        connect_async(request)
    };
    for path in ["/ws/console", &format!("/ws/listen/{}", id(1)), "/ws/phone?number=%2B15550100001"] {
        match ask(path, "http://evil.example").await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 403, "{path}"),
            other => panic!("{other:?}"),
        }
    }
    ask("/ws/console", &format!("http://{address}")).await.unwrap();
}

#[tokio::test]
async fn a_console_that_closes_is_forgotten() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits { sockets: 1, ..quiet() }).await;
    let mut socket = connect(&address, "/ws/console").await;
    next(&mut socket).await;
    match connect_async(format!("ws://{address}/ws/console")).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status(), 503),
        other => panic!("{other:?}"),
    }
    socket.close(None).await.unwrap();
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    let clients = || fake.store().metrics().render(&fake.store().phases());
    while !clients().contains(r#"warmline_websocket_clients{socket="console"} 0"#) {
        tokio::task::yield_now().await;
    }
    let mut socket = connect(&address, "/ws/console").await;
    socket.send(Message::Text("whatever a console says".into())).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "snapshot");
}
