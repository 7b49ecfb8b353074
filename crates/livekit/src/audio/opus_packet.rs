//! What an Opus packet says about itself (RFC 6716, section 3.1).

/// The longest that a packet may last: 120 ms, in ticks of 48 kHz.
const LONGEST: u32 = 5_760;

/// How long an Opus packet lasts, in ticks of 48 kHz; `None` if it is no Opus packet.
#[must_use]
pub fn opus_ticks(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        silk @ 0..=11 => [480, 960, 1_920, 2_880][usize::from(silk & 0b11)],
        hybrid @ 12..=15 => [480, 960][usize::from(hybrid & 0b1)],
        celt => [120, 240, 480, 960][usize::from(celt & 0b11)],
    };
    let frames = match toc & 0b11 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(*packet.get(1)? & 0b11_1111),
    };
    let ticks = frame * frames;
    (1..=LONGEST).contains(&ticks).then_some(ticks)
}

/// Whether a packet only says that nothing is said (discontinuous transmission).
#[must_use]
pub fn is_dtx(packet: &[u8]) -> bool {
    packet.len() <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_follow_the_table_of_contents() {
        assert_eq!(opus_ticks(&[]), None);
        // SILK 10, 20, 40, 60 ms; hybrid 20 ms; CELT 2.5 and 20 ms.
        for (config, ticks) in [(0, 480), (1, 960), (2, 1_920), (3, 2_880), (13, 960), (16, 120), (31, 960)] {
            assert_eq!(opus_ticks(&[config << 3]), Some(ticks), "{config}");
        }
        assert_eq!(opus_ticks(&[1 << 3 | 1]), Some(1_920), "two frames");
        assert_eq!(opus_ticks(&[1 << 3 | 3, 5]), Some(4_800), "five frames");
        assert_eq!(opus_ticks(&[1 << 3 | 3]), None, "the count is missing");
        assert_eq!(opus_ticks(&[1 << 3 | 3, 0]), None, "no frames");
        assert_eq!(opus_ticks(&[3 << 3 | 3, 63]), None, "longer than is allowed");
    }
}
