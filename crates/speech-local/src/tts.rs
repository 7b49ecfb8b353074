//! Speaking: [`LocalTts`].

mod cache;
mod sound;

use std::sync::{Arc, Mutex, PoisonError};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;
use warmline_voice::{SpeechError, TextToSpeech, VoiceStyle};

use crate::{
    engine::{Engine, Handle},
    normalise::{clauses, normalise},
    stt::is_english,
    style::Delivery,
};
use cache::{Cache, Key};

/// Chunks that are spoken ahead of whoever plays them.
const AHEAD: usize = 2;
/// Longest sentence that is spoken, in characters: about two minutes.
const LONGEST: usize = 2_000;

type Chunk = Arc<[i16]>;

/// Speaks English on this machine.
#[derive(Clone)]
pub struct LocalTts {
    handle: Handle,
    cache: Arc<Mutex<Cache>>,
}

impl LocalTts {
    pub(crate) fn new(handle: Handle) -> Self {
        Self { handle, cache: Arc::default() }
    }

    /// Renders fixed lines ahead, one after the other: 16 kHz mono PCM of each. They are kept on disk with the models,
    /// so that the next start has them at once, and in memory, so that [`TextToSpeech::speak`] has them too.
    ///
    /// # Errors
    /// The models aren't there, or the voice failed.
    pub async fn render_all(&self, sentences: &[&str], style: &VoiceStyle) -> Result<Vec<Chunk>, SpeechError> {
        let engine = self.handle.engine().await?;
        let mut rendered = Vec::with_capacity(sentences.len());
        for sentence in sentences {
            let key = Key::new(sentence, style);
            let path = engine.rendered.join(key.file_name());
            if let Some(audio) = cache::read(&path).await {
                self.keep(key, &[Arc::clone(&audio)]);
                rendered.push(audio);
                continue;
            }
            let mut chunks = Vec::new();
            for clause in prepare(sentence) {
                chunks.push(speak_clause(&engine, clause, Delivery::of(style)).await?);
            }
            let audio: Chunk = chunks.concat().into();
            self.keep(key, &[Arc::clone(&audio)]);
            if let Err(error) = cache::write(&path, &audio).await {
                // It's spoken anew next time.
                tracing::warn!(%error, "a rendered line can't be kept");
            }
            rendered.push(audio);
        }
        Ok(rendered)
    }

    fn keep(&self, key: Key, chunks: &[Chunk]) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(key, chunks.to_vec());
    }

    fn kept(&self, key: &Key) -> Option<Vec<Chunk>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    /// Speaks clause by clause into `chunks` until nobody listens any more.
    async fn speak_into(self, sentence: String, style: VoiceStyle, chunks: mpsc::Sender<Result<Chunk, SpeechError>>) {
        let engine = match self.handle.engine().await {
            Ok(engine) => engine,
            Err(error) => {
                // Nobody to tell means nobody who waits.
                let _ = chunks.send(Err(error)).await;
                return;
            }
        };
        let mut spoken = Vec::new();
        for clause in prepare(&sentence) {
            if chunks.is_closed() {
                return;
            }
            let chunk = speak_clause(&engine, clause, Delivery::of(&style)).await;
            let failed = chunk.is_err();
            spoken.extend(chunk.iter().cloned());
            if chunks.send(chunk).await.is_err() || failed {
                return;
            }
        }
        self.keep(Key::new(&sentence, &style), &spoken);
    }
}

impl TextToSpeech for LocalTts {
    fn speak(&self, sentence: &str, style: &VoiceStyle) -> BoxStream<'static, Result<Chunk, SpeechError>> {
        if let Some(chunks) = self.kept(&Key::new(sentence, style)) {
            return stream::iter(chunks.into_iter().map(Ok)).boxed();
        }
        let (voice, sentence, style) = (self.clone(), sentence.to_owned(), style.clone());
        let start = async move {
            let (sender, receiver) = mpsc::channel(AHEAD);
            tokio::spawn(voice.speak_into(sentence, style, sender));
            stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|chunk| (chunk, receiver)))
        };
        stream::once(start).flatten().boxed()
    }

    fn speaks(&self, language: &str) -> bool {
        is_english(language)
    }
}

fn prepare(sentence: &str) -> Vec<String> {
    let end = sentence.char_indices().nth(LONGEST).map_or(sentence.len(), |(end, _)| end);
    clauses(&normalise(&sentence[..end]))
}

async fn speak_clause(engine: &Arc<Engine>, clause: String, how: Delivery) -> Result<Chunk, SpeechError> {
    let mut worker = engine.workers.wait().await?;
    let engine = Arc::clone(engine);
    let work = move || {
        let symbols = engine.phonemes.of(&clause)?;
        let samples = engine.piper.speak(&symbols, &how, worker.pool())?;
        sound::finish(samples, engine.piper.sample_rate(), &how)
    };
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|_| SpeechError::Failed("the voice was broken off".to_owned()))?;
    done.map(Into::into).map_err(|why: String| SpeechError::Failed(format!("the voice failed: {why}")))
}
