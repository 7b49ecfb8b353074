//! How many words are recognised wrongly, and how long that takes.

use std::time::Instant;

use warmline_voice::Expect;

use crate::support::{computed, hear, other_voice, peak_memory, say, speech, style, telephone, wrong_words};

const SENTENCES: &str = include_str!("../sentences.txt");

#[derive(Default)]
struct Count {
    wrong: usize,
    words: usize,
    seconds_heard: f64,
    seconds_taken: f64,
    seconds_computed: f64,
    times: usize,
}

impl Count {
    async fn hear(&mut self, sentence: &str, audio: Vec<i16>) {
        let (stt, _) = speech();
        self.seconds_heard += audio.len() as f64 / 16_000.0;
        let (start, before) = (Instant::now(), computed().unwrap_or(0.0));
        let got = hear(&stt, audio, Expect::Anything).await;
        self.seconds_taken += start.elapsed().as_secs_f64();
        self.seconds_computed += computed().unwrap_or(0.0) - before;
        self.times += 1;
        let (wrong, words) = wrong_words(sentence, &got);
        if wrong > 0 {
            println!("  {wrong} wrong: {sentence} | {got}");
        }
        self.wrong += wrong;
        self.words += words;
    }

    fn add(&mut self, other: &Self) {
        self.wrong += other.wrong;
        self.words += other.words;
        self.seconds_heard += other.seconds_heard;
        self.seconds_taken += other.seconds_taken;
        self.seconds_computed += other.seconds_computed;
        self.times += other.times;
    }

    /// The share of wrong words. The computed seconds are those of one test alone, as with `--test-threads 1`.
    fn rate(&self, whose: &str) -> f64 {
        let rate = self.wrong as f64 / self.words as f64;
        let each = |seconds: f64| seconds / self.times as f64;
        println!(
            "{whose}: {} of {} words wrong ({:.1} %); each {:.2} s of sound, {:.2} s of time, {:.2} s of computing",
            self.wrong,
            self.words,
            rate * 100.0,
            each(self.seconds_heard),
            each(self.seconds_taken),
            each(self.seconds_computed)
        );
        rate
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_voices_are_understood_over_the_telephone() {
    let (_, tts) = speech();
    let mut all = Count::default();
    let (mut spoken, mut taken) = (0.0, 0.0);
    for voice in 0..3 {
        let mut count = Count::default();
        for sentence in SENTENCES.lines() {
            let before = computed().unwrap_or(0.0);
            let audio = say(&tts, sentence, &style("Calm", voice)).await;
            taken += computed().unwrap_or(0.0) - before;
            spoken += audio.len() as f64 / 16_000.0;
            count.hear(sentence, telephone(&audio)).await;
        }
        count.rate(&format!("voice {voice}"));
        all.add(&count);
    }
    println!("speaking computes for {:.3} of real time; peak memory {:?} MB", taken / spoken, peak_memory());
    assert!(all.rate("our voices") <= 0.12);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_synthesisers_voices_are_understood_over_the_telephone() {
    let mut all = Count::default();
    for voice in ["en-us", "en-us+f3", "en-gb", "en-gb-x-rp+m3"] {
        let mut count = Count::default();
        for sentence in SENTENCES.lines() {
            count.hear(sentence, telephone(&other_voice(sentence, voice))).await;
        }
        count.rate(voice);
        all.add(&count);
    }
    // ONNX Runtime, on the same model, writes the same wrong words: robotic voices are this hard for it.
    assert!(all.rate("other voices") <= 0.30);
}
