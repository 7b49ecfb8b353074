//! Speaking: [`LocalTts`].

mod cache;
mod sound;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::{sync::mpsc, time::Instant};
use warmline_voice::{Load, Need, SpeechError, TextToSpeech, VoiceStyle};

use crate::{
    engine::{Engine, Handle},
    normalise::{clauses, normalise},
    scheduler::{Ask, Kind},
    stt::is_english,
    style::Delivery,
};
use cache::{Cache, Key};

/// Chunks that are spoken ahead of whoever plays them.
const AHEAD: usize = 2;
/// Longest sentence that is spoken, in characters: about two minutes.
const LONGEST: usize = 2_000;
/// Lines that are rendered ahead are needed no earlier: calls go before.
const RENDERED_WITHIN: Duration = Duration::from_secs(10);
/// About what a character lasts, in seconds.
const SECONDS_A_CHARACTER: f64 = 0.065;

type Chunk = Arc<[i16]>;

/// Speaks English on this machine. Clauses that were spoken before are spoken from memory.
#[derive(Clone)]
pub struct LocalTts {
    handle: Handle,
    cache: Arc<Mutex<Cache>>,
}

/// Something that is spoken in one go.
enum Part {
    Clause(String),
    /// The voice's symbols of what was too long for that.
    Symbols(String),
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
        let (engine, how) = (self.handle.engine().await?, Delivery::of(style));
        let mut rendered = Vec::with_capacity(sentences.len());
        for sentence in sentences {
            let mut chunks = Vec::new();
            for clause in prepare(sentence) {
                chunks.push(self.render(&engine, clause, how).await?);
            }
            rendered.push(chunks.concat().into());
        }
        Ok(rendered)
    }

    /// A clause of a fixed line: it's kept on disk.
    async fn render(&self, engine: &Arc<Engine>, clause: String, how: Delivery) -> Result<Chunk, SpeechError> {
        let key = Key::new(&clause, &how);
        let path = engine.rendered.join(key.file_name());
        if let Some(audio) = cache::read(&path).await {
            self.keep_for_good(key, &audio);
            return Ok(audio);
        }
        let mut chunks = Vec::new();
        let mut parts = VecDeque::from([Part::Clause(clause)]);
        while let Some(part) = parts.pop_front() {
            let (chunk, more) = speak_part(engine, part, how, &Need::by(Instant::now() + RENDERED_WITHIN)).await?;
            chunks.push(chunk);
            parts.extend(more.into_iter().map(Part::Symbols));
        }
        let audio: Chunk = chunks.concat().into();
        self.keep_for_good(key, &audio);
        if let Err(error) = cache::write(&path, &audio).await {
            // It's spoken anew next time.
            tracing::warn!(%error, "a rendered line can't be kept");
        }
        Ok(audio)
    }

    fn keep_for_good(&self, key: Key, audio: &Chunk) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put_for_good(key, Arc::clone(audio));
    }

    fn keep(&self, key: Key, audio: Chunk) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(key, audio);
    }

    fn kept(&self, key: &Key) -> Option<Chunk> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    /// Speaks clause by clause into `chunks` until nobody listens any more.
    async fn speak_into(self, clauses: Vec<String>, how: Delivery, need: Need, mut chunks: Chunks) {
        let engine = match self.handle.engine().await {
            Ok(engine) => engine,
            Err(error) => return chunks.give_up(error).await,
        };
        for clause in clauses {
            let key = Key::new(&clause, &how);
            if let Some(audio) = self.kept(&key) {
                if chunks.send(audio, &need).await.is_err() {
                    return;
                }
                continue;
            }
            let mut whole = Vec::new();
            let mut parts = VecDeque::from([Part::Clause(clause)]);
            while let Some(part) = parts.pop_front() {
                let when = chunks.need(&need);
                // Whoever hung up meanwhile leaves no work in the queue.
                let spoken = tokio::select! {
                    spoken = speak_part(&engine, part, how, &when) => spoken,
                    () = chunks.to.closed() => return,
                };
                let (audio, more) = match spoken {
                    Ok(spoken) => spoken,
                    Err(error) => return chunks.give_up(error).await,
                };
                whole.push(Arc::clone(&audio));
                parts.extend(more.into_iter().map(Part::Symbols));
                if chunks.send(audio, &need).await.is_err() {
                    return;
                }
            }
            self.keep(key, whole.concat().into());
        }
    }
}

/// Where chunks go, and until when those that are there last.
struct Chunks {
    to: mpsc::Sender<Result<Chunk, SpeechError>>,
    heard_until: Option<Instant>,
}

/// Nobody listens any more.
struct Gone;

impl Chunks {
    async fn send(&mut self, audio: Chunk, need: &Need) -> Result<(), Gone> {
        let lasts = Duration::from_secs_f64(seconds(&audio));
        if let Some(due) = need.due() {
            let begins = self.heard_until.unwrap_or(due).max(Instant::now());
            self.heard_until = Some(begins + lasts);
        }
        self.to.send(Ok(audio)).await.map_err(|_| Gone)
    }

    /// What is made next is needed when what is there has been heard; on speculation that is when the first is.
    fn need(&self, need: &Need) -> Need {
        self.heard_until.map_or_else(|| need.clone(), Need::by)
    }

    async fn give_up(self, error: SpeechError) {
        // Nobody to tell means nobody who waits.
        let _ = self.to.send(Err(error)).await;
    }
}

impl TextToSpeech for LocalTts {
    fn speak(&self, sentence: &str, style: &VoiceStyle) -> BoxStream<'static, Result<Chunk, SpeechError>> {
        self.speak_when(sentence, style, &Need::now())
    }

    fn speak_when(
        &self,
        sentence: &str,
        style: &VoiceStyle,
        need: &Need,
    ) -> BoxStream<'static, Result<Chunk, SpeechError>> {
        let (clauses, how) = (prepare(sentence), Delivery::of(style));
        let known: Option<Vec<Chunk>> = clauses.iter().map(|clause| self.kept(&Key::new(clause, &how))).collect();
        if let Some(chunks) = known {
            return stream::iter(chunks.into_iter().map(Ok)).boxed();
        }
        let (voice, need) = (self.clone(), need.clone());
        let start = async move {
            let (to, receiver) = mpsc::channel(AHEAD);
            tokio::spawn(voice.speak_into(clauses, how, need, Chunks { to, heard_until: None }));
            stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|chunk| (chunk, receiver)))
        };
        stream::once(start).flatten().boxed()
    }

    fn speaks(&self, language: &str) -> bool {
        is_english(language)
    }

    fn can_speak(&self, text: &str) -> bool {
        !prepare(text).is_empty()
    }

    fn load(&self) -> Load {
        self.handle.load()
    }
}

fn prepare(sentence: &str) -> Vec<String> {
    let end = sentence.char_indices().nth(LONGEST).map_or(sentence.len(), |(end, _)| end);
    clauses(&normalise(&sentence[..end]))
}

fn seconds(audio: &[i16]) -> f64 {
    audio.len() as f64 / f64::from(sound::SAMPLE_RATE)
}

/// Speaks a part, or as much of it as can be spoken in one go; gives the symbols of what is left.
async fn speak_part(
    engine: &Arc<Engine>,
    part: Part,
    how: Delivery,
    need: &Need,
) -> Result<(Chunk, Vec<String>), SpeechError> {
    let (Part::Clause(text) | Part::Symbols(text)) = &part;
    let speech = text.chars().count() as f64 * SECONDS_A_CHARACTER;
    let ask = Ask { kind: Kind::Synthesis, need: need.clone(), partial: false, speech };
    let mut worker = engine.scheduler.worker(ask).await?;
    let engine = Arc::clone(engine);
    let work = move || {
        let mut symbols = match part {
            Part::Clause(clause) => engine.phonemes.of(&clause),
            Part::Symbols(symbols) => vec![symbols],
        };
        if symbols.is_empty() {
            return Ok((Vec::new(), symbols));
        }
        let first = symbols.remove(0);
        let samples = engine.piper.speak(&first, &how, worker.pool());
        let sound = samples.and_then(|samples| sound::finish(samples, engine.piper.sample_rate(), &how));
        match &sound {
            Ok(sound) => worker.done(Kind::Synthesis, seconds(sound)),
            Err(_) => worker.failed(),
        }
        Ok((sound?, symbols))
    };
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|_| SpeechError::Failed("the voice was broken off".to_owned()))?;
    let (sound, left) = done.map_err(|why: String| SpeechError::Failed(format!("the voice failed: {why}")))?;
    Ok((sound.into(), left))
}
