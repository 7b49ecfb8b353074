//! What tests and measurements of several crates need: tones to say and to find again, speech without models, a log to
//! be looked through, a network that takes its time.

mod front;
mod log;
mod speech;
mod tones;

pub use front::{Front, Step};
pub use log::LogCapture;
pub use speech::StandIn;
pub use tones::{Heard, RATE, Tone, amplitude, measure, rms, tone};
