//! What the conversation, the backend and the program itself report.

use super::{
    Audience, Because, Command, FixedLine, LegRef, Machine,
    ending::End,
    state::{MergeStep, State},
    timers::RING_GRACE,
};
use crate::{DecidedBy, Private, RequestedBy, TransferOutcome};

impl Machine {
    pub(super) fn on_start(&mut self) {
        if matches!(self.position.state(), State::Queued) {
            let until = self.after(self.config.timers.customer_ring.saturating_add(RING_GRACE));
            self.enter(State::Dialing { until });
            self.dial(LegRef::Customer, self.config.phone_number.clone());
        }
    }

    pub(super) fn on_human_requested(&mut self, by: RequestedBy, reason: Private<String>) {
        if !self.agent_talks() {
            return;
        }
        if self.no_escalation().is_none() {
            self.escalate(by, reason);
        } else {
            self.command(Command::ResumeConversation { because: Because::NoHuman });
        }
    }

    pub(super) fn on_changed_mind(&mut self) {
        match *self.position.state() {
            State::OnHold { .. } => self.back_to_the_agent(TransferOutcome::Cancelled, DecidedBy::Voice, None),
            State::Calling { attempt, .. } => {
                self.decide(attempt, TransferOutcome::Cancelled, DecidedBy::Voice, None);
                self.hang_up(LegRef::Supervisor(attempt));
                self.back_to_the_agent(TransferOutcome::Cancelled, DecidedBy::Voice, None);
            }
            State::Briefing { attempt, .. } => {
                self.decide(attempt, TransferOutcome::Cancelled, DecidedBy::Voice, None);
                self.say(FixedLine::Cancelled, Audience::Supervisor);
                let until = self.after(self.config.timers.farewell);
                self.legs.farewell(LegRef::Supervisor(attempt), until);
                self.back_to_the_agent(TransferOutcome::Cancelled, DecidedBy::Voice, None);
            }
            _ => {}
        }
    }

    pub(super) fn on_finished(&mut self) {
        if self.agent_talks() {
            self.close(End::completed());
        }
    }

    pub(super) fn on_agent_failed(&mut self, detail: &str) {
        if !self.agent_talks() {
            return;
        }
        if self.no_escalation().is_none() {
            self.escalate(RequestedBy::Agent, "the agent could not go on".into());
        } else {
            self.pause_conversation();
            let words = vec![(FixedLine::Trouble, Audience::Customer)];
            self.farewell(End::agent_failure(detail), words, self.config.timers.farewell);
        }
    }

    pub(super) fn on_inaudible(&mut self) {
        if self.agent_talks() {
            self.close(End::inaudible());
        }
    }

    /// Nobody is left to talk with the customer, or to say anything to them. Two who hear each other need no agent, and two
    /// who are about to may not; there is no way back to it.
    pub(super) fn on_agent_lost(&mut self) {
        match self.position.state() {
            State::Merging { .. } => self.agent_lost = true,
            State::Merged { .. } => {}
            state if state.is_ending() => self.nobody_hears(Audience::Customer),
            _ => {
                self.call_off(DecidedBy::Network);
                self.close(End::agent_lost());
            }
        }
    }

    /// Nobody is left to brief the supervisor, or to take their decision.
    pub(super) fn on_consult_lost(&mut self, lost: u32) {
        match *self.position.state() {
            State::Calling { attempt, .. } | State::Briefing { attempt, .. } if attempt == lost => {
                let reason = Some("the agent could not talk with the supervisor".into());
                self.attempt_failed(attempt, TransferOutcome::Unreachable, DecidedBy::Network, reason);
            }
            State::Farewell { attempt, .. } if attempt == Some(lost) => self.nobody_hears(Audience::Supervisor),
            _ => {}
        }
    }

    /// The conversation is the agent's. What it reported before a person took its place comes too late.
    fn agent_talks(&self) -> bool {
        matches!(self.position.state(), State::Conversing) && !self.seating.is_taken()
    }

    pub(super) fn on_said(&mut self, line: FixedLine, to: Audience) {
        if line == FixedLine::Cancelled {
            for leg in self.legs.in_farewell() {
                self.hang_up(leg);
            }
        }
        match (self.position.state().clone(), line) {
            (State::OnHold { .. }, FixedLine::Hold) => self.hold_said(),
            (State::Merging { attempt, by, step: MergeStep::Joining { merge_by, .. } }, FixedLine::Connecting) => {
                self.enter(State::Merging { attempt, by, step: MergeStep::Joining { merge_by, said_by: None } });
            }
            (State::Merging { attempt, by, step: MergeStep::Joined { .. } }, FixedLine::Connecting) => {
                self.last_line(attempt, by);
            }
            (State::Merging { attempt, by, step: MergeStep::LastLine { .. } }, FixedLine::Merged) => {
                self.merged(attempt, by);
            }
            (State::Farewell { .. }, line) => self.farewell_said(line, to),
            _ => {}
        }
    }

    pub(super) fn on_stop(&mut self) {
        let end = End::stopped();
        let to = match self.position.state() {
            State::Ended | State::Closing { .. } => return,
            State::Merged { .. } if self.config.merged_outlives => return self.command(Command::Detach),
            State::Queued | State::Dialing { .. } | State::Ringing { .. } | State::Merged { .. } => {
                return self.close(end);
            }
            State::Farewell { .. } => return self.cut_farewell_short(),
            State::Conversing => {
                self.pause_conversation();
                vec![Audience::Customer]
            }
            State::OnHold { .. } | State::Calling { .. } => vec![Audience::Customer],
            State::Merging { step: MergeStep::Joined { .. } | MergeStep::LastLine { .. }, .. } => vec![Audience::Both],
            State::Briefing { .. } | State::Merging { .. } => vec![Audience::Customer, Audience::Supervisor],
        };
        if let State::Calling { attempt, .. } = *self.position.state() {
            self.call_off(DecidedBy::Console);
            self.hang_up(LegRef::Supervisor(attempt));
        } else {
            self.call_off(DecidedBy::Console);
        }
        self.stop_music();
        let words = to.into_iter().map(|to| (FixedLine::Stopping, to)).collect();
        self.farewell(end, words, self.config.timers.farewell);
    }
}
