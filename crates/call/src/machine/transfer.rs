//! A transfer attempt that goes well: hold, dial, brief, accept, merge, leave.

use std::time::Duration;

use super::{
    Audience, Command, FixedLine, LegRef, Machine,
    state::{MergeStep, State},
    timers::RING_GRACE,
};
use crate::{DecidedBy, Event, Private, RequestedBy, TransferOutcome};

/// A call tries no more often than that, however often a human is asked for.
pub(super) const MAX_ATTEMPTS: u32 = 10;

/// What a call remembers of its transfers beyond its present state.
#[derive(Debug, Default)]
pub(super) struct Transfer {
    /// Attempts that were dialled so far; the number of the latest.
    pub(super) attempts: u32,
    /// Which of the supervisors comes next in this escalation.
    next: usize,
    /// When the latest escalation was asked for.
    requested_at: Duration,
    /// From the latest request to the merge.
    pub(super) time_to_human: Option<Duration>,
    /// The attempt for which this escalation's briefing was ordered.
    briefing_for: u32,
    briefing: Option<Briefing>,
    /// Since when customer and supervisor hear each other, or did last.
    pub(super) together_since: Option<Duration>,
    /// The latest attempt that is decided.
    pub(super) last: Option<Decision>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Briefing {
    summary: Private<String>,
    points: Vec<Private<String>>,
}

/// How an attempt came out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision {
    pub(super) attempt: u32,
    pub(super) outcome: TransferOutcome,
    pub(super) by: DecidedBy,
}

impl Transfer {
    /// What is left to remember of another machine's.
    pub(super) fn adopted(attempt: Option<u32>, time_to_human: Option<Duration>) -> Self {
        Self { attempts: attempt.unwrap_or_default(), time_to_human, ..Self::default() }
    }
}

impl Machine {
    /// Why nobody can be reached from this call, if that is so.
    pub(super) fn no_escalation(&self) -> Option<&'static str> {
        if !self.config.escalation {
            Some("this call has no escalation")
        } else if self.config.supervisors.is_empty() {
            Some("Escalation will fail: LIVEKIT_SUPERVISOR_PHONE_NUMBER is not set")
        } else if self.transfer.attempts >= MAX_ATTEMPTS {
            Some("this call has used up its transfer attempts")
        } else {
            None
        }
    }

    /// Begins an escalation with the first supervisor; the briefing is put together while the customer is told to hold.
    pub(super) fn escalate(&mut self, by: RequestedBy, reason: Private<String>) {
        let first = self.transfer.attempts + 1;
        self.transfer.next = 0;
        self.transfer.requested_at = self.now;
        self.transfer.briefing_for = first;
        self.transfer.briefing = None;
        // A supervisor who still hears that an earlier attempt was called off would be busy for the new one.
        for leg in self.legs.in_farewell() {
            self.hang_up(leg);
        }
        self.emit(Event::EscalationRequested { by, reason: reason.clone() });
        let until = self.after(self.config.timers.sentence);
        self.enter(State::OnHold { until });
        self.command(Command::PauseConversation);
        self.say(FixedLine::Hold, Audience::Customer);
        self.command(Command::PrepareBriefing { attempt: first, reason });
    }

    /// The customer knows that they hold.
    pub(super) fn hold_said(&mut self) {
        self.start_music();
        if let Some(phone) = self.next_supervisor() {
            self.dial_supervisor(phone);
        } else {
            self.back_to_the_agent(TransferOutcome::Unreachable, DecidedBy::Network, None);
        }
    }

    /// Who is tried next, while the call may try anybody.
    pub(super) fn next_supervisor(&mut self) -> Option<Private<String>> {
        if self.transfer.attempts >= MAX_ATTEMPTS {
            return None;
        }
        let phone = self.config.supervisors.get(self.transfer.next)?.clone();
        self.transfer.next += 1;
        Some(phone)
    }

    /// Dials the next attempt while the customer hears music.
    pub(super) fn dial_supervisor(&mut self, phone: Private<String>) {
        let attempt = self.transfer.attempts + 1;
        self.transfer.attempts = attempt;
        let until = self.after(self.config.timers.supervisor_ring.saturating_add(RING_GRACE));
        self.enter(State::Calling { attempt, until });
        self.start_music();
        self.dial(LegRef::Supervisor(attempt), phone);
        if attempt != self.transfer.briefing_for {
            self.show_briefing(attempt);
        }
    }

    pub(super) fn on_briefing_prepared(
        &mut self,
        ordered_for: u32,
        summary: Private<String>,
        points: Vec<Private<String>>,
    ) {
        let attempt = match *self.position.state() {
            State::OnHold { .. } => ordered_for,
            State::Calling { attempt, .. } | State::Briefing { attempt, briefed: false, .. } => attempt,
            _ => return,
        };
        let briefing = Some(Briefing { summary, points });
        if ordered_for != self.transfer.briefing_for || briefing == self.transfer.briefing {
            return;
        }
        self.transfer.briefing = briefing;
        self.show_briefing(attempt);
        self.brief_if_ready();
    }

    fn show_briefing(&mut self, attempt: u32) {
        if let Some(Briefing { summary, points }) = self.transfer.briefing.clone() {
            self.emit(Event::Briefing { attempt, summary, points });
        }
    }

    /// Briefs the supervisor once both are there, the supervisor and the briefing.
    pub(super) fn brief_if_ready(&mut self) {
        if let State::Briefing { attempt, until, briefed: false } = *self.position.state()
            && let Some(Briefing { summary, points }) = self.transfer.briefing.clone()
        {
            self.enter(State::Briefing { attempt, until, briefed: true });
            self.command(Command::Brief { attempt, summary, points });
        }
    }

    pub(super) fn on_accepted(&mut self, accepted: u32, by: DecidedBy) {
        if matches!(*self.position.state(), State::Briefing { attempt, .. } if attempt == accepted) {
            self.merge(accepted, by);
        }
    }

    /// The supervisor has accepted.
    pub(super) fn merge(&mut self, attempt: u32, by: DecidedBy) {
        let step = MergeStep::Joining {
            merge_by: self.after(self.config.timers.merge),
            said_by: Some(self.after(self.config.timers.sentence)),
        };
        self.stop_music();
        self.enter(State::Merging { attempt, by, step });
        self.command(Command::Merge { attempt });
        self.say(FixedLine::Connecting, Audience::Supervisor);
    }

    pub(super) fn on_merged(&mut self, joined: u32) {
        let State::Merging { attempt, by, step: MergeStep::Joining { said_by, .. } } = *self.position.state() else {
            return;
        };
        if attempt != joined {
            return;
        }
        self.transfer.together_since = Some(self.now);
        match said_by {
            Some(said_by) => self.enter(State::Merging { attempt, by, step: MergeStep::Joined { said_by } }),
            None => self.last_line(attempt, by),
        }
    }

    pub(super) fn on_merge_failed(&mut self, failed: u32, detail: String) {
        if let State::Merging { attempt, step: MergeStep::Joining { .. }, .. } = *self.position.state()
            && attempt == failed
        {
            self.attempt_failed(attempt, TransferOutcome::MergeFailed, DecidedBy::Network, Some(detail.into()));
        }
    }

    /// The two hear each other; the agent takes its leave.
    pub(super) fn last_line(&mut self, attempt: u32, by: DecidedBy) {
        let step = MergeStep::LastLine { said_by: self.after(self.config.timers.sentence) };
        self.enter(State::Merging { attempt, by, step });
        self.say(FixedLine::Merged, Audience::Both);
    }

    /// The agent is out.
    pub(super) fn merged(&mut self, attempt: u32, by: DecidedBy) {
        self.transfer.time_to_human = Some(self.now.saturating_sub(self.transfer.requested_at));
        self.command(Command::Leave);
        self.decide(attempt, TransferOutcome::Connected, by, None);
        self.enter(State::Merged { attempt, by });
    }

    /// Makes an attempt's outcome known. Once for each attempt.
    pub(super) fn decide(
        &mut self,
        attempt: u32,
        outcome: TransferOutcome,
        by: DecidedBy,
        reason: Option<Private<String>>,
    ) {
        self.transfer.last = Some(Decision { attempt, outcome, by });
        self.emit(Event::TransferDecided { attempt, outcome, by, reason });
    }
}
