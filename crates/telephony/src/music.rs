//! What a customer on hold hears.

mod file;
mod ours;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

pub use file::HoldMusicError;

use crate::SAMPLE_RATE;

/// How loud hold music is: −24 dBFS RMS.
const LOUDNESS: f32 = 0.063_1;

/// A track to play in a loop: 16 kHz mono at −24 dBFS RMS. Clones share it.
#[derive(Clone, Debug)]
pub struct HoldMusic {
    track: Arc<[i16]>,
}

impl HoldMusic {
    /// The built-in piece: 24 s of plucked chords, made for this product. The same samples every time.
    ///
    /// The first call makes them, which takes about 0.1 s of CPU time.
    #[must_use]
    pub fn ours() -> Self {
        static TRACK: OnceLock<Arc<[i16]>> = OnceLock::new();
        Self { track: Arc::clone(TRACK.get_or_init(|| level(&ours::render()))) }
    }

    /// The track, for [`crate::Mouth::play_music`].
    #[must_use]
    pub fn track(&self) -> Arc<[i16]> {
        Arc::clone(&self.track)
    }

    /// How long it takes to come round.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.track.len() as f64 / f64::from(SAMPLE_RATE))
    }
}

/// Brings audio to the loudness of hold music. Peaks that would not fit are limited.
fn level(audio: &[f32]) -> Arc<[i16]> {
    let mean = audio.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / audio.len().max(1) as f64;
    let gain = if mean > 0.0 { LOUDNESS / mean.sqrt() as f32 } else { 0.0 };
    audio.iter().map(|&s| (s * gain * 32_767.0).round().clamp(-32_767.0, 32_767.0) as i16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn dbfs(audio: &[i16]) -> f64 {
        let mean = audio.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / audio.len() as f64;
        10.0 * (mean / 32_768.0_f64.powi(2)).log10()
    }

    #[test]
    fn our_music_is_long_and_loud_enough_and_always_the_same() {
        let music = HoldMusic::ours();
        assert!((20..=40).contains(&music.duration().as_secs()), "{:?}", music.duration());
        let track = music.track();
        assert!((dbfs(&track) + 24.0).abs() < 0.2, "{:.1} dBFS", dbfs(&track));
        assert!(track.iter().all(|s| s.unsigned_abs() < 20_000), "it clips");
        assert_eq!(level(&ours::render()), track);
    }

    #[test]
    fn our_music_never_pauses() {
        for (at, second) in HoldMusic::ours().track().chunks_exact(8_000).enumerate() {
            assert!(dbfs(second) > -40.0, "{:.1} dBFS at {} s", dbfs(second), at as f64 / 2.0);
        }
    }

    #[test]
    fn the_loop_point_is_no_different_from_any_other_point() {
        let track = HoldMusic::ours().track();
        let step = |i: usize| (f64::from(track[(i + 1) % track.len()]) - f64::from(track[i])).abs();
        let curve = |i: usize| {
            let (a, b, c) = (track[i], track[(i + 1) % track.len()], track[(i + 2) % track.len()]);
            (f64::from(a) - 2.0 * f64::from(b) + f64::from(c)).abs()
        };
        let end = track.len() - 3;
        let inside = |f: &dyn Fn(usize) -> f64| (0..end).map(f).fold(0.0, f64::max);
        let seam = |f: &dyn Fn(usize) -> f64| (end..end + 3).map(f).fold(0.0, f64::max);
        assert!(seam(&step) <= inside(&step) && seam(&curve) <= inside(&curve));
        assert!(inside(&step) < 6_000.0, "a click of {}", inside(&step));
    }

    #[test]
    fn our_music_is_made_for_the_telephone_band() {
        let track = HoldMusic::ours().track();
        let mut filter = crate::TelephoneFilter::default();
        let heard: Vec<i16> = track
            .chunks_exact(crate::FRAME_SAMPLES)
            .flat_map(|chunk| filter.pass(&std::array::from_fn(|i| chunk[i])))
            .collect();
        assert!((dbfs(&heard) - dbfs(&track)).abs() < 0.3, "{:.1} dBFS", dbfs(&heard));
    }
}
