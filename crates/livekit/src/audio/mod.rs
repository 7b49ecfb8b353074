//! Audio without any IO: payloads, redundancy, the jitter buffer, the codec.

mod delay;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod jitter;
mod opus_packet;
mod pacer;
mod packets;
mod receiver;
mod red;
mod sender;
mod stretch;

pub use jitter::JitterBuffer;
pub use opus_packet::{is_dtx, opus_ticks};
pub use packets::{Due, JitterConfig, JitterStats, Payload};
pub use red::{Block, RedError, RedPacker, parse_red};

pub(crate) use pacer::Pacer;
pub(crate) use receiver::AudioReceiver;
pub(crate) use sender::{AudioSender, Outgoing};

/// Samples a second of what is heard.
pub const RATE: u32 = 16_000;

/// Samples in a [`Frame`]: 20 ms.
pub const FRAME_SAMPLES: usize = 320;

/// How long a [`Frame`] lasts.
pub const FRAME_TIME: std::time::Duration = std::time::Duration::from_millis(20);

/// 20 ms of 16 kHz mono PCM, signed 16 bit.
pub type Frame = [i16; FRAME_SAMPLES];
