//! Real speech of this machine, another synthesiser's, and speech that costs nothing.

use std::{
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use warmline_speech_local::{LocalSpeech, LocalStt, LocalTts, models};
use warmline_telephony::{SAMPLE_RATE, resample};
use warmline_voice::{
    LanguageModel, ModelError, Prompt, Speech, SpeechError, SpeechToText, TextToSpeech, Token, Utterance, VoiceStyle,
};

use crate::Context;

impl Context {
    /// Ears and mouth of this machine, loaded once; the models are fetched if they are not there.
    pub(crate) async fn local(&self) -> anyhow::Result<(Arc<LocalStt>, Arc<LocalTts>)> {
        let load = || {
            let dir = models::default_dir();
            models::ModelStore::new(&dir).pull(|_| {})?;
            anyhow::Ok(LocalSpeech::load(&dir)?)
        };
        let speech = self.speech.get_or_try_init(|| async { tokio::task::spawn_blocking(load).await? }).await?;
        Ok(speech.clone())
    }

    /// The same as a conversation takes it, with the rule-based brain.
    pub(crate) async fn local_speech(&self) -> anyhow::Result<Speech> {
        let (stt, tts) = self.local().await?;
        Ok(Speech { stt, tts, model: None })
    }
}

/// How a voice speaks that is not the agent's, or (0) is.
pub(crate) fn voice(number: u8) -> VoiceStyle {
    VoiceStyle { language: "en".into(), emotion: "Calm".into(), voice: number }
}

/// A sentence as sound, 16 kHz.
pub(crate) async fn say(tts: &LocalTts, text: &str, style: &VoiceStyle) -> anyhow::Result<Vec<i16>> {
    let mut stream = tts.speak(text, style);
    let mut audio = Vec::new();
    while let Some(chunk) = stream.next().await {
        audio.extend_from_slice(&chunk?);
    }
    Ok(audio)
}

/// Sentences as sound.
pub(crate) async fn say_all(tts: &LocalTts, texts: &[&str], style: &VoiceStyle) -> anyhow::Result<Vec<Arc<[i16]>>> {
    let mut said = Vec::with_capacity(texts.len());
    for text in texts {
        said.push(say(tts, text, style).await?.into());
    }
    Ok(said)
}

/// Whether the other synthesiser is installed.
pub(crate) fn has_espeak() -> bool {
    let mut command = Command::new("espeak-ng");
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A sentence by espeak-ng, 16 kHz.
pub(crate) fn espeak(text: &str, voice: &str) -> anyhow::Result<Vec<i16>> {
    let output = Command::new("espeak-ng").args(["-v", voice, "-s", "155", "--stdout", text]).output()?;
    let wave = output.stdout;
    ensure!(wave.len() > 44, "espeak-ng gave no sound for the voice {voice}");
    let rate = wave.get(24..28).and_then(|rate| rate.try_into().ok()).map(u32::from_le_bytes).context("no rate")?;
    // The length in the header of a streamed file is made up, so samples are read until they end.
    let samples: Vec<i16> = wave[44..].as_chunks().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect();
    Ok(resample(&samples, rate, SAMPLE_RATE))
}

/// Providers that answer at once: what a session costs with them is Warmline's own.
pub(crate) struct Scripted {
    /// What the agent's sentences sound like, whatever they are.
    sound: Arc<[i16]>,
    turns: AtomicUsize,
}

/// What everybody is understood to have said.
const UNDERSTOOD: [&str; 3] = [
    "I can't log in to my account since yesterday.",
    "I tried to reset the password, and no mail came.",
    "It is the same on my phone and on my computer.",
];

impl Scripted {
    /// Ears, mouth and brain.
    pub(crate) fn speech(sound: Arc<[i16]>) -> Speech {
        let scripted = Arc::new(Self { sound, turns: AtomicUsize::new(0) });
        Speech { stt: scripted.clone(), tts: scripted.clone(), model: Some(scripted) }
    }
}

#[async_trait]
impl SpeechToText for Scripted {
    async fn recognise(&self, _: Utterance) -> Result<String, SpeechError> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        Ok(UNDERSTOOD[turn % UNDERSTOOD.len()].to_owned())
    }

    fn understands(&self, _: &str) -> bool {
        true
    }
}

impl TextToSpeech for Scripted {
    fn speak(&self, _: &str, _: &VoiceStyle) -> BoxStream<'static, Result<Arc<[i16]>, SpeechError>> {
        stream::iter([Ok(Arc::clone(&self.sound))]).boxed()
    }

    fn speaks(&self, _: &str) -> bool {
        true
    }
}

impl LanguageModel for Scripted {
    fn reply(&self, _: Prompt) -> BoxStream<'static, Result<Token, ModelError>> {
        stream::iter([Ok(Token::Text("I see, and then?".to_owned()))]).boxed()
    }
}
