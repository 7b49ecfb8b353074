use std::{future::pending, sync::Arc};

use tokio::time::Instant;
use warmline_telephony::{Mouth, Playback, Played, SAMPLE_RATE};

use super::{
    Progress, Said,
    script::{Piece, Script, Then},
};
use crate::vad::rms;

/// About what a character lasts, for sentences whose audio is not complete: 60 ms.
const SAMPLES_A_CHARACTER: usize = 960;
/// A held sentence goes on at the quietest moment of so much before the cut (1.2 s), for a word's sake.
const REWIND: usize = SAMPLE_RATE as usize * 6 / 5;
/// The grain of that search: 20 ms.
const GRAIN: usize = 320;

/// Something that is being said.
#[derive(Debug)]
pub(super) struct Saying {
    script: Script,
    /// Whether somebody may break in.
    pub(super) breakable: bool,
    /// What is to be done when all was heard.
    pub(super) then: Option<Then>,
    sentences: Vec<Sentence>,
    /// The sentence that is heard now, or next.
    at: usize,
    told: usize,
    held: bool,
    made: bool,
    last: bool,
    unspoken: usize,
}

#[derive(Debug)]
struct Sentence {
    text: String,
    thought: Instant,
    audio_at: Option<Instant>,
    chunks: Vec<Arc<[i16]>>,
    complete: bool,
    /// On the line, unless held.
    speech: Option<Playback>,
    /// Samples before the speech on the line begins.
    offset: usize,
    /// Samples that were heard, at most, over all goes.
    heard: usize,
    observed: usize,
}

impl Saying {
    pub(super) fn new(script: Script, breakable: bool) -> Self {
        let (then, sentences) = (None, Vec::new());
        script.wanted();
        Self { script, breakable, then, sentences, at: 0, told: 0, held: false, made: false, last: false, unspoken: 0 }
    }

    pub(super) fn has_started(&self) -> bool {
        self.told > 0
    }

    /// The next thing that happens.
    pub(super) async fn next(&mut self, mouth: &Mouth) -> Progress {
        loop {
            if self.made && self.at == self.sentences.len() {
                return Progress::Over(self.said(false));
            }
            let started = self.at < self.told;
            tokio::select! {
                piece = self.script.next(), if !self.made => self.take(piece, mouth),
                played = progress(self.sentences.get_mut(self.at), started) => {
                    if !started && let Some(progress) = self.started() {
                        return progress;
                    }
                    if played.cut {
                        // Silenced from outside: the line is being taken away.
                        return Progress::Over(self.said(true));
                    }
                    if played.over {
                        self.advance();
                    }
                }
            }
        }
    }

    /// Falls silent, and remembers where.
    pub(super) fn hold(&mut self) {
        self.held = true;
        for sentence in self.sentences.iter_mut().skip(self.at) {
            if let Some(speech) = sentence.speech.take() {
                speech.cut();
                sentence.note(&speech);
            }
        }
    }

    /// Goes on.
    pub(super) fn release(&mut self, mouth: &Mouth) {
        if !std::mem::take(&mut self.held) {
            return;
        }
        for sentence in self.sentences.iter_mut().skip(self.at) {
            sentence.begin(mouth);
        }
    }

    /// Ends after the sentence that is heard now.
    pub(super) fn leave_out_the_rest(&mut self) {
        self.then = None;
        for sentence in self.sentences.drain((self.at + 1).min(self.sentences.len())..) {
            if let Some(speech) = sentence.speech {
                speech.cut();
            }
        }
        self.last = true;
        self.made |= self.sentences.last().is_none_or(|s| s.complete);
    }

    /// What came of it.
    pub(super) fn said(&self, interrupted: bool) -> Said {
        Said {
            text: self.heard(),
            interrupted,
            then: self.then.clone().filter(|_| !interrupted),
            failed: !interrupted && self.unspoken > 0 && !self.has_started(),
            empty: self.sentences.is_empty() && self.unspoken == 0,
        }
    }

    /// What of it was heard.
    pub(super) fn heard(&self) -> String {
        let (before, now) = self.sentences.split_at(self.at.min(self.sentences.len()));
        let before = before.iter().map(|s| s.text.clone());
        let parts = before.chain(now.first().map(Sentence::heard_text));
        parts.filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The sentence that is heard now, all of it.
    pub(super) fn sentence(&self) -> Option<&str> {
        let begun = self.told.checked_sub(1)?;
        self.sentences.get(begun).map(|s| s.text.as_str())
    }

    /// What was put on the line since this was asked last.
    pub(super) fn take_played(&mut self) -> Vec<i16> {
        let mut played = Vec::new();
        let from = self.at.saturating_sub(1);
        for sentence in self.sentences.iter_mut().skip(from).take(2) {
            sentence.take_played(&mut played);
        }
        played
    }

    fn take(&mut self, piece: Option<Piece>, mouth: &Mouth) {
        let held = self.held;
        match (piece, self.sentences.last_mut()) {
            (Some(Piece::Sentence(text, thought)), _) => {
                let mut sentence = Sentence::new(text, thought);
                if !held {
                    sentence.begin(mouth);
                }
                self.sentences.push(sentence);
            }
            (Some(Piece::Audio(chunk)), Some(sentence)) => sentence.add(chunk),
            (Some(Piece::SentenceOver), Some(sentence)) => {
                sentence.complete();
                self.made |= self.last;
            }
            (Some(Piece::Unspoken), _) => {
                self.unspoken += 1;
                if let Some(sentence) = self.sentences.pop()
                    && let Some(speech) = sentence.speech
                {
                    speech.cut();
                }
                self.script.proceed();
                self.made |= self.last;
            }
            (Some(Piece::Stuck), _) => self.unspoken += 1,
            (Some(Piece::Then(then)), _) => self.then = Some(then),
            (Some(Piece::Audio(_) | Piece::SentenceOver), None) => {}
            (None, _) => self.made = true,
        }
    }

    fn started(&mut self) -> Option<Progress> {
        let sentence = self.sentences.get(self.at)?;
        if sentence.speech.as_ref().is_none_or(|s| s.played().samples == 0) {
            return None;
        }
        self.told = self.at + 1;
        let now = Instant::now();
        // The next sentence is made while this one is heard.
        self.script.proceed();
        if self.at == 0 {
            let audio = sentence.audio_at.unwrap_or(now);
            return Some(Progress::Started { text: sentence.text.clone(), thought: sentence.thought, audio, at: now });
        }
        let texts: Vec<&str> = self.sentences[..=self.at].iter().map(|s| s.text.as_str()).collect();
        Some(Progress::Further { text: texts.join(" ") })
    }

    fn advance(&mut self) {
        if let Some(sentence) = self.sentences.get_mut(self.at)
            && let Some(speech) = sentence.speech.take()
        {
            sentence.note(&speech);
        }
        self.at += 1;
        if let Some(old) = self.at.checked_sub(3).and_then(|i| self.sentences.get_mut(i)) {
            old.chunks.clear();
        }
    }
}

impl Sentence {
    fn new(text: String, thought: Instant) -> Self {
        let (chunks, speech, audio_at) = (Vec::new(), None, None);
        Self { text, thought, audio_at, chunks, complete: false, speech, offset: 0, heard: 0, observed: 0 }
    }

    fn add(&mut self, chunk: Arc<[i16]>) {
        self.audio_at.get_or_insert_with(Instant::now);
        if let Some(speech) = &self.speech {
            speech.push(&chunk);
        }
        self.chunks.push(chunk);
    }

    fn complete(&mut self) {
        self.complete = true;
        if let Some(speech) = &self.speech {
            speech.finish();
        }
    }

    /// Puts it on the line, from where it was cut.
    fn begin(&mut self, mouth: &Mouth) {
        self.offset = self.resume_at();
        let speech = mouth.begin();
        let mut skip = self.offset;
        for chunk in &self.chunks {
            let skipped = skip.min(chunk.len());
            speech.push(&chunk[skipped..]);
            skip -= skipped;
        }
        if self.complete {
            speech.finish();
        }
        self.observed = self.offset;
        self.speech = Some(speech);
    }

    /// A quiet moment before the cut; the beginning where little was heard.
    fn resume_at(&self) -> usize {
        if self.heard <= REWIND {
            return 0;
        }
        let samples: Vec<i16> = self.chunks.iter().flat_map(|c| c.iter().copied()).collect();
        let from = self.heard - REWIND;
        let until = self.heard.min(samples.len()).saturating_sub(SAMPLE_RATE as usize / 5).max(from);
        let levels = samples.get(from..until).unwrap_or_default().chunks_exact(GRAIN).map(rms).enumerate();
        from + levels.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(i, _)| i * GRAIN)
    }

    fn note(&mut self, speech: &Playback) {
        self.heard = self.heard.max(self.offset + speech.played().samples as usize);
    }

    fn total(&self) -> usize {
        self.chunks.iter().map(|c| c.len()).sum()
    }

    fn heard_samples(&self) -> usize {
        let now = self.speech.as_ref().map_or(0, |s| self.offset + s.played().samples as usize);
        self.heard.max(now)
    }

    /// As many of its words as the share of its audio that was heard.
    fn heard_text(&self) -> String {
        let made = self.total();
        let all = if self.complete { made } else { made.max(self.text.chars().count() * SAMPLES_A_CHARACTER) };
        let heard = self.heard_samples();
        if all == 0 || heard == 0 {
            return String::new();
        }
        let words: Vec<&str> = self.text.split_whitespace().collect();
        words[..(words.len() * heard / all).min(words.len())].join(" ")
    }

    fn take_played(&mut self, into: &mut Vec<i16>) {
        let until = self.heard_samples();
        let mut at = 0;
        for chunk in &self.chunks {
            let (from, to) = (self.observed.clamp(at, at + chunk.len()), until.clamp(at, at + chunk.len()));
            if from < to {
                into.extend_from_slice(&chunk[from - at..to - at]);
            }
            at += chunk.len();
        }
        self.observed = self.observed.max(until);
    }
}

/// Waits until a sentence starts, or, once it has, until it is over.
async fn progress(sentence: Option<&mut Sentence>, started: bool) -> Played {
    match sentence.and_then(|s| s.speech.as_mut()) {
        None => pending().await,
        Some(speech) if started => speech.over().await,
        Some(speech) => speech.started().await,
    }
}
