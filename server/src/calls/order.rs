//! What a call is placed with, and how that can go wrong.

use warmline_api::{Details, PhoneNumber};
use warmline_call::{Event, Private, Rejected};

use crate::store::StoreError;

/// A checked request for a call.
#[derive(Clone, Debug)]
pub struct Order {
    /// Whom to call.
    pub phone: PhoneNumber,
    /// The number as it was sent.
    pub original_input: Private<String>,
    /// The customer's name.
    pub name: Option<Private<String>>,
    /// What this call is about.
    pub dynamic_instruction: Option<Private<String>>,
    /// Language of speech and model.
    pub language: String,
    /// Emotion of the agent's voice.
    pub emotion: String,
    /// Whether it may be handed to a human: false for the standard call.
    pub escalation: bool,
    /// `Idempotency-Key`, and a hash of the body it came with.
    pub idempotency: Option<(String, String)>,
}

impl Order {
    /// The first event of such a call.
    pub(super) fn placed(&self, escalation_enabled: bool) -> Event {
        Event::CallPlaced {
            phone_number: Private::from(self.phone.as_str()),
            name: self.name.clone(),
            language: self.language.clone(),
            emotion: self.emotion.clone(),
            has_dynamic_instruction: self.dynamic_instruction.is_some(),
            escalation_enabled,
        }
    }
}

/// What became of [`Calls::place`](super::Calls::place).
#[derive(Debug)]
pub enum Placed {
    /// The call is being dialled.
    New(Box<Details>),
    /// The same request was answered before: the answer.
    Replay {
        /// HTTP status of the first answer.
        status: u16,
        /// Its body.
        body: String,
    },
    /// The same request is being answered right now.
    Running,
    /// The key was used for another request.
    KeyReused,
}

/// Why no call was placed.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Something that calls need is missing.
    #[error("{0}")]
    NotReady(String),
    /// Too many calls are open.
    #[error("Too many calls are open. Try again in {retry_after_s} s.")]
    Busy {
        /// When to try again.
        retry_after_s: u32,
    },
    /// Speech does not keep up with the calls that are open.
    #[error("The speech of this machine is at its limit. Try again in {retry_after_s} s.")]
    Overloaded {
        /// When to try again.
        retry_after_s: u32,
    },
    /// Nobody here speaks that language.
    #[error("Language '{0}' is not supported: there is no speech provider for it. Supported: en.")]
    Language(String),
    /// The log could not be written: the call would be lost.
    #[error("the call could not be written down")]
    Store(#[from] StoreError),
    /// The dial could not begin.
    #[error("{0}")]
    Failed(String),
}

impl PlaceError {
    /// Speech can't carry a call more at this moment.
    #[must_use]
    pub const fn overloaded() -> Self {
        Self::Overloaded { retry_after_s: 5 }
    }
}

/// Why an action did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// No such call.
    #[error("there is no such call")]
    Unknown,
    /// Not possible in this phase.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// What a request that leaves things out gets.
#[derive(Clone, Debug)]
pub struct CallDefaults {
    /// `TTS_LANGUAGE`.
    pub language: String,
    /// `TTS_EMOTION`.
    pub emotion: String,
    /// The first supervisor.
    pub supervisor_phone: Option<Private<String>>,
    /// Whether there is one.
    pub escalation_enabled: bool,
}
