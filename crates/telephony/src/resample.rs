use rubato::{Fft, FixedSync, Resampler, audioadapter_buffers::owned::InterleavedOwned};

/// Frames a step of the resampler.
const CHUNK: usize = 1024;

/// A whole mono clip at another sample rate. Not for streams: each call starts and ends with silence.
///
/// A rate of 0 is not a rate: the answer is empty.
#[must_use]
pub fn resample(audio: &[i16], from: u32, to: u32) -> Vec<i16> {
    if from == to {
        return audio.to_vec();
    }
    let scaled: Vec<f32> = audio.iter().map(|&sample| f32::from(sample)).collect();
    resample_f32(scaled, from, to).into_iter().map(|sample| sample.round() as i16).collect()
}

/// The same in floating point, whatever full scale means there.
pub(crate) fn resample_f32(audio: Vec<f32>, from: u32, to: u32) -> Vec<f32> {
    if from == to || audio.is_empty() {
        return audio;
    }
    let frames = audio.len();
    let Ok(mut resampler) = Fft::<f32>::new(from as usize, to as usize, CHUNK, 1, FixedSync::Both) else {
        return Vec::new();
    };
    let Ok(input) = InterleavedOwned::new_from(audio, 1, frames) else { return Vec::new() };
    resampler.process_all(&input, frames, None).map(InterleavedOwned::take_data).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, rate: u32, seconds: f64) -> Vec<i16> {
        let step = std::f64::consts::TAU * hz / f64::from(rate);
        (0..(f64::from(rate) * seconds) as usize).map(|n| (10_000.0 * (step * n as f64).sin()) as i16).collect()
    }

    #[test]
    fn a_tone_keeps_its_pitch_level_and_length() {
        for from in [8_000, 22_050, 24_000, 44_100, 48_000] {
            let heard = resample(&tone(1_000.0, from, 1.0), from, 16_000);
            assert!(heard.len().abs_diff(16_000) <= 1, "{from}: {}", heard.len());
            let step = std::f64::consts::TAU * 1_000.0 / 16_000.0;
            // The tone at whatever phase: what is left when it is taken away is wrong.
            let part = |wave: fn(f64) -> f64| {
                (1_600..14_400).map(|i| f64::from(heard[i]) * wave(step * i as f64)).sum::<f64>() / 6_400.0
            };
            let (sin, cos) = (part(f64::sin), part(f64::cos));
            assert!((sin.hypot(cos) / 10_000.0 - 1.0).abs() < 0.01, "{from}: {}", sin.hypot(cos));
            let rest = |i: usize| {
                let at = step * i as f64;
                (f64::from(heard[i]) - sin * at.sin() - cos * at.cos()).powi(2)
            };
            let snr = 10.0 * (5e7 * 12_800.0 / (1_600..14_400).map(rest).sum::<f64>()).log10();
            assert!(snr > 50.0, "{from} Hz: {snr:.1} dB");
        }
    }

    #[test]
    fn short_odd_and_impossible_clips_are_survived() {
        assert!(resample(&[], 8_000, 16_000).is_empty());
        assert_eq!(resample(&[1, 2, 3], 16_000, 16_000), [1, 2, 3]);
        assert_eq!(resample(&[100; 7], 8_000, 16_000).len(), 14);
        assert!(resample(&[1; 100], 0, 16_000).is_empty());
    }
}
