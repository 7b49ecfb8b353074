//! `/ws/console`: a snapshot or what was missed, then every event. Nothing is missed and nothing comes twice: the
//! socket subscribes first, then reads the log, and passes over what it has sent already.

use std::sync::Arc;

use axum::{
    extract::{
        State,
        ws::{Message, Utf8Bytes, close_code},
    },
    response::Response,
};
use tokio::{
    sync::broadcast::{
        Receiver,
        error::{RecvError, TryRecvError},
    },
    time::{MissedTickBehavior, interval},
};

use super::{
    Upgrade,
    peer::{Gone, Peer},
};
use crate::{
    http::{ApiError, AppState, Limits, Params},
    store::{Delivered, Store},
};

/// Messages that are sent with one system call, if there are so many.
const TOGETHER: usize = 64;

/// Events that are read from the log at a time.
const PAGE: usize = 500;

pub(crate) async fn open(
    State(state): State<AppState>,
    mut params: Params,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let after = params.number("after", 0, u64::MAX);
    params.done()?;
    let admitted = upgrade.admit(&state)?;
    Ok(admitted.open("console", async move |peer| {
        let store = state.calls.store().clone();
        let live = store.subscribe();
        let mut console = Console { peer, store, live, sent: 0, lags: 0, limits: state.limits };
        let Gone = console.serve(after).await;
    }))
}

struct Console {
    peer: Peer,
    store: Store,
    /// Subscribed before anything was read.
    live: Receiver<Arc<Delivered>>,
    /// The last event that the client has.
    sent: u64,
    lags: u32,
    limits: Limits,
}

impl Console {
    /// Serves the client until it is gone.
    async fn serve(&mut self, after: Option<u64>) -> Gone {
        match self.run(after).await {
            Ok(never) => match never {},
            Err(gone) => gone,
        }
    }

    async fn run(&mut self, after: Option<u64>) -> Result<std::convert::Infallible, Gone> {
        match after {
            Some(after) if self.can_catch_up(after) => self.catch_up(after).await?,
            _ => self.snapshot().await?,
        }
        let mut heartbeat = interval(self.limits.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = self.live.recv() => self.on_event(event).await?,
                _ = heartbeat.tick() => self.on_heartbeat().await?,
                message = self.peer.receive() => drop(message?),
            }
        }
    }

    /// Whether the log has all that the client missed, and it is not too much.
    fn can_catch_up(&self, after: u64) -> bool {
        let seq = self.store.seq();
        after <= seq && seq - after <= self.limits.catch_up
    }

    async fn snapshot(&mut self) -> Result<(), Gone> {
        let (seq, json) = self.store.snapshot_json();
        self.sent = seq;
        self.peer.send(Message::Text(json)).await
    }

    async fn catch_up(&mut self, after: u64) -> Result<(), Gone> {
        self.sent = after;
        while self.sent < self.store.seq() {
            let Ok(missed) = self.store.messages_after(self.sent, PAGE).await else {
                return self.snapshot().await;
            };
            if missed.is_empty() {
                return self.snapshot().await;
            }
            for (seq, json) in missed {
                self.pass_on(seq, json).await?;
            }
            self.peer.flush().await?;
        }
        Ok(())
    }

    /// Puts an event in line, unless the client has it.
    async fn pass_on(&mut self, seq: u64, json: Utf8Bytes) -> Result<(), Gone> {
        if seq <= self.sent {
            return Ok(());
        }
        self.sent = seq;
        self.peer.feed(Message::Text(json)).await
    }

    async fn on_event(&mut self, event: Result<Arc<Delivered>, RecvError>) -> Result<(), Gone> {
        let mut next = event.map_err(|error| match error {
            RecvError::Lagged(missed) => TryRecvError::Lagged(missed),
            RecvError::Closed => TryRecvError::Closed,
        });
        let mut together = 0;
        loop {
            match next {
                Ok(delivered) => self.pass_on(delivered.recorded.seq, delivered.json.clone()).await?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Lagged(_)) => return self.on_lag().await,
                Err(TryRecvError::Closed) => {
                    self.peer.close(close_code::AWAY, "Warmline is stopping").await;
                    return Err(Gone);
                }
            }
            together += 1;
            // Whatever is taken from the channel has to be passed on: stop before taking, not after.
            if together == TOGETHER {
                break;
            }
            next = self.live.try_recv();
        }
        self.peer.flush().await
    }

    /// The client is so far behind that events were dropped: it starts over, or, if that keeps happening, elsewhere.
    async fn on_lag(&mut self) -> Result<(), Gone> {
        self.lags += 1;
        if self.lags > self.limits.lags {
            self.peer.close(close_code::AGAIN, "too slow").await;
            return Err(Gone);
        }
        self.live = self.store.subscribe();
        self.snapshot().await
    }

    async fn on_heartbeat(&mut self) -> Result<(), Gone> {
        let seq = self.sent;
        self.peer.feed(Message::Text(format!(r#"{{"type":"heartbeat","seq":{seq}}}"#).into())).await?;
        self.peer.ping().await
    }
}
