//! What is said is nobody's business: no log at any level holds it, ours or that of a library.

#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

use futures::StreamExt;
use tracing_subscriber::{EnvFilter, util::SubscriberInitExt};
use warmline_speech_local::{LocalSpeech, models};
use warmline_testing::LogCapture;
use warmline_voice::{Expect, SpeechToText, TextToSpeech, Urgency, Utterance, VoiceStyle};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_spoken_or_heard_is_logged_at_any_level() {
    let log = LogCapture::default();
    let filter = EnvFilter::new("trace,misaki_rs=trace,rten=trace");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).finish().try_init().unwrap();
    log::trace!(target: "misaki_rs::g2p", "canary of a library");
    tracing::trace!("canary of ours");

    let dir = models::default_dir();
    models::ModelStore::new(&dir).pull(|_| ()).unwrap();
    let (stt, tts) = LocalSpeech::load(&dir).unwrap();
    let style = VoiceStyle { language: "en".into(), emotion: "Calm".into(), voice: 0 };
    let mut said = Vec::new();
    for text in ["Hello Quackenbush Zebulon, your number is 5550100.", "Алексей 字 likes strawberry pancakes."]
    {
        let mut chunks = tts.speak(text, &style);
        while let Some(chunk) = chunks.next().await {
            said.extend_from_slice(&chunk.unwrap());
        }
    }
    let (language, expect) = ("en".to_owned(), Expect::Anything);
    let heard = Utterance { audio: said.into(), language, urgency: Urgency::Final, expect };
    let heard = stt.recognise(heard).await.unwrap().to_lowercase();
    assert!(heard.contains("strawberry"), "{heard}");

    let log = log.text().to_lowercase();
    assert!(log.contains("canary of a library") && log.contains("canary of ours"), "the log is looked at");
    let words = ["quackenbush", "zebulon", "5550100", "five five five", "strawberry", "pancakes", "aleksei", "алексей"];
    for word in words.into_iter().chain(["token[", "g2p '"]) {
        assert!(!log.contains(word), "'{word}' is in the log");
    }
}
