#![allow(clippy::expect_used, reason = "a fuzz target fails by panicking")]

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use arbitrary::{Result, Unstructured};

use super::{
    FRAME_SAMPLES, FRAME_TIME, JitterConfig, RedPacker, parse_red, receiver::AudioReceiver, sender::AudioSender,
};

/// Packets of a good stream that follow every other input: a second.
const GOOD: usize = 50;

/// Its source: no input names it.
const GOOD_SSRC: u32 = 0xffff_ffff;

/// RED payloads: blocks lie within the payload and do not overlap, and what our own packer makes of the input's pieces is
/// read back as it was.
pub fn red(input: &[u8]) {
    if let Ok(blocks) = parse_red(input) {
        let mut at = 0;
        for block in &blocks {
            assert!(block.range.start >= at && block.range.end <= input.len(), "{blocks:?} of {}", input.len());
            at = block.range.end;
        }
    }
    let (mut packer, mut out, mut timestamp) = (RedPacker::new(2), Vec::new(), 0_u32);
    for frame in input.chunks(37) {
        packer.pack(111, timestamp, frame, &mut out);
        let blocks = parse_red(&out).expect("what was packed is RED");
        let own = blocks.last().expect("the frame itself is in it");
        assert_eq!((own.before, &out[own.range.clone()]), (0, frame));
        timestamp = timestamp.wrapping_add(u32::from(frame[0]) * 97);
    }
}

/// RTP payloads of any kind, order and time through the jitter buffer and the decoder. Nothing grows without bound, and a
/// good stream that follows is heard, whatever came before.
pub fn audio(input: &[u8]) {
    let mut receiver = AudioReceiver::new(JitterConfig::default()).expect("there is a decoder");
    let mut now = Instant::now();
    // What an input can't decide ends it.
    let _ = play(&mut Unstructured::new(input), &mut receiver, &mut now);
    let mut loud = 0;
    for (n, packet) in good_stream().iter().enumerate() {
        receiver.packet(now, GOOD_SSRC, n as u32 * 960, packet, false);
        let frame = receiver.next_frame(now);
        check(&receiver);
        loud += usize::from(n >= GOOD / 2 && frame.iter().any(|sample| sample.unsigned_abs() > 1_000));
        now += FRAME_TIME;
    }
    assert!(loud >= GOOD / 2 - 2, "only {loud} frames of a good stream were heard");
}

fn play(input: &mut Unstructured<'_>, receiver: &mut AudioReceiver, now: &mut Instant) -> Result<()> {
    let mut timestamp = 0_u32;
    while !input.is_empty() {
        match input.int_in_range(0..=7)? {
            0..=4 => {
                timestamp = timestamp.wrapping_add(match input.int_in_range(0..=3)? {
                    0 | 1 => 960,
                    2 => i32::from(input.arbitrary::<i16>()?) as u32,
                    _ => input.arbitrary()?,
                });
                let (ssrc, red) = (input.int_in_range(0..=2)?, input.arbitrary()?);
                let length = usize::from(input.arbitrary::<u8>()?).min(input.len());
                let payload: Arc<[u8]> = input.bytes(length)?.into();
                receiver.packet(*now, ssrc, timestamp, &payload, red);
            }
            5 | 6 => {
                receiver.next_frame(*now);
                *now += FRAME_TIME;
            }
            _ => *now += Duration::from_millis(input.arbitrary::<u16>()?.into()),
        }
        check(receiver);
    }
    Ok(())
}

fn check(receiver: &AudioReceiver) {
    let (waiting, ready) = receiver.held();
    assert!(waiting <= 50, "{waiting} packets wait");
    assert!(ready <= 12 * FRAME_SAMPLES, "{ready} samples are decoded and not played");
}

/// A second of a tone, encoded once.
fn good_stream() -> &'static [Arc<[u8]>] {
    static STREAM: OnceLock<Vec<Arc<[u8]>>> = OnceLock::new();
    STREAM.get_or_init(|| {
        let mut sender = AudioSender::new(super::RATE).expect("there is an encoder");
        let tone = |n: usize| (8_000.0 * (0.17 * n as f64).sin()) as i16;
        let frames = (0..GOOD).map(|frame| {
            let pcm: Vec<i16> = (0..FRAME_SAMPLES).map(|n| tone(frame * FRAME_SAMPLES + n)).collect();
            sender.encode(&pcm, None).expect("a frame is encoded").payload.into()
        });
        frames.collect()
    })
}
