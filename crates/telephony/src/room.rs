use std::{error::Error, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::{broadcast, mpsc, watch};
use warmline_call::{CallId, LegFact, LegRef, Phase, Private};

use crate::{Frame, Line};

/// A way to place calls: the embedded exchange, or LiveKit.
#[async_trait]
pub trait Telephony: Send + Sync {
    /// Makes the place where a call's legs meet. Nobody is dialled.
    ///
    /// # Errors
    /// The backend can't take calls now.
    async fn open(&self, call: &CallId) -> Result<Arc<dyn Room>, OpenError>;

    /// Takes over what is left of a call that an earlier run of the program placed and that was in that phase. What can't
    /// go on is ended by the backend; `None`: nothing is left, as always where calls end with the program.
    ///
    /// # Errors
    /// The backend can't tell now.
    async fn adopt(&self, call: &CallId, phase: Phase) -> Result<Option<Inherited>, OpenError> {
        let _ = (call, phase);
        Ok(None)
    }

    /// Whether customer and supervisor who were merged go on talking without this process.
    fn merged_outlives(&self) -> bool {
        false
    }

    /// Waits until what rooms were ordered is done, such as to close: for the program's end. It takes a few seconds at most.
    async fn settled(&self) {}
}

/// What is left of a call.
pub struct Inherited {
    /// Where its legs are.
    pub room: Arc<dyn Room>,
    /// Whether customer and supervisor hear each other, and the agent is out.
    pub merged: bool,
    /// The legs that were answered. Of their progress only `Left` is still to come.
    pub legs: Vec<(LegRef, Dialled)>,
}

/// Where the legs of one call meet.
#[async_trait]
pub trait Room: Send + Sync {
    /// Begins to dial a leg and returns at once; `progress` of the answer reports what becomes of it.
    ///
    /// # Errors
    /// The dial could not even begin; nobody's phone rings.
    async fn dial(&self, dial: Dial) -> Result<Dialled, DialError>;

    /// Lets customer and supervisor hear each other. The agent is still heard by both. Dropped before it is done, it is given
    /// up, as by [`separate`](Self::separate).
    ///
    /// # Errors
    /// They do not hear each other, or no longer: what was half done is undone.
    async fn merge(&self) -> Result<(), MergeError>;

    /// Gives up a merge, one that has just succeeded included: customer and supervisor no longer hear each other, and nobody
    /// else is let in before that is certain. Ordered and never waited for; after [`leave`](Self::leave) it does nothing.
    fn separate(&self) {}

    /// The agent's voice is out of the call for good; its ears may stay (transcript). Comes back when it is ordered.
    async fn leave(&self);

    /// Hangs a leg up, or cancels its dial. Its `progress` reports `Left` when it is gone, or does not go for seconds. Comes
    /// back when it is ordered. Unknown legs are ignored.
    async fn hang_up(&self, leg: LegRef);

    /// Hangs up whatever is left and takes the room down. Comes back when it is ordered; a second time it does nothing, and
    /// it can be called by anybody who holds the room, also after the call's own task has died.
    async fn close(&self);

    /// Everything that is said in the room, mixed: 20 ms frames at real time, for somebody whom nobody hears.
    fn listen(&self) -> broadcast::Receiver<Arc<Frame>>;

    /// Tells programs in the room what goes on, where the backend has a way to; nobody at a phone gets it. Never waits.
    fn show(&self, caption: Caption) {
        drop(caption);
    }

    /// How the network carries the sound, and every change of that. It is always good where there is no network. What is
    /// lost for good shows as `Left` of the legs.
    fn health(&self) -> watch::Receiver<Health> {
        watch::channel(Health::Good).1
    }
}

/// What goes on in a call, for programs that watch it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caption {
    /// Somebody says, or has said, something on a leg's line.
    Said {
        /// On whose line.
        leg: LegRef,
        /// Whether it is the agent who speaks, else the one at the phone.
        by_agent: bool,
        /// Names the utterance within its call; a later caption with the same replaces an earlier one.
        utterance: u64,
        /// The whole of it so far.
        text: Private<String>,
        /// Whether nothing of it will change any more.
        is_final: bool,
    },
    /// What the agent does.
    Agent(AgentState),
}

/// What the agent does in its talk with the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// It listens, or waits.
    Listening,
    /// It has heard somebody out and makes its answer.
    Thinking,
    /// It is heard.
    Speaking,
}

impl AgentState {
    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listening => "listening",
            Self::Thinking => "thinking",
            Self::Speaking => "speaking",
        }
    }
}

/// How the network carries a room's sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should.
    Good,
    /// The connection is lost and is being made again.
    Degraded,
}

/// Whom to dial, and how.
#[derive(Clone, Debug)]
pub struct Dial {
    /// Which leg it becomes.
    pub leg: LegRef,
    /// E.164.
    pub number: Private<String>,
    /// The leg's identity, derived from the call's id, so that a second dial of the same leg can be told.
    pub identity: String,
    /// How long it may ring. Then `Left(NoAnswer)`.
    pub ring: Duration,
    /// The longest the leg may last.
    pub max_duration: Duration,
}

/// A dial that has begun.
#[derive(Debug)]
pub struct Dialled {
    /// The backend's name for the participant (`PA_…`).
    pub participant_id: String,
    /// The backend's name for the SIP call.
    pub sip_call_id: String,
    /// What becomes of it: at most one `Ringing`, at most one `Answered`, then exactly one `Left`.
    pub progress: mpsc::Receiver<LegFact>,
    /// Its audio. Nothing is heard before `Answered`.
    pub line: Line,
}

/// What lies below an error of a backend.
type Source = Box<dyn Error + Send + Sync>;

/// Declares an error of a backend: a sentence for people, and what lies below it.
macro_rules! backend_error {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, thiserror::Error)]
        #[error("{detail}")]
        pub struct $name {
            /// One plain sentence, with the fix where there is one.
            pub detail: String,
            /// Why.
            #[source]
            pub source: Option<Source>,
        }

        impl $name {
            /// Nothing lies below it.
            #[must_use]
            pub fn new(detail: impl Into<String>) -> Self {
                Self { detail: detail.into(), source: None }
            }

            /// That is why.
            #[must_use]
            pub fn from_source(detail: impl Into<String>, source: impl Into<Source>) -> Self {
                Self { detail: detail.into(), source: Some(source.into()) }
            }
        }
    };
}

backend_error! {
    /// The backend can't take calls.
    OpenError
}

backend_error! {
    /// The two could not be connected.
    MergeError
}

/// The dial could not begin.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct DialError {
    /// What the leg's end is to be reported as.
    pub cause: warmline_call::LeftCause,
    /// The SIP status, where there was one.
    pub sip_status: Option<u16>,
    /// One plain sentence.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_its_sentence_and_keeps_what_lies_below() {
        let below = || std::io::Error::other("cut");
        let merge = MergeError::from_source("They were not connected.", below());
        let open = OpenError::from_source("No call can be placed.", below());
        assert_eq!(
            (merge.to_string().as_str(), open.to_string().as_str()),
            ("They were not connected.", "No call can be placed.")
        );
        for error in [&merge as &dyn Error, &open] {
            assert_eq!(error.source().unwrap().to_string(), "cut");
        }
        assert!(MergeError::new("No.").source().is_none() && OpenError::new("No.").source().is_none());
    }
}
