//! Those who place calls, act on them and answer them while the program is killed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use futures::{SinkExt as _, StreamExt as _};
use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_tungstenite::{connect_async, tungstenite::Message};

/// Customers, the more often the more of them there are. `None`: a number of the call's own, where the persona answers who
/// asks for a human, talks with one and hangs up.
const CUSTOMERS: [Option<&str>; 20] = [
    None,
    None,
    None,
    None,
    None,
    None,
    Some("+15550100003"), // asks in other words
    Some("+15550100004"), // says goodbye
    Some("+15550100005"), // accepts the offer of a human
    Some("+15550100007"), // is silent
    Some("+15550100007"),
    Some("+15550100007"),
    Some("+15550100010"), // never mind
    Some("+15550100012"), // hangs up while the agent talks
    Some("+15550100013"), // hangs up on hold
    Some("+15550100015"), // hangs up once merged
    Some("+15550100017"), // is busy
    Some("+15550100018"), // lets it ring
    Some("+15550100018"),
    Some("+15550100019"), // declines
];

/// Whom a customer who asks for a human may reach: says yes, presses 1, declines, does not answer, says nothing, is late, hangs
/// up first.
const SUPERVISORS: [&str; 9] = [
    "+15550100002",
    "+15550100002",
    "+15550100203",
    "+15550100204,+15550100002",
    "+15550100206,+15550100203",
    "+15550100207",
    "+15550100212",
    "+15550100215",
    "+15550100214",
];

/// What people do to calls; most of it is not possible in most phases.
const ACTS: [&str; 8] =
    ["escalate", "escalate", "escalate", "transfer/accept", "transfer/decline", "say", "claim", "hangup"];

pub fn supervisors(dice: &mut StdRng) -> &'static str {
    SUPERVISORS.choose(dice).unwrap()
}

/// A request to place a call.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: &'static str,
    pub key: Option<String>,
    pub number: String,
    /// No other request has it.
    pub name: String,
}

/// What it was answered with.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The call is placed.
    Acknowledged(String),
    /// It is not.
    Refused(String),
    /// Nothing: the program died.
    None,
}

impl Request {
    /// `name` tells it from all others; `own` is a number that nobody else has.
    pub fn random(dice: &mut StdRng, name: String, own: String) -> Self {
        let number = CUSTOMERS.choose(dice).unwrap().map_or(own, str::to_owned);
        let key = dice.random_bool(0.75).then(|| format!("key-of-{}", name.replace(' ', "-")));
        let path = if dice.random_bool(0.1) { "/calls/outbound" } else { "/calls/outbound-with-escalation" };
        Self { path, key, number, name }
    }

    pub async fn send(&self, http: &reqwest::Client, base: &str) -> Answer {
        let body = json!({"phone_number": self.number, "name": self.name});
        let mut post = http.post(format!("{base}{}", self.path)).json(&body);
        if let Some(key) = &self.key {
            post = post.header("Idempotency-Key", key);
        }
        let Ok(answer) = post.send().await else { return Answer::None };
        let status = answer.status();
        // An answer that was cut off is none.
        let Ok(body) = answer.json::<Value>().await else { return Answer::None };
        match body["details"]["call_id"].as_str() {
            Some(call) if status == 200 => Answer::Acknowledged(call.to_owned()),
            _ => Answer::Refused(format!("{status} {body}")),
        }
    }
}

/// Acts on a call, whether that is possible or not.
pub async fn act(http: &reqwest::Client, base: &str, call: &str, dice: &mut StdRng) {
    let act = ACTS.choose(dice).unwrap();
    let body = if *act == "say" { json!({"text": "One moment, please."}) } else { json!({}) };
    let answer = http.post(format!("{base}/calls/{call}/{act}")).json(&body).send().await;
    if let Ok(answer) = answer {
        let status = answer.status().as_u16();
        assert!([200, 409].contains(&status), "{act} is answered with {status}");
    }
}

/// Telephones, each of a number of its own, that count how often they ring: what the log says is one thing, whom the exchange
/// called another.
#[derive(Default)]
pub struct Phones {
    rings: Arc<Mutex<BTreeMap<String, usize>>>,
    open: Vec<JoinHandle<()>>,
}

impl Phones {
    /// Opens a phone that answers, or lets it ring.
    pub async fn open(&mut self, base: &str, number: &str, answers: bool) {
        let url = format!("{}/ws/phone?number={}", base.replace("http", "ws"), number.replace('+', "%2B"));
        let (mut socket, _) = connect_async(url).await.unwrap();
        let (rings, number) = (Arc::clone(&self.rings), number.to_owned());
        self.open.push(tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] == "ringing" {
                    *rings.lock().unwrap().entry(number.clone()).or_default() += 1;
                    let answer = Message::Text(json!({"type": "answer"}).to_string().into());
                    if answers && socket.send(answer).await.is_err() {
                        return;
                    }
                }
            }
        }));
    }

    /// Waits until all have noticed that the program is gone.
    pub async fn cut_off(&mut self) {
        for phone in self.open.drain(..) {
            phone.await.unwrap();
        }
    }

    /// Each of them that has rung, and how often.
    pub fn rings(&self) -> BTreeMap<String, usize> {
        self.rings.lock().unwrap().clone()
    }
}
