//! How many words of telephone speech are recognised wrongly.

use std::sync::Arc;

use tokio::time::Instant;
use warmline_speech_local::{LocalStt, LocalTts};
use warmline_telephony::{FRAME_SAMPLES, TelephoneFilter};
use warmline_voice::{Expect, SpeechToText, Urgency, Utterance};

use crate::{
    Context,
    report::{Row, number},
    speech::{espeak, has_espeak, say, voice},
    stats::Samples,
};

const SENTENCES: &str = include_str!("../sentences.txt");

/// How much louder than the noise the voice is.
const NOISE_DB: f64 = 15.0;

/// Who speaks.
#[derive(Clone, Copy)]
enum Voice {
    Ours(u8),
    Espeak(&'static str),
}

/// What was heard of some voices.
#[derive(Default)]
struct Heard {
    wrong: usize,
    words: usize,
    took: Samples,
    worst: Option<(usize, String, String)>,
}

pub(crate) async fn run(context: &Context) -> anyhow::Result<Vec<Row>> {
    let (stt, tts) = context.local().await?;
    let sentences: Vec<&str> = SENTENCES.lines().take(context.pick(usize::MAX, 1)).collect();
    let ours: &[Voice] = context.pick(&[Voice::Ours(1), Voice::Ours(2)], &[Voice::Ours(1)]);
    let espeak: &[Voice] =
        context.pick(&[Voice::Espeak("en-us"), Voice::Espeak("en-gb+f3")], &[Voice::Espeak("en-us")]);
    let mut rows = measure("our own synthesiser", ours, &sentences, &stt, &tts).await?;
    if has_espeak() {
        rows.extend(measure("espeak-ng", espeak, &sentences, &stt, &tts).await?);
    } else {
        rows.push(Row::new("word error rate, espeak-ng", "not measured").why("espeak-ng is not installed"));
    }
    Ok(rows)
}

/// A row without and one with noise.
async fn measure(
    who: &str,
    voices: &[Voice],
    sentences: &[&str],
    stt: &Arc<LocalStt>,
    tts: &LocalTts,
) -> anyhow::Result<Vec<Row>> {
    let (mut clean, mut noisy) = (Heard::default(), Heard::default());
    for (at, sentence) in sentences.iter().enumerate() {
        for who in voices {
            let audio = match who {
                Voice::Ours(number) => say(tts, sentence, &voice(*number)).await?,
                Voice::Espeak(name) => espeak(sentence, name)?,
            };
            clean.hear(stt, sentence, telephone(&audio)).await?;
            noisy.hear(stt, sentence, telephone(&with_noise(&audio, at as u32 + 1))).await?;
        }
    }
    let what = |noise: &str| format!("word error rate on telephone audio{noise}: {who}, {} voices", voices.len());
    Ok(vec![clean.row(&what("")), noisy.row(&what(&format!(" with noise at {NOISE_DB} dB")))])
}

impl Heard {
    async fn hear(&mut self, stt: &LocalStt, sentence: &str, audio: Vec<i16>) -> anyhow::Result<()> {
        let utterance =
            Utterance { audio: audio.into(), language: "en".into(), urgency: Urgency::Final, expect: Expect::Anything };
        let start = Instant::now();
        let got = stt.recognise(utterance).await?;
        self.took.push(start.elapsed().as_secs_f64() * 1_000.0);
        let (wrong, words) = wrong_words(sentence, &got);
        self.wrong += wrong;
        self.words += words;
        if wrong > self.worst.as_ref().map_or(0, |(most, ..)| *most) {
            self.worst = Some((wrong, sentence.to_owned(), got));
        }
        Ok(())
    }

    fn row(&self, what: &str) -> Row {
        let rate = 100.0 * self.wrong as f64 / self.words as f64;
        let worst = self.worst.as_ref().map_or_else(String::new, |(wrong, said, got)| {
            format!("; most wrong words in one sentence, {wrong}: “{said}” → “{got}”")
        });
        let measured = format!("{} % ({} of {} words)", number(rate), self.wrong, self.words);
        Row::new(what, measured)
            .value("percent", rate)
            .at_most("rate", rate, 8.0, "%")
            .why(format!("a sentence takes {}{worst}", self.took.show()))
    }
}

/// As it sounds over a telephone, with the short silence around it that a recogniser is given.
fn telephone(audio: &[i16]) -> Vec<i16> {
    let mut line = TelephoneFilter::default();
    let silence = [0; 5 * FRAME_SAMPLES];
    let audio = [&silence, audio, &silence].concat();
    let frames = audio.chunks(FRAME_SAMPLES).map(|chunk| std::array::from_fn(|i| chunk.get(i).copied().unwrap_or(0)));
    frames.flat_map(|frame| line.pass(&frame)).collect()
}

/// White noise, nearly Gaussian, that far below the voice; the same for the same seed.
fn with_noise(audio: &[i16], mut seed: u32) -> Vec<i16> {
    let loud = audio.chunks(FRAME_SAMPLES).map(rms).filter(|level| *level > 150.0);
    let (sum, frames) = loud.fold((0.0, 0.0), |(sum, n), level| (sum + level * level, n + 1.0));
    let level = (sum / f64::max(frames, 1.0)).sqrt() / 10_f64.powf(NOISE_DB / 20.0);
    let mut uniform = || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        f64::from(seed) / f64::from(u32::MAX) * 2.0 - 1.0
    };
    let noisy = audio.iter().map(|&sample| {
        // Three uniform numbers between −1 and 1 have a variance of 1 together.
        let noise = uniform() + uniform() + uniform();
        (f64::from(sample) + level * noise).round() as i16
    });
    noisy.collect()
}

fn rms(audio: &[i16]) -> f64 {
    let energy: f64 = audio.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (energy / audio.len().max(1) as f64).sqrt()
}

/// Wrong, missing and added words, and how many there should be.
fn wrong_words(said: &str, got: &str) -> (usize, usize) {
    let (said, got) = (words(said), words(got));
    let mut row: Vec<usize> = (0..=got.len()).collect();
    for (i, word) in said.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in got.iter().enumerate() {
            let change = diagonal + usize::from(word != other);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    (row.last().copied().unwrap_or_default(), said.len())
}

/// Lower case, without punctuation; small numbers count the same as words and as digits.
fn words(text: &str) -> Vec<String> {
    const NUMBERS: [&str; 11] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let plain: String = text.to_lowercase().chars().filter(|c| *c != '\'' && *c != '’').collect();
    let words = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let number = |word: &str| word.parse::<usize>().ok().and_then(|n| NUMBERS.get(n).copied());
    words.map(|word| number(word).unwrap_or(word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_enough_sentences() {
        assert!(SENTENCES.lines().filter(|line| line.split_whitespace().count() > 4).count() >= 30);
    }

    #[test]
    fn edits_are_counted_by_words() {
        assert_eq!(wrong_words("I can't wait.", "i cant wait"), (0, 3));
        assert_eq!(wrong_words("two of them", "2 of the men"), (2, 3));
        assert_eq!(wrong_words("a b c d", "a x c d e"), (2, 4));
        assert_eq!(wrong_words("a b", ""), (2, 2));
    }

    #[test]
    fn the_noise_is_as_loud_as_it_says() {
        let voice: Vec<i16> = (0..16_000).map(|n| (4_000.0 * (f64::from(n) * 0.2).sin()) as i16).collect();
        let noisy = with_noise(&voice, 1);
        let noise: Vec<i16> = noisy.iter().zip(&voice).map(|(n, v)| n - v).collect();
        let ratio = 20.0 * (rms(&voice) / rms(&noise)).log10();
        assert!((ratio - NOISE_DB).abs() < 0.5, "{ratio} dB");
    }
}
