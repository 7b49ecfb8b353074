//! Listening to recordings: who can be heard, is it the music, what is said.

use std::{collections::HashSet, sync::Arc};

use warmline_speech_local::LocalStt;
use warmline_telephony::TelephoneFilter;
use warmline_voice::{Expect, SpeechToText, Urgency, Utterance};

/// Samples a second.
pub const RATE: usize = 16_000;

/// Root mean square of a piece of audio.
pub fn rms(audio: &[i16]) -> f64 {
    let energy: f64 = audio.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
    (energy / audio.len().max(1) as f64).sqrt()
}

/// Normalised correlation of two pieces of the same length: 1 is the same sound, 0 has nothing to do with it.
pub fn likeness(a: &[i16], b: &[i16]) -> f64 {
    let dot: f64 = a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
    let n = a.len().min(b.len());
    dot / (rms(&a[..n]) * rms(&b[..n]) * n as f64 + 1e-9)
}

/// A track as a telephone plays it, looped to a length.
pub fn by_telephone(track: &[i16], samples: usize) -> Vec<i16> {
    let mut filter = TelephoneFilter::default();
    let looped: Vec<i16> = track.iter().copied().cycle().take(samples.next_multiple_of(320)).collect();
    looped.as_chunks::<320>().0.iter().flat_map(|frame| filter.pass(frame)).collect()
}

/// Where in a recording the music begins, and for how many seconds it then is all that is heard.
///
/// The music starts with a frame, so only multiples of 20 ms are looked at.
pub fn music(heard: &[i16], track: &[i16]) -> Option<(usize, f64)> {
    let music = by_telephone(track, heard.len());
    let window = RATE;
    let starts = (0..heard.len().saturating_sub(window)).step_by(320);
    let start = starts.into_iter().find(|&at| likeness(&heard[at..at + window], &music[..window]) > 0.9)?;
    let mut end = start;
    while end + 3200 <= heard.len() {
        let piece = &music[end - start..end - start + 3200];
        let quiet = rms(piece) < 40.0;
        if !quiet && likeness(&heard[end..end + 3200], piece) < 0.9 {
            break;
        }
        end += 3200;
    }
    Some((start, (end - start) as f64 / RATE as f64))
}

/// What is said in a recording: cut at pauses, recognised piece by piece.
pub async fn words(stt: &Arc<LocalStt>, audio: &[i16]) -> String {
    let mut said = Vec::new();
    for piece in pieces(audio) {
        let utterance = Utterance {
            audio: Arc::from(piece),
            language: "en".into(),
            urgency: Urgency::Final,
            expect: Expect::Anything,
        };
        said.push(stt.recognise(utterance).await.unwrap());
    }
    said.join(" ")
}

/// The voiced stretches of a recording, cut at pauses of 0.4 s; after 9 s at the next short one, after 14 s anywhere.
fn pieces(audio: &[i16]) -> Vec<Vec<i16>> {
    let frames: Vec<&[i16]> = audio.chunks(320).collect();
    let mut pieces = Vec::new();
    let (mut from, mut quiet) = (None, 0);
    for (at, frame) in frames.iter().enumerate() {
        let voiced = rms(frame) > 150.0;
        quiet = if voiced { 0 } else { quiet + 1 };
        match from {
            None if voiced => from = Some(at.saturating_sub(10)),
            Some(begin) if quiet > 20 || (at - begin > 450 && quiet > 3) || at - begin > 700 => {
                pieces.push(frames[begin..=at].concat());
                from = None;
            }
            _ => {}
        }
    }
    if let Some(begin) = from {
        pieces.push(frames[begin..].concat());
    }
    pieces.retain(|piece| piece.len() > 320 * 40);
    pieces
}

/// Seconds of the longest stretch in which nothing is heard.
pub fn longest_silence(audio: &[i16]) -> f64 {
    let loud: Vec<bool> = audio.chunks(320).map(|frame| rms(frame) > 20.0).collect();
    loud.split(|loud| *loud).map(<[bool]>::len).max().unwrap_or(0) as f64 * 0.02
}

/// Lower-case words without punctuation.
pub fn bag(text: &str) -> Vec<String> {
    let clean: String =
        text.to_lowercase().chars().map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' }).collect();
    clean.split_whitespace().map(|word| word.replace('\'', "")).collect()
}

/// The share of the words of `said` that are found in `heard`, from 0 to 1.
pub fn share_heard(said: &str, heard: &str) -> f64 {
    let heard: HashSet<String> = bag(heard).into_iter().collect();
    let said = bag(said);
    said.iter().filter(|word| heard.contains(*word)).count() as f64 / said.len().max(1) as f64
}

/// Word error rate of what was recognised against what was said: edits by words, over the words said.
pub fn word_error_rate(said: &str, recognised: &str) -> f64 {
    let (said, recognised) = (bag(said), bag(recognised));
    let mut row: Vec<usize> = (0..=recognised.len()).collect();
    for (i, a) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in recognised.iter().enumerate() {
            let edit = if a == b { diagonal } else { 1 + diagonal.min(row[j]).min(row[j + 1]) };
            diagonal = row[j + 1];
            row[j + 1] = edit;
        }
    }
    row[recognised.len()] as f64 / said.len().max(1) as f64
}
