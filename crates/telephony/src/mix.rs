use crate::{FRAME_SAMPLES, Frame, SILENCE};

/// Sums up to this are left as they are; above it they approach full scale without ever reaching past it.
const KNEE: i32 = 24_576;

/// What is heard when all of these are heard at once: their sum, softly limited. One alone is unchanged.
#[must_use]
pub fn mix(frames: &[&Frame]) -> Frame {
    match frames {
        [] => SILENCE,
        [only] => **only,
        [first, others @ ..] => {
            let mut sums: [i32; FRAME_SAMPLES] = first.map(i32::from);
            for frame in others {
                for (sum, &sample) in sums.iter_mut().zip(*frame) {
                    *sum += i32::from(sample);
                }
            }
            sums.map(limit)
        }
    }
}

fn limit(sum: i32) -> i16 {
    let over = sum.abs() - KNEE;
    if over <= 0 {
        return sum as i16;
    }
    let room = i64::from(i32::from(i16::MAX) - KNEE);
    let soft = i64::from(KNEE) + i64::from(over) * room / (i64::from(over) + room);
    (soft * i64::from(sum.signum())) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_frames_add_up_and_one_alone_is_unchanged() {
        assert_eq!(mix(&[]), SILENCE);
        assert_eq!(mix(&[&[i16::MIN; FRAME_SAMPLES]]), [i16::MIN; FRAME_SAMPLES]);
        assert_eq!(mix(&[&[1_000; FRAME_SAMPLES], &[-300; FRAME_SAMPLES], &[7; FRAME_SAMPLES]]), [707; FRAME_SAMPLES]);
    }

    #[test]
    fn loud_sums_rise_monotonically_and_never_wrap() {
        let mut last = i16::MIN;
        for sum in (-200_000..=200_000).step_by(101) {
            let limited = limit(sum);
            assert!(limited >= last, "{sum}: {limited} after {last}");
            assert_eq!(limit(-sum), -limited);
            last = limited;
        }
        assert!(last > 32_000);
        assert_eq!(mix(&[&[i16::MIN; FRAME_SAMPLES], &[i16::MIN; FRAME_SAMPLES]])[0], limit(-65_536));
    }
}
