use std::{sync::Arc, time::Instant};

use opus::{Channels, Decoder};

use super::{
    FRAME_SAMPLES, Frame, RATE,
    jitter::JitterBuffer,
    opus_packet::is_dtx,
    packets::{Due, JitterConfig, JitterStats, Payload},
    red::parse_red,
    stretch,
};

/// Samples in the longest packet: 120 ms.
const LONGEST: usize = 6 * FRAME_SAMPLES;

/// Sound is made up in steps of 2.5 ms: the decoder refuses anything else.
const STEP: usize = FRAME_SAMPLES / 8;

/// Ticks of the RTP clock in a sample of ours.
const TICKS_A_SAMPLE: u32 = 48_000 / RATE;

/// One stream from RTP payloads to PCM: redundancy, jitter, concealment, decoding, clock drift.
pub(crate) struct AudioReceiver {
    jitter: JitterBuffer,
    decoder: Decoder,
    /// Decoded, not played yet.
    ready: Vec<i16>,
    scratch: Box<[i16; LONGEST]>,
    ssrc: Option<u32>,
    /// The last packet said that nothing is said: what is made up then is background noise, and no loss.
    pause: bool,
}

impl AudioReceiver {
    pub(crate) fn new(config: JitterConfig) -> Result<Self, opus::Error> {
        Ok(Self {
            jitter: JitterBuffer::new(config),
            decoder: Decoder::new(RATE, Channels::Mono)?,
            ready: Vec::with_capacity(2 * LONGEST),
            scratch: Box::new([0; LONGEST]),
            ssrc: None,
            pause: false,
        })
    }

    /// Takes in an RTP payload, RED or plain. A new source starts a new stream.
    pub(crate) fn packet(&mut self, now: Instant, ssrc: u32, timestamp: u32, payload: &Arc<[u8]>, red: bool) {
        if self.ssrc.replace(ssrc).is_some_and(|before| before != ssrc) {
            self.jitter.restart();
        }
        if !red {
            if !payload.is_empty() {
                self.jitter.push(now, timestamp, Payload::whole(Arc::clone(payload)), false);
            }
            return;
        }
        let Ok(blocks) = parse_red(payload) else {
            tracing::debug!(bytes = payload.len(), "a malformed RED payload was dropped");
            return;
        };
        for block in blocks {
            let at = timestamp.wrapping_sub(block.before);
            self.jitter.push(now, at, Payload::part(payload, block.range), block.before > 0);
        }
    }

    /// When what begins is due.
    pub(crate) fn begins(&self) -> Option<Instant> {
        self.jitter.begins()
    }

    /// The next 20 ms.
    pub(crate) fn next_frame(&mut self, now: Instant) -> Frame {
        while self.ready.len() < FRAME_SAMPLES {
            if !self.decode_more(now) {
                self.ready.resize(FRAME_SAMPLES, 0);
            }
        }
        match self.jitter.correction() {
            0 => {}
            behind if self.ready.len() < stretch::NEEDED && !self.decode_more(now) => {
                tracing::trace!(behind, "no sound to stretch");
            }
            behind if behind > 0 => stretch::shorten(&mut self.ready),
            _ => stretch::lengthen(&mut self.ready),
        }
        let mut frame = [0; FRAME_SAMPLES];
        if self.ready.len() < FRAME_SAMPLES {
            self.ready.resize(FRAME_SAMPLES, 0);
        }
        frame.copy_from_slice(&self.ready[..FRAME_SAMPLES]);
        self.ready.drain(..FRAME_SAMPLES);
        frame
    }

    /// Packets that wait, and samples that are decoded and not played.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn held(&self) -> (usize, usize) {
        (self.jitter.waiting(), self.ready.len())
    }

    pub(crate) fn stats(&self) -> JitterStats {
        self.jitter.stats()
    }

    /// Decodes what is due; `false` if nothing is.
    fn decode_more(&mut self, now: Instant) -> bool {
        let (packet, fec, samples) = match self.jitter.pop(now) {
            Due::Nothing => return false,
            Due::Packet(payload) => {
                self.pause = is_dtx(payload.bytes());
                (Some(payload), false, LONGEST)
            }
            Due::Lost { ticks, next } => {
                // Senders may leave gaps of any length: servers do, at the end of a track.
                let samples = (ticks / TICKS_A_SAMPLE) as usize / STEP * STEP;
                (next.filter(|_| !self.pause), true, samples.clamp(STEP, LONGEST))
            }
        };
        let bytes = packet.as_ref().map_or(&[][..], Payload::bytes);
        let decoded = self.decoder.decode(bytes, &mut self.scratch[..samples], fec && !bytes.is_empty());
        match decoded {
            Ok(count) => self.ready.extend_from_slice(&self.scratch[..count.min(LONGEST)]),
            Err(error) => {
                tracing::debug!(%error, "a frame could not be decoded");
                self.ready.resize(self.ready.len() + FRAME_SAMPLES, 0);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{FRAME_TIME, sender::AudioSender};

    #[test]
    fn a_gap_of_any_length_is_filled_with_sound() {
        for gap in [61, 240, 479, 700, 960, 1_333] {
            let (mut sender, mut receiver) =
                (AudioSender::new(RATE).unwrap(), AudioReceiver::new(JitterConfig::default()).unwrap());
            let (start, mut quietest) = (Instant::now(), i16::MAX);
            for n in 0..50_u32 {
                let now = start + FRAME_TIME * n;
                let tone: Vec<i16> =
                    (0..320).map(|k| (8_000.0 * (0.17 * f64::from(n * 320 + k)).sin()) as i16).collect();
                let payload: Arc<[u8]> = sender.encode(&tone, None).unwrap().payload.into();
                let late = if n < 25 { 0 } else { gap };
                receiver.packet(now, 1, n * 960 + late, &payload, false);
                let frame = receiver.next_frame(now);
                if n > 15 {
                    quietest = quietest.min(frame.iter().map(|sample| sample.saturating_abs()).max().unwrap());
                }
            }
            assert!(quietest > 2_000, "a gap of {gap} ticks is heard: a frame is only {quietest} loud");
        }
    }
}
