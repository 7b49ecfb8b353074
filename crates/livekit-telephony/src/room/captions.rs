//! What programs in the room are told: `lk.transcription` and `lk.agent.state`, as LiveKit's own agents do it.

use std::sync::Arc;

use tokio::sync::mpsc;
use warmline_call::LegRef;
use warmline_livekit::{Participant, RequestError, Transcription};
use warmline_telephony::{AgentState, Caption};

use super::Shared;
use crate::identity::Place;

/// Captions that may wait; more are left out.
pub(super) const WAITING: usize = 64;

/// Until the room is over. Requests to the server are made one after the other, so that captions stay in order.
pub(super) async fn run(shared: Arc<Shared>, mut captions: mpsc::Receiver<Caption>) {
    let mut state = AgentState::Listening;
    loop {
        let caption = tokio::select! {
            caption = captions.recv() => caption,
            () = shared.over.cancelled() => return,
        };
        let told = match caption {
            Some(Caption::Agent(now)) if now == state => Ok(()),
            Some(Caption::Agent(now)) => {
                state = now;
                shared.show_state(now).await
            }
            Some(Caption::Said { leg, by_agent, utterance, text, is_final }) => {
                shared.show_words((leg, by_agent), utterance, text.reveal(), is_final).await
            }
            None => return,
        };
        if let Err(error) = told {
            tracing::debug!(call = %shared.call, %error, "programs in the room were not told something");
        }
    }
}

impl Shared {
    async fn show_state(&self, now: AgentState) -> Result<(), RequestError> {
        let agent = self.lock().agent.clone();
        let Some(agent) = agent else { return Ok(()) };
        agent.set_attributes([("lk.agent.state".to_owned(), now.as_str().to_owned())].into()).await
    }

    async fn show_words(
        &self,
        (leg, by_agent): (LegRef, bool),
        utterance: u64,
        text: &str,
        is_final: bool,
    ) -> Result<(), RequestError> {
        let Some((agent, track)) = self.stage(leg, by_agent) else { return Ok(()) };
        if text.is_empty() {
            return Ok(());
        }
        let segment = format!("SG_{}_{utterance}", self.call);
        agent.send_transcription(Transcription { segment: &segment, track: &track, text, is_final }).await
    }

    /// The agent in the room where that is said, and the track on which it is. What is private is told only where nobody
    /// else is: in a room of its own.
    fn stage(&self, leg: LegRef, by_agent: bool) -> Option<(Arc<Participant>, String)> {
        let state = self.lock();
        let found = state.legs.iter().find(|known| known.name == leg)?;
        let together = leg == LegRef::Customer || (state.merged == Some(leg) && !by_agent);
        let (agent, own) = match found.place {
            Place::Call if together => (state.agent.clone()?, state.tracks.as_ref().map(|[customer, _]| customer)),
            Place::Call => return None,
            Place::Consult => {
                let consult = state.consult.as_ref()?;
                (Arc::clone(&consult.agent), Some(&consult.track))
            }
        };
        let track = if by_agent {
            own?.sid()?
        } else {
            state.published.get(&(found.place, found.identity.clone()))?.first()?.clone()
        };
        Some((agent, track))
    }
}
