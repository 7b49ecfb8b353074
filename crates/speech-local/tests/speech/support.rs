//! The models, other voices, a telephone line, and counting wrong words.

use std::{
    path::PathBuf,
    process::Command,
    sync::{Arc, OnceLock},
};

use futures::StreamExt;
use warmline_speech_local::{LocalSpeech, LocalStt, LocalTts, models};
use warmline_telephony::{FRAME_SAMPLES, Frame, TelephoneFilter, resample};
use warmline_voice::{Expect, SpeechToText, TextToSpeech, Urgency, Utterance, VoiceStyle};

/// The folder of the models, pulled on the first use.
pub(crate) fn models() -> &'static PathBuf {
    static MODELS: OnceLock<PathBuf> = OnceLock::new();
    MODELS.get_or_init(|| {
        let dir = models::default_dir();
        models::ModelStore::new(&dir).pull(|_| ()).unwrap();
        dir
    })
}

/// Ears and mouth, loaded once for all tests.
pub(crate) fn speech() -> (Arc<LocalStt>, Arc<LocalTts>) {
    static SPEECH: OnceLock<(Arc<LocalStt>, Arc<LocalTts>)> = OnceLock::new();
    SPEECH.get_or_init(|| LocalSpeech::load(models()).unwrap()).clone()
}

pub(crate) fn style(emotion: &str, voice: u8) -> VoiceStyle {
    VoiceStyle { language: "en".into(), emotion: emotion.into(), voice }
}

pub(crate) async fn say(tts: &LocalTts, text: &str, style: &VoiceStyle) -> Vec<i16> {
    let chunks: Vec<_> = tts.speak(text, style).collect().await;
    chunks.into_iter().flat_map(|chunk| chunk.unwrap().to_vec()).collect()
}

pub(crate) async fn hear(stt: &LocalStt, audio: Vec<i16>, expect: Expect) -> String {
    stt.recognise(utterance(audio, expect, Urgency::Final)).await.unwrap()
}

pub(crate) fn utterance(audio: Vec<i16>, expect: Expect, urgency: Urgency) -> Utterance {
    Utterance { audio: audio.into(), language: "en".into(), urgency, expect }
}

/// As it sounds over a telephone: 8 kHz μ-law and back.
pub(crate) fn telephone(audio: &[i16]) -> Vec<i16> {
    let mut line = TelephoneFilter::default();
    let frames = audio.chunks(FRAME_SAMPLES).flat_map(|samples| {
        let mut frame: Frame = [0; FRAME_SAMPLES];
        frame[..samples.len()].copy_from_slice(samples);
        line.pass(&frame)
    });
    frames.collect()
}

/// Another synthesiser's voice, 16 kHz.
pub(crate) fn other_voice(text: &str, voice: &str) -> Vec<i16> {
    let mut command = Command::new("espeak-ng");
    // A test that passes without having listened would be taken for one that has.
    let spoken = command.args(["-v", voice, "-s", "155", "--stdout", text]).output();
    let wave =
        spoken.unwrap_or_else(|error| panic!("espeak-ng has the other voices (.ci/setup installs it): {error}")).stdout;
    // The length in the header of a streamed file is a made-up one, so samples are read until they end.
    let rate = u32::from_le_bytes(wave[24..28].try_into().unwrap());
    let samples: Vec<i16> = wave[44..].as_chunks().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect();
    resample(&samples, rate, 16_000)
}

/// Wrong, missing and added words, and how many there should be. Numbers count the same in words and digits.
pub(crate) fn wrong_words(expected: &str, got: &str) -> (usize, usize) {
    let (expected, got) = (words(expected), words(got));
    let mut row: Vec<usize> = (0..=got.len()).collect();
    for (i, word) in expected.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in got.iter().enumerate() {
            let change = diagonal + usize::from(word != other);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    (row[got.len()], expected.len())
}

const DIGITS: [&str; 13] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace("o'clock", "").replace(['\'', '’'], "").replace("e-mail", "email");
    let mut words = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if let Some(value) = word.strip_suffix("th").and_then(|word| word.parse::<usize>().ok()) {
            words.push(format!("{value}th"));
        } else if !word.chars().all(|c| c.is_ascii_digit()) {
            match DIGITS.iter().position(|digit| *digit == word) {
                Some(value) => words.extend(value.to_string().chars().map(String::from)),
                None => words.push(if word == "sixteen" { "16".to_owned() } else { word.to_owned() }),
            }
        } else if word == "16" {
            words.push(word.to_owned());
        } else if word.ends_with("00") && words.last().is_some() && word.len() > 2 {
            words.extend(word[..word.len() - 2].chars().map(String::from));
        } else {
            words.extend(word.chars().map(String::from));
        }
    }
    words
}

#[test]
fn wrong_words_are_counted_and_the_form_of_numbers_is_not() {
    assert_eq!(wrong_words("It ends in three eight four one.", "it ends in 3841"), (0, 7));
    assert_eq!(wrong_words("before eleven o'clock", "before 11"), (0, 3));
    assert_eq!(wrong_words("a b c", "a x c d"), (2, 3));
    assert_eq!(wrong_words("a b", ""), (2, 2));
}

/// Most memory that this process ever had, in megabytes.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

/// Seconds that this process has computed.
pub(crate) fn computed() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}
