//! The one way back from a transfer attempt that came to nothing.
//!
//! | from | with a supervisor left to try | without |
//! |---|---|---|
//! | calling, briefing | hang up, dial the next; the music goes on | stop the music, hang up, back to the agent |
//! | merging, before the merge | the same; the music starts again | the same |
//! | merging, after the merge | back to the agent: the customer has heard a human | back to the agent |
//!
//! Where the agent is lost there is no way back: the call ends.

use super::{Because, Command, LegRef, Machine, ending::End, state::State};
use crate::{DecidedBy, Private, TransferOutcome};

impl Machine {
    /// An attempt has failed: the next supervisor, or back to the agent.
    pub(super) fn attempt_failed(
        &mut self,
        attempt: u32,
        outcome: TransferOutcome,
        by: DecidedBy,
        reason: Option<Private<String>>,
    ) {
        self.decide(attempt, outcome, by, reason.clone());
        self.separate();
        if self.agent_lost {
            self.close(End::agent_lost());
        } else if let Some(phone) = self.next_supervisor() {
            self.hang_up(LegRef::Supervisor(attempt));
            self.dial_supervisor(phone);
        } else {
            self.stop_music();
            self.hang_up(LegRef::Supervisor(attempt));
            self.back_to_the_agent(outcome, by, reason);
        }
    }

    /// A merge that is not to be, or not any more, is undone before anybody else can be let in.
    pub(super) fn separate(&mut self) {
        if let State::Merging { attempt, .. } = *self.position.state() {
            self.command(Command::Separate { attempt });
        }
    }

    /// The agent tells the customer how it came out, and goes on.
    pub(super) fn back_to_the_agent(
        &mut self,
        outcome: TransferOutcome,
        by: DecidedBy,
        reason: Option<Private<String>>,
    ) {
        if self.agent_lost {
            return self.close(End::agent_lost());
        }
        self.stop_music();
        self.enter(State::Conversing);
        self.command(Command::ResumeConversation { because: Because::NotConnected { outcome, by, reason } });
    }

    /// Calls the attempt off, if one is under way, because the call ends.
    pub(super) fn call_off(&mut self, by: DecidedBy) {
        if let Some(attempt) = self.position.state().open_attempt() {
            self.decide(attempt, TransferOutcome::Cancelled, by, None);
        }
    }

    pub(super) fn on_declined(&mut self, declined: u32, by: DecidedBy, reason: Option<Private<String>>) {
        if matches!(*self.position.state(), State::Briefing { attempt, .. } if attempt == declined) {
            self.attempt_failed(declined, TransferOutcome::Declined, by, reason);
        }
    }
}
