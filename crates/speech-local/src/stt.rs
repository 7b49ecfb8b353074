//! Hearing: [`LocalStt`].

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use warmline_voice::{Expect, Load, Need, SpeechError, SpeechToText, Urgency, Utterance};

use crate::{
    engine::{Engine, Given, Handle},
    moonshine::{SAMPLE_RATE, Stopped},
    scheduler::{Ask, Kind, Scheduler, Worker, busy},
};

/// Answers to a yes-or-no question, as the model writes them.
const ANSWERS: &[&str] = &[
    "Yes.",
    "Yeah.",
    "Yes, please.",
    "Yeah, sure.",
    "Sure.",
    "Okay.",
    "Yep.",
    "Of course.",
    "Yes, I am ready.",
    "I'm ready.",
    "Go ahead.",
    "No.",
    "Nope.",
    "No, thank you.",
    "No, thanks.",
    "Not now.",
    "No, not now.",
    "I can't.",
];
/// Words by which an answer is a yes or a no already, or plainly is neither: nobody is connected by a "hello?".
const TELLING: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "ya",
    "sure",
    "okay",
    "ok",
    "ready",
    "course",
    "ahead",
    "please",
    "fine",
    "right",
    "correct",
    "absolutely",
    "definitely",
    "alright",
    "connect",
    "no",
    "nope",
    "nah",
    "not",
    "don't",
    "can't",
    "cannot",
    "won't",
    "never",
    "busy",
    "later",
    "decline",
    "wait",
    "what",
    "who",
    "why",
    "repeat",
    "sorry",
    "pardon",
    "hello",
    "hi",
    "hey",
    "bye",
    "goodbye",
    "maybe",
    "huh",
    "hm",
    "hmm",
    "um",
    "uh",
];
/// An answer stands for what was heard when it is at most this much less likely (natural logarithm). Measured: a
/// "Nope" that was heard as "Knob" 1.4 less; a "Twenty" is 3.4 and more from a "Yeah", other words 5 and more.
const NEARLY: f32 = 2.0;
/// Longer audio than this is no bare yes or no: two seconds.
const SHORT: usize = 2 * SAMPLE_RATE;

/// Recognises English speech on this machine.
#[derive(Clone)]
pub struct LocalStt {
    handle: Handle,
}

impl LocalStt {
    pub(crate) fn new(handle: Handle) -> Self {
        Self { handle }
    }
}

#[async_trait]
impl SpeechToText for LocalStt {
    async fn recognise(&self, utterance: Utterance) -> Result<String, SpeechError> {
        let engine = self.handle.engine().await?;
        let partial = utterance.urgency == Urgency::Partial;
        let speech = utterance.audio.len() as f64 / SAMPLE_RATE as f64;
        let ask = Ask { kind: Kind::Recognition, need: Need::now(), partial, speech };
        let worker = engine.scheduler.worker(ask).await?;
        // What nobody waits for any more is dropped: the work stops at the next token.
        let (_given, given_up) = Given::new();
        let stop = Stop { given_up, gives_way: partial.then(|| engine.scheduler.clone()) };
        let work = move || measured(worker, speech, |worker| recognise(&engine, worker, &utterance, &stop));
        let done = tokio::task::spawn_blocking(work).await;
        match done.map_err(|_| SpeechError::Failed("the recogniser was broken off".to_owned()))? {
            Ok(text) => Ok(text),
            Err(Stopped::Cancelled) => Err(busy()),
            Err(Stopped::Failed(why)) => Err(SpeechError::Failed(format!("the recogniser failed: {why}"))),
        }
    }

    fn understands(&self, language: &str) -> bool {
        is_english(language)
    }

    fn load(&self) -> Load {
        self.handle.load()
    }
}

/// `en`, `en-US`, `en_GB`, … and `english`.
pub(crate) fn is_english(language: &str) -> bool {
    let language = language.trim().to_ascii_lowercase();
    matches!(language.split(['-', '_']).next(), Some("en" | "english"))
}

/// When a recognition is given up.
struct Stop {
    given_up: Arc<AtomicBool>,
    /// A partial stops as soon as something waits that is more important.
    gives_way: Option<Scheduler>,
}

impl Stop {
    fn now(&self) -> bool {
        self.given_up.load(Ordering::Relaxed) || self.gives_way.as_ref().is_some_and(Scheduler::is_pressed)
    }
}

/// Recognises, and tells the scheduler how long so much speech took.
fn measured(
    mut worker: Worker,
    speech: f64,
    recognise: impl FnOnce(&Worker) -> Result<String, Stopped>,
) -> Result<String, Stopped> {
    let recognised = recognise(&worker);
    match &recognised {
        Ok(_) => worker.done(Kind::Recognition, speech),
        Err(Stopped::Failed(_)) => worker.failed(),
        Err(Stopped::Cancelled) => {}
    }
    recognised
}

/// The model likes to put what it hears in quotation marks, often just the opening ones. Nobody has said them.
fn unquoted(text: &str) -> String {
    text.trim().trim_matches(|c: char| matches!(c, '"' | '\'' | '“' | '”' | '‘' | '’') || c.is_whitespace()).to_owned()
}

fn recognise(engine: &Engine, worker: &Worker, utterance: &Utterance, stop: &Stop) -> Result<String, Stopped> {
    if utterance.audio.is_empty() {
        return Ok(String::new());
    }
    let stop = || stop.now();
    if stop() {
        return Err(Stopped::Cancelled);
    }
    let mut heard = engine.moonshine.hear(&utterance.audio, worker.pool())?;
    let (text, own) = engine.moonshine.transcribe(&mut heard, &stop)?;
    let text = unquoted(&text);
    if utterance.expect != Expect::YesOrNo || utterance.audio.len() > SHORT || is_telling(&text) {
        return Ok(text);
    }
    let weighed = engine.moonshine.weigh(&mut heard, ANSWERS, &stop)?;
    let best = ANSWERS.iter().zip(weighed).max_by(|a, b| a.1.total_cmp(&b.1));
    Ok(best.filter(|(_, likely)| *likely > own - NEARLY).map_or(text, |(answer, _)| (*answer).to_owned()))
}

/// Whether a text says yes or no, or something that is neither but plainly not a misheard yes or no.
fn is_telling(text: &str) -> bool {
    let lower = text.to_lowercase().replace('’', "'");
    let words = || lower.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty());
    words().any(|word| TELLING.contains(&word)) || words().count() > 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_it_is() {
        assert!(["en", "en-US", "en_GB", "EN"].into_iter().all(is_english));
        assert!(!["es", "", "de-DE", "enx"].into_iter().any(is_english));
    }

    #[test]
    fn a_telling_text_needs_no_weighing() {
        for text in ["Yeah, sure.", "No!", "I don’t know.", "I'm ready.", "The line is a bit noisy."] {
            assert!(is_telling(text), "{text}");
        }
        for text in ["Yes't", "Know.", "", "Chess."] {
            assert!(!is_telling(text), "{text}");
        }
    }
}
