//! Follows calls live, over the console's socket, without losing an event when the connection drops.

use std::{collections::HashMap, time::Duration};

use futures::StreamExt;
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error as SocketError, Message},
};
use warmline_api::{ConsoleMessage, EventPage};
use warmline_call::{CallId, CallView, EndReason, Event, Recorded};

use super::{Exit, Failure, client::Client, client::refused, lines, terminal::Terminal};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// A server that says nothing for so long is gone; heartbeats come every 15 s.
const SILENCE: Duration = Duration::from_secs(40);

/// How long a lost server is looked for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is followed.
#[derive(Debug)]
pub(super) enum Whom {
    /// One call, from its first event to its end.
    One(CallId),
    /// Every call, from now on, until Ctrl-C.
    All,
}

/// Follows until the call's end, or for ever. Ctrl-C ends the watching, not the call.
pub(super) async fn follow(whom: Whom, client: &Client, terminal: &Terminal) -> Result<Exit, Failure> {
    let calls_go_on = match &whom {
        Whom::One(call) => format!("stopped watching; the call goes on. 'warmline calls hangup {call}' ends it"),
        Whom::All => "stopped watching".to_owned(),
    };
    let mut watch = Watch { whom, client, terminal, seen: None, placed: HashMap::new() };
    tokio::select! {
        done = watch.run() => done,
        _ = tokio::signal::ctrl_c() => {
            terminal.note(&calls_go_on);
            Ok(Exit::Ok)
        }
    }
}

struct Watch<'a> {
    whom: Whom,
    client: &'a Client,
    terminal: &'a Terminal,
    /// The last event that was shown, or is known to be none of ours.
    seen: Option<u64>,
    /// When calls were placed, for the times beside the lines. Ended calls are forgotten.
    placed: HashMap<CallId, Timestamp>,
}

impl Watch<'_> {
    async fn run(&mut self) -> Result<Exit, Failure> {
        let mut lost: Option<Instant> = None;
        let mut pause = Duration::from_millis(300);
        loop {
            match self.connect().await {
                Ok(socket) => {
                    if lost.take().is_some() {
                        self.terminal.note("connected again, nothing was missed");
                    }
                    pause = Duration::from_millis(300);
                    if let Some(exit) = self.read(socket).await? {
                        return Ok(exit);
                    }
                    self.terminal.note("the connection was lost; connecting again…");
                }
                Err(failure) if self.seen.is_none() || failure.exit != Exit::Unreachable => return Err(failure),
                Err(failure) if lost.is_some_and(|at| at.elapsed() > PATIENCE) => return Err(failure),
                Err(_) => {}
            }
            lost.get_or_insert_with(Instant::now);
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    async fn connect(&self) -> Result<Socket, Failure> {
        let address = self.client.console(self.seen);
        let unreachable = |why: String| {
            Failure::new(Exit::Unreachable, format!("{address} can't be reached: {why}. Is 'warmline serve' running?"))
        };
        match timeout(Duration::from_secs(10), connect_async(&address)).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(SocketError::Http(answer))) => {
                let body = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                let status = reqwest::StatusCode::from_u16(answer.status().as_u16()).unwrap_or_default();
                Err(refused(status, &body))
            }
            Ok(Err(error)) => Err(unreachable(error.to_string())),
            Err(_) => Err(unreachable("it does not answer in time".to_owned())),
        }
    }

    /// Reads until the call is over (its exit) or the connection is lost (`None`).
    async fn read(&mut self, mut socket: Socket) -> Result<Option<Exit>, Failure> {
        loop {
            let text = match timeout(SILENCE, socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => text,
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return Ok(None),
                Ok(Some(Ok(_))) => continue,
            };
            // A newer server may send what this one does not know.
            let Ok(message) = serde_json::from_str::<ConsoleMessage>(&text) else { continue };
            let ended = match message {
                ConsoleMessage::Snapshot { seq, calls } => self.snapshot(seq, &calls).await?,
                ConsoleMessage::Event { event } => self.show(&event),
                ConsoleMessage::Heartbeat { .. } => None,
            };
            if ended.is_some() {
                return Ok(ended);
            }
        }
    }

    /// Of one call, all events up to now are fetched; of all calls, the open ones are listed.
    async fn snapshot(&mut self, seq: u64, calls: &[CallView]) -> Result<Option<Exit>, Failure> {
        let Whom::One(call) = &self.whom else {
            for view in calls.iter().filter(|v| v.end.is_none()) {
                self.placed.insert(view.call.clone(), view.placed_at);
                if self.terminal.json {
                    self.terminal.json_line(&serde_json::json!({"type": "call", "call": view}));
                } else {
                    self.terminal.say(&lines::summary(view, self.terminal.style));
                }
            }
            self.seen = Some(seq);
            return Ok(None);
        };
        let path = format!("calls/{call}/events");
        for _ in 0..10_000 {
            let page: EventPage = self.client.get(&path, &[("after", self.seen.unwrap_or(0).to_string())]).await?;
            if page.events.is_empty() {
                break;
            }
            for event in &page.events {
                if let Some(exit) = self.show(event) {
                    return Ok(Some(exit));
                }
            }
        }
        // Nothing of this call lies between its last event and the snapshot; those after it come by the socket.
        self.seen.get_or_insert(0);
        Ok(None)
    }

    /// Shows an event once; `Some` where the watched call is over with it.
    fn show(&mut self, recorded: &Recorded) -> Option<Exit> {
        if self.seen.is_some_and(|seen| recorded.seq <= seen) {
            return None;
        }
        self.seen = Some(recorded.seq);
        if matches!(&self.whom, Whom::One(call) if *call != recorded.call) {
            return None;
        }
        if matches!(recorded.event, Event::CallPlaced { .. }) {
            self.placed.insert(recorded.call.clone(), recorded.at);
        }
        if self.terminal.json {
            self.terminal.json_line(recorded);
        } else if let Some(line) = lines::event(recorded, &self.time(recorded), self.terminal.style) {
            self.terminal.say(&line);
        }
        let Event::CallEnded { reason, .. } = &recorded.event else { return None };
        self.placed.remove(&recorded.call);
        matches!(self.whom, Whom::One(_)).then(|| exit_of(*reason))
    }

    fn time(&self, recorded: &Recorded) -> String {
        match (&self.whom, self.placed.get(&recorded.call)) {
            (Whom::One(_), Some(placed)) => lines::offset(*placed, recorded.at),
            (Whom::One(_), None) => lines::time_of_day(recorded.at),
            (Whom::All, _) => {
                let id = recorded.call.as_str();
                format!("{} {}", lines::time_of_day(recorded.at), &id[id.len().saturating_sub(4)..])
            }
        }
    }
}

/// A call that people ended is done; one that the network or Warmline ended is not.
pub(super) fn exit_of(reason: EndReason) -> Exit {
    match reason {
        EndReason::Completed
        | EndReason::CustomerHungUp
        | EndReason::SupervisorHungUp
        | EndReason::OperatorHungUp
        | EndReason::MaxDuration => Exit::Ok,
        EndReason::Busy
        | EndReason::NoAnswer
        | EndReason::Declined
        | EndReason::InvalidNumber
        | EndReason::Unreachable
        | EndReason::Voicemail
        | EndReason::TrunkFailure
        | EndReason::MediaLost
        | EndReason::AgentFailure
        | EndReason::ServerStopped => Exit::Failure,
    }
}
