//! What programs that watch a call's room are told.

use warmline_call::{LegRef, Phase, Speaker};
use warmline_telephony::{AgentState, Caption};
use warmline_voice::Spoken;

use super::driver::Driver;

impl Driver {
    /// Shows what was said, and what the agent does therefore.
    pub(super) fn show(&self, leg: LegRef, utterance: u64, spoken: &Spoken) {
        let by_agent = spoken.speaker == Speaker::Agent;
        self.room.show(Caption::Said { leg, by_agent, utterance, text: spoken.text.clone(), is_final: spoken.r#final });
        let conversing = self.machine.phase() == Phase::Conversing;
        let state = match (leg, by_agent, spoken.r#final) {
            (LegRef::Customer, true, false) => AgentState::Speaking,
            (LegRef::Customer, true, true) => AgentState::Listening,
            (LegRef::Customer, false, true) if conversing && !spoken.text.reveal().is_empty() => AgentState::Thinking,
            _ => return,
        };
        self.room.show(Caption::Agent(state));
    }
}
