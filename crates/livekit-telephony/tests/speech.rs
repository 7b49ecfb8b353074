//! A persona with real speech, through a real livekit-server: what the agent hears is understood.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test program"
)]

#[path = "calls/common/mod.rs"]
mod common;

use std::sync::Arc;

use common::*;
use futures::StreamExt;
use warmline_call::LegRef;
use warmline_exchange::{DEFAULT_CUSTOMER, ExchangeOptions};
use warmline_speech_local::{LocalSpeech, models};
use warmline_telephony::{Heard, Telephony};
use warmline_voice::{Expect, SpeechToText, TextToSpeech, Urgency, Utterance, VoiceStyle};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_persona_says_is_understood_by_the_agent() {
    let load = tokio::task::spawn_blocking(|| {
        let dir = models::default_dir();
        let store = models::ModelStore::new(&dir);
        if !store.ready() {
            store.pull(|_| {}).unwrap();
        }
        LocalSpeech::load(&dir).unwrap()
    });
    let (stt, tts) = load.await.unwrap();
    let world = World::with(ExchangeOptions::new(stt.clone(), tts.clone())).await;
    let room = world.livekit.open(&call()).await.unwrap();
    let mut leg = room.dial(to(&call(), LegRef::Customer, DEFAULT_CUSTOMER)).await.unwrap();
    answered(&mut leg).await;
    let heard = keep(leg.line.ear);

    let style = VoiceStyle { language: "en".into(), emotion: "Calm".into(), voice: 0 };
    let mut speech = leg.line.mouth.begin();
    let mut words = tts.speak("Hello, this is Warmline. How can I help you today?", &style);
    while let Some(chunk) = words.next().await {
        speech.push(&chunk.unwrap());
    }
    speech.finish();
    assert!(!soon("the agent's greeting", speech.over()).await.cut);
    let from = heard.lock().unwrap().len();

    // Until the persona has spoken and then been quiet for a second.
    let said = || -> Vec<Vec<i16>> {
        let heard = heard.lock().unwrap();
        heard[from..]
            .iter()
            .filter_map(|h| if let Heard::Frame(frame) = h { Some(frame.to_vec()) } else { None })
            .collect()
    };
    let loud = |frame: &Vec<i16>| frame.iter().any(|sample| sample.unsigned_abs() > 1_000);
    until("the persona has spoken", || {
        let said = said();
        said.iter().filter(|f| loud(f)).count() > 50 && !said.iter().rev().take(50).any(loud)
    })
    .await;
    let said = said();
    let first = said.iter().position(loud).unwrap().saturating_sub(10);
    let audio: Arc<[i16]> = said[first..].concat().into();
    let utterance = Utterance { audio, language: "en".into(), urgency: Urgency::Final, expect: Expect::Anything };
    let text = stt.recognise(utterance).await.unwrap().to_lowercase();
    println!("understood: {text}");
    for word in ["problem", "account", "charged twice", "month"] {
        assert!(text.contains(word), "'{word}' is missing in: {text}");
    }
    room.close().await;
    world.until_gone(&call()).await;
}
