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
                let samples = (ticks / TICKS_A_SAMPLE) as usize;
                (next.filter(|_| !self.pause), true, samples.min(LONGEST))
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
