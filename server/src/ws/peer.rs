use std::time::Duration;

use axum::{
    body::Bytes,
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code},
};
use futures::SinkExt;
use tokio::time::{Instant, timeout};

use crate::http::Limits;

/// How long the other end has to answer a close.
const FAREWELL: Duration = Duration::from_secs(2);

/// The other end of a WebSocket: what is sent there is bounded in time, and a peer that is gone is noticed.
pub(super) struct Peer {
    socket: WebSocket,
    stall: Duration,
    silence: Duration,
    heard: Instant,
}

/// The other end is gone, or was closed because it does not keep up.
#[derive(Debug)]
pub(super) struct Gone;

impl Peer {
    pub(super) fn new(socket: WebSocket, limits: &Limits) -> Self {
        Self { socket, stall: limits.stall, silence: limits.silence, heard: Instant::now() }
    }

    /// Puts a message in line; [`Peer::flush`] sends what is in line.
    pub(super) async fn feed(&mut self, message: Message) -> Result<(), Gone> {
        match timeout(self.stall, self.socket.feed(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Gone),
            Err(_) => self.stalled().await,
        }
    }

    /// Sends what is in line.
    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        match timeout(self.stall, self.socket.flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Gone),
            Err(_) => self.stalled().await,
        }
    }

    pub(super) async fn send(&mut self, message: Message) -> Result<(), Gone> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Sends a ping, unless nothing has been heard for so long that nobody can be there.
    pub(super) async fn ping(&mut self) -> Result<(), Gone> {
        if self.heard.elapsed() > self.silence {
            return Err(Gone);
        }
        self.send(Message::Ping(Bytes::new())).await
    }

    /// The next text or binary message. Cancel-safe.
    pub(super) async fn receive(&mut self) -> Result<Message, Gone> {
        loop {
            let message = self.socket.recv().await.ok_or(Gone)?.map_err(|_| Gone)?;
            self.heard = Instant::now();
            match message {
                Message::Text(_) | Message::Binary(_) => return Ok(message),
                Message::Close(_) => return Err(Gone),
                Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    }

    /// Closes in an orderly way: the other end has read why before the connection is gone. A connection that is dropped
    /// while a pong is under way is reset, and what its other end had not read yet is lost.
    pub(super) async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        let handshake = async {
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                while self.socket.recv().await.is_some_and(|message| message.is_ok()) {}
            }
        };
        let _ = timeout(self.stall.min(FAREWELL), handshake).await;
    }

    /// It takes nothing in: it gets a last chance to read why it is closed.
    async fn stalled(&mut self) -> Result<(), Gone> {
        self.close(close_code::AGAIN, "too slow").await;
        Err(Gone)
    }
}
