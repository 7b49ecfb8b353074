//! From frames to turns: speech is found, recognised while it goes on, guessed at in short silences, and delivered once
//! it is over. Without IO: recognitions are asked for as [`Job`]s, and time is an argument.

mod echo;
mod segment;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;
use warmline_telephony::SAMPLE_RATE;

use self::segment::{Closing, Segment};
use crate::{
    SpeechError,
    turn::Timing,
    vad::{Vad, WINDOW, Window},
};

pub(crate) use self::{echo::Echo, segment::Job};

/// Windows looked at for an onset, and how many of them have to be voiced: 64 of 96 ms.
const ONSET_WINDOWS: usize = 6;
const ONSET_VOICED: usize = 4;
/// What is kept from before an onset, so that the first word is not cut: 300 ms and the onset itself.
const PREROLL_WINDOWS: usize = 19 + ONSET_WINDOWS;
/// Turns that are over and wait for their text. More than a few means that recognition is stuck.
const MOST_CLOSING: usize = 4;

/// What a listener found out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Somebody began to speak.
    Onset,
    /// They have spoken enough to break in.
    Voice,
    /// This has to be recognised; [`Listener::recognised`] takes the answer.
    Recognise(Job),
    /// What was said so far of a turn that goes on.
    Partial {
        /// The whole turn's text so far.
        text: String,
        /// When it began.
        began: Instant,
    },
    /// What the turn is, if the silence that has begun ends it.
    Guess(String),
    /// The guess is void: they went on.
    Withdrawn,
    /// A turn is over.
    Turn(HeardTurn),
    /// What began came to nothing: a noise.
    Nothing,
    /// A turn is over and could not be recognised.
    Failed(SpeechError),
}

/// A turn of the person on the line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HeardTurn {
    /// What they said; empty when it was not words.
    pub(crate) text: String,
    /// When they began.
    pub(crate) began: Instant,
    /// When their voice fell silent.
    pub(crate) ended: Instant,
    /// When the silence was long enough.
    pub(crate) decided: Instant,
    /// When the text was there as well.
    pub(crate) known: Instant,
}

/// Turns frames into [`Outcome`]s.
pub(crate) struct Listener {
    vad: Vad,
    timing: Timing,
    preroll: VecDeque<Window>,
    segment: Option<Segment>,
    closing: VecDeque<Closing>,
    outcomes: VecDeque<Outcome>,
    next_job: u64,
    fed: u64,
    judged: u64,
}

impl Listener {
    pub(crate) fn new(timing: Timing) -> Self {
        Self {
            vad: Vad::new(),
            timing,
            preroll: VecDeque::with_capacity(PREROLL_WINDOWS),
            segment: None,
            closing: VecDeque::new(),
            outcomes: VecDeque::new(),
            next_job: 0,
            fed: 0,
            judged: 0,
        }
    }

    /// Takes in audio that has just arrived.
    pub(crate) fn hear(&mut self, audio: &[i16], now: Instant) {
        self.vad.push(audio);
        self.fed += audio.len() as u64;
        while let Some(window) = self.vad.pop() {
            self.judged += WINDOW as u64;
            let at = now.checked_sub(samples_time((self.fed - self.judged) as usize)).unwrap_or(now);
            self.window(window, at);
        }
    }

    /// Takes in what became of a [`Job`].
    pub(crate) fn recognised(&mut self, job: u64, text: Result<String, SpeechError>, now: Instant) {
        for closing in &mut self.closing {
            closing.recognised(job, &text, now);
        }
        if let Some(segment) = &mut self.segment
            && let Some(outcome) = segment.recognised(job, text, now)
        {
            self.outcomes.push_back(outcome);
        }
        self.settle();
    }

    /// Whether the answer to a [`Job`] is still wanted.
    pub(crate) fn wants(&self, job: u64) -> bool {
        self.closing.iter().any(|c| c.wants(job)) || self.segment.as_ref().is_some_and(|s| s.wants(job))
    }

    /// What was found out, oldest first. Drain after each of the calls above.
    pub(crate) fn poll(&mut self) -> Option<Outcome> {
        self.outcomes.pop_front()
    }

    /// Whether somebody is speaking, or was a moment ago.
    pub(crate) fn hears_somebody(&self) -> bool {
        self.segment.is_some()
    }

    /// Whether a turn is over and its text is still awaited.
    pub(crate) fn awaits_text(&self) -> bool {
        !self.closing.is_empty()
    }

    /// Forgets the speech that is going on: it was not the person's.
    pub(crate) fn discard(&mut self) {
        self.segment = None;
        self.preroll.clear();
        self.outcomes.retain(|o| matches!(o, Outcome::Turn(_) | Outcome::Failed(_)));
    }

    fn window(&mut self, window: Window, at: Instant) {
        match &mut self.segment {
            Some(segment) => {
                let outcome = segment.window(&window, at, &self.timing, &mut self.next_job);
                self.outcomes.extend(outcome.into_iter().flatten());
            }
            None => self.wait_for_onset(window, at),
        }
        self.settle();
    }

    fn wait_for_onset(&mut self, window: Window, at: Instant) {
        if self.preroll.len() == PREROLL_WINDOWS {
            self.preroll.pop_front();
        }
        self.preroll.push_back(window);
        let recent = self.preroll.iter().rev().take(ONSET_WINDOWS);
        if !window.voiced || recent.filter(|w| w.voiced).count() < ONSET_VOICED {
            return;
        }
        self.segment = Some(Segment::new(self.preroll.drain(..), at, &self.timing));
        self.outcomes.push_back(Outcome::Onset);
    }

    /// Ends the segment when it is time, and delivers what is complete.
    fn settle(&mut self) {
        if let Some(segment) = &self.segment {
            if segment.is_noise(&self.timing) {
                self.segment = None;
                self.outcomes.push_back(Outcome::Nothing);
            } else if let Some(limit) = segment.over(&self.timing)
                && let Some(segment) = self.segment.take()
            {
                self.closing.push_back(segment.close(limit));
            }
        }
        while let Some(outcome) = self.closing.front().and_then(|c| c.outcome()) {
            self.closing.pop_front();
            self.outcomes.push_back(outcome);
        }
        if self.closing.len() > MOST_CLOSING {
            self.closing.pop_front();
            self.outcomes.push_back(Outcome::Failed(SpeechError::Failed("recognition does not keep up".into())));
        }
    }
}

/// How long so many samples last.
pub(crate) fn samples_time(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 1_000_000 / u64::from(SAMPLE_RATE))
}

/// How many samples last so long.
pub(crate) fn time_samples(time: Duration) -> usize {
    (time.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000) as usize
}
