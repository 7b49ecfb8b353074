//! From the voice's raw sound to what a line plays.

use rubato::{
    Async, FixedAsync, Resampler, SincInterpolationParameters, WindowFunction,
    audioadapter_buffers::owned::InterleavedOwned,
};

use crate::style::Delivery;

/// Of what is played.
pub(super) const SAMPLE_RATE: u32 = 16_000;
/// Loudness of speech: −20 dBFS RMS.
const LOUDNESS: f32 = 0.1;
/// Peaks above this are bent, so that nothing is cut off.
const KNEE: f32 = 0.7;
/// Parts quieter than this don't count as speech, nor are they kept at the ends.
const QUIET: f32 = 0.01;
/// Silence between clauses: 30 ms.
const PAUSE: usize = SAMPLE_RATE as usize * 30 / 1_000;
/// What is kept around the speech, so that no breath is cut: 20 ms.
const MARGIN: usize = SAMPLE_RATE as usize / 50;

/// Resamples (which shifts the pitch where that's wanted), trims, and makes it as loud as it should be.
pub(super) fn finish(samples: Vec<f32>, rate: u32, how: &Delivery) -> Result<Vec<i16>, String> {
    let mut samples = resample(samples, f64::from(SAMPLE_RATE) / (f64::from(rate) * f64::from(how.pitch)))?;
    trim(&mut samples);
    let gain = gain(&samples, how.gain);
    let finished = samples.into_iter().map(|sample| (limit(sample * gain) * 32_767.0) as i16);
    Ok(finished.chain(std::iter::repeat_n(0, PAUSE)).collect())
}

fn resample(samples: Vec<f32>, ratio: f64) -> Result<Vec<f32>, String> {
    let count = samples.len();
    if count == 0 {
        return Ok(samples);
    }
    let parameters = SincInterpolationParameters::new(96, WindowFunction::BlackmanHarris2);
    let resampler = Async::<f32>::new_sinc(ratio, 1.0, &parameters, 1_024, 1, FixedAsync::Input);
    let mut resampler = resampler.map_err(|error| error.to_string())?;
    let input = InterleavedOwned::new_from(samples, 1, count).map_err(|error| error.to_string())?;
    let output = resampler.process_all(&input, count, None).map_err(|error| error.to_string())?;
    Ok(output.take_data())
}

fn trim(samples: &mut Vec<f32>) {
    let loud = |sample: &f32| sample.abs() > QUIET;
    let Some(first) = samples.iter().position(loud) else { return };
    let last = samples.iter().rposition(loud).unwrap_or(first);
    samples.truncate((last + MARGIN).min(samples.len()));
    samples.drain(..first.saturating_sub(MARGIN));
}

fn gain(samples: &[f32], louder: f32) -> f32 {
    let (sum, count) = samples
        .iter()
        .filter(|sample| sample.abs() > QUIET)
        .fold((0.0, 0u32), |(sum, count), sample| (sum + f64::from(sample * sample), count + 1));
    let loudness = (sum / f64::from(count.max(1))).sqrt() as f32;
    if loudness > 0.0 { (LOUDNESS * louder / loudness).min(10.0) } else { 1.0 }
}

fn limit(sample: f32) -> f32 {
    let over = sample.abs() - KNEE;
    if over <= 0.0 { sample } else { sample.signum() * (KNEE + (1.0 - KNEE) * (over / (1.0 - KNEE)).tanh()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f32, seconds: f32, level: f32) -> Vec<f32> {
        let count = (22_050.0 * seconds) as usize;
        (0..count).map(|i| level * (i as f32 * hertz * std::f32::consts::TAU / 22_050.0).sin()).collect()
    }

    fn how(pitch: f32, gain: f32) -> Delivery {
        Delivery { length: 1.0, pitch, gain, liveliness: 1.0 }
    }

    fn crossings(samples: &[i16]) -> usize {
        samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count()
    }

    #[test]
    fn loudness_is_the_same_whatever_came_in() {
        for level in [0.05, 0.3, 0.9] {
            let samples = finish(tone(300.0, 1.0, level), 22_050, &how(1.0, 1.0)).unwrap();
            let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
            let loudness = 20.0 * ((sum / samples.len() as f64).sqrt() / 32_768.0).log10();
            assert!((-21.5..-18.5).contains(&loudness), "{loudness} dB from {level}");
        }
    }

    #[test]
    fn a_higher_voice_is_higher_and_shorter() {
        let usual = finish(tone(300.0, 1.0, 0.3), 22_050, &how(1.0, 1.0)).unwrap();
        let higher = finish(tone(300.0, 1.0, 0.3), 22_050, &how(1.25, 1.0)).unwrap();
        assert!((crossings(&usual) as i32 - 300).abs() < 4);
        assert!((crossings(&higher) as i32 - 300).abs() < 4, "as many waves in a shorter time");
        let ratio = (usual.len() - PAUSE) as f32 / (higher.len() - PAUSE) as f32;
        assert!((ratio - 1.25).abs() < 0.03, "{ratio}");
    }

    #[test]
    fn peaks_are_bent_and_never_cut() {
        assert!(limit(5.0) <= 1.0 && limit(-5.0) >= -1.0);
        assert!(limit(0.9) > limit(0.8) && limit(0.5) == 0.5);
        assert_eq!(finish(Vec::new(), 22_050, &how(1.0, 1.0)).unwrap().len(), PAUSE);
    }
}
