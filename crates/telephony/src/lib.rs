//! The telephone seams. The agent talks to people over **lines**: one line is one leg's audio, both ways.
//!
//! A backend (the embedded exchange, LiveKit) implements [`Telephony`] and [`Room`]; how it keeps customer and
//! supervisor apart until the merge is its own affair. Audio is 20 ms [`Frame`]s of 16 kHz mono PCM throughout.

mod clock;
mod codec;
mod line;
mod mix;
mod music;
mod resample;
mod room;

pub use clock::Clock;
pub use codec::{TelephoneFilter, decode_ulaw, encode_ulaw};
pub use line::{Ear, Heard, Line, LineEnd, Live, Mouth, Playback, Played, Source};
pub use mix::mix;
pub use music::{HoldMusic, HoldMusicError};
pub use resample::resample;
pub use room::{
    AgentState, Caption, Dial, DialError, Dialled, Health, Inherited, MergeError, OpenError, Room, Telephony,
};

/// Samples a second on every line.
pub const SAMPLE_RATE: u32 = 16_000;

/// Samples in a [`Frame`]: 20 ms.
pub const FRAME_SAMPLES: usize = 320;

/// How long a [`Frame`] lasts.
pub const FRAME_TIME: std::time::Duration = std::time::Duration::from_millis(20);

/// 20 ms of 16 kHz mono PCM, signed 16 bit.
pub type Frame = [i16; FRAME_SAMPLES];

/// A frame in which nothing is heard.
pub const SILENCE: Frame = [0; FRAME_SAMPLES];
