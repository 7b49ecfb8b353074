//! Fakes and helpers: voices are tones, so that who is heard where can be told by their pitch.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, stream::BoxStream};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use warmline_call::{CallId, LegFact, LegRef};
use warmline_exchange::{BrowserPhone, Exchange, ExchangeOptions, PhoneEvent, PhoneHandle};
use warmline_telephony::{Dial, Dialled, Ear, FRAME_SAMPLES, Frame, Heard, Room, Telephony};
pub(crate) use warmline_testing::amplitude;
use warmline_voice::{SpeechError, SpeechToText, TextToSpeech, Utterance, VoiceStyle};

pub(crate) const CUSTOMER: &str = "+4915550001";
pub(crate) const SUPERVISOR: &str = "+4915550002";

/// Understands the same words in everything.
pub(crate) struct FakeStt(pub(crate) &'static str);

#[async_trait]
impl SpeechToText for FakeStt {
    async fn recognise(&self, _: Utterance) -> Result<String, SpeechError> {
        Ok(self.0.to_owned())
    }

    fn understands(&self, _: &str) -> bool {
        true
    }
}

/// Speaks in syllables: 50 ms a character.
pub(crate) struct FakeTts;

impl TextToSpeech for FakeTts {
    fn speak(&self, sentence: &str, style: &VoiceStyle) -> BoxStream<'static, Result<Arc<[i16]>, SpeechError>> {
        let audio = syllables(400.0 + 100.0 * f64::from(style.voice), sentence.len() * 800);
        futures::stream::iter([Ok(Arc::from(audio))]).boxed()
    }

    fn speaks(&self, _: &str) -> bool {
        true
    }
}

pub(crate) fn exchange() -> Exchange {
    Exchange::new(options())
}

pub(crate) fn options() -> ExchangeOptions {
    ExchangeOptions::new(Arc::new(FakeStt("are you ready")), Arc::new(FakeTts))
}

pub(crate) fn call() -> CallId {
    CallId::from_bits(7)
}

pub(crate) async fn open(exchange: &Exchange) -> Arc<dyn Room> {
    exchange.open(&call()).await.unwrap()
}

pub(crate) fn to(leg: LegRef, number: &str) -> Dial {
    Dial {
        leg,
        number: number.into(),
        identity: format!("{leg:?}"),
        ring: Duration::from_secs(30),
        max_duration: Duration::from_secs(3600),
    }
}

/// The next fact of a dial, within two minutes.
pub(crate) async fn fact(progress: &mut mpsc::Receiver<LegFact>) -> Option<LegFact> {
    timeout(Duration::from_secs(120), progress.recv()).await.expect("nothing became of the dial")
}

/// Follows a dial until it is answered.
pub(crate) async fn answered(dialled: &mut Dialled) {
    assert_eq!(fact(&mut dialled.progress).await, Some(LegFact::Ringing));
    assert_eq!(fact(&mut dialled.progress).await, Some(LegFact::Answered));
}

/// A tone that starts at sample `from`.
pub(crate) fn tone(hz: f64, from: usize, samples: usize) -> Vec<i16> {
    warmline_testing::tone(hz, 4_000.0, from, samples)
}

/// A tone with a closure of 60 ms every 240 ms, so that it passes for speech.
pub(crate) fn syllables(hz: f64, samples: usize) -> Vec<i16> {
    let mut audio = tone(hz, 0, samples);
    for (n, sample) in audio.iter_mut().enumerate() {
        if n % 3_840 >= 2_880 {
            *sample = 0;
        }
    }
    audio
}

/// Whether a tone of [`tone`]'s loudness is in a frame.
pub(crate) fn has(frame: &Frame, hz: f64) -> bool {
    amplitude(frame, hz) > 2_000.0
}

/// Whether nothing at all of a tone is in a frame, beyond what μ-law adds.
pub(crate) fn lacks(frame: &Frame, hz: f64) -> bool {
    amplitude(frame, hz) < 120.0
}

/// A phone that answers, keeps what it hears and says a tone without end.
pub(crate) struct Talker {
    pub(crate) handle: PhoneHandle,
    pub(crate) heard: Arc<Mutex<Vec<Frame>>>,
    task: JoinHandle<()>,
}

impl Talker {
    pub(crate) fn on(phone: BrowserPhone, hz: f64) -> Self {
        let (handle, heard) = (phone.handle(), Arc::<Mutex<Vec<Frame>>>::default());
        let task = tokio::spawn(talk(phone, hz, Arc::clone(&heard)));
        Self { handle, heard, task }
    }

    pub(crate) fn heard(&self) -> Vec<Frame> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn talk(mut phone: BrowserPhone, hz: f64, heard: Arc<Mutex<Vec<Frame>>>) {
    let handle = phone.handle();
    let mut at = 0;
    loop {
        match phone.event().await {
            PhoneEvent::Ringing { .. } => handle.answer(),
            PhoneEvent::Answered => {}
            PhoneEvent::Ended { .. } => return,
            PhoneEvent::Audio(frame) => {
                heard.lock().unwrap().push(frame);
                handle.audio(tone(hz, at, FRAME_SAMPLES).try_into().unwrap());
                at += FRAME_SAMPLES;
            }
        }
    }
}

/// Keeps what comes from a leg.
pub(crate) fn keep(mut ear: Ear) -> Arc<Mutex<Vec<Heard>>> {
    let heard = Arc::<Mutex<Vec<Heard>>>::default();
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Some(thing) = ear.hear().await {
            kept.lock().unwrap().push(thing);
        }
    });
    heard
}

pub(crate) async fn pass(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}
