#![allow(clippy::expect_used, reason = "a fuzz target fails by panicking")]

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use futures::{SinkExt as _, StreamExt as _};
use livekit_protocol::{self as proto, signal_request::Message as Request, signal_response::Message as Response};
use prost::Message as _;
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{mpsc, oneshot},
};
use tokio_tungstenite::{accept_async, tungstenite};

use super::{
    Engine, Link,
    data::{OUTBOUND, SENDERS},
};
use crate::{
    Options, ParticipantEvent, Secret,
    fuzz::Pieces,
    peer::fuzzing::{Server, answer, new_peer, new_server},
};

/// A room that a server of this process lets us join; its peer connection is new for each input.
struct Session {
    runtime: Runtime,
    link: Link,
    join: proto::JoinResponse,
}

/// The signalling of a server: the first byte of a piece says whether it is a message, an honest answer to our offer, or
/// time that passes. It may end its own session, no more.
pub fn signals(input: &[u8]) {
    with_session(|engine, link, events| {
        let (mut server, mut now) = (new_server(), Instant::now());
        for (what, bytes) in Pieces::of(input) {
            let end = match what % 4 {
                0 | 1 => match proto::SignalResponse::decode(bytes) {
                    Ok(proto::SignalResponse { message: Some(message) }) => engine.on_signal(link, message),
                    _ => Ok(()),
                },
                2 => match honest_answer(link, &mut server) {
                    Some(answer) => engine.on_signal(link, answer),
                    None => Ok(()),
                },
                _ => {
                    now += Duration::from_secs(bytes.len() as u64 % 64);
                    engine.keep_house(link, now)
                }
            };
            if end.is_err() {
                return;
            }
            if let Some(offer) = link.peer.next_offer() {
                link.outbox.push_back(offer);
            }
            while events.try_recv().is_ok() {}
        }
    });
}

/// Data packets of the others in the room: the first byte of a piece says on which channel, or that time passes. Whatever
/// they send, what is kept of it is bounded.
pub fn data(input: &[u8]) {
    with_session(|engine, link, events| {
        let mut now = Instant::now();
        for (what, bytes) in Pieces::of(input) {
            if what % 8 == 7 {
                now += Duration::from_secs(bytes.len() as u64 % 64);
                engine.texts.expire(now);
                engine.rpcs.expire(now);
            } else {
                engine.on_data(link, what % 2 == 0, bytes);
            }
            while let Ok(event) = events.try_recv() {
                // Unanswered calls answer themselves.
                if let ParticipantEvent::Rpc(call) = event {
                    call.answer(Ok(String::new()));
                }
            }
            assert!(engine.outbound.len() <= OUTBOUND, "{} packets wait to be sent", engine.outbound.len());
            assert!(link.received.len() <= SENDERS, "{} senders are remembered", link.received.len());
            assert!(engine.texts.weight() <= crate::text::MOST_WEIGHT, "texts weigh {}", engine.texts.weight());
        }
    });
}

/// The answer of an honest server to the offer that is outstanding.
fn honest_answer(link: &mut Link, server: &mut Server) -> Option<Response> {
    let offer = link.peer.negotiation().unanswered().or_else(|| match link.peer.next_offer() {
        Some(Request::Offer(offer)) => Some(offer),
        _ => None,
    })?;
    let (sdp, mids) = server.accept(&offer)?;
    Some(Response::Answer(answer(sdp, offer.id, &mids)))
}

fn with_session(work: impl FnOnce(&mut Engine, &mut Link, &mut mpsc::Receiver<ParticipantEvent>)) {
    thread_local!(static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) });
    SESSION.with(|session| {
        let mut taken = session.borrow_mut().take().unwrap_or_else(Session::join);
        taken.run(work);
        *session.borrow_mut() = Some(taken);
    });
}

impl Session {
    fn join() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let link = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
            let url = format!("ws://{}", listener.local_addr().expect("an address"));
            tokio::spawn(serve(listener));
            Link::connect(&Options::new(url, "token"), &Secret::new("token")).await.expect("the room is joined")
        });
        let join = link.join.clone();
        Self { runtime, link, join }
    }

    /// Does something with a participant that has just joined.
    fn run(&mut self, work: impl FnOnce(&mut Engine, &mut Link, &mut mpsc::Receiver<ParticipantEvent>)) {
        let link = &mut self.link;
        link.peer = new_peer();
        link.join = self.join.clone();
        link.outbox.clear();
        link.requests.clear();
        link.received.clear();
        (link.ice_lost, link.ice_restarts, link.resumed, link.sequence) = (None, 0, false, 0);
        (link.ice_up, link.silent) = (true, false);
        let (commands, received) = mpsc::channel(64);
        let (events, mut told) = mpsc::channel(super::EVENTS);
        let (_alive, lives) = oneshot::channel();
        let (ready, _is_ready) = oneshot::channel();
        let options = Options::new("ws://127.0.0.1:1", "token");
        self.runtime.block_on(async {
            let mut engine = Engine::new(options, received, events, lives, ready, commands.downgrade());
            engine.adopt(link);
            work(&mut engine, link, &mut told);
        });
        if let Some(resume) = link.resume.take() {
            resume.task.abort();
        }
        if let Some(tcp) = link.tcp.take() {
            tcp.abort();
        }
    }
}

/// A server that lets one participant join and listens to it.
async fn serve(listener: TcpListener) {
    let (stream, _) = listener.accept().await.expect("somebody joins");
    let mut socket = accept_async(stream).await.expect("a WebSocket");
    let who = |identity: &str, sid: &str| proto::ParticipantInfo {
        identity: identity.to_owned(),
        sid: sid.to_owned(),
        state: proto::participant_info::State::Active as i32,
        ..proto::ParticipantInfo::default()
    };
    let join = proto::JoinResponse {
        room: Some(proto::Room { name: "room".to_owned(), sid: "RM_1".to_owned(), ..proto::Room::default() }),
        participant: Some(who("we", "PA_we")),
        other_participants: vec![who("they", "PA_they")],
        server_info: Some(proto::ServerInfo { protocol: 17, ..proto::ServerInfo::default() }),
        ping_interval: 86_400,
        ping_timeout: 86_400,
        ..proto::JoinResponse::default()
    };
    let joined = proto::SignalResponse { message: Some(Response::Join(join)) };
    let message = tungstenite::Message::Binary(joined.encode_to_vec().into());
    socket.send(message).await.expect("the join is answered");
    while let Some(Ok(_)) = socket.next().await {}
}
