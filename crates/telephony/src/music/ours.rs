//! Our own hold music: a slow eight-bar round in G, plucked chords and a melody over a soft pad.
//!
//! Everything is added into a ring as long as the piece, so that what still sounds at its end is there at its beginning.

use crate::SAMPLE_RATE;

/// Samples a beat: 80 beats a minute.
const BEAT: usize = SAMPLE_RATE as usize * 60 / 80;

/// Beats of the whole piece: eight bars of four.
const BEATS: usize = 32;

/// Each bar's chord, from its lowest note, as MIDI note numbers. Nothing lies below 196 Hz: a telephone would swallow it.
const CHORDS: [[i32; 4]; 8] = [
    [55, 62, 66, 71],
    [59, 62, 66, 69],
    [60, 64, 67, 71],
    [57, 62, 66, 69],
    [55, 62, 66, 71],
    [64, 67, 71, 74],
    [57, 60, 64, 67],
    [57, 62, 64, 69],
];

/// The melody: beat (in halves), note, length in halves.
const MELODY: [(usize, i32, usize); 26] = [
    (0, 74, 3),
    (3, 71, 1),
    (4, 78, 4),
    (8, 76, 2),
    (10, 74, 2),
    (12, 73, 4),
    (16, 71, 3),
    (19, 72, 1),
    (20, 76, 4),
    (24, 74, 6),
    (30, 69, 2),
    (32, 71, 3),
    (35, 74, 1),
    (36, 79, 4),
    (40, 78, 2),
    (42, 76, 2),
    (44, 71, 4),
    (48, 72, 2),
    (50, 76, 2),
    (52, 74, 2),
    (54, 72, 2),
    (56, 71, 3),
    (59, 69, 1),
    (60, 69, 2),
    (62, 66, 1),
    (63, 69, 1),
];

/// The order in which a bar's eight half beats pick the chord's notes.
const PICKING: [usize; 8] = [0, 1, 2, 3, 2, 1, 3, 2];

struct Ring(Vec<f32>);

/// One pass of the piece, of no particular loudness.
pub(super) fn render() -> Vec<f32> {
    let mut ring = Ring(vec![0.0; BEAT * BEATS]);
    for (bar, chord) in CHORDS.iter().enumerate() {
        let start = bar * 4 * BEAT;
        for note in chord {
            ring.pad(start, frequency(*note), 5 * BEAT, 0.05);
        }
        for (half, pick) in PICKING.iter().enumerate() {
            let accent = if half == 0 { 0.30 } else { 0.20 };
            ring.pluck(start + half * BEAT / 2, frequency(chord[*pick]), 1.6, accent);
        }
    }
    for (half, note, length) in MELODY {
        ring.pluck(half * BEAT / 2, frequency(note), 1.0 + 0.35 * length as f32, 0.34);
    }
    ring.echo()
}

fn frequency(note: i32) -> f32 {
    440.0 * 2.0_f32.powf((note - 69) as f32 / 12.0)
}

impl Ring {
    /// A plucked string: harmonics that die away the faster the higher they are.
    fn pluck(&mut self, start: usize, hz: f32, seconds: f32, loudness: f32) {
        for harmonic in 1..=5_u8 {
            let order = f32::from(harmonic);
            let ring_for = seconds / order.sqrt();
            let decay = 0.001_f32.powf(1.0 / (ring_for * SAMPLE_RATE as f32));
            self.partial(
                start,
                hz * order,
                loudness / (order * order),
                (ring_for * SAMPLE_RATE as f32) as usize,
                |n| (n as f32 / 48.0).min(1.0) * decay.powi(n as i32),
            );
        }
    }

    /// A held note that swells and fades, two voices a little apart.
    fn pad(&mut self, start: usize, hz: f32, length: usize, loudness: f32) {
        for detune in [0.998, 1.002] {
            for (order, share) in [(1.0, 1.0), (2.0, 0.4), (3.0, 0.15)] {
                self.partial(start, hz * detune * order, loudness * share, length, |n| {
                    (std::f32::consts::PI * n as f32 / length as f32).sin()
                });
            }
        }
    }

    /// A sine with an envelope. The sine is turned on step by step, which is exact enough for a few seconds.
    fn partial(&mut self, start: usize, hz: f32, loudness: f32, length: usize, envelope: impl Fn(usize) -> f32) {
        /// Above this, a telephone carries nothing.
        const HIGHEST: f32 = 3_300.0;
        /// The envelope is worked out once for so many samples and drawn straight in between.
        const STEP: usize = 16;
        if hz > HIGHEST {
            return;
        }
        let (turn_sin, turn_cos) = (std::f64::consts::TAU * f64::from(hz) / f64::from(SAMPLE_RATE)).sin_cos();
        let (mut sin, mut cos) = (0.0_f64, 1.0_f64);
        let mut at = start % self.0.len();
        for step in (0..length).step_by(STEP) {
            let (from, to) = (envelope(step), envelope(step + STEP));
            for n in 0..STEP.min(length - step) {
                let level = from + (to - from) * n as f32 / STEP as f32;
                self.0[at] += loudness * level * sin as f32;
                (sin, cos) = (sin * turn_cos + cos * turn_sin, cos * turn_cos - sin * turn_sin);
                at = if at + 1 == self.0.len() { 0 } else { at + 1 };
            }
        }
    }

    /// A little room around it.
    fn echo(self) -> Vec<f32> {
        const TAPS: [(usize, f32); 4] = [(1_187, 0.22), (2_633, 0.16), (4_421, 0.11), (7_919, 0.07)];
        let dry = self.0;
        let wet =
            |i: usize| TAPS.iter().map(|(late, share)| share * dry[(i + dry.len() - late) % dry.len()]).sum::<f32>();
        (0..dry.len()).map(|i| dry[i] + wet(i)).collect()
    }
}
