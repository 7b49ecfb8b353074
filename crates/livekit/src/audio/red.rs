//! RED (RFC 2198): each packet repeats the frames before it, so that a lost one arrives with the next.

use std::ops::Range;

use thiserror::Error;

/// Blocks in a payload that are read at most; a sender repeats two or three frames.
const MOST_BLOCKS: usize = 16;

/// The largest distance in time that a header can say (14 bits), in RTP ticks.
const FARTHEST: u32 = (1 << 14) - 1;

/// The longest block that a header can say (10 bits), in bytes.
const LONGEST: usize = (1 << 10) - 1;

/// One frame within a RED payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its payload type.
    pub payload_type: u8,
    /// How far before the packet's own timestamp it belongs, in RTP ticks. 0 for the packet's own frame.
    pub before: u32,
    /// Where in the payload it lies.
    pub range: Range<usize>,
}

/// A payload that is no RED.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RedError {
    /// It ends within a header or a block.
    #[error("the RED payload is cut short")]
    Short,
    /// It has more blocks than anybody sends.
    #[error("the RED payload has more than {MOST_BLOCKS} blocks")]
    TooMany,
}

/// The frames of a RED payload, oldest first; the packet's own is the last. Empty redundant blocks are left out.
///
/// # Errors
/// [`RedError`] for anything malformed. Never panics, whatever the bytes.
pub fn parse_red(payload: &[u8]) -> Result<Vec<Block>, RedError> {
    let mut blocks = Vec::with_capacity(3);
    let mut at = 0;
    loop {
        let head = *payload.get(at).ok_or(RedError::Short)?;
        let payload_type = head & 0x7f;
        if head & 0x80 == 0 {
            at += 1;
            blocks.push((payload_type, 0, None));
            break;
        }
        let &[_, high, middle, low] = payload.get(at..at + 4).ok_or(RedError::Short)? else {
            return Err(RedError::Short);
        };
        at += 4;
        let before = u32::from(high) << 6 | u32::from(middle) >> 2;
        let length = usize::from(middle & 0b11) << 8 | usize::from(low);
        if blocks.len() + 1 == MOST_BLOCKS {
            return Err(RedError::TooMany);
        }
        blocks.push((payload_type, before, Some(length)));
    }
    let mut found = Vec::with_capacity(blocks.len());
    for (payload_type, before, length) in blocks {
        let end = length.map_or(payload.len(), |length| at + length);
        if end > payload.len() {
            return Err(RedError::Short);
        }
        if end > at {
            found.push(Block { payload_type, before, range: at..end });
        }
        at = end;
    }
    Ok(found)
}

/// Packs frames into RED payloads, each with up to `distance` of the frames before it.
#[derive(Debug)]
pub struct RedPacker {
    distance: usize,
    /// Oldest first: timestamp and frame.
    history: Vec<(u32, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl RedPacker {
    /// One that repeats so many frames.
    #[must_use]
    pub fn new(distance: usize) -> Self {
        Self { distance, history: Vec::new(), spare: Vec::new() }
    }

    /// Forgets the frames before.
    pub fn reset(&mut self) {
        self.spare.extend(self.history.drain(..).map(|(_, frame)| frame));
    }

    /// Writes the payload for a frame into `out`, which is emptied first.
    pub fn pack(&mut self, payload_type: u8, timestamp: u32, frame: &[u8], out: &mut Vec<u8>) {
        out.clear();
        let repeated = |(at, old): &&(u32, Vec<u8>)| {
            let before = timestamp.wrapping_sub(*at);
            (1..=FARTHEST).contains(&before) && (1..=LONGEST).contains(&old.len())
        };
        for (at, old) in self.history.iter().filter(repeated) {
            let (before, length) = (timestamp.wrapping_sub(*at), old.len());
            out.push(0x80 | payload_type);
            out.push((before >> 6) as u8);
            out.push((before << 2) as u8 | (length >> 8) as u8);
            out.push(length as u8);
        }
        out.push(payload_type & 0x7f);
        for (_, old) in self.history.iter().filter(repeated) {
            out.extend_from_slice(old);
        }
        out.extend_from_slice(frame);
        self.remember(timestamp, frame);
    }

    fn remember(&mut self, timestamp: u32, frame: &[u8]) {
        if self.distance == 0 {
            return;
        }
        if self.history.len() == self.distance {
            self.spare.push(self.history.remove(0).1);
        }
        let mut kept = self.spare.pop().unwrap_or_default();
        kept.clear();
        kept.extend_from_slice(frame);
        self.history.push((timestamp, kept));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_parsed() {
        let mut packer = RedPacker::new(2);
        let mut out = Vec::new();
        let frames: [&[u8]; 4] = [b"one", b"two", b"three", b"four"];
        for (n, frame) in frames.iter().enumerate() {
            packer.pack(111, (n as u32 * 960).wrapping_sub(1_000), frame, &mut out);
        }
        let blocks = parse_red(&out).unwrap();
        let said: Vec<_> = blocks.iter().map(|b| (b.payload_type, b.before, &out[b.range.clone()])).collect();
        assert_eq!(said, [(111, 1_920, b"two".as_slice()), (111, 960, b"three"), (111, 0, b"four")]);
        packer.reset();
        packer.pack(111, 5, b"alone", &mut out);
        assert_eq!(out, b"\x6falone");
    }

    #[test]
    fn frames_too_old_or_too_long_for_a_header_are_left_out() {
        let mut packer = RedPacker::new(2);
        let mut out = Vec::new();
        packer.pack(111, 0, b"old", &mut out);
        packer.pack(111, 20_000, &[7; 1_024], &mut out);
        assert_eq!(parse_red(&out).unwrap().len(), 1);
        packer.pack(111, 20_960, b"new", &mut out);
        assert_eq!(parse_red(&out).unwrap().len(), 1);
    }

    #[test]
    fn malformed_payloads_are_refused() {
        for short in [&[][..], &[0x80 | 111], &[0x80 | 111, 0, 0], &[0x80 | 111, 0, 0, 9, 111, 1, 2]] {
            assert_eq!(parse_red(short), Err(RedError::Short), "{short:?}");
        }
        let endless = [0x80 | 111, 0, 0, 0].repeat(100);
        assert_eq!(parse_red(&endless), Err(RedError::TooMany));
        assert_eq!(parse_red(&[111]), Ok(Vec::new()), "an empty frame of its own is left out");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let (mut state, mut read) = (1_u64, 0);
        for _ in 0..20_000 {
            let mut bytes = [0; 40];
            for byte in &mut bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = (state >> 56) as u8;
            }
            let length = (state >> 40) as usize % bytes.len();
            if let Ok(blocks) = parse_red(&bytes[..length]) {
                assert!(blocks.iter().all(|b| b.range.end <= length));
                read += usize::from(!blocks.is_empty());
            }
        }
        assert!(read > 1_000, "only {read} of them were blocks at all");
    }
}
