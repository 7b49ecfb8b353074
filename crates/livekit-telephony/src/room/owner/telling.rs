//! What programs in the room are told.

use std::sync::Arc;

use warmline_call::LegRef;
use warmline_livekit::Participant;
use warmline_telephony::Caption;

use super::Owner;
use crate::{
    identity::Place,
    room::captions::{Told, Words},
};

impl Owner {
    pub(super) fn show(&self, caption: Caption) {
        let told = match caption {
            Caption::Agent(now) => self.ours.agent.clone().map(|agent| Told::State { agent, now }),
            Caption::Said { leg, by_agent, utterance, text, is_final } => {
                self.stage(leg, by_agent).filter(|_| !text.reveal().is_empty()).map(|(agent, track)| {
                    let segment = format!("SG_{}_{utterance}", self.requests.call);
                    Told::Words { agent, words: Words { segment, track, text: text.reveal().clone(), is_final } }
                })
            }
        };
        if told.is_some_and(|told| self.ways.told.try_send(told).is_err()) {
            tracing::debug!(call = %self.requests.call, "a caption was left out");
        }
    }

    /// The agent in the room where that is said, and the track on which it is.
    fn stage(&self, leg: LegRef, by_agent: bool) -> Option<(Arc<Participant>, String)> {
        let (place, track) = self.machine.stage(leg, by_agent)?;
        let (agent, own) = match place {
            Place::Call => (self.ours.agent.clone()?, self.ours.tracks.as_ref().map(|[customer, _]| customer)),
            Place::Consult => self.ours.consult.as_ref().map(|c| (Arc::clone(&c.agent), Some(&c.track)))?,
        };
        let track = match track {
            Some(track) => track,
            None => own?.sid()?,
        };
        Some((agent, track))
    }
}
