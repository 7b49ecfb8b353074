//! What personas say, rendered once and kept.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use tokio::sync::OnceCell;
use warmline_telephony::SAMPLE_RATE;
use warmline_voice::{SpeechError, TextToSpeech, VoiceStyle};

/// Lines that are kept.
const LINES: usize = 256;

/// Speech whose models are still loading is asked again this often, this long apart.
const RETRIES: u32 = 120;
const RETRY: Duration = Duration::from_millis(500);

/// The longest line: 60 s. The rest is not said.
const LONGEST: usize = 60 * SAMPLE_RATE as usize;

/// Between two sentences of a line: 0.2 s.
const BREATH: usize = SAMPLE_RATE as usize / 5;

/// The voices of all personas.
pub(crate) struct Voices {
    tts: Arc<dyn TextToSpeech>,
    lines: Mutex<Lines>,
}

type Line = Arc<OnceCell<Arc<[i16]>>>;
type Key = (String, String, String, u8);

#[derive(Default)]
struct Lines {
    by_key: HashMap<Key, Line>,
    oldest_first: VecDeque<Key>,
}

impl Voices {
    pub(crate) fn new(tts: Arc<dyn TextToSpeech>) -> Self {
        Self { tts, lines: Mutex::default() }
    }

    /// A line as audio, 16 kHz mono. Rendered by whoever asks first; the others wait for it.
    pub(super) async fn render(&self, text: &str, style: &VoiceStyle) -> Result<Arc<[i16]>, SpeechError> {
        let line = self.line(text, style);
        let audio = line.get_or_try_init(|| self.speak(text, style)).await?;
        Ok(Arc::clone(audio))
    }

    fn line(&self, text: &str, style: &VoiceStyle) -> Line {
        let key = (text.to_owned(), style.language.clone(), style.emotion.clone(), style.voice);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.by_key.get(&key) {
            return Arc::clone(line);
        }
        if lines.oldest_first.len() >= LINES
            && let Some(oldest) = lines.oldest_first.pop_front()
        {
            lines.by_key.remove(&oldest);
        }
        let line = Line::default();
        lines.oldest_first.push_back(key.clone());
        lines.by_key.insert(key, Arc::clone(&line));
        line
    }

    async fn speak(&self, text: &str, style: &VoiceStyle) -> Result<Arc<[i16]>, SpeechError> {
        let mut audio = Vec::new();
        for sentence in sentences(text) {
            if !audio.is_empty() {
                audio.resize(audio.len() + BREATH, 0);
            }
            audio.extend(self.sentence(sentence, style).await?);
            if audio.len() >= LONGEST {
                audio.truncate(LONGEST);
                break;
            }
        }
        Ok(audio.into())
    }

    async fn sentence(&self, text: &str, style: &VoiceStyle) -> Result<Vec<i16>, SpeechError> {
        let mut tried = 0;
        loop {
            match self.once(text, style).await {
                Err(SpeechError::NotReady(_)) if tried < RETRIES => {
                    tried += 1;
                    tokio::time::sleep(RETRY).await;
                }
                done => return done,
            }
        }
    }

    async fn once(&self, text: &str, style: &VoiceStyle) -> Result<Vec<i16>, SpeechError> {
        let mut audio = Vec::new();
        let mut chunks = self.tts.speak(text, style);
        while let Some(chunk) = chunks.next().await {
            audio.extend(chunk?.iter());
            if audio.len() >= LONGEST {
                break;
            }
        }
        Ok(audio)
    }
}

/// A text's sentences: what ends in `.`, `!` or `?` before a space.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['.', '!', '?'])
        .scan((0, 0), move |(start, end), piece| {
            *end += piece.len();
            let complete = text[*end..].is_empty() || text[*end..].starts_with(char::is_whitespace);
            let sentence = if complete { text[std::mem::replace(start, *end)..*end].trim() } else { "" };
            Some(sentence)
        })
        .filter(|sentence| !sentence.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_its_sentences() {
        let split = |text| sentences(text).collect::<Vec<_>>();
        assert_eq!(split("Hello? Yes, it's 2.5 percent. Bye"), ["Hello?", "Yes, it's 2.5 percent.", "Bye"]);
        assert_eq!(split("Well... no!"), ["Well...", "no!"]);
        assert!(split("  ").is_empty());
    }
}
