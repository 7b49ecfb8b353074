//! How many words are recognised wrongly, and how long that takes.

use std::time::Instant;

use warmline_voice::Expect;

use crate::support::{hear, other_voice, other_voices_missing, peak_memory, say, speech, style, telephone, wrong_words};

const SENTENCES: &str = include_str!("../sentences.txt");

#[derive(Default)]
struct Count {
    wrong: usize,
    words: usize,
    seconds_heard: f64,
    seconds_taken: f64,
    longest: f64,
    times: usize,
}

impl Count {
    async fn hear(&mut self, sentence: &str, audio: Vec<i16>) {
        let (stt, _) = speech();
        self.seconds_heard += audio.len() as f64 / 16_000.0;
        let start = Instant::now();
        let got = hear(&stt, audio, Expect::Anything).await;
        let taken = start.elapsed().as_secs_f64();
        self.seconds_taken += taken;
        self.longest = self.longest.max(taken);
        self.times += 1;
        let (wrong, words) = wrong_words(sentence, &got);
        if wrong > 0 {
            println!("  {wrong} wrong: {sentence} | {got}");
        }
        self.wrong += wrong;
        self.words += words;
    }

    fn rate(&self, whose: &str) -> f64 {
        let rate = self.wrong as f64 / self.words as f64;
        let mean = self.seconds_taken / self.times as f64;
        println!(
            "{whose}: {} of {} words wrong ({:.1} %), {mean:.2} s a recognition (longest {:.2}, {:.2} of real time)",
            self.wrong,
            self.words,
            rate * 100.0,
            self.longest,
            self.seconds_taken / self.seconds_heard
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
            let start = Instant::now();
            let audio = say(&tts, sentence, &style("Calm", voice)).await;
            taken += start.elapsed().as_secs_f64();
            spoken += audio.len() as f64 / 16_000.0;
            count.hear(sentence, telephone(&audio)).await;
        }
        count.rate(&format!("voice {voice}"));
        all.wrong += count.wrong;
        all.words += count.words;
        all.seconds_heard += count.seconds_heard;
        all.seconds_taken += count.seconds_taken;
        all.times += count.times;
    }
    println!("speaking takes {:.3} of real time; peak memory {:?} MB", taken / spoken, peak_memory());
    assert!(all.rate("our voices") <= 0.12);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_synthesisers_voices_are_understood_over_the_telephone() {
    if other_voices_missing() {
        return;
    }
    let mut all = Count::default();
    for voice in ["en-us", "en-us+f3", "en-gb", "en-gb-x-rp+m3"] {
        let mut count = Count::default();
        for sentence in SENTENCES.lines() {
            count.hear(sentence, telephone(&other_voice(sentence, voice))).await;
        }
        count.rate(voice);
        all.wrong += count.wrong;
        all.words += count.words;
        all.seconds_heard += count.seconds_heard;
        all.seconds_taken += count.seconds_taken;
        all.times += count.times;
    }
    all.rate("other voices");
}
