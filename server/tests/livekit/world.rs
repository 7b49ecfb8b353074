//! The program over a livekit-server and a carrier that outlives it, as a real one does. What happens is followed over
//! `/ws/console`; what the phones heard is on disk when a leg has ended.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::AbortOnDropHandle;
use warmline_exchange::{Exchange, ExchangeOptions, PhoneEvent, PhoneHandle};
use warmline_livekit::services::{Project, Services};
use warmline_livekit_telephony::carrier::{Carrier, CarrierOptions};
use warmline_speech_local::{LocalSpeech, LocalStt, LocalTts, models};
use warmline_telephony::FRAME_SAMPLES;
use warmline_voice::{TextToSpeech, VoiceStyle};

use crate::{
    audio::words,
    program::{Program, Socket},
    server::{KEY, SECRET, Server},
};

pub const TRUNK: &str = "ST_test";
pub const CUSTOMER: &str = "+15550100001";
pub const SILENT: &str = "+15550100007";
pub const SUPERVISOR: &str = "+15550100002";

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub type More<'a> = &'a [(&'static str, &'a str)];

/// The settings for that server; later ones win.
pub fn settings(server: &Server, more: More<'_>) -> Vec<(&'static str, String)> {
    let mut all = BTreeMap::from([
        ("LIVEKIT_URL", server.url()),
        ("LIVEKIT_API_KEY", KEY.to_owned()),
        ("LIVEKIT_API_SECRET", SECRET.to_owned()),
        ("LIVEKIT_SUPERVISOR_PHONE_NUMBER", SUPERVISOR.to_owned()),
    ]);
    all.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    all.into_iter().collect()
}

pub struct World {
    pub program: Program,
    pub carrier: Carrier,
    pub exchange: Exchange,
    pub services: Services,
    pub server: Server,
    pub stt: Arc<LocalStt>,
    tts: Arc<LocalTts>,
    recordings: tempfile::TempDir,
}

impl World {
    pub async fn new(more: More<'_>) -> Self {
        Self::on(Server::start().await, more).await
    }

    pub async fn on(server: Server, more: More<'_>) -> Self {
        let load = || LocalSpeech::load(models::default_dir()).unwrap();
        let (stt, tts) = tokio::task::spawn_blocking(load).await.unwrap();
        let recordings = tempfile::tempdir().unwrap();
        let exchange = Exchange::new(ExchangeOptions {
            record: Some(recordings.path().to_owned()),
            ..ExchangeOptions::new(stt.clone() as Arc<_>, tts.clone() as Arc<_>)
        });
        let project = Project { url: server.url(), key: KEY.to_owned(), secret: SECRET.into() };
        let options = CarrierOptions {
            server: project.clone(),
            exchange: exchange.clone(),
            trunk: TRUNK.to_owned(),
            from_number: "+15550100000".to_owned(),
        };
        let carrier = Carrier::start(([127, 0, 0, 1], 0).into(), options).await.unwrap();
        let url = carrier.url();
        let own = [("WARMLINE_LIVEKIT_API_URL", url.as_str()), ("LIVEKIT_SIP_OUTBOUND_TRUNK", TRUNK)];
        let program = Program::start_with(settings(&server, &[&own, more].concat())).await;
        program.ready().await;
        Self { program, carrier, exchange, services: Services::new(project), server, stt, tts, recordings }
    }

    /// Starts the program again with other settings.
    pub async fn restart_with(&mut self, more: More<'_>) {
        self.program.kill().await;
        self.program.set(more);
        self.program.restart().await;
        self.program.ready().await;
    }

    /// Places a call and follows it from its first event.
    pub async fn place(&self, number: &str) -> Story {
        Story::begin(&self.program, number).await
    }

    /// A telephone that answers and says what it is given.
    pub fn phone(&self, number: &str) -> Phone {
        let mut phone = self.exchange.register_phone(number).unwrap();
        let (handle, queue) = (phone.handle(), Arc::<Mutex<VecDeque<i16>>>::default());
        let (answers, says) = (handle.clone(), Arc::clone(&queue));
        let task = tokio::spawn(async move {
            loop {
                match phone.event().await {
                    PhoneEvent::Ringing { .. } => answers.answer(),
                    PhoneEvent::Answered | PhoneEvent::Ended { .. } => {}
                    // It hears a frame every 20 ms, and says one.
                    PhoneEvent::Audio(_) => {
                        let mut queue = says.lock().unwrap();
                        let frame = std::array::from_fn(|_| queue.pop_front().unwrap_or_default());
                        answers.audio(frame);
                    }
                }
            }
        });
        Phone { handle, queue, task: AbortOnDropHandle::new(task) }
    }

    /// A sentence in another voice than the agent's.
    pub async fn speak(&self, sentence: &str) -> Vec<i16> {
        let style = VoiceStyle { language: "en".into(), emotion: "Calm".into(), voice: 3 };
        let chunks: Vec<_> = self.tts.speak(sentence, &style).collect().await;
        chunks.into_iter().flat_map(|chunk| chunk.unwrap().to_vec()).collect()
    }

    /// A call whose customer says nothing and is escalated from the console.
    pub async fn escalated(&self) -> Story {
        let mut story = self.place(SILENT).await;
        story.until_phase("conversing").await;
        self.act(&story, "escalate", json!({"reason": "a refund"})).await;
        story
    }

    pub async fn act(&self, story: &Story, action: &str, body: Value) -> Value {
        self.program.post(&format!("/calls/{}/{action}", story.call), body).await
    }

    pub async fn view(&self, story: &Story) -> Value {
        self.program.get(&format!("/calls/{}", story.call)).await
    }

    /// What a phone heard: `customer`, `supervisor-1`.
    pub async fn heard(&self, story: &Story, leg: &str) -> Vec<i16> {
        self.exchange.recorded().await;
        let path = self.recordings.path().join(format!("{}-{leg}-heard.wav", story.call));
        let reader = hound::WavReader::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        reader.into_samples().map(Result::unwrap).collect()
    }

    pub async fn words(&self, story: &Story, leg: &str) -> String {
        words(&self.stt, &self.heard(story, leg).await).await
    }

    /// What the persona at a phone said, in order.
    pub async fn lines(&self, story: &Story, leg: &str) -> Vec<Value> {
        self.exchange.recorded().await;
        let path = self.recordings.path().join(format!("{}-{leg}-lines.json", story.call));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Waits until the customer is in the call's room (again), and hears the agent there.
    pub async fn until_back(&self, story: &Story) {
        let customer = format!("{}-customer", story.call);
        let back = async {
            while self.services.participant(&story.call, &customer).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(30), back).await.expect("the customer's leg is back");
    }

    /// Waits until nothing is left of a call on the server nor at a phone.
    pub async fn until_gone(&self, story: &Story) {
        let rooms = vec![story.call.clone(), format!("{}-supervisor", story.call)];
        let gone = async {
            while !self.services.list_rooms(rooms.clone()).await.unwrap().is_empty() || self.exchange.open_rooms() > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(30), gone).await.expect("the call's rooms are closed and the phones free");
    }
}

/// A telephone of the test's own.
pub struct Phone {
    pub handle: PhoneHandle,
    queue: Arc<Mutex<VecDeque<i16>>>,
    task: AbortOnDropHandle<()>,
}

impl Phone {
    pub fn say(&self, audio: &[i16]) {
        let padded = audio.len().next_multiple_of(FRAME_SAMPLES);
        let mut queue = self.queue.lock().unwrap();
        queue.extend(audio.iter().copied().chain(std::iter::repeat_n(0, padded - audio.len())));
    }
}

/// One call's events, as a console sees them.
pub struct Story {
    socket: Socket,
    pub call: String,
    pub events: Vec<Value>,
}

impl Story {
    pub async fn begin(program: &Program, number: &str) -> Self {
        let body = json!({"phone_number": number, "name": "John Doe"});
        let answer = program.post("/calls/outbound-with-escalation", body).await;
        assert_eq!(answer["status"], "success", "{answer}");
        let call = answer["details"]["call_id"].as_str().unwrap().to_owned();
        Self { call, ..Self::listen(program).await }
    }

    /// For a call that is not placed yet.
    pub async fn listen(program: &Program) -> Self {
        let socket = program.socket("/ws/console?after=0").await;
        Self { socket, call: String::new(), events: Vec::new() }
    }

    /// The first event that is so, among those seen or still to come.
    pub async fn until(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut at = 0;
        loop {
            if let Some(event) = self.events[at..].iter().find(|event| is_it(event)) {
                return event.clone();
            }
            at = self.events.len();
            let over = self.events.iter().any(|event| event["type"] == "call_ended");
            assert!(!over, "the call ended before '{what}': {}", self.told());
            match tokio::time::timeout_at(deadline, self.socket.next()).await {
                Ok(message) => self.take(message.unwrap().unwrap()),
                Err(_) => panic!("not '{what}' within two minutes: {}", self.told()),
            }
        }
    }

    pub async fn until_phase(&mut self, phase: &str) -> Value {
        self.until(phase, |event| event["type"] == "phase_changed" && event["to"] == phase).await
    }

    pub async fn until_ended(&mut self) -> Value {
        self.until("ended", |event| event["type"] == "call_ended").await
    }

    /// Goes on with a program that was started again, without missing an event.
    pub async fn reconnect(&mut self, program: &Program) {
        let after = self.events.last().and_then(|event| event["seq"].as_u64()).unwrap_or(0);
        self.socket = program.socket(&format!("/ws/console?after={after}")).await;
    }

    fn take(&mut self, message: Message) {
        let Message::Text(text) = message else { return };
        let mut message: Value = serde_json::from_str(&text).unwrap();
        assert_ne!(message["type"], "snapshot", "a snapshot in place of events");
        if message["type"] == "event" {
            let event = message["event"].take();
            let last = self.events.last().map_or(0, |event| event["seq"].as_u64().unwrap());
            assert_eq!(event["seq"].as_u64(), Some(last + 1), "the only call's events have no gaps");
            self.events.push(event);
        }
    }

    /// From the customer's answer to the phase's beginning, in seconds.
    pub fn since_answer(&self, phase: &str) -> f64 {
        let at = |event: &Value| event["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let leg = self.events.iter().find(|e| e["leg"] == "customer" && e["state"] == "answered").unwrap();
        let begun = self.events.iter().find(|e| e["type"] == "phase_changed" && e["to"] == phase).unwrap();
        at(begun).duration_since(at(leg)).as_secs_f64()
    }

    pub fn phases(&self) -> Vec<&str> {
        let changes = self.events.iter().filter(|event| event["type"] == "phase_changed");
        changes.map(|event| event["to"].as_str().unwrap()).collect()
    }

    pub fn said(&self, side: &str, speaker: &str) -> Vec<&str> {
        let lines = self.events.iter().filter(|e| e["type"] == "utterance" && e["final"] == true);
        let lines = lines.filter(|line| line["side"] == side && line["speaker"] == speaker);
        lines.map(|line| line["text"].as_str().unwrap()).collect()
    }

    /// The events as a person would read them, for a failing test.
    pub fn told(&self) -> String {
        let whole = self.events.iter().filter(|event| event["final"] != false);
        whole.map(|event| format!("\n{event}")).collect()
    }
}
