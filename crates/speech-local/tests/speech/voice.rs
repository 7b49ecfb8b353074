//! How it sounds.

use std::{fs, path::Path, time::Instant};

use futures::StreamExt;
use warmline_speech_local::LocalSpeech;
use warmline_voice::{Expect, TextToSpeech};

use crate::support::{hear, models, say, speech, style};

/// Several sentences, since the voice varies its rhythm each time.
const TALK: &str = "I will connect you with somebody who can help, please stay on the line. We are open from nine in the \
    morning until late in the evening. The weather is lovely today, and the garden is full of roses.";
const SENTENCE: &str = "I will connect you with somebody who can help, please stay on the line.";

/// Loudness of the parts that are speech.
fn loudness(audio: &[i16]) -> f64 {
    let loud: Vec<f64> = audio.iter().map(|sample| f64::from(*sample)).filter(|sample| sample.abs() > 328.0).collect();
    (loud.iter().map(|sample| sample * sample).sum::<f64>() / loud.len() as f64).sqrt()
}

/// The middle pitch in hertz, by autocorrelation of 64 ms windows.
fn pitch(audio: &[i16]) -> f64 {
    let samples: Vec<f64> = audio.iter().map(|sample| f64::from(*sample) / 32_768.0).collect();
    let mut pitches: Vec<f64> = samples.chunks_exact(1_024).filter_map(pitch_of_window).collect();
    pitches.sort_by(f64::total_cmp);
    pitches[pitches.len() / 2]
}

fn pitch_of_window(window: &[f64]) -> Option<f64> {
    let energy: f64 = window.iter().map(|x| x * x).sum();
    let alike = |lag: usize| {
        let sum: f64 = window.iter().zip(&window[lag..]).map(|(a, b)| a * b).sum();
        sum / energy * window.len() as f64 / (window.len() - lag) as f64
    };
    // 64 to 320 Hz.
    let best = (50..250).max_by(|a, b| alike(*a).total_cmp(&alike(*b)))?;
    (energy > 2.0 && alike(best) > 0.6).then_some(16_000.0 / best as f64)
}

#[tokio::test(flavor = "multi_thread")]
async fn emotions_are_heard_in_pace_loudness_and_pitch() {
    let (_, tts) = speech();
    let mut sounds = Vec::new();
    for emotion in ["Sad", "Calm", "Urgent", "Excited"] {
        let audio = say(&tts, TALK, &style(emotion, 0)).await;
        println!("{emotion}: {:.2} s, {:.0}, {:.0} Hz", audio.len() as f64 / 16e3, loudness(&audio), pitch(&audio));
        sounds.push((audio.len() as f64, loudness(&audio), pitch(&audio)));
    }
    let [sad, calm, urgent, excited] = sounds[..] else { unreachable!() };
    assert!(sad.0 > calm.0 * 1.05 && urgent.0 < calm.0 * 0.92 && excited.0 < calm.0 * 0.95);
    assert!(sad.1 < calm.1 * 0.85 && urgent.1 > calm.1 * 1.1 && excited.1 > calm.1 * 1.1);
    assert!(sad.2 < excited.2 * 0.95);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_voices_are_other_people_at_the_same_pace() {
    let (_, tts) = speech();
    let agent = say(&tts, TALK, &style("Calm", 0)).await;
    for (voice, factor) in [(1, 1.18), (2, 0.88), (3, 1.30)] {
        let other = say(&tts, TALK, &style("Calm", voice)).await;
        let ratio = pitch(&other) / pitch(&agent);
        let pace = other.len() as f64 / agent.len() as f64;
        println!("voice {voice}: pitch × {ratio:.2}, length × {pace:.2}");
        assert!((ratio / factor - 1.0).abs() < 0.12, "voice {voice} is {ratio} as high");
        assert!((pace - 1.0).abs() < 0.15, "voice {voice} takes {pace} as long");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_chunk_is_short_and_the_same_sentence_is_spoken_from_memory() {
    let (_, tts) = speech();
    let start = Instant::now();
    let mut stream = tts.speak(SENTENCE, &style("Friendly", 0));
    let first = stream.next().await.unwrap().unwrap();
    println!("first of {} clauses after {:?}", 2, start.elapsed());
    let rest: Vec<_> = stream.collect().await;
    assert_eq!(rest.len(), 1);
    assert!(first[first.len() - 480..].iter().all(|sample| *sample == 0), "a pause of 30 ms behind it");
    let again: Vec<_> = tts.speak(SENTENCE, &style("friendly", 0)).collect().await;
    assert_eq!(again[0].as_ref().unwrap(), &first);
    assert_eq!(again[1..], rest);
}

#[tokio::test(flavor = "multi_thread")]
async fn fixed_lines_are_kept_on_disk_and_survive() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("v2")).unwrap();
    for file in fs::read_dir(models().join("v2")).unwrap().map(Result::unwrap).filter(|file| file.path().is_file()) {
        link(&file.path(), &dir.path().join("v2").join(file.file_name()));
    }
    let (stt, tts) = LocalSpeech::load(dir.path()).unwrap();
    let lines = ["One moment please.", "Goodbye."];
    let first = tts.render_all(&lines, &style("Calm", 0)).await.unwrap();
    assert_eq!(fs::read_dir(dir.path().join("v2/rendered")).unwrap().count(), 2);
    let (_, next_start) = LocalSpeech::load(dir.path()).unwrap();
    assert_eq!(next_start.render_all(&lines, &style("Calm", 0)).await.unwrap(), first);
    assert_eq!(say(&next_start, lines[1], &style("Calm", 0)).await, first[1].to_vec());
    assert!(hear(&stt, first[0].to_vec(), Expect::Anything).await.to_lowercase().contains("moment"));
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) {
    std::os::unix::fs::symlink(from, to).unwrap();
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}
