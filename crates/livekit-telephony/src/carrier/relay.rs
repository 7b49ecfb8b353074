//! A SIP leg's way to the server. The participant library leaves rooms without a reason; the real SIP service gives one
//! (busy, no answer), so the relay writes it into the leave request that passes.

use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering::Relaxed},
    },
};

use futures::{SinkExt, StreamExt};
use livekit_protocol::{DisconnectReason, SignalRequest, signal_request::Message as Signal};
use prost::Message as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    accept_hdr_async, connect_async,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        handshake::server::{Request, Response},
        http::header::AUTHORIZATION,
    },
};
use tokio_util::task::AbortOnDropHandle;

/// Listens on a port of its own for one participant's signalling.
pub(super) struct Relay {
    port: u16,
    reason: Arc<AtomicI32>,
    _accepting: AbortOnDropHandle<()>,
}

impl Relay {
    /// A relay to that server (`ws://…`).
    pub(super) async fn start(server: String) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let reason = Arc::new(AtomicI32::new(DisconnectReason::ClientInitiated as i32));
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&reason)));
        Ok(Self { port, reason, _accepting: AbortOnDropHandle::new(accepting) })
    }

    pub(super) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// What the participant's leaving is reported as from now on.
    pub(super) fn leave_as(&self, reason: DisconnectReason) {
        self.reason.store(reason as i32, Relaxed);
    }
}

async fn accept(listener: TcpListener, server: String, reason: Arc<AtomicI32>) {
    while let Ok((stream, _)) = listener.accept().await {
        // A connection outlives the relay: it has the participant's last words to carry.
        tokio::spawn(carry(stream, server.clone(), Arc::clone(&reason)));
    }
}

/// Carries one connection until either side closes it. Whatever goes wrong closes both.
#[allow(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
async fn carry(stream: TcpStream, server: String, reason: Arc<AtomicI32>) {
    let mut asked = None;
    let note = |request: &Request, response: Response| {
        asked = Some((request.uri().clone(), request.headers().get(AUTHORIZATION).cloned()));
        Ok(response)
    };
    let Ok(client) = accept_hdr_async(stream, note).await else { return };
    let Some((uri, authorization)) = asked else { return };
    let Ok(mut request) = format!("{}{uri}", server.trim_end_matches('/')).into_client_request() else { return };
    if let Some(token) = authorization {
        request.headers_mut().insert(AUTHORIZATION, token);
    }
    let Ok((server, _)) = connect_async(request).await else { return };
    let ((mut to_client, mut from_client), (mut to_server, mut from_server)) = (client.split(), server.split());
    let up = async {
        while let Some(Ok(message)) = from_client.next().await {
            if to_server.send(with_reason(message, &reason)).await.is_err() {
                return;
            }
        }
        let _ = to_server.close().await;
    };
    let down = async {
        while let Some(Ok(message)) = from_server.next().await {
            if to_client.send(message).await.is_err() {
                return;
            }
        }
        let _ = to_client.close().await;
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

fn with_reason(message: Message, reason: &AtomicI32) -> Message {
    let Message::Binary(bytes) = &message else { return message };
    let Ok(mut request) = SignalRequest::decode(bytes.as_ref()) else { return message };
    let Some(Signal::Leave(leave)) = &mut request.message else { return message };
    leave.reason = reason.load(Relaxed);
    Message::Binary(request.encode_to_vec().into())
}
