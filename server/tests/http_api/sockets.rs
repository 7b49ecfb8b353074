//! `/ws/listen` and `/ws/phone`.

use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::sync::{broadcast, mpsc};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, Message, protocol::frame::coding::CloseCode},
};
use warmline::http::{Limits, PhoneEvent};
use warmline_api::{PhoneMessage, PhoneOrder};
use warmline_call::{EndReason, OperatorAction, Phase, Rejected};
use warmline_telephony::{FRAME_SAMPLES, Frame, Heard};

use crate::{
    console::{Socket, connect},
    support::{Fake, Said, get, id, serve},
};

fn frame(first: i16) -> Frame {
    std::array::from_fn(|n| first.wrapping_add(n as i16))
}

fn bytes(frame: &Frame) -> Vec<u8> {
    frame.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// The next message that is not about the connection itself.
async fn next(socket: &mut Socket) -> Message {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Ping(_) | Message::Pong(_) => {}
            message => return message,
        }
    }
}

async fn refused(address: &str, path: &str) -> (u16, String) {
    match connect_async(format!("ws://{address}{path}")).await {
        Err(Error::Http(answer)) => {
            let body = answer.body().as_deref().unwrap_or_default();
            (answer.status().as_u16(), String::from_utf8_lossy(body).into_owned())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_listener_hears_the_call_in_frames_of_640_bytes_until_it_is_over() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits::default()).await;
    let call = fake.place(1).await;
    let (heard, _) = broadcast::channel(10);
    *fake.heard.lock().unwrap() = Some(heard.clone());
    let mut socket = connect(&address, &format!("/ws/listen/{call}")).await;
    for n in [0, -20_000, 32_700] {
        heard.send(Arc::new(frame(n))).unwrap();
        let Message::Binary(got) = next(&mut socket).await else { panic!("no audio") };
        assert_eq!((got.len(), got.to_vec()), (640, bytes(&frame(n))));
    }
    drop(heard);
    *fake.heard.lock().unwrap() = None;
    match next(&mut socket).await {
        Message::Close(Some(frame)) => assert_eq!(frame.code, CloseCode::Normal),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn there_is_nothing_to_hear_of_unknown_calls_and_of_those_that_are_over() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits::default()).await;
    assert_eq!(refused(&address, &format!("/ws/listen/{}", id(1))).await.0, 404);
    assert_eq!(refused(&address, "/ws/listen/nonsense").await.0, 404);
    let call = fake.place(1).await;
    fake.talk_and_end(&call, EndReason::Completed, "They were done.").await;
    let (status, body) = refused(&address, &format!("/ws/listen/{call}")).await;
    assert_eq!(status, 409);
    assert!(body.contains("ended"), "{body}");
}

#[tokio::test]
async fn who_listens_is_known_for_as_long_as_they_do() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits::default()).await;
    let call = fake.place(1).await;
    let (heard, _) = broadcast::channel(10);
    *fake.heard.lock().unwrap() = Some(heard.clone());
    let mut socket = connect(&address, &format!("/ws/listen/{call}?as=J%C3%B6rg")).await;
    heard.send(Arc::new(frame(0))).unwrap();
    next(&mut socket).await;
    let acts =
        || fake.acts.lock().unwrap().iter().map(|(_, action, by)| (action.clone(), by.clone())).collect::<Vec<_>>();
    assert_eq!(acts(), [(OperatorAction::Listen, "Jörg".to_owned())]);
    socket.close(None).await.unwrap();
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    until(|| acts().len() == 2).await;
    assert_eq!(acts()[1], (OperatorAction::StopListening, "Jörg".to_owned()));
}

/// Waits for what another task does; for 5 s.
async fn until(done: impl Fn() -> bool) {
    let waited = async {
        while !done() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), waited).await.unwrap();
}

#[tokio::test]
async fn whoever_takes_over_speaks_hears_and_gives_back_with_the_socket() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits::default()).await;
    let call = fake.place(1).await;
    let path = format!("/ws/take-over/{call}?as=Ann");
    let mut socket = connect(&address, &path).await;
    let mut line = fake.seats.lock().unwrap().pop().unwrap();
    let live = line.mouth.begin_live();
    live.push(&frame(7));
    while next(&mut socket).await != Message::Binary(bytes(&frame(7)).into()) {}
    socket.send(Message::Binary(bytes(&frame(-9)).into())).await.unwrap();
    assert_eq!(line.ear.hear().await, Some(Heard::Frame(frame(-9))));
    drop(socket);
    assert_eq!(line.ear.hear().await, None, "the line of a lost socket ends, and that is how the call hears of it");

    let mut socket = connect(&address, &path).await;
    fake.seats.lock().unwrap().clear();
    loop {
        match next(&mut socket).await {
            Message::Binary(_) => {}
            Message::Close(Some(frame)) => break assert_eq!(frame.code, CloseCode::Normal),
            other => panic!("{other:?}"),
        }
    }
    drop(socket);
    let acts: Vec<_> = fake.acts.lock().unwrap().iter().map(|(_, action, _)| action.clone()).collect();
    assert_eq!(acts, [OperatorAction::TakeOver, OperatorAction::TakeOver], "the socket itself gives nothing back");

    let rejected = Rejected { phase: Phase::OnHold, detail: "the agent is not talking".into() };
    *fake.reject.lock().unwrap() = Some(rejected);
    assert_eq!(refused(&address, &path).await, (409, r#"{"detail":"the agent is not talking"}"#.to_owned()));
    assert_eq!(refused(&address, &format!("/ws/take-over/{}", id(9))).await.0, 404);
}

/// A request for a socket, written by hand: nobody reads the answer.
async fn knock(address: &str, path: &str) -> tokio::net::TcpStream {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    stream
}

/// Goes without a word: with a reset, as a browser that is killed, or closing, as one that has thought better of it.
fn leave(stream: tokio::net::TcpStream, reset: bool) {
    if reset {
        stream.set_zero_linger().unwrap();
    }
    drop(stream);
}

#[tokio::test]
async fn a_handshake_that_is_abandoned_leaves_nobody_on_the_line_and_nobody_listening() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits::default()).await;
    let call = fake.place(1).await;
    let (heard, _) = broadcast::channel(10);
    *fake.heard.lock().unwrap() = Some(heard.clone());
    let count = |which: &OperatorAction| fake.acts.lock().unwrap().iter().filter(|(_, a, _)| a == which).count();
    for nth in 1..=10 {
        let stream = knock(&address, &format!("/ws/take-over/{call}?as=Ann")).await;
        until(|| count(&OperatorAction::TakeOver) == nth).await;
        leave(stream, nth % 2 == 0);
        let mut line = loop {
            let seat = fake.seats.lock().unwrap().pop();
            match seat {
                Some(line) => break line,
                None => tokio::task::yield_now().await,
            }
        };
        let ended = tokio::time::timeout(std::time::Duration::from_secs(5), line.ear.hear()).await;
        assert_eq!(ended, Ok(None));

        let stream = knock(&address, &format!("/ws/listen/{call}?as=Bob")).await;
        until(|| count(&OperatorAction::Listen) == nth).await;
        leave(stream, nth % 2 == 0);
        until(|| {
            // Sound goes on, so that whoever is not there is noticed.
            drop(heard.send(Arc::new(frame(0))));
            count(&OperatorAction::StopListening) == nth
        })
        .await;
    }
}

/// The exchange's hold on the phone that was opened last.
fn exchange(fake: &Fake) -> (mpsc::UnboundedSender<PhoneEvent>, mpsc::UnboundedReceiver<Said>) {
    let mut phones = fake.phones.lock().unwrap();
    (phones.events.take().unwrap(), phones.said.take().unwrap())
}

#[tokio::test]
async fn a_phone_rings_is_answered_talks_and_hangs_up() {
    let fake = Fake::new().await;
    fake.phones.lock().unwrap().exchange = true;
    let address = serve(&fake, Limits::default()).await;
    let mut socket = connect(&address, "/ws/phone?number=%2B15550100077").await;
    let (events, mut said) = exchange(&fake);
    let text = |message: Message| -> serde_json::Value { serde_json::from_str(message.to_text().unwrap()).unwrap() };

    let from = "+15550100000".to_owned();
    events.send(PhoneEvent::Message(PhoneMessage::Ringing { call: id(1).to_string(), from })).unwrap();
    let ringing = json!({ "type": "ringing", "call": id(1).to_string(), "from": "+15550100000" });
    assert_eq!(text(next(&mut socket).await), ringing);
    socket.send(Message::Text(r#"{"type":"answer"}"#.into())).await.unwrap();
    assert_eq!(said.recv().await, Some(Said::Order(PhoneOrder::Answer)));
    events.send(PhoneEvent::Message(PhoneMessage::Answered)).unwrap();
    assert_eq!(text(next(&mut socket).await), json!({ "type": "answered" }));

    events.send(PhoneEvent::Audio(frame(7))).unwrap();
    assert_eq!(next(&mut socket).await, Message::Binary(bytes(&frame(7)).into()));
    socket.send(Message::Binary(bytes(&frame(-9)).into())).await.unwrap();
    assert_eq!(said.recv().await, Some(Said::Frame(frame(-9))));

    // What makes no sense is passed over.
    for odd in [r#"{"type":"dance"}"#, "{", r#"{"type":"dtmf","digit":"x"}"#, r#"{"type":"dtmf","digit":"12"}"#] {
        socket.send(Message::Text(odd.into())).await.unwrap();
    }
    for odd in [0, 2 * FRAME_SAMPLES - 2, 2 * FRAME_SAMPLES + 1] {
        socket.send(Message::Binary(vec![0; odd].into())).await.unwrap();
    }
    socket.send(Message::Text(r#"{"type":"dtmf","digit":"1"}"#.into())).await.unwrap();
    assert_eq!(said.recv().await, Some(Said::Order(PhoneOrder::Dtmf { digit: '1' })));
    socket.send(Message::Text(r#"{"type":"hangup"}"#.into())).await.unwrap();
    assert_eq!(said.recv().await, Some(Said::Order(PhoneOrder::Hangup)));
    events.send(PhoneEvent::Message(PhoneMessage::Ended { reason: "hung_up".into() })).unwrap();
    assert_eq!(text(next(&mut socket).await), json!({ "type": "ended", "reason": "hung_up" }));

    socket.close(None).await.unwrap();
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    assert_eq!(said.recv().await, None, "the number is free again");
    connect(&address, "/ws/phone?number=%2B15550100077").await;
}

#[tokio::test]
async fn a_phone_that_can_not_be_opened_is_told_why() {
    let fake = Fake::new().await;
    let address = serve(&fake, Limits::default()).await;
    assert_eq!(refused(&address, "/ws/phone?number=%2B15550100077").await.0, 404, "no exchange");
    fake.phones.lock().unwrap().exchange = true;
    for (query, kind) in [("", "missing"), ("?number=", "value_error"), ("?number=911", "value_error")] {
        let (status, body) = refused(&address, &format!("/ws/phone{query}")).await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["detail"][0]["type"]), (422, &kind.into()), "{query}");
        assert_eq!(body["detail"][0]["loc"], json!(["query", "number"]));
    }
    // A plus that was not escaped, as people type it.
    let _first = connect(&address, "/ws/phone?number=+15550100077").await;
    assert_eq!(refused(&address, "/ws/phone?number=%2B1-555-010-0077").await.0, 409);
}

#[tokio::test]
async fn a_request_that_is_no_websocket_is_told_so() {
    let fake = Fake::new().await;
    fake.phones.lock().unwrap().exchange = true;
    let app = fake.app();
    for path in ["/ws/console", "/ws/phone?number=%2B15550100077"] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, 426, "{path}");
        answer.detail();
    }
    assert!(fake.phones.lock().unwrap().taken.is_empty());
    assert_eq!(get(&app, "/ws/console?after=soon").await.status, 422);
}
