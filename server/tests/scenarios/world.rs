//! A Warmline of its own for each test, in virtual time: real speech, the real exchange, real personas, a real store.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use warmline::{
    calls::{ActError, Calls, Order, Parts, Placed, Policy},
    store::{Store, StoreOptions},
};
use warmline_call::{
    CallId, CallView, Event, OperatorAction, Phase, Private, Recorded, Rejected, Speaker, Timers, VoicemailPolicy,
};
use warmline_exchange::{Exchange, ExchangeOptions, Personas};
use warmline_speech_local::{LocalSpeech, LocalStt, LocalTts, models};
use warmline_telephony::{Clock, HoldMusic, Telephony};
use warmline_voice::Speech;

/// A program with its exchange, for one test.
pub struct World {
    pub calls: Calls,
    pub exchange: Arc<Exchange>,
    pub stt: Arc<LocalStt>,
    pub tts: Arc<LocalTts>,
    pub music: Arc<[i16]>,
    dir: Arc<tempfile::TempDir>,
}

/// A line of a persona's, as the exchange writes it down beside the recordings.
#[derive(serde::Deserialize)]
pub struct PersonaLine {
    pub text: String,
    /// In samples of the recording.
    pub end: usize,
}

/// What differs from test to test.
pub struct Wishes {
    pub supervisors: Vec<&'static str>,
    pub timers: Timers,
    pub voicemail: VoicemailPolicy,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { supervisors: vec!["+15550100002"], timers: Timers::default(), voicemail: VoicemailPolicy::default() }
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(Wishes::default()).await
    }

    pub async fn supervised_by(supervisors: &[&'static str]) -> Self {
        Self::with(Wishes { supervisors: supervisors.to_vec(), ..Wishes::default() }).await
    }

    pub async fn with(wishes: Wishes) -> Self {
        Self::at(Arc::new(tempfile::tempdir().unwrap()), wishes).await
    }

    /// A program with its store and recordings in that folder: after a first one there, the same program started again.
    pub async fn at(dir: Arc<tempfile::TempDir>, wishes: Wishes) -> Self {
        Self::build(dir, wishes, |exchange| exchange).await
    }

    /// A program that places its calls over something in front of the exchange.
    pub async fn over(wishes: Wishes, front: impl FnOnce(Arc<Exchange>) -> Arc<dyn Telephony>) -> Self {
        Self::build(Arc::new(tempfile::tempdir().unwrap()), wishes, front).await
    }

    async fn build(
        dir: Arc<tempfile::TempDir>,
        wishes: Wishes,
        front: impl FnOnce(Arc<Exchange>) -> Arc<dyn Telephony>,
    ) -> Self {
        let (stt, tts) = speech().await;
        let url = format!("sqlite://{}", dir.path().join("warmline.db").display());
        let store = Store::open_with(&url, StoreOptions { hold_time: true, fsync: false, ..StoreOptions::default() })
            .await
            .unwrap();
        let speech = Speech { stt: stt.clone(), tts: tts.clone(), model: None };
        let exchange = Arc::new(Exchange::new(ExchangeOptions {
            personas: Personas::built_in(),
            record: Some(dir.path().join("recordings")),
            ..ExchangeOptions::new(stt.clone(), tts.clone())
        }));
        let music = HoldMusic::ours().track();
        let policy = Policy {
            supervisors: wishes.supervisors.iter().map(|number| number.parse().unwrap()).collect(),
            language: "en".into(),
            emotion: "Calm".into(),
            instructions: "You are a helpful customer support agent for LiveKit.".into(),
            caller_name: None,
            timers: wishes.timers,
            voicemail: wishes.voicemail,
            max_calls: 10,
        };
        let calls = Calls::start(Parts {
            store,
            telephony: front(exchange.clone()),
            exchange: Some(exchange.clone()),
            speech,
            readiness: Vec::new(),
            hold_music: music.clone(),
            policy,
            clock: Clock::start(),
        })
        .await
        .unwrap();
        Self { calls, exchange, stt, tts, music, dir }
    }

    /// Places a call with escalation.
    pub async fn call(&self, number: &str) -> CallId {
        self.place(order(number)).await
    }

    pub async fn place(&self, order: Order) -> CallId {
        match self.calls.place(order).await.unwrap() {
            Placed::New(details) => details.call_id.parse().unwrap(),
            other => panic!("not placed: {other:?}"),
        }
    }

    /// Waits until the call looks like that. Fails the test, with the whole call, should it end before.
    pub async fn until(&self, call: &CallId, what: &str, enough: impl Fn(&CallView) -> bool) -> CallView {
        let mut events = self.calls.store().subscribe();
        let limit = tokio::time::Instant::now() + Duration::from_secs(600);
        loop {
            let view = self.calls.store().view(call).await.unwrap();
            if enough(&view) {
                return view;
            }
            assert!(view.end.is_none(), "the call ended before '{what}':\n{}", self.story(call).await);
            let next = tokio::time::timeout_at(limit, events.recv()).await;
            assert!(next.is_ok(), "'{what}' did not come in 10 minutes:\n{}", self.story(call).await);
        }
    }

    pub async fn until_phase(&self, call: &CallId, phase: Phase) -> CallView {
        self.until(call, phase.as_str(), |view| view.phase == phase).await
    }

    pub async fn ended(&self, call: &CallId) -> CallView {
        let ended = tokio::time::timeout(Duration::from_secs(600), self.calls.ended(call)).await;
        match ended {
            Ok(view) => view.unwrap(),
            Err(_) => panic!("the call did not end in 10 minutes:\n{}", self.story(call).await),
        }
    }

    /// The only call, as soon as it is written down.
    pub async fn until_placed(&self) -> CallId {
        let mut events = self.calls.store().subscribe();
        loop {
            if let Some(view) = self.calls.store().snapshot().1.into_iter().next() {
                return view.call;
            }
            tokio::time::timeout(Duration::from_secs(60), events.recv()).await.unwrap().unwrap();
        }
    }

    /// Lets an operator act.
    pub async fn act(&self, call: &CallId, action: OperatorAction) -> Result<CallView, Rejected> {
        match self.calls.act(call, action, "console".into()).await {
            Ok(view) => Ok(view),
            Err(ActError::Rejected(rejected)) => Err(rejected),
            Err(ActError::Unknown) => panic!("an open call is unknown"),
        }
    }

    /// Lets an operator escalate as soon as the customer has answered: the short way to a supervisor.
    pub async fn escalated(&self, number: &str) -> CallId {
        let call = self.call(number).await;
        self.until_phase(&call, Phase::Conversing).await;
        self.act(&call, OperatorAction::Escalate { reason: Private::from("a refund") }).await.unwrap();
        call
    }

    /// Waits until the agent has said that to the customer, as far as the transcript knows.
    pub async fn until_said(&self, call: &CallId, text: &str) -> CallView {
        self.until(call, text, |view| has_said(view, Speaker::Agent, text)).await
    }

    pub async fn events(&self, call: &CallId) -> Vec<Recorded> {
        self.calls.store().events(call, 0).await.unwrap()
    }

    /// The phases, in order, without the first (`queued`).
    pub async fn phases(&self, call: &CallId) -> Vec<Phase> {
        let phase = |recorded: &Recorded| match recorded.event {
            Event::PhaseChanged { to, .. } => Some(to),
            _ => None,
        };
        self.events(call).await.iter().filter_map(phase).collect()
    }

    /// The events as a person would read them, for a failing test.
    pub async fn story(&self, call: &CallId) -> String {
        let mut story = String::new();
        for recorded in self.events(call).await {
            let event = serde_json::to_string(&recorded.event).unwrap();
            if !event.contains(r#""final":false"#) {
                story.push_str(&format!("{:.1} {event}\n", recorded.at));
            }
        }
        story
    }

    /// What a phone heard (`heard`) or said (`said`), 16 kHz. `leg` as in the exchange's file names.
    pub async fn recording(&self, call: &CallId, leg: &str, what: &str) -> Vec<i16> {
        self.exchange.recorded().await;
        read_wav(&self.recordings().join(format!("{call}-{leg}-{what}.wav")))
    }

    /// What the persona at a phone really said, in order.
    pub async fn lines(&self, call: &CallId, leg: &str) -> Vec<PersonaLine> {
        self.exchange.recorded().await;
        let path = self.recordings().join(format!("{call}-{leg}-lines.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_str(&text).unwrap()
    }

    pub fn recordings(&self) -> PathBuf {
        self.dir.path().join("recordings")
    }
}

/// Whether the transcript has somebody say that, to its end.
pub fn has_said(view: &CallView, who: Speaker, text: &str) -> bool {
    view.transcript.iter().any(|l| l.speaker == who && l.r#final && l.text.reveal().contains(text))
}

/// An order for a call with escalation, as the guide's example has it.
pub fn order(number: &str) -> Order {
    Order {
        phone: number.parse().unwrap(),
        original_input: Private::from(number),
        name: Some(Private::from("John Doe")),
        dynamic_instruction: Some(Private::from(
            "You are calling to follow up on a support ticket about login issues.",
        )),
        language: "en".into(),
        emotion: "Calm".into(),
        escalation: true,
        idempotency: None,
    }
}

/// The models, fetched if they are not there yet.
pub async fn speech() -> (Arc<LocalStt>, Arc<LocalTts>) {
    tokio::task::spawn_blocking(|| {
        let dir = models::default_dir();
        let store = models::ModelStore::new(&dir);
        if !store.ready() {
            store.pull(|_| {}).unwrap();
        }
        LocalSpeech::load(&dir).unwrap()
    })
    .await
    .unwrap()
}

pub fn read_wav(path: &Path) -> Vec<i16> {
    let reader = hound::WavReader::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(reader.spec().sample_rate, 16_000, "{}", path.display());
    reader.into_samples().map(Result::unwrap).collect()
}
