//! How the agent makes room for a colleague who speaks in its place, and what it learns of what they say.

use tokio::{sync::oneshot, time::Instant};
use warmline_call::{AgentMode as Mode, AgentOrder, Private};
use warmline_telephony::Live;

use super::Actor;
use crate::Role;

impl Actor {
    pub(super) fn on_stand_aside(&mut self, colleague: Live, answer: oneshot::Sender<Live>) {
        let Some(mode) = self.mode.ordered(AgentOrder::StandAside) else { return };
        self.fall_silent(mode);
        self.colleague_heard = false;
        self.floor.passed_on = Some(colleague);
        let _gone = answer.send(self.floor.mouth().begin_live());
    }

    pub(super) fn on_overheard(&mut self, text: Option<Private<String>>) {
        if self.mode == Mode::Replaced {
            self.colleague_heard = true;
            self.quiet_since = Instant::now();
        }
        if let Some(text) = text {
            self.history.add(Role::Colleague, text.reveal());
        }
    }
}
