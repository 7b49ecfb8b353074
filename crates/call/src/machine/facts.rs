//! What the conversation, the backend and the program itself report.

use super::{
    Audience, Command, FixedLine, LegRef, Machine,
    ending::End,
    state::{MergeStep, State},
    timers::RING_GRACE,
};
use crate::{DecidedBy, Event, MediaState, Private, RequestedBy, TransferOutcome};

impl Machine {
    pub(super) fn on_start(&mut self) {
        if matches!(self.position.state(), State::Queued) {
            let until = self.after(self.config.timers.customer_ring.saturating_add(RING_GRACE));
            self.enter(State::Dialing { until });
            self.dial(LegRef::Customer, self.config.phone_number.clone());
        }
    }

    /// It is told and nothing else: the backend restores what it can, and gives up what it can't.
    pub(super) fn on_media(&mut self, state: MediaState) {
        let degraded = state == MediaState::Degraded;
        let open = !matches!(self.position.state(), State::Queued | State::Ended);
        if open && std::mem::replace(&mut self.degraded, degraded) != degraded {
            self.emit(Event::MediaChanged { state });
        }
    }

    pub(super) fn on_human_requested(&mut self, by: RequestedBy, reason: Private<String>) {
        let State::Conversing { no_human } = *self.position.state() else { return };
        if !self.agent_talks() {
            return;
        }
        if self.no_escalation().is_none() {
            self.escalate(by, reason);
        } else if no_human.is_none() {
            let until = self.after(self.config.timers.sentence);
            self.enter(State::Conversing { no_human: Some(until) });
            self.say(FixedLine::NoHuman, Audience::Customer);
        }
    }

    pub(super) fn on_changed_mind(&mut self) {
        match *self.position.state() {
            State::OnHold { .. } => self.back_to_the_agent(TransferOutcome::Cancelled),
            State::Calling { attempt, .. } => {
                self.decide(attempt, TransferOutcome::Cancelled, DecidedBy::Voice, None);
                self.hang_up(LegRef::Supervisor(attempt));
                self.back_to_the_agent(TransferOutcome::Cancelled);
            }
            State::Briefing { attempt, .. } => {
                self.decide(attempt, TransferOutcome::Cancelled, DecidedBy::Voice, None);
                self.say(FixedLine::Cancelled, Audience::Supervisor);
                let until = self.after(self.config.timers.farewell);
                self.legs.farewell(LegRef::Supervisor(attempt), until);
                self.back_to_the_agent(TransferOutcome::Cancelled);
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
            self.command(Command::PauseConversation);
            let words = vec![(FixedLine::Trouble, Audience::Customer)];
            self.farewell(End::agent_failure(detail), words, self.config.timers.farewell);
        }
    }

    pub(super) fn on_inaudible(&mut self) {
        if self.agent_talks() {
            self.close(End::inaudible());
        }
    }

    /// The conversation is the agent's. What it reported before a person took its place comes too late.
    fn agent_talks(&self) -> bool {
        matches!(self.position.state(), State::Conversing { .. }) && !self.people.stand_in()
    }

    pub(super) fn on_said(&mut self, line: FixedLine) {
        if line == FixedLine::Cancelled {
            for leg in self.legs.in_farewell() {
                self.hang_up(leg);
            }
        }
        match (self.position.state().clone(), line) {
            (State::OnHold { .. }, FixedLine::Hold) => self.hold_said(),
            (State::Conversing { no_human: Some(_) }, FixedLine::NoHuman) => {
                self.enter(State::Conversing { no_human: None });
            }
            (State::Merging { attempt, by, step: MergeStep::Joining { merge_by, .. } }, FixedLine::Connecting) => {
                self.enter(State::Merging { attempt, by, step: MergeStep::Joining { merge_by, said_by: None } });
            }
            (State::Merging { attempt, by, step: MergeStep::Joined { .. } }, FixedLine::Connecting) => {
                self.last_line(attempt, by);
            }
            (State::Merging { attempt, by, step: MergeStep::LastLine { .. } }, FixedLine::Merged) => {
                self.merged(attempt, by);
            }
            (State::Farewell { .. }, line) => self.farewell_said(line),
            _ => {}
        }
    }

    pub(super) fn on_stop(&mut self) {
        let end = End::stopped();
        let to = match self.position.state() {
            State::Ended | State::Closing { .. } => return,
            State::Queued | State::Dialing { .. } | State::Ringing { .. } | State::Merged { .. } => {
                return self.close(end);
            }
            State::Farewell { .. } => return self.cut_farewell_short(),
            State::Conversing { .. } => {
                self.command(Command::PauseConversation);
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
