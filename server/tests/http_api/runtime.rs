//! The real call runtime with the real exchange, in virtual time: without speech, and on a disk that fails when it is told to.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::Router;
use futures::{StreamExt as _, stream::BoxStream};
use tokio::time::{Instant, sleep};
use warmline::{
    calls::{Calls, NotReady, Order, Parts, Placed, Policy},
    http::{AppState, router},
    store::{
        Store, StoreOptions,
        testing::{Fault, MemoryDisk},
    },
};
use warmline_call::{CallId, CallView, OperatorAction, Phase, Private, Timers, VoicemailPolicy};
use warmline_exchange::{Exchange, ExchangeOptions, PhoneEvent};
use warmline_telephony::{Clock, Telephony};
use warmline_voice::{Speech, SpeechError, SpeechToText, TextToSpeech, Utterance, VoiceStyle};

pub(crate) const CUSTOMER: &str = "+15550100031";
pub(crate) const SUPERVISOR: &str = "+15550100032";

/// Hears nothing.
struct Deaf;

#[async_trait]
impl SpeechToText for Deaf {
    async fn recognise(&self, _: Utterance) -> Result<String, SpeechError> {
        Ok(String::new())
    }

    fn understands(&self, _: &str) -> bool {
        true
    }
}

/// Says everything in a tenth of a second of silence.
struct Mute;

impl TextToSpeech for Mute {
    fn speak(&self, _: &str, _: &VoiceStyle) -> BoxStream<'static, Result<Arc<[i16]>, SpeechError>> {
        futures::stream::iter([Ok(Arc::from(vec![0; 1_600]))]).boxed()
    }

    fn speaks(&self, _: &str) -> bool {
        true
    }
}

/// A program, and the two people with their phones: both answer when it rings, unless the test wants them to wait.
pub(crate) struct Office {
    pub(crate) calls: Calls,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) disk: MemoryDisk,
}

/// What differs from test to test.
pub(crate) struct Wishes {
    pub(crate) max_calls: usize,
    pub(crate) ready: Result<(), NotReady>,
    /// Who answers.
    pub(crate) answering: &'static [&'static str],
    pub(crate) timers: Timers,
    /// What is wrong with the disk from when it was opened on.
    pub(crate) fault: Option<Fault>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            max_calls: 10,
            ready: Ok(()),
            answering: &[CUSTOMER, SUPERVISOR],
            timers: Timers::default(),
            fault: None,
        }
    }
}

impl Office {
    pub(crate) async fn new() -> Self {
        Self::with(Wishes::default(), |exchange| exchange).await
    }

    /// One whose calls are placed over something in front of the exchange.
    pub(crate) async fn with(wishes: Wishes, front: impl FnOnce(Arc<Exchange>) -> Arc<dyn Telephony>) -> Self {
        Self::on(MemoryDisk::new(), wishes, front).await
    }

    /// One with the log that is on that disk.
    pub(crate) async fn on(
        disk: MemoryDisk,
        wishes: Wishes,
        front: impl FnOnce(Arc<Exchange>) -> Arc<dyn Telephony>,
    ) -> Self {
        let store = Store::open_on(Arc::new(disk.clone()), StoreOptions::default()).await.unwrap();
        disk.set(wishes.fault);
        let speech = Speech { stt: Arc::new(Deaf), tts: Arc::new(Mute), model: None };
        let options = ExchangeOptions::new(Arc::clone(&speech.stt), Arc::clone(&speech.tts));
        let exchange = Arc::new(Exchange::new(options));
        for number in [CUSTOMER, SUPERVISOR] {
            let mut phone = exchange.register_phone(number).unwrap();
            let answers = wishes.answering.contains(&number);
            tokio::spawn(async move {
                loop {
                    if matches!(phone.event().await, PhoneEvent::Ringing { .. }) && answers {
                        phone.handle().answer();
                    }
                }
            });
        }
        let readiness = tokio::sync::watch::channel(wishes.ready).1;
        let calls = Calls::start(Parts {
            store,
            telephony: front(Arc::clone(&exchange)),
            exchange: Some(Arc::clone(&exchange)),
            speech,
            readiness: vec![readiness],
            hold_music: Arc::from(vec![0; 16_000]),
            policy: Policy {
                supervisors: vec![SUPERVISOR.parse().unwrap()],
                language: "en".into(),
                emotion: "Calm".into(),
                instructions: String::new(),
                caller_name: None,
                timers: wishes.timers,
                voicemail: VoicemailPolicy::default(),
                max_calls: wishes.max_calls,
            },
            clock: Clock::start(),
        })
        .await
        .unwrap();
        Self { calls, exchange, disk }
    }

    pub(crate) fn app(&self) -> Router {
        router(AppState::new(self.calls.clone()))
    }

    pub(crate) async fn place(&self) -> CallId {
        match self.calls.place(order(CUSTOMER)).await.unwrap() {
            Placed::New(details) => details.call_id.parse().unwrap(),
            other => panic!("not placed: {other:?}"),
        }
    }

    pub(crate) async fn view(&self, call: &CallId) -> CallView {
        self.calls.store().view(call).await.unwrap()
    }

    /// Waits, in virtual time, until the call is in that phase, whether the log has it or not.
    pub(crate) async fn until(&self, call: &CallId, phase: Phase) -> CallView {
        let limit = Instant::now() + Duration::from_secs(120);
        loop {
            let view = self.view(call).await;
            if view.phase == phase {
                return view;
            }
            assert!(Instant::now() < limit, "{phase} did not come: {view:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn act(&self, call: &CallId, action: OperatorAction) -> CallView {
        self.calls.act(call, action, "Ann".into()).await.unwrap()
    }

    pub(crate) async fn escalate(&self, call: &CallId) -> CallView {
        self.act(call, OperatorAction::Escalate { reason: "a refund".into() }).await
    }
}

pub(crate) fn order(number: &str) -> Order {
    Order {
        phone: number.parse().unwrap(),
        original_input: Private::from(number),
        name: None,
        dynamic_instruction: None,
        language: "en".into(),
        emotion: "Calm".into(),
        escalation: true,
        idempotency: None,
    }
}

/// An order with an idempotency key.
pub(crate) fn keyed(key: &str) -> Order {
    Order { idempotency: Some((key.to_owned(), "the same body".to_owned())), ..order(CUSTOMER) }
}
