//! What a console was told, over however many connections: whoever is told something may rely on it.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle};
use tokio_tungstenite::tungstenite::Message;

use crate::program::Socket;

/// Everything that is known of the calls that may still change.
#[derive(Default)]
pub struct Told {
    /// The log's last event.
    pub last: u64,
    /// By call, in the log's order.
    pub calls: BTreeMap<String, Vec<Value>>,
    /// Those that are not over.
    pub open: BTreeSet<String>,
    /// Which call was placed for whom; every request has a name of its own.
    pub names: BTreeMap<String, String>,
    caught_up: bool,
}

impl Told {
    /// Whether all that had happened until the console came (back) is known.
    pub fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    /// Whether every call is known, and over.
    pub fn is_all_over(&self) -> bool {
        self.caught_up && self.open.is_empty()
    }

    /// The phases of the open calls.
    pub fn phases(&self) -> impl Iterator<Item = &str> {
        self.open.iter().map(|call| {
            let mut events = self.calls[call].iter().rev();
            events.find_map(|event| event["to"].as_str()).unwrap_or("queued")
        })
    }

    fn take(&mut self, message: &Message) {
        let Message::Text(text) = message else { return };
        let mut message: Value = serde_json::from_str(text).unwrap();
        match message["type"].as_str().unwrap() {
            "event" => self.event(message["event"].take()),
            // The first comes when everything that was missed has been told.
            "heartbeat" => self.caught_up = true,
            "snapshot" => assert_eq!(message["seq"], 0, "a snapshot in place of events"),
            other => panic!("a message of type {other}"),
        }
    }

    fn event(&mut self, event: Value) {
        assert_eq!(event["seq"].as_u64(), Some(self.last + 1), "no event is missing, none comes twice: {event}");
        self.last += 1;
        let call = event["call"].as_str().unwrap().to_owned();
        match event["type"].as_str().unwrap() {
            "call_placed" => {
                self.open.insert(call.clone());
                let name = event["name"].as_str().unwrap().to_owned();
                let before = self.names.insert(name, call.clone());
                assert_eq!(before, None, "a request has placed two calls: {event}");
            }
            "call_ended" => assert!(self.open.remove(&call), "it has ended before: {event}"),
            _ => {}
        }
        self.calls.entry(call).or_default().push(event);
    }
}

/// Listens until the connection breaks. What it was told before is what it goes on from.
pub fn follow(mut socket: Socket, told: watch::Sender<Told>) -> JoinHandle<()> {
    told.send_modify(|told| told.caught_up = false);
    tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            told.send_modify(|told| told.take(&message));
        }
    })
}
