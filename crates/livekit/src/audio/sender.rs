use opus::{Application, Bitrate, Channels, Encoder};

use super::red::RedPacker;

/// Ticks of the RTP clock in 20 ms.
const FRAME_TICKS: u32 = 960;

/// Frames repeated in each packet: two lost in a row are made good.
const RED_DISTANCE: usize = 2;

/// The largest packet made.
const LARGEST: usize = 1_200;

/// Bits a second: speech is transparent well below it.
const BITRATE: i32 = 32_000;

/// The losses that the in-band error correction is set up for, in percent.
const EXPECTED_LOSS: i32 = 10;

/// What the encoder may spend: 5 of 10 costs 60 % of the time of 10 and is not told apart.
const COMPLEXITY: i32 = 5;

/// One stream from PCM to RTP payloads.
pub(crate) struct AudioSender {
    encoder: Encoder,
    red: RedPacker,
    encoded: Box<[u8; LARGEST]>,
    payload: Vec<u8>,
    sequence: u64,
    timestamp: u32,
}

/// What goes into an RTP packet.
pub(crate) struct Outgoing<'a> {
    pub(crate) payload: &'a [u8],
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    /// The level in dBov, -127 to 0, for active-speaker detection (pitfall 7).
    pub(crate) level: i8,
}

impl AudioSender {
    /// One for frames of 20 ms at this rate.
    pub(crate) fn new(rate: u32) -> Result<Self, opus::Error> {
        let mut encoder = Encoder::new(rate, Channels::Mono, Application::Voip)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
        encoder.set_complexity(COMPLEXITY)?;
        encoder.set_inband_fec(true)?;
        encoder.set_packet_loss_perc(EXPECTED_LOSS)?;
        encoder.set_dtx(false)?;
        Ok(Self {
            encoder,
            red: RedPacker::new(RED_DISTANCE),
            encoded: Box::new([0; LARGEST]),
            payload: Vec::with_capacity(LARGEST),
            // The first sequence number of SRTP has to be below 2^15, or a loss right then makes both ends count differently.
            sequence: u64::from(rand::random::<u16>() >> 1),
            timestamp: rand::random(),
        })
    }

    /// Encodes 20 ms. With `red` the payload is RED with blocks of that payload type, else plain Opus.
    pub(crate) fn encode(&mut self, pcm: &[i16], red: Option<u8>) -> Result<Outgoing<'_>, opus::Error> {
        let length = self.encoder.encode(pcm, self.encoded.as_mut_slice())?;
        let frame = &self.encoded[..length];
        let (sequence, timestamp) = (self.sequence, self.timestamp);
        match red {
            Some(opus) => self.red.pack(opus, timestamp, frame, &mut self.payload),
            None => {
                self.payload.clear();
                self.payload.extend_from_slice(frame);
            }
        }
        self.sequence += 1;
        self.timestamp = timestamp.wrapping_add(FRAME_TICKS);
        Ok(Outgoing { payload: &self.payload, sequence, timestamp, level: level(pcm) })
    }

    /// Time passes in which nothing is sent.
    pub(crate) fn skip(&mut self, frames: u32) {
        self.timestamp = self.timestamp.wrapping_add(FRAME_TICKS.wrapping_mul(frames));
        self.red.reset();
    }
}

/// The level of some PCM in dBov (RFC 6464): 0 is full scale, -127 silence.
fn level(pcm: &[i16]) -> i8 {
    let energy: f64 = pcm.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    let rms = (energy / pcm.len().max(1) as f64).sqrt() / f64::from(i16::MAX);
    if rms > 0.0 { (20.0 * rms.log10()).round().clamp(-127.0, 0.0) as i8 } else { -127 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::red::parse_red;

    // Pitfall 7.
    #[test]
    fn levels_are_in_dbov() {
        assert_eq!(level(&[0; 320]), -127);
        assert_eq!(level(&[i16::MAX; 320]), 0);
        assert_eq!(level(&[3_277; 320]), -20);
        assert_eq!(level(&[]), -127);
    }

    #[test]
    fn time_goes_on_while_nothing_is_sent() {
        let mut sender = AudioSender::new(16_000).unwrap();
        let first = sender.encode(&[0; 320], None).map(|o| (o.sequence, o.timestamp)).unwrap();
        sender.skip(3);
        let second = sender.encode(&[0; 320], None).map(|o| (o.sequence, o.timestamp)).unwrap();
        assert_eq!(second.0, first.0 + 1);
        assert_eq!(second.1, first.1.wrapping_add(4 * 960));
    }

    // Pitfall 8.
    #[test]
    fn redundancy_repeats_two_frames_and_nothing_from_before_a_pause() {
        let mut sender = AudioSender::new(48_000).unwrap();
        let distances = |sender: &mut AudioSender| {
            let out = sender.encode(&[100; 960], Some(111)).unwrap();
            parse_red(out.payload).unwrap().iter().map(|block| block.before).collect::<Vec<_>>()
        };
        assert_eq!(distances(&mut sender), [0]);
        assert_eq!(distances(&mut sender), [960, 0]);
        assert_eq!(distances(&mut sender), [1_920, 960, 0]);
        assert_eq!(distances(&mut sender), [1_920, 960, 0]);
        sender.skip(1);
        assert_eq!(distances(&mut sender), [0]);
    }
}
