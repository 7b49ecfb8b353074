use std::collections::VecDeque;

/// Samples that are taken together: 16 → 4 kHz, enough to compare voices by.
const DECIMATE: usize = 4;
/// What is compared: the last 240 ms of the ear.
const SPAN: usize = 960;
/// The longest way of an echo: 400 ms.
const LONGEST: usize = 1_600;
/// How alike ear and mouth are when the ear hears the mouth.
const ALIKE: f32 = 0.6;
/// How alike they have to be at least when an echo of that loudness is known.
const SOMEWHAT_ALIKE: f32 = 0.35;
/// Somebody who speaks over an echo is so much louder.
const LOUDER: f32 = 1.6;

/// Tells the agent's own voice, coming back from the phone, from the person's.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    ear: VecDeque<f32>,
    mouth: VecDeque<f32>,
    /// How loud the echo is against the mouth, once one was heard.
    coupling: Option<f32>,
}

impl Echo {
    /// Takes in what was heard, and what was put on the line meanwhile.
    pub(crate) fn observe(&mut self, heard: &[i16], played: &[i16]) {
        push(&mut self.ear, heard, SPAN);
        push(&mut self.mouth, played, SPAN + LONGEST);
    }

    /// Whether what was heard just now is the agent's own voice.
    pub(crate) fn is_echo(&mut self) -> bool {
        let ear = self.ear.make_contiguous();
        let ear_power = power(ear);
        if ear.len() < SPAN || ear_power <= 0.0 {
            return false;
        }
        let (likeness, mouth_power) = best_match(ear, ear_power, self.mouth.make_contiguous());
        if mouth_power <= 0.0 {
            return false;
        }
        let ratio = (ear_power / mouth_power).sqrt();
        if likeness >= ALIKE {
            self.coupling = Some(self.coupling.map_or(ratio, |known| 0.7 * known + 0.3 * ratio));
            return true;
        }
        likeness >= SOMEWHAT_ALIKE && self.coupling.is_some_and(|known| ratio <= known * LOUDER)
    }
}

/// The best normalised correlation over all delays, and the power of what it was found against.
fn best_match(ear: &[f32], ear_power: f32, mouth: &[f32]) -> (f32, f32) {
    let mut best = (0.0, 0.0);
    for at in mouth.windows(SPAN) {
        let mouth_power = power(at);
        if mouth_power <= 1.0 {
            continue;
        }
        let product: f32 = at.iter().zip(ear).map(|(m, e)| m * e).sum();
        let likeness = product.abs() / (ear_power * mouth_power).sqrt();
        if likeness > best.0 {
            best = (likeness, mouth_power);
        }
    }
    best
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|s| s * s).sum()
}

fn push(ring: &mut VecDeque<f32>, samples: &[i16], most: usize) {
    let groups = samples.chunks_exact(DECIMATE);
    ring.extend(groups.map(|g| g.iter().map(|&s| f32::from(s)).sum::<f32>() / DECIMATE as f32));
    let over = ring.len().saturating_sub(most);
    ring.drain(..over);
}
