use std::time::Duration;

use tokio::time::Instant;

use super::{HeardTurn, Job, Listener, Outcome};
use crate::{
    SpeechError, Urgency,
    turn::{
        Timing,
        testing::{noise, voice},
    },
};

/// Feeds audio in frames and answers recognitions at once; gives what was found out, with the time since the start.
struct Bench {
    listener: Listener,
    now: Instant,
    start: Instant,
    jobs: Vec<Job>,
    found: Vec<(Duration, Outcome)>,
    text: &'static str,
}

impl Bench {
    fn new(text: &'static str) -> Self {
        let now = Instant::now();
        let listener = Listener::new(Timing::default());
        Self { listener, now, start: now, jobs: Vec::new(), found: Vec::new(), text }
    }

    fn hear(&mut self, audio: &[i16]) {
        for frame in audio.chunks(320) {
            self.now += Duration::from_millis(20);
            self.listener.hear(frame, self.now);
            while let Some(outcome) = self.listener.poll() {
                if let Outcome::Recognise(job) = outcome {
                    self.listener.recognised(job.id, Ok(self.text.to_owned()), self.now);
                    self.jobs.push(job);
                } else {
                    self.found.push((self.now - self.start, outcome));
                }
            }
        }
    }

    fn silence(&mut self, millis: usize) {
        self.hear(&vec![0; millis * 16]);
    }

    fn speech(&mut self, millis: u64) {
        self.hear(&voice(Duration::from_millis(millis)));
    }

    fn turns(&self) -> Vec<&HeardTurn> {
        self.found.iter().filter_map(|(_, o)| if let Outcome::Turn(t) = o { Some(t) } else { None }).collect()
    }

    fn when(&self, what: impl Fn(&Outcome) -> bool) -> Option<Duration> {
        self.found.iter().find(|(_, o)| what(o)).map(|(at, _)| *at)
    }
}

fn near(measured: Duration, expected_ms: u64, tolerance_ms: u64) -> bool {
    measured.abs_diff(Duration::from_millis(expected_ms)) <= Duration::from_millis(tolerance_ms)
}

#[test]
fn a_turn_ends_after_a_silence_that_fits_its_text() {
    for (text, ends) in [("It is broken.", 350), ("it is broken", 500), ("My number is", 900)] {
        let mut bench = Bench::new(text);
        bench.silence(1000);
        bench.speech(800);
        bench.silence(1500);
        let [turn] = bench.turns()[..] else { panic!("{:?}", bench.found) };
        assert!(near(turn.began - bench.start, 1000, 60), "began {:?}", turn.began - bench.start);
        assert!(near(turn.ended - bench.start, 1800, 60), "ended {:?}", turn.ended - bench.start);
        assert_eq!(turn.decided - turn.ended, Duration::from_millis(ends), "{text}");
        let told = bench.when(|o| matches!(o, Outcome::Turn(_))).unwrap();
        assert!(near(told, 1800 + ends, 80), "{text} {told:?}");
    }
}

#[test]
fn the_first_word_is_not_cut_and_silence_is_trimmed() {
    let mut bench = Bench::new("Yes.");
    bench.silence(1000);
    bench.speech(400);
    bench.silence(1000);
    let audio = &bench.jobs.last().unwrap().audio;
    let first = audio.iter().position(|s| s.unsigned_abs() > 400).unwrap();
    let last = audio.iter().rposition(|s| s.unsigned_abs() > 400).unwrap();
    assert!((200 * 16..=420 * 16).contains(&first), "{} ms before the first sound", first / 16);
    assert!((last - first).abs_diff(400 * 16) < 40 * 16, "all of it: {} ms", (last - first) / 16);
    assert!(audio.len() - last <= 160 * 16, "{} ms after the last", (audio.len() - last) / 16);
}

#[test]
fn clicks_and_noise_are_no_speech() {
    let mut bench = Bench::new("What?");
    bench.hear(&noise(5 * 16_000, 600.0));
    bench.silence(500);
    for _ in 0..5 {
        bench.hear(&noise(480, 9_000.0));
        bench.silence(700);
    }
    assert!(bench.turns().is_empty() && bench.jobs.is_empty(), "{:?}", bench.found);
}

#[test]
fn speech_is_found_in_noise_of_15_db() {
    let mut bench = Bench::new("It is broken.");
    let mut audio = vec![0; 3 * 16_000];
    audio.extend(voice(Duration::from_millis(900)));
    audio.extend(vec![0; 2 * 16_000]);
    let speech = crate::vad::rms(&voice(Duration::from_millis(900)));
    for (sample, noise) in audio.iter_mut().zip(noise(6 * 16_000, speech / 5.6)) {
        *sample = sample.saturating_add(noise);
    }
    bench.hear(&audio);
    let [turn] = bench.turns()[..] else { panic!("{:?}", bench.found) };
    assert!(near(turn.began - bench.start, 3000, 80), "began {:?}", turn.began - bench.start);
    assert!(near(turn.ended - bench.start, 3900, 120), "ended {:?}", turn.ended - bench.start);
}

#[test]
fn long_speech_is_recognised_in_pieces_of_at_most_15_s() {
    let mut bench = Bench::new("piece.");
    bench.silence(500);
    for _ in 0..4 {
        bench.speech(6_000);
        bench.silence(220);
    }
    bench.silence(1000);
    assert!(bench.jobs.iter().all(|j| j.audio.len() <= 15 * 16_000));
    assert!(bench.jobs.iter().any(|j| j.urgency == Urgency::Partial));
    let [turn] = bench.turns()[..] else { panic!("{} turns", bench.turns().len()) };
    assert_eq!(turn.text, "piece. piece.");
}

#[test]
fn breaking_in_takes_200_ms_of_speech_with_its_short_stops() {
    for stop in [0, 50] {
        let mut bench = Bench::new("Stop.");
        bench.silence(1000);
        bench.speech(120);
        bench.silence(stop);
        bench.speech(800);
        let voice = bench.when(|o| *o == Outcome::Voice).unwrap();
        assert!(near(voice, 1220, 30), "{voice:?} with a stop of {stop} ms");
    }
}

#[test]
fn a_syllable_does_not_break_in() {
    let mut bench = Bench::new("Hm.");
    bench.silence(1000);
    bench.speech(70);
    bench.silence(1000);
    assert_eq!(bench.when(|o| *o == Outcome::Voice), None, "{:?}", bench.found);
}

#[test]
fn a_failed_recognition_ends_the_turn_all_the_same() {
    let mut listener = Listener::new(Timing::default());
    let mut now = Instant::now();
    let mut failed = false;
    let audio = [voice(Duration::from_millis(600)), vec![0; 16_000]].concat();
    for frame in audio.chunks(320) {
        now += Duration::from_millis(20);
        listener.hear(frame, now);
        while let Some(outcome) = listener.poll() {
            match outcome {
                Outcome::Recognise(job) => listener.recognised(job.id, Err(SpeechError::Failed("no".into())), now),
                Outcome::Failed(_) => failed = true,
                _ => {}
            }
        }
    }
    assert!(failed && !listener.hears_somebody() && !listener.awaits_text());
}
