use std::f64::consts::TAU;

/// A sine wave in frames of 20 ms, a quarter of full scale.
pub struct Tone {
    step: f64,
    at: u64,
    samples: usize,
}

/// How a recorded tone sounds.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// The tone against all else, in dB.
    pub snr: f64,
    /// Windows of 10 ms in which next to nothing is heard.
    pub dropouts: usize,
    pub rms: f64,
}

impl Tone {
    pub fn new(hz: f64, rate: u32) -> Self {
        Self { step: TAU * hz / f64::from(rate), at: 0, samples: rate as usize / 50 }
    }

    pub fn next_frame(&mut self) -> Vec<i16> {
        let first = self.at;
        self.at += self.samples as u64;
        (first..self.at).map(|n| (8_192.0 * (self.step * n as f64).sin()) as i16).collect()
    }
}

/// Looks for a tone in 16 kHz audio. The spectrum is windowed, so that a step of the phase costs little and noise all.
pub fn measure(audio: &[i16], hz: f64) -> Heard {
    let length = audio.len() as f64;
    let windowed: Vec<f64> = (audio.iter().enumerate())
        .map(|(n, &s)| f64::from(s) * (0.5 - 0.5 * (TAU * n as f64 / length).cos()))
        .collect();
    let total: f64 = windowed.iter().map(|s| s * s).sum();
    // The tone and its neighbours within 20 Hz, as much as there are of them at this length.
    let resolution = 16_000.0 / length;
    let bins = (20.0 / resolution).ceil().max(2.0) as i64;
    let tone: f64 = (-bins..=bins).map(|bin| power(&windowed, hz + bin as f64 * resolution)).sum();
    let signal = 2.0 * tone / length;
    let rms = (audio.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / length).sqrt();
    let quiet = |window: &&[i16]| {
        let energy: f64 = window.iter().map(|&s| f64::from(s).powi(2)).sum();
        (energy / window.len() as f64).sqrt() < rms / 10.0
    };
    let dropouts = audio.chunks(160).filter(quiet).count();
    Heard { snr: 10.0 * (signal / (total - signal).max(total * 1e-9)).log10(), dropouts, rms }
}

fn power(audio: &[f64], hz: f64) -> f64 {
    let w = TAU * hz / 16_000.0;
    let (mut re, mut im) = (0.0, 0.0);
    for (n, s) in audio.iter().enumerate() {
        re += s * (w * n as f64).cos();
        im += s * (w * n as f64).sin();
    }
    re * re + im * im
}
