use std::sync::Arc;

use tokio::time::Instant;

use super::{HeardTurn, Outcome, samples_time, time_samples};
use crate::{
    SpeechError, Urgency, intent,
    turn::Timing,
    vad::{WINDOW, Window, rms},
};

/// Silence that stays at the end of what is recognised: 100 ms.
const TAIL: usize = 1_600;
/// A pause within speech where a long piece may be cut: 96 ms.
const PAUSE: usize = 6 * WINDOW;
/// Voice that shows that somebody goes on after a silence: 48 ms.
const RESUMED: usize = 3 * WINDOW;
/// Loud windows right before the first voiced one that belong to its word: up to 96 ms.
const CONSONANTS: usize = 6;

/// A recognition that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Job {
    /// Names it in the answer.
    pub(crate) id: u64,
    /// 16 kHz mono.
    pub(crate) audio: Arc<[i16]>,
    /// How much it is waited for.
    pub(crate) urgency: Urgency,
}

/// Speech that is going on, or has just fallen silent.
pub(super) struct Segment {
    /// What has not been cut off yet.
    audio: Vec<i16>,
    began: Instant,
    ended: Instant,
    /// Since it began, pauses included.
    long: usize,
    voiced: usize,
    silence: usize,
    told_voice: bool,
    /// Where it was silent for a while, and for how long.
    pauses: Vec<(usize, usize)>,
    pieces: Vec<Piece>,
    guess: Option<Piece>,
    /// Voice since the guess; a blip does not void it.
    resumed: usize,
    partial: Option<u64>,
    next_partial: usize,
}

/// A piece of a turn: its recognition is under way, or done.
#[derive(Clone, Debug)]
struct Piece {
    job: u64,
    text: Option<Result<String, SpeechError>>,
    /// When it was done.
    known: Option<Instant>,
}

/// A turn that is over; perhaps its text is still missing.
pub(super) struct Closing {
    pieces: Vec<Piece>,
    began: Instant,
    ended: Instant,
    decided: Instant,
}

impl Segment {
    /// From the windows around an onset, the last of which ended at `at`.
    pub(super) fn new(preroll: impl Iterator<Item = Window>, at: Instant, timing: &Timing) -> Self {
        let windows: Vec<Window> = preroll.collect();
        let voiced = windows.iter().filter(|w| w.voiced).count() * WINDOW;
        let long = since_onset(&windows) * WINDOW;
        Self {
            audio: windows.iter().flat_map(|w| w.audio).collect(),
            began: at.checked_sub(samples_time(long)).unwrap_or(at),
            ended: at,
            long,
            voiced,
            silence: 0,
            told_voice: false,
            pauses: Vec::new(),
            pieces: Vec::new(),
            guess: None,
            resumed: 0,
            partial: None,
            next_partial: voiced + time_samples(timing.partial),
        }
    }

    /// Takes in a window that ended at `at`.
    pub(super) fn window(
        &mut self,
        window: &Window,
        at: Instant,
        timing: &Timing,
        next_job: &mut u64,
    ) -> [Option<Outcome>; 2] {
        self.audio.extend_from_slice(&window.audio);
        self.long += WINDOW;
        if window.voiced { self.speech(at, timing, next_job) } else { [self.pause(timing, next_job), None] }
    }

    fn speech(&mut self, at: Instant, timing: &Timing, next_job: &mut u64) -> [Option<Outcome>; 2] {
        if self.guess.is_some() {
            self.resumed += WINDOW;
            if self.resumed < RESUMED {
                self.silence += WINDOW;
                return [None, None];
            }
        }
        if self.silence >= PAUSE {
            self.pauses.push((self.audio.len() - WINDOW - self.silence / 2, self.silence));
        }
        (self.silence, self.ended) = (0, at);
        self.voiced += WINDOW;
        if self.guess.take().is_some() {
            return [Some(Outcome::Withdrawn), None];
        }
        let enough = time_samples(timing.barge_in);
        let breaks_in = !self.told_voice && self.long >= enough && 2 * self.voiced >= enough;
        self.told_voice |= breaks_in;
        [breaks_in.then_some(Outcome::Voice), self.recognise_on_the_way(timing, next_job)]
    }

    fn recognise_on_the_way(&mut self, timing: &Timing, next_job: &mut u64) -> Option<Outcome> {
        if self.audio.len() >= time_samples(timing.piece) {
            let at = self.best_cut();
            let job = job(next_job, self.audio[..at].into(), Urgency::Final);
            self.audio.drain(..at);
            self.pauses.clear();
            self.partial = None;
            self.pieces.push(Piece::of(&job));
            return Some(Outcome::Recognise(job));
        }
        if self.voiced < self.next_partial || self.partial.is_some() {
            return None;
        }
        self.next_partial = self.voiced + time_samples(timing.partial);
        let job = job(next_job, self.audio[..].into(), Urgency::Partial);
        self.partial = Some(job.id);
        Some(Outcome::Recognise(job))
    }

    fn pause(&mut self, timing: &Timing, next_job: &mut u64) -> Option<Outcome> {
        self.silence += WINDOW;
        self.resumed = 0;
        if self.guess.is_some() || self.silence < time_samples(timing.speculate) || self.is_short(timing) {
            return None;
        }
        let spoken = (self.audio.len() - self.silence + TAIL).min(self.audio.len());
        let job = job(next_job, self.audio[..spoken].into(), Urgency::Final);
        self.partial = None;
        self.guess = Some(Piece::of(&job));
        Some(Outcome::Recognise(job))
    }

    /// Takes in an answer, if it is one of its own.
    pub(super) fn recognised(&mut self, job: u64, text: Result<String, SpeechError>, now: Instant) -> Option<Outcome> {
        if self.partial == Some(job) {
            self.partial = None;
            let text = self.joined(&text.ok()?);
            return (!text.is_empty()).then_some(Outcome::Partial { text, began: self.began });
        }
        if let Some(piece) = self.pieces.iter_mut().find(|p| p.job == job) {
            piece.is_now(text, now);
            return None;
        }
        let guess = self.guess.as_mut().filter(|g| g.job == job)?;
        guess.is_now(text.clone(), now);
        let text = self.joined(&text.ok()?);
        (!text.is_empty() && self.pieces.iter().all(|p| p.text.is_some())).then_some(Outcome::Guess(text))
    }

    /// Whether a job's answer is still wanted: a guess that was withdrawn and a partial that was overtaken are not.
    pub(super) fn wants(&self, job: u64) -> bool {
        let guess = self.guess.as_ref().map(|guess| guess.job);
        self.partial == Some(job) || guess == Some(job) || self.pieces.iter().any(|p| p.job == job)
    }

    /// Whether it has fallen silent and was too short to be speech.
    pub(super) fn is_noise(&self, timing: &Timing) -> bool {
        self.is_short(timing) && self.silence >= time_samples(timing.complete)
    }

    /// The silence that ends it, if it has been silent for so long.
    pub(super) fn over(&self, timing: &Timing) -> Option<std::time::Duration> {
        let text = self.guess.as_ref().and_then(|g| g.text.as_ref());
        let limit = match text {
            Some(Ok(text)) if intent::keeps_going(text) => timing.unfinished,
            Some(Ok(text)) if looks_complete(text) => timing.complete,
            Some(_) => timing.usual,
            None => timing.unfinished,
        };
        (self.guess.is_some() && self.resumed == 0 && self.silence >= time_samples(limit)).then_some(limit)
    }

    /// The turn that was decided to be over after so much silence.
    pub(super) fn close(mut self, limit: std::time::Duration) -> Closing {
        self.pieces.extend(self.guess);
        Closing { pieces: self.pieces, began: self.began, ended: self.ended, decided: self.ended + limit }
    }

    fn is_short(&self, timing: &Timing) -> bool {
        self.pieces.is_empty() && self.voiced < time_samples(timing.shortest)
    }

    fn joined(&self, last: &str) -> String {
        let texts = self.pieces.iter().filter_map(|p| p.text.as_ref()?.as_deref().ok());
        join(texts.chain([last]))
    }

    /// The longest pause of the later two thirds, or else the quietest moment of the last 3 s.
    fn best_cut(&self) -> usize {
        let late = self.audio.len() / 3;
        if let Some((at, _)) = self.pauses.iter().filter(|(at, _)| *at > late).max_by_key(|(_, long)| *long) {
            return *at;
        }
        let from = self.audio.len().saturating_sub(48_000);
        let levels = self.audio[from..].chunks_exact(320).map(rms).enumerate();
        let quietest = levels.min_by(|a, b| a.1.total_cmp(&b.1));
        quietest.map_or(self.audio.len(), |(i, _)| from + i * 320 + 160)
    }
}

impl Piece {
    fn of(job: &Job) -> Self {
        Self { job: job.id, text: None, known: None }
    }

    fn is_now(&mut self, text: Result<String, SpeechError>, now: Instant) {
        (self.text, self.known) = (Some(text), Some(now));
    }
}

impl Closing {
    pub(super) fn wants(&self, job: u64) -> bool {
        self.pieces.iter().any(|p| p.job == job)
    }

    pub(super) fn recognised(&mut self, job: u64, text: &Result<String, SpeechError>, now: Instant) {
        if let Some(piece) = self.pieces.iter_mut().find(|p| p.job == job) {
            piece.is_now(text.clone(), now);
        }
    }

    /// What it came to, once all its text is there.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        let mut texts = Vec::with_capacity(self.pieces.len());
        let mut failure = None;
        for piece in &self.pieces {
            match piece.text.as_ref()? {
                Ok(text) => texts.push(text.as_str()),
                Err(error) => failure = Some(error.clone()),
            }
        }
        let text = join(texts.into_iter());
        if let Some(error) = failure.filter(|_| text.is_empty()) {
            return Some(Outcome::Failed(error));
        }
        let (began, ended, decided) = (self.began, self.ended, self.decided);
        let known = self.pieces.iter().filter_map(|p| p.known).max().unwrap_or(decided).max(decided);
        Some(Outcome::Turn(HeardTurn { text, began, ended, decided, known }))
    }
}

/// How many of the windows around an onset belong to the speech: from the first that is voiced, and from the consonants
/// before it.
fn since_onset(windows: &[Window]) -> usize {
    let recent = windows.len().saturating_sub(super::ONSET_WINDOWS);
    let Some(voiced) = windows[recent..].iter().position(|w| w.voiced) else { return 0 };
    let voice = recent + voiced;
    let consonants = windows[..voice].iter().rev().take(CONSONANTS).take_while(|w| w.loud).count();
    windows.len() - voice + consonants
}

fn job(next: &mut u64, audio: Arc<[i16]>, urgency: Urgency) -> Job {
    *next += 1;
    Job { id: *next, audio, urgency }
}

fn join<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(str::trim).filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ")
}

fn looks_complete(text: &str) -> bool {
    text.trim_end().ends_with(['.', '!', '?']) || intent::yes_or_no(text).is_some()
}
