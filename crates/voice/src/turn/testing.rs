//! A phone, a recogniser and a voice for tests: real frames, in virtual time.

use std::{
    collections::VecDeque,
    f32::consts::PI,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt as _, stream, stream::BoxStream};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use warmline_call::Speaker as Who;
use warmline_telephony::{FRAME_SAMPLES, FRAME_TIME, Frame, Line, LineEnd, SILENCE};

use crate::{Fact, Setup, Speech, SpeechError, SpeechToText, TextToSpeech, Utterance, VoiceStyle};

/// What a character lasts in the fake voice.
pub(crate) const CHARACTER: Duration = Duration::from_millis(50);

/// Something like a person's speech.
pub(crate) fn voice(time: Duration) -> Vec<i16> {
    voice_at(180.0, time)
}

/// Something like speech at that pitch: glottal pulses through three resonators, a syllable each 200 ms.
pub(crate) fn voice_at(pitch: f32, time: Duration) -> Vec<i16> {
    const VOWELS: [[f32; 3]; 5] = [
        [730.0, 1090.0, 2440.0],
        [270.0, 2290.0, 3010.0],
        [300.0, 870.0, 2240.0],
        [530.0, 1840.0, 2480.0],
        [570.0, 840.0, 2410.0],
    ];
    let samples = (time.as_secs_f32() * 16_000.0) as usize;
    let mut state = [[0.0f32; 2]; 3];
    let (mut phase, mut seed) = (0.0f32, 7u32);
    let mut out = Vec::with_capacity(samples);
    for i in 0..samples {
        phase += pitch * (1.0 + 0.12 * (i as f32 / 3_200.0).sin()) / 16_000.0;
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut x = 0.01 * (seed as f32 / u32::MAX as f32 - 0.5);
        if phase >= 1.0 {
            phase -= 1.0;
            x += 1.0;
        }
        x *= (0.12 + (PI * (i % 3_200) as f32 / 3_200.0).sin().powf(0.6)).min(1.0);
        for (k, formant) in VOWELS[(i / 3_200) % 5].iter().enumerate() {
            let (r, theta) = ((-PI * (80.0 + 30.0 * k as f32) / 16_000.0).exp(), 2.0 * PI * formant / 16_000.0);
            let y = (1.0 - r) * 2.0 * x + 2.0 * r * theta.cos() * state[k][0] - r * r * state[k][1];
            state[k] = [y, state[k][0]];
            x = y;
        }
        out.push(x);
    }
    let loudest = out.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    out.iter().map(|x| (x / loudest * 9_000.0) as i16).collect()
}

/// Noise of that RMS.
pub(crate) fn noise(samples: usize, rms: f32) -> Vec<i16> {
    let mut seed = 99u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((seed >> 8) as f32 / (1u32 << 24) as f32 * 2.0 - 1.0) * rms * 1.73
    };
    (0..samples).map(|_| next() as i16).collect()
}

/// Recognises speech by how long it lasts.
pub(crate) struct FakeStt {
    known: Mutex<Vec<(Duration, String)>>,
    pub(crate) takes: Mutex<Duration>,
    pub(crate) failures: AtomicU32,
    pub(crate) asked: Mutex<Vec<Utterance>>,
}

#[async_trait]
impl SpeechToText for FakeStt {
    async fn recognise(&self, utterance: Utterance) -> Result<String, SpeechError> {
        let takes = *self.takes.lock().unwrap();
        sleep(takes).await;
        self.asked.lock().unwrap().push(utterance.clone());
        if self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
            return Err(SpeechError::Failed("no recognition today".into()));
        }
        let loud = |s: &i16| s.unsigned_abs() > 400;
        let Some(from) = utterance.audio.iter().position(loud) else { return Ok(String::new()) };
        let to = utterance.audio.iter().rposition(loud).unwrap_or(from);
        let lasts = Duration::from_micros((to - from) as u64 * 1_000 / 16);
        let known = self.known.lock().unwrap();
        let closest = known.iter().min_by_key(|(time, _)| time.abs_diff(lasts));
        Ok(closest
            .filter(|(t, _)| t.abs_diff(lasts) < Duration::from_millis(45))
            .map_or_else(String::new, |c| c.1.clone()))
    }

    fn understands(&self, _language: &str) -> bool {
        true
    }
}

/// Speaks a tone, 50 ms a character.
pub(crate) struct FakeTts {
    pub(crate) takes: Duration,
    pub(crate) failures: AtomicU32,
    pub(crate) speaks_with_voice: AtomicBool,
}

impl TextToSpeech for FakeTts {
    fn speak(&self, sentence: &str, _style: &VoiceStyle) -> BoxStream<'static, Result<Arc<[i16]>, SpeechError>> {
        let fails = self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        let samples = sentence.chars().count() * CHARACTER.as_millis() as usize * 16;
        let takes = self.takes;
        let audio = if self.speaks_with_voice.load(Ordering::Relaxed) {
            voice_at(120.0, Duration::from_micros(samples as u64 * 125 / 2)).into_iter().map(|s| (s / 2) | 1).collect()
        } else {
            tone(samples)
        };
        let (one, two) = audio.split_at(samples / 2);
        let (one, two): (Arc<[i16]>, Arc<[i16]>) = (one.into(), two.into());
        let first = stream::once(async move {
            sleep(takes).await;
            if fails { Err(SpeechError::Failed("no voice today".into())) } else { Ok(one) }
        });
        let second = stream::iter((!fails).then_some(Ok(two)));
        first.chain(second).boxed()
    }

    fn speaks(&self, _language: &str) -> bool {
        true
    }
}

fn tone(samples: usize) -> Vec<i16> {
    (0..samples).map(|i| ((i as f32 * 2.0 * PI * 440.0 / 16_000.0).sin() * 3_000.0) as i16 | 1).collect()
}

/// Somebody's phone, and what is reported of the call.
pub(crate) struct Phone {
    end: Option<LineEnd>,
    to_say: VecDeque<i16>,
    /// Whether the person hears the agent, by 20 ms.
    pub(crate) hears: Vec<(Instant, Frame)>,
    pub(crate) facts: Vec<(Instant, Fact)>,
    incoming: mpsc::Receiver<Fact>,
    pub(crate) stt: Arc<FakeStt>,
    pub(crate) tts: Arc<FakeTts>,
    /// How much of what the phone plays comes back into its microphone.
    pub(crate) echo: f32,
    /// What is heard behind the person's voice, over and over.
    pub(crate) noise: Vec<i16>,
    frames: usize,
}

impl Phone {
    /// A phone, and what a conversation on it needs.
    pub(crate) fn new() -> (Self, Line, Speech, mpsc::Sender<Fact>) {
        let (line, end) = Line::new();
        let (tx, incoming) = mpsc::channel(64);
        let takes = Mutex::new(Duration::from_millis(100));
        let (failures, asked) = (AtomicU32::new(0), Mutex::default());
        let stt = Arc::new(FakeStt { known: Mutex::default(), takes, failures, asked });
        let (failures, speaks_with_voice) = (AtomicU32::new(0), AtomicBool::new(false));
        let tts = Arc::new(FakeTts { takes: Duration::from_millis(80), failures, speaks_with_voice });
        let speech = Speech { stt: stt.clone(), tts: tts.clone(), model: None };
        let (hears, facts, to_say, noise) = (Vec::new(), Vec::new(), VecDeque::new(), Vec::new());
        let phone = Self { end: Some(end), to_say, hears, facts, incoming, stt, tts, echo: 0.0, noise, frames: 0 };
        (phone, line, speech, tx)
    }

    /// Lasts so long, so that it is recognised as this.
    pub(crate) fn knows(&self, millis: u64, text: &str) {
        self.stt.known.lock().unwrap().push((Duration::from_millis(millis), text.to_owned()));
    }

    /// Speaks for so long from now on.
    pub(crate) fn speak(&mut self, millis: u64) {
        self.to_say.extend(voice(Duration::from_millis(millis)));
    }

    /// Says nothing for so long, after what is being said.
    pub(crate) fn pause(&mut self, millis: u64) {
        self.to_say.extend(std::iter::repeat_n(0, millis as usize * 16));
    }

    /// Presses a key.
    pub(crate) fn press(&self, key: char) {
        self.end.as_ref().unwrap().key(key);
    }

    /// The agent speaks with something like a voice, not a tone.
    pub(crate) fn voice_of_agent(&self) {
        self.tts.speaks_with_voice.store(true, Ordering::Relaxed);
    }

    /// Hangs up.
    pub(crate) fn hang_up(&mut self) {
        self.end = None;
    }

    /// Whether nothing will be reported any more.
    pub(crate) fn is_deaf(&self) -> bool {
        self.incoming.is_closed()
    }

    /// Goes on for so long.
    pub(crate) async fn run(&mut self, millis: u64) {
        for _ in 0..millis.div_ceil(20) {
            self.frame().await;
        }
    }

    /// Goes on until that is reported; gives when it was.
    pub(crate) async fn until(&mut self, what: impl Fn(&Fact) -> bool) -> Instant {
        let mut seen = 0;
        for _ in 0..60 * 50 {
            self.frame().await;
            while let Some((at, fact)) = self.facts.get(seen) {
                if what(fact) {
                    return *at;
                }
                seen += 1;
            }
        }
        panic!("not within a minute; facts: {:?}", self.facts.iter().map(|f| shown(&f.1)).collect::<Vec<_>>());
    }

    async fn frame(&mut self) {
        if let Some(end) = &self.end {
            let out = end.next_frame();
            self.hears.push((Instant::now(), out));
            let mut frame = SILENCE;
            for (i, sample) in frame.iter_mut().enumerate() {
                let own = self.to_say.pop_front().unwrap_or(0);
                let behind = self.noise.get((self.frames * FRAME_SAMPLES + i) % self.noise.len().max(1)).copied();
                let echo = (f32::from(out[i]) * self.echo) as i16;
                *sample = own.saturating_add(echo).saturating_add(behind.unwrap_or(0));
            }
            self.frames += 1;
            end.hear(frame);
        }
        sleep(FRAME_TIME).await;
        while let Ok(fact) = self.incoming.try_recv() {
            self.facts.push((Instant::now(), fact));
        }
    }

    /// When the agent was heard first, from a moment on.
    pub(crate) fn heard_agent_after(&self, moment: Instant) -> Option<Instant> {
        self.hears.iter().find(|(at, frame)| *at >= moment && is_sound(frame)).map(|(at, _)| *at)
    }

    /// When the agent was heard last.
    pub(crate) fn heard_agent_last(&self) -> Option<Instant> {
        self.hears.iter().rev().find(|(_, frame)| is_sound(frame)).map(|(at, _)| *at)
    }

    /// The final utterances: who, what, and whether it was cut.
    pub(crate) fn said(&self) -> Vec<(Who, String, bool)> {
        let finals = self.facts.iter().filter_map(|(_, fact)| match fact {
            Fact::Spoken(s) if s.r#final => Some((s.speaker, s.text.reveal().clone(), s.interrupted)),
            _ => None,
        });
        finals.collect()
    }

    /// Everything reported but utterances, timings and strain.
    pub(crate) fn decisions(&self) -> Vec<Fact> {
        let facts = self.facts.iter().map(|(_, fact)| fact.clone());
        facts.filter(|f| !matches!(f, Fact::Spoken(_) | Fact::Turn(_) | Fact::Strained { .. } | Fact::Eased)).collect()
    }
}

/// A setup that offers a human.
pub(crate) fn setup() -> Setup {
    Setup {
        name: Some("Jane".into()),
        caller_name: None,
        instructions: "You are a helpful customer support agent.".into(),
        dynamic_instruction: None,
        escalation: true,
        style: VoiceStyle { language: "en".into(), emotion: "Calm".into(), voice: 0 },
    }
}

/// Whether this is what the agent has said in the end, cut or not.
pub(crate) fn agent_said(fact: &Fact, text: &str) -> bool {
    matches!(fact, Fact::Spoken(s) if s.r#final && s.speaker == Who::Agent && s.text.reveal().contains(text))
}

fn is_sound(frame: &[i16; FRAME_SAMPLES]) -> bool {
    frame.iter().any(|s| *s != 0)
}

fn shown(fact: &Fact) -> String {
    match fact {
        Fact::Spoken(s) => format!("{}: {} final={} cut={}", s.speaker, s.text.reveal(), s.r#final, s.interrupted),
        other => format!("{other:?}"),
    }
}
