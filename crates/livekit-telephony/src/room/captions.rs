//! What programs in the room are told: `lk.transcription` and `lk.agent.state`, as LiveKit's own agents do it.

use std::sync::Arc;

use tokio::sync::mpsc;
use warmline_call::CallId;
use warmline_livekit::{Participant, Transcription};
use warmline_telephony::AgentState;

/// Captions that may wait; more are left out.
pub(super) const WAITING: usize = 64;

/// Something to tell, and who tells it.
pub(super) enum Told {
    State { agent: Arc<Participant>, now: AgentState },
    Words { agent: Arc<Participant>, words: Words },
}

/// What was said, on which track.
pub(super) struct Words {
    pub(super) segment: String,
    pub(super) track: String,
    pub(super) text: String,
    pub(super) is_final: bool,
}

/// Until the room is over. Requests to the server are made one after the other, so that captions stay in order.
pub(super) async fn run(call: CallId, mut captions: mpsc::Receiver<Told>) {
    let mut state = AgentState::Listening;
    while let Some(told) = captions.recv().await {
        let done = match told {
            Told::State { now, .. } if now == state => Ok(()),
            Told::State { agent, now } => {
                state = now;
                agent.set_attributes([("lk.agent.state".to_owned(), now.as_str().to_owned())].into()).await
            }
            Told::Words { agent, words } => {
                let Words { segment, track, text, is_final } = &words;
                agent.send_transcription(Transcription { segment, track, text, is_final: *is_final }).await
            }
        };
        if let Err(error) = done {
            tracing::debug!(%call, %error, "programs in the room were not told something");
        }
    }
}
