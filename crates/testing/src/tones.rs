//! Tones to say and to find again: each voice of a test or a measurement is one, so that who is heard where can be told by
//! the pitch. Audio is mono PCM, signed 16 bit; where nothing else is said, at 16 kHz.

use std::f64::consts::TAU;

/// Samples a second.
pub const RATE: u32 = 16_000;

/// A piece of a sine wave: from sample `from` on so many samples, so loud (its amplitude, of 32,767).
#[must_use]
pub fn tone(hz: f64, amplitude: f64, from: usize, samples: usize) -> Vec<i16> {
    sine(hz, RATE, amplitude, from, samples)
}

/// How loud a tone is in some audio: its amplitude.
#[must_use]
pub fn amplitude(audio: &[i16], hz: f64) -> f64 {
    let (re, im) = parts(audio.iter().map(|&sample| f64::from(sample)), hz);
    2.0 * re.hypot(im) / audio.len() as f64
}

/// The root mean square of some audio.
#[must_use]
pub fn rms(audio: &[i16]) -> f64 {
    (audio.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / audio.len() as f64).sqrt()
}

/// A sine wave in frames of 20 ms, a quarter of full scale.
#[derive(Clone, Debug)]
pub struct Tone {
    hz: f64,
    rate: u32,
    at: usize,
}

impl Tone {
    /// One of that pitch for a track of so many samples a second.
    #[must_use]
    pub fn new(hz: f64, rate: u32) -> Self {
        Self { hz, rate, at: 0 }
    }

    /// The next 20 ms.
    pub fn next_frame(&mut self) -> Vec<i16> {
        let (from, samples) = (self.at, self.rate as usize / 50);
        self.at += samples;
        sine(self.hz, self.rate, 8_192.0, from, samples)
    }
}

/// How a recorded tone sounds.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// The tone against all else, in dB.
    pub snr: f64,
    /// Windows of 10 ms in which next to nothing is heard.
    pub dropouts: usize,
    /// The root mean square.
    pub rms: f64,
}

/// Looks for a tone. The spectrum is windowed, so that a step of the phase costs little and noise all.
#[must_use]
pub fn measure(audio: &[i16], hz: f64) -> Heard {
    let length = audio.len() as f64;
    let windowed: Vec<f64> = (audio.iter().enumerate())
        .map(|(n, &sample)| f64::from(sample) * (0.5 - 0.5 * (TAU * n as f64 / length).cos()))
        .collect();
    let total: f64 = windowed.iter().map(|sample| sample * sample).sum();
    // The tone and its neighbours within 20 Hz, as much as there are of them at this length.
    let resolution = f64::from(RATE) / length;
    let bins = (20.0 / resolution).ceil().max(2.0) as i64;
    let power = |hz| {
        let (re, im) = parts(windowed.iter().copied(), hz);
        re * re + im * im
    };
    let found: f64 = (-bins..=bins).map(|bin| power(hz + bin as f64 * resolution)).sum();
    let (signal, rms) = (2.0 * found / length, rms(audio));
    let dropouts = audio.chunks(160).filter(|window| self::rms(window) < rms / 10.0).count();
    Heard { snr: 10.0 * (signal / (total - signal).max(total * 1e-9)).log10(), dropouts, rms }
}

fn sine(hz: f64, rate: u32, amplitude: f64, from: usize, samples: usize) -> Vec<i16> {
    let step = TAU * hz / f64::from(rate);
    (from..from + samples).map(|n| (amplitude * (step * n as f64).sin()) as i16).collect()
}

fn parts(audio: impl Iterator<Item = f64>, hz: f64) -> (f64, f64) {
    let step = TAU * hz / f64::from(RATE);
    audio.enumerate().fold((0.0, 0.0), |(re, im), (n, sample)| {
        let (sin, cos) = (step * n as f64).sin_cos();
        (re + sample * cos, im + sample * sin)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_at_its_pitch_and_loudness_and_nowhere_else() {
        let audio = tone(440.0, 4_000.0, 100, 3_200);
        assert!((amplitude(&audio, 440.0) - 4_000.0).abs() < 40.0, "{}", amplitude(&audio, 440.0));
        assert!(amplitude(&audio, 900.0) < 40.0, "{}", amplitude(&audio, 900.0));
        assert!((rms(&audio) - 4_000.0 / 2_f64.sqrt()).abs() < 40.0);
        let heard = measure(&audio, 440.0);
        assert!(heard.snr > 40.0 && heard.dropouts == 0, "{heard:?}");
        assert!(measure(&audio, 700.0).snr < 0.0);
    }

    #[test]
    fn a_gap_is_a_dropout_and_frames_join_without_a_step() {
        let mut wave = Tone::new(440.0, RATE);
        let mut audio: Vec<i16> = (0..10).flat_map(|_| wave.next_frame()).collect();
        assert_eq!(audio, tone(440.0, 8_192.0, 0, 3_200));
        audio[640..960].fill(0);
        assert_eq!(measure(&audio, 440.0).dropouts, 2);
        assert_eq!(Tone::new(440.0, 48_000).next_frame().len(), 960);
    }
}
