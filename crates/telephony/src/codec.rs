//! G.711 μ-law, and what a telephone makes of wide-band audio.

use audio_codec_algorithms::{decode_ulaw as decode, encode_ulaw as encode};

use crate::{FRAME_SAMPLES, Frame};

/// Samples of a frame on the telephone's side: 20 ms at 8 kHz.
const NARROW: usize = FRAME_SAMPLES / 2;

/// How far the half-band filter reaches to either side of its centre, in samples at 16 kHz. Odd, so that no tap is wasted.
const REACH: usize = 15;

/// Kaiser's β for 40 dB of stop-band attenuation.
const KAISER_BETA: f64 = 3.4;

/// 16 bit PCM as G.711 μ-law, one byte a sample.
#[must_use]
pub fn encode_ulaw(audio: &[i16]) -> Vec<u8> {
    audio.iter().map(|&sample| encode(sample)).collect()
}

/// G.711 μ-law as 16 bit PCM.
#[must_use]
pub fn decode_ulaw(bytes: &[u8]) -> Vec<i16> {
    bytes.iter().map(|&byte| decode(byte)).collect()
}

/// One direction of a telephone line: takes 16 kHz frames to 8 kHz μ-law and back, 1.9 ms late.
///
/// It remembers the end of the last frame, so every direction of every leg has one of its own.
#[derive(Clone, Debug)]
pub struct TelephoneFilter {
    /// The taps at ±1, ±3, … ±15. Of a half-band filter's others only the centre is not zero: ½.
    taps: [f32; REACH.div_ceil(2)],
    wide: [f32; 2 * REACH],
    narrow: [f32; REACH],
}

impl Default for TelephoneFilter {
    fn default() -> Self {
        Self { taps: half_band(), wide: [0.0; 2 * REACH], narrow: [0.0; REACH] }
    }
}

impl TelephoneFilter {
    /// The frame as it sounds at the other end.
    #[must_use]
    pub fn pass(&mut self, frame: &Frame) -> Frame {
        let narrow = self.halve(frame);
        self.double(&narrow.map(|sample| decode(encode(round(sample)))))
    }

    /// Band-limits and takes every second sample.
    fn halve(&mut self, frame: &Frame) -> [f32; NARROW] {
        let mut input = [0.0; 2 * REACH + FRAME_SAMPLES];
        input[..2 * REACH].copy_from_slice(&self.wide);
        for (to, &from) in input[2 * REACH..].iter_mut().zip(frame) {
            *to = f32::from(from);
        }
        self.wide.copy_from_slice(&input[FRAME_SAMPLES..]);
        let even = std::array::from_fn(|i| input[2 * i]);
        let mut output = self.between(&even);
        for (to, centre) in output.iter_mut().zip(input[REACH..].iter().step_by(2)) {
            *to += 0.5 * centre;
        }
        output
    }

    /// Puts the samples in between back.
    fn double(&mut self, narrow: &[i16; NARROW]) -> Frame {
        let mut input = [0.0; REACH + NARROW];
        input[..REACH].copy_from_slice(&self.narrow);
        for (to, &from) in input[REACH..].iter_mut().zip(narrow) {
            *to = f32::from(from);
        }
        self.narrow.copy_from_slice(&input[NARROW..]);
        let between = self.between(&input);
        let mut output = [0; FRAME_SAMPLES];
        for (i, to) in output.chunks_exact_mut(2).enumerate() {
            to[0] = round(2.0 * between[i]);
            to[1] = round(input[i + REACH / 2 + 1]);
        }
        output
    }

    /// The taps other than the centre's, applied to every second sample: all that a half-band filter has to work out.
    /// Tap by tap, so that the inner loop runs over neighbours.
    fn between(&self, samples: &[f32; REACH + NARROW]) -> [f32; NARROW] {
        let mut sums = [0.0; NARROW];
        for (i, tap) in self.taps.iter().enumerate() {
            let before = &samples[REACH / 2 - i..][..NARROW];
            let after = &samples[REACH / 2 + 1 + i..][..NARROW];
            for ((sum, a), b) in sums.iter_mut().zip(before).zip(after) {
                *sum += tap * (a + b);
            }
        }
        sums
    }
}

/// Cuts at 4 kHz: flat to 3.4 kHz, 40 dB down from 4.6 kHz. A Kaiser-windowed sinc, scaled to a gain of 1 at 0 Hz.
fn half_band() -> [f32; REACH.div_ceil(2)] {
    let mut taps = [0.0; REACH.div_ceil(2)];
    for (i, tap) in taps.iter_mut().enumerate() {
        let at = (2 * i + 1) as f64;
        let sinc = (std::f64::consts::FRAC_PI_2 * at).sin() / (std::f64::consts::PI * at);
        let edge = at / (REACH + 1) as f64;
        *tap = sinc * bessel_i0(KAISER_BETA * (1.0 - edge * edge).sqrt()) / bessel_i0(KAISER_BETA);
    }
    let scale = 0.25 / taps.iter().sum::<f64>();
    taps.map(|tap| (tap * scale) as f32)
}

/// The modified Bessel function of order 0, by its series.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..20 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

/// To the nearest, saturating. `f32::round` would be a call into libm on plain x86-64.
fn round(sample: f32) -> i16 {
    (sample + 0.5_f32.copysign(sample)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SAMPLE_RATE, SILENCE};

    fn tone(hz: f64, amplitude: f64, frames: usize) -> Vec<Frame> {
        let step = std::f64::consts::TAU * hz / f64::from(SAMPLE_RATE);
        let sample = |n: usize| (amplitude * (step * n as f64).sin()) as i16;
        (0..frames).map(|f| std::array::from_fn(|i| sample(f * FRAME_SAMPLES + i))).collect()
    }

    fn pass(frames: &[Frame]) -> Vec<f64> {
        let mut filter = TelephoneFilter::default();
        frames.iter().flat_map(|f| filter.pass(f)).map(f64::from).collect()
    }

    fn power(samples: impl Iterator<Item = f64>) -> f64 {
        let (sum, n) = samples.fold((0.0, 0.0), |(sum, n), s| (sum + s * s, n + 1.0));
        sum / n
    }

    #[test]
    fn mu_law_keeps_every_code_and_is_within_three_percent_of_loud_samples() {
        let codes: Vec<u8> = (0..=255).collect();
        let again = encode_ulaw(&decode_ulaw(&codes));
        // 0x7f is minus zero.
        assert!(codes.iter().zip(&again).all(|(a, b)| a == b || (*a, *b) == (0x7f, 0xff)));
        for sample in [-30_000_i16, -1_000, 200, 5_000, 32_000] {
            let heard = decode(encode(sample));
            assert!((f64::from(heard) / f64::from(sample) - 1.0).abs() < 0.04, "{sample} became {heard}");
        }
    }

    #[test]
    fn a_tone_in_the_telephone_band_comes_through_clean_and_1_9_ms_late() {
        for hz in [300.0, 1_000.0, 2_400.0, 3_200.0] {
            let sent = tone(hz, 8_000.0, 50);
            let heard = pass(&sent);
            let sent: Vec<f64> = sent.iter().flatten().map(|&s| f64::from(s)).collect();
            let late = 2 * REACH;
            let (from, to) = (1_000, 15_000);
            let wrong = power((from..to).map(|i| heard[i + late] - sent[i]));
            let snr = 10.0 * (power((from..to).map(|i| sent[i])) / wrong).log10();
            assert!(snr > 30.0, "{hz} Hz: {snr:.1} dB");
        }
    }

    #[test]
    fn what_a_telephone_does_not_carry_neither_passes_nor_comes_back_as_an_alias() {
        for hz in [4_800.0, 6_000.0, 7_500.0] {
            let sent = tone(hz, 8_000.0, 50);
            let loss = 10.0 * (power(pass(&sent).into_iter().skip(1_000)) / (8_000.0_f64.powi(2) / 2.0)).log10();
            assert!(loss < -36.0, "{hz} Hz: {loss:.1} dB");
        }
    }

    #[test]
    fn silence_stays_silence_and_full_scale_does_not_wrap() {
        let mut filter = TelephoneFilter::default();
        assert_eq!(filter.pass(&SILENCE), SILENCE);
        assert_eq!(filter.pass(&SILENCE), SILENCE);
        let mut loud = SILENCE;
        for frame in std::iter::repeat_n([i16::MAX; FRAME_SAMPLES], 3) {
            loud = filter.pass(&frame);
        }
        assert!(loud.iter().all(|&s| s > 31_000), "{loud:?}");
    }
}
