//! What a persona makes of what it hears, without understanding a word: is somebody speaking, are they done, is it music?

use std::{collections::VecDeque, sync::Arc};

use warmline_telephony::{FRAME_SAMPLES, Frame};

/// From this RMS on (−45 dBFS) somebody speaks.
const LOUD: f32 = 184.0;

/// Below this RMS (−52 dBFS) there is a pause, however short.
const PAUSE: f32 = 82.0;

/// So many frames of quiet end what somebody says: 0.7 s.
const FALLEN_SILENT: u32 = 35;

/// Frames of sound that make a voice and not a click: 0.1 s.
const VOICE: u32 = 5;

/// Music has no pauses for so long: 3 s. Speech has, at every other consonant.
const MUSIC_FRAMES: usize = 150;

/// Pauses, in frames, that music may still have in that time.
const MUSIC_PAUSES: usize = 2;

/// What is kept of an utterance to be recognised: 15 s.
const KEPT: usize = 15 * 50 * FRAME_SAMPLES;

/// What is kept from before it: 0.2 s.
const BEFORE: usize = 10 * FRAME_SAMPLES;

/// Counts in frames of 20 ms.
#[derive(Debug, Default)]
pub(super) struct Ears {
    recent: VecDeque<f32>,
    pauses: usize,
    /// The utterance that goes on.
    speech: Option<Heard>,
    /// How long music has been playing; 0: it is not.
    music: u32,
    /// Whether music has ever been heard.
    had_music: bool,
    /// Utterances that are over.
    utterances: u32,
    /// Frames since somebody was last heard.
    silent_for: u32,
    keep: Option<Vec<i16>>,
    kept: Option<Arc<[i16]>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    frames: u32,
    loud: u32,
    quiet_for: u32,
}

impl Ears {
    /// `keep`: whether utterances are to be recognised.
    pub(super) fn new(keep: bool) -> Self {
        Self { keep: keep.then(Vec::new), ..Self::default() }
    }

    pub(super) fn hear(&mut self, frame: &Frame) {
        let rms = (frame.iter().map(|&s| f32::from(s).powi(2)).sum::<f32>() / FRAME_SAMPLES as f32).sqrt();
        self.note(rms);
        self.silent_for = if rms >= LOUD { 0 } else { self.silent_for + 1 };
        if self.pauses <= MUSIC_PAUSES && self.recent.len() == MUSIC_FRAMES {
            self.music += if self.music == 0 { MUSIC_FRAMES as u32 } else { 1 };
            self.had_music = true;
            self.speech = None;
            return;
        }
        self.music = 0;
        if let Some(keep) = &mut self.keep {
            keep.extend(frame);
            let most = if self.speech.is_some() { KEPT } else { BEFORE };
            keep.drain(..keep.len().saturating_sub(most));
        }
        self.follow(rms);
    }

    /// How long somebody has been speaking, in frames; 0: nobody does.
    pub(super) fn speaking_for(&self) -> u32 {
        self.speech.filter(|s| s.loud >= VOICE).map_or(0, |s| s.frames - s.quiet_for)
    }

    /// How long music has been playing, in frames; 0: it is not.
    pub(super) fn music_for(&self) -> u32 {
        self.music
    }

    /// Whether there was music, and it has ended.
    pub(super) fn music_is_over(&self) -> bool {
        self.had_music && self.music == 0
    }

    /// Utterances that are over.
    pub(super) fn utterances(&self) -> u32 {
        self.utterances
    }

    /// How long nobody has been heard, in frames.
    pub(super) fn silent_for(&self) -> u32 {
        self.silent_for
    }

    /// The last utterance that is over, once.
    pub(super) fn take_utterance(&mut self) -> Option<Arc<[i16]>> {
        self.kept.take()
    }

    fn note(&mut self, rms: f32) {
        if self.recent.len() == MUSIC_FRAMES {
            self.pauses -= usize::from(self.recent.pop_front().is_some_and(|old| old < PAUSE));
        }
        self.recent.push_back(rms);
        self.pauses += usize::from(rms < PAUSE);
    }

    fn follow(&mut self, rms: f32) {
        let loud = rms >= LOUD;
        let Some(speech) = &mut self.speech else {
            if loud {
                self.speech = Some(Heard { frames: 1, loud: 1, quiet_for: 0 });
            }
            return;
        };
        speech.frames += 1;
        speech.loud += u32::from(loud);
        speech.quiet_for = if loud { 0 } else { speech.quiet_for + 1 };
        if speech.quiet_for < FALLEN_SILENT {
            return;
        }
        let was_voice = speech.loud >= VOICE;
        self.speech = None;
        if was_voice {
            self.utterances += 1;
            self.kept = self.keep.as_mut().map(|keep| Arc::from(std::mem::take(keep)));
        }
    }
}

#[cfg(test)]
mod tests {
    use warmline_telephony::{HoldMusic, SILENCE};

    use super::*;

    fn tone() -> Frame {
        std::array::from_fn(|i| (3_000.0 * (i as f32 * 0.2).sin()) as i16)
    }

    /// Syllables with a short closure between them.
    fn speak(ears: &mut Ears, frames: usize) {
        for at in 0..frames {
            ears.hear(&if at % 12 < 9 { tone() } else { SILENCE });
        }
    }

    fn silence(ears: &mut Ears, frames: usize) {
        (0..frames).for_each(|_| ears.hear(&SILENCE));
    }

    #[test]
    fn an_utterance_is_over_0_7_s_after_its_last_sound() {
        let mut ears = Ears::new(true);
        silence(&mut ears, 100);
        speak(&mut ears, 249);
        assert!(ears.speaking_for() > 200);
        silence(&mut ears, 34);
        assert_eq!(ears.utterances(), 0);
        silence(&mut ears, 1);
        assert_eq!((ears.utterances(), ears.speaking_for(), ears.music_for()), (1, 0, 0));
        let kept = ears.take_utterance().unwrap().len() / FRAME_SAMPLES;
        assert!((284..=296).contains(&kept), "{kept} frames were kept");
    }

    #[test]
    fn a_click_is_no_voice() {
        let mut ears = Ears::new(false);
        ears.hear(&tone());
        silence(&mut ears, 100);
        assert_eq!(ears.utterances(), 0);
    }

    #[test]
    fn our_hold_music_is_music_and_what_follows_is_a_voice() {
        let mut ears = Ears::new(false);
        let track = HoldMusic::ours().track();
        for chunk in track.chunks_exact(FRAME_SAMPLES) {
            ears.hear(&std::array::from_fn(|i| chunk[i]));
        }
        assert!(ears.music_for() > 1_000 && ears.utterances() == 0);
        speak(&mut ears, 100);
        silence(&mut ears, 40);
        assert!(ears.music_is_over());
        assert_eq!(ears.utterances(), 1);
    }
}
