//! Playing a little faster or slower without changing the pitch: one period of the sound is left out or said twice.

/// The shortest period looked for: 400 Hz at 16 kHz.
const SHORTEST: usize = 40;

/// The longest: 62.5 Hz. What is cut or repeated is at most this: 16 ms.
const LONGEST: usize = 256;

/// Samples that [`shorten`] and [`lengthen`] need: 40 ms.
pub(crate) const NEEDED: usize = 2 * 320;

/// Leaves out the period that is missed least, with a cross-fade. Does nothing with fewer than [`NEEDED`] samples.
pub(crate) fn shorten(sound: &mut Vec<i16>) {
    if sound.len() < NEEDED {
        return;
    }
    let period = period(sound);
    for at in 0..period {
        sound[at] = fade(sound[at], sound[at + period], at, period);
    }
    sound.drain(period..2 * period);
}

/// Says the period that is noticed least twice, with a cross-fade. Does nothing with fewer than [`NEEDED`] samples.
pub(crate) fn lengthen(sound: &mut Vec<i16>) {
    if sound.len() < NEEDED {
        return;
    }
    let period = period(sound);
    // The second time the first period is heard it turns into the second one, after which all goes on as it was.
    let bridge: Vec<i16> = (0..period).map(|at| fade(sound[at + period], sound[at], at, period)).collect();
    sound.splice(period..period, bridge);
}

/// From `out` to `into` in `length` steps.
fn fade(out: i16, into: i16, at: usize, length: usize) -> i16 {
    let (at, length) = (at as i32, length as i32);
    ((i32::from(out) * (length - at) + i32::from(into) * at) / length) as i16
}

/// After how many samples the sound is most like itself.
fn period(sound: &[i16]) -> usize {
    let alike = |lag: usize| {
        let (mut product, mut left, mut right) = (0_i64, 1_i64, 1_i64);
        for at in (0..LONGEST).step_by(2) {
            let (a, b) = (i64::from(sound[at]), i64::from(sound[at + lag]));
            product += a * b;
            left += a * a;
            right += b * b;
        }
        product as f64 / ((left as f64) * (right as f64)).sqrt()
    };
    (SHORTEST..=LONGEST).map(|lag| (alike(lag), lag)).max_by(|a, b| a.0.total_cmp(&b.0)).map_or(LONGEST, |best| best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, samples: usize) -> Vec<i16> {
        (0..samples).map(|n| (8_000.0 * (std::f64::consts::TAU * hz * n as f64 / 16_000.0).sin()) as i16).collect()
    }

    /// The largest step from one sample to the next: a click would show.
    fn roughness(sound: &[i16]) -> i32 {
        sound.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap()
    }

    #[test]
    fn a_tone_goes_on_without_a_click() {
        for hz in [100.0, 187.0, 333.0, 440.0, 1_003.0] {
            let whole = tone(hz, 960);
            let (mut shorter, mut longer) = (whole.clone(), whole.clone());
            shorten(&mut shorter);
            lengthen(&mut longer);
            assert!((SHORTEST..=LONGEST).contains(&(960 - shorter.len())));
            assert!((SHORTEST..=LONGEST).contains(&(longer.len() - 960)));
            for changed in [&shorter, &longer] {
                assert!(roughness(changed) <= roughness(&whole) * 11 / 10 + 2, "{hz}: {}", roughness(changed));
                assert_eq!(changed[changed.len() - 100..], whole[860..], "the end is left alone");
                let loud = changed.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / changed.len() as f64;
                assert!((loud / 3.2e7 - 1.0).abs() < 0.06, "{hz}: {loud}");
            }
        }
    }

    #[test]
    fn too_little_is_left_alone() {
        let mut short = tone(440.0, NEEDED - 1);
        shorten(&mut short);
        lengthen(&mut short);
        assert_eq!(short.len(), NEEDED - 1);
        let mut silence = vec![0; NEEDED];
        shorten(&mut silence);
        assert!(silence.len() < NEEDED);
    }
}
