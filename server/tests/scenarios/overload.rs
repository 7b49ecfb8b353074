//! Calls are taken on as long as speech can carry them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use warmline::{
    calls::{Calls, Parts, PlaceError, Placed, Policy},
    store::{Store, StoreOptions},
};
use warmline_call::{Timers, VoicemailPolicy};
use warmline_exchange::{Exchange, ExchangeOptions};
use warmline_telephony::{Clock, HoldMusic};
use warmline_voice::{Load, Speech, SpeechError, SpeechToText, TextToSpeech, Utterance, VoiceStyle};

use crate::world::order;

/// Speech that is as busy as a test wants it.
#[derive(Default)]
struct Busy(Mutex<Load>);

#[async_trait]
impl SpeechToText for Busy {
    async fn recognise(&self, _: Utterance) -> Result<String, SpeechError> {
        Ok(String::new())
    }

    fn understands(&self, _: &str) -> bool {
        true
    }

    fn load(&self) -> Load {
        *self.0.lock().unwrap()
    }
}

impl TextToSpeech for Busy {
    fn speak(&self, _: &str, _: &VoiceStyle) -> BoxStream<'static, Result<Arc<[i16]>, SpeechError>> {
        stream::iter([Ok(Arc::from([1; 16_000]))]).boxed()
    }

    fn speaks(&self, _: &str) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_speech_can_not_carry_is_refused_and_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let busy = Arc::new(Busy::default());
    let exchange = Arc::new(Exchange::new(ExchangeOptions::new(busy.clone(), busy.clone())));
    let calls = Calls::start(Parts {
        store: Store::open_with(
            &format!("sqlite://{}", dir.path().join("warmline.db").display()),
            StoreOptions { hold_time: true, fsync: false, ..StoreOptions::default() },
        )
        .await
        .unwrap(),
        telephony: exchange.clone(),
        exchange: Some(exchange.clone()),
        speech: Speech { stt: busy.clone(), tts: busy.clone(), model: None },
        readiness: Vec::new(),
        hold_music: HoldMusic::ours().track(),
        policy: Policy {
            supervisors: Vec::new(),
            language: "en".into(),
            emotion: "Calm".into(),
            instructions: String::new(),
            caller_name: None,
            timers: Timers::default(),
            voicemail: VoicemailPolicy::default(),
            max_calls: 100,
        },
        clock: Clock::start(),
    })
    .await
    .unwrap();
    let place = || calls.place(order("+15550299001"));
    let becomes = |load| *busy.0.lock().unwrap() = load;
    let overloaded = Load { workers: 2, calls: Some(10), overloaded: true, ..Load::default() };

    becomes(overloaded);
    let refused = place().await;
    assert!(matches!(refused, Err(PlaceError::Overloaded { retry_after_s: 1.. })), "{refused:?}");
    assert!(calls.store().snapshot().1.is_empty() && calls.open_count() == 0);

    // Nobody waits, but the open calls take all that there is.
    becomes(Load { overloaded: false, calls: Some(2), ..overloaded });
    let _phones: Vec<_> = (0..3).map(|n| exchange.register_phone(&format!("+1555029900{n}")).unwrap()).collect();
    for _ in 0..2 {
        assert!(matches!(place().await, Ok(Placed::New(_))));
    }
    assert!(matches!(place().await, Err(PlaceError::Overloaded { .. })));
    becomes(Load { overloaded: false, calls: Some(3), ..overloaded });
    assert!(matches!(place().await, Ok(Placed::New(_))));
}
