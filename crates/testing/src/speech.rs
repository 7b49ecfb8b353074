//! Speech that costs next to nothing and is understood all the same: whole calls without models.
//!
//! What people say is told apart by how long it lasts: each of their sentences lasts as long as no other does, through a
//! telephone's codec too. Codecs and jitter buffers that stretch time are more than it bears.

use std::{
    f32::consts::PI,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use warmline_voice::{Speech, SpeechError, SpeechToText, TextToSpeech, Utterance, VoiceStyle};

/// Samples of a millisecond.
const MS: usize = crate::RATE as usize / 1_000;

/// A voice closes its mouth so often, for so long: what goes on without a pause is taken for music.
const SYLLABLE: usize = 400 * MS;
const CLOSED: usize = 40 * MS;

/// The shortest sentence, and how much longer each next one is.
const SHORTEST: usize = 520 * MS;
const STEP: usize = 80 * MS;
/// Sentences to a syllable: one that began with a closed mouth would seem shorter.
const STEPS: usize = 4;

/// Sentences that can be told apart.
const MOST: usize = 80;

/// A pause of so much is one between two sentences.
const PAUSE: usize = 120 * MS;

/// From here on a sample is somebody's voice.
const LOUD: u16 = 400;

/// How many letters the agent, who need not be understood, says in a step.
const LETTERS: usize = 8;

/// Ears and mouth for a whole exchange: the agent's, and those of the people whom it talks with.
#[derive(Debug, Default)]
pub struct StandIn {
    /// What people say, in the order in which it was first said.
    said: Mutex<Vec<String>>,
}

impl StandIn {
    /// Such ears and such a mouth, which know of each other, with the rule-based brain.
    #[must_use]
    pub fn speech() -> Speech {
        let both = Arc::new(Self::default());
        Speech { stt: both.clone(), tts: both, model: None }
    }

    /// Which of the sentences that is; a new one is the next.
    fn number(&self, sentence: &str) -> usize {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().position(|known| known == sentence).unwrap_or_else(|| {
            said.push(sentence.to_owned());
            said.len() - 1
        })
    }

    fn understood(&self, audio: &[i16]) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let sentences: Vec<&str> =
            pieces(audio).filter_map(|samples| said.get(number(samples)?)).map(String::as_str).collect();
        sentences.join(" ")
    }
}

#[async_trait]
impl SpeechToText for StandIn {
    async fn recognise(&self, utterance: Utterance) -> Result<String, SpeechError> {
        Ok(self.understood(&utterance.audio))
    }

    fn understands(&self, _: &str) -> bool {
        true
    }
}

impl TextToSpeech for StandIn {
    fn speak(&self, sentence: &str, style: &VoiceStyle) -> BoxStream<'static, Result<Arc<[i16]>, SpeechError>> {
        let audio = match style.voice {
            0 => Ok(voice(&AGENT, (sentence.len() / LETTERS).min(MOST - 1))),
            _ => match self.number(sentence) {
                number if number < MOST => Ok(voice(&PERSON, number)),
                _ => Err(SpeechError::Failed("more sentences than can be told apart".into())),
            },
        };
        stream::iter([audio]).boxed()
    }

    fn speaks(&self, _: &str) -> bool {
        true
    }
}

/// How long each sentence lasts.
fn samples(number: usize) -> usize {
    SHORTEST + number / STEPS * SYLLABLE + number % STEPS * STEP
}

/// Which sentence lasts so long, about.
fn number(samples: usize) -> Option<usize> {
    let over = (samples + STEP / 2).checked_sub(SHORTEST)?;
    let step = over % SYLLABLE / STEP;
    (step < STEPS).then_some(over / SYLLABLE * STEPS + step)
}

/// How long each piece of some audio lasts that has no pause in it.
fn pieces(audio: &[i16]) -> impl Iterator<Item = usize> {
    let mut loud = audio.iter().enumerate().filter(|(_, sample)| sample.unsigned_abs() >= LOUD).map(|(at, _)| at);
    let mut from = loud.next();
    std::iter::from_fn(move || {
        let begun = from.take()?;
        let mut to = begun;
        for at in loud.by_ref() {
            if at - to > PAUSE {
                from = Some(at);
                break;
            }
            to = at;
        }
        Some(to - begun)
    })
}

/// A sentence in a voice: whole syllables at its end, what is left at its beginning.
fn voice(sound: &[i16], number: usize) -> Arc<[i16]> {
    let samples = samples(number);
    let closed = |at: usize| (samples - 1 - at) % SYLLABLE >= SYLLABLE - CLOSED;
    sound[..samples].iter().enumerate().map(|(at, &sample)| if closed(at) { 0 } else { sample }).collect()
}

static AGENT: LazyLock<Vec<i16>> = LazyLock::new(|| vowels(120.0));
static PERSON: LazyLock<Vec<i16>> = LazyLock::new(|| vowels(180.0));

/// Something like speech at that pitch, as long as the longest sentence: glottal pulses through three resonators.
fn vowels(pitch: f32) -> Vec<i16> {
    const VOWELS: [[f32; 3]; 5] = [
        [730.0, 1090.0, 2440.0],
        [270.0, 2290.0, 3010.0],
        [300.0, 870.0, 2240.0],
        [530.0, 1840.0, 2480.0],
        [570.0, 840.0, 2410.0],
    ];
    /// Samples of a vowel.
    const VOWEL: usize = 200 * MS;
    let rate = crate::RATE as f32;
    let mut state = [[0.0_f32; 2]; 3];
    let mut phase = 0.0_f32;
    let mut sound = Vec::with_capacity(samples(MOST));
    for at in 0..samples(MOST) {
        phase += pitch * (1.0 + 0.12 * (at as f32 / VOWEL as f32).sin()) / rate;
        let mut x = 0.0;
        if phase >= 1.0 || at == 0 {
            phase = phase.fract();
            x = 0.3 + (PI * (at % VOWEL) as f32 / VOWEL as f32).sin().max(0.0).powf(0.6);
        }
        for (formant, state) in VOWELS[at / VOWEL % VOWELS.len()].iter().zip(&mut state) {
            let (r, theta) = ((-PI * 100.0 / rate).exp(), 2.0 * PI * formant / rate);
            let y = (1.0 - r) * 2.0 * x + 2.0 * r * theta.cos() * state[0] - r * r * state[1];
            *state = [y, state[0]];
            x = y;
        }
        sound.push(x);
    }
    let loudest = sound.iter().fold(0.0_f32, |loudest, x| loudest.max(x.abs()));
    sound.iter().map(|x| (x / loudest * 9_000.0) as i16).collect()
}

#[cfg(test)]
mod tests {
    use warmline_telephony::{FRAME_SAMPLES, TelephoneFilter};

    use super::*;

    #[test]
    fn every_sentence_has_a_length_of_its_own() {
        for n in 0..MOST {
            assert_eq!(number(samples(n)), Some(n));
            assert_eq!([number(samples(n) - STEP / 4), number(samples(n) + STEP / 4)], [Some(n); 2]);
        }
        assert_eq!(number(0), None);
    }

    #[tokio::test]
    async fn what_people_say_is_understood_over_a_telephone_and_what_was_cut_off_is_not() {
        let speech = StandIn::default();
        let style = VoiceStyle { language: "en".into(), emotion: "Calm".into(), voice: 1 };
        let said: Vec<String> = (0..MOST).map(|n| format!("Sentence {n}.")).collect();
        for sentence in &said {
            speech.number(sentence);
        }
        let mut line = vec![0; 9_000];
        for sentence in &said {
            let chunks: Vec<_> = speech.speak(sentence, &style).collect().await;
            line.extend(chunks.into_iter().flat_map(|chunk| chunk.unwrap().to_vec()));
            line.extend([0; 200 * MS]);
        }
        line.resize(line.len().next_multiple_of(FRAME_SAMPLES), 0);
        let mut telephone = TelephoneFilter::default();
        let frames = line.as_chunks::<FRAME_SAMPLES>().0;
        let heard: Vec<i16> = frames.iter().flat_map(|frame| telephone.pass(frame)).collect();
        assert_eq!(speech.understood(&heard), said.join(" "));
        assert_eq!(speech.understood(&heard[..9_000 + samples(0) / 2]), "");
    }
}
