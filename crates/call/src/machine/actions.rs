//! What people do from the console or over REST. The first to act wins; everybody else is told who did.
//!
//! | action | possible in |
//! |---|---|
//! | hang up | every phase until the end has been decided |
//! | escalate | conversing, while there is a supervisor to try |
//! | accept | briefing |
//! | decline | calling a supervisor, briefing |
//! | say, instruct, take over, give back | conversing |
//! | claim, release | from the hold to the decision |
//! | listen | from the customer's dial on |

use super::{
    Command, Machine, OperatorAction, Person, Rejected, ending::End, seat::acted, state::State, transfer::Decision,
};
use crate::{Action, DecidedBy, Phase, RequestedBy, TransferOutcome};

/// Which people have taken what on.
#[derive(Debug, Default)]
pub(super) struct People {
    /// Who has claimed the escalation that is under way.
    claimed_by: Option<Person>,
    /// Who listens in; somebody who listens twice is there twice.
    listeners: Vec<Person>,
}

impl People {
    /// What was taken on belongs to a phase.
    pub(super) fn entered(&mut self, phase: Phase) {
        if !can_be_claimed(phase) {
            self.claimed_by = None;
        }
    }
}

/// Whether somebody can take the escalation on: there is one, and it is not decided.
pub(crate) fn can_be_claimed(phase: Phase) -> bool {
    matches!(phase, Phase::OnHold | Phase::CallingSupervisor | Phase::Briefing | Phase::Merging | Phase::Merged)
}

impl Machine {
    pub(super) fn on_operator(&mut self, action: OperatorAction, by: Person) -> Result<(), Rejected> {
        if let Some(why) = self.objection(&action).or_else(|| self.precedence(&action, &by)) {
            let phase = self.phase();
            return Err(Rejected { phase, detail: format!("{why}; the call is in phase {phase}") });
        }
        if action == OperatorAction::Claim && self.people.claimed_by.as_ref() == Some(&by) {
            return Ok(());
        }
        // Nobody has taken over before they can be heard, and who does not listen has nothing to stop.
        let quiet = match action {
            OperatorAction::TakeOver | OperatorAction::GiveBack => true,
            OperatorAction::StopListening => !self.people.listeners.contains(&by),
            _ => false,
        };
        if !quiet {
            let reason = match &action {
                OperatorAction::Decline { reason } => reason.clone(),
                _ => None,
            };
            self.emit(acted(name(&action), &by, reason));
        }
        match action {
            OperatorAction::Hangup => {
                self.call_off(DecidedBy::Console);
                self.close(End::operator_hung_up());
            }
            OperatorAction::Escalate { reason } => self.escalate(RequestedBy::Operator, reason),
            OperatorAction::Accept => {
                if let Some(attempt) = self.position.state().open_attempt() {
                    self.merge(attempt, DecidedBy::Console);
                }
            }
            OperatorAction::Decline { reason } => {
                if let Some(attempt) = self.position.state().open_attempt() {
                    self.attempt_failed(attempt, TransferOutcome::Declined, DecidedBy::Console, reason);
                }
            }
            OperatorAction::Say { text } => self.command(Command::SayText(text)),
            OperatorAction::Instruct { text } => self.command(Command::Nudge(text)),
            OperatorAction::Claim => self.people.claimed_by = Some(by),
            OperatorAction::Release => self.people.claimed_by = None,
            OperatorAction::Listen => self.people.listeners.push(by),
            OperatorAction::StopListening => {
                if let Some(at) = self.people.listeners.iter().position(|who| *who == by) {
                    self.people.listeners.remove(at);
                }
            }
            OperatorAction::TakeOver => self.offer_seat(by),
            OperatorAction::GiveBack => self.give_back(Some(by), None),
        }
        Ok(())
    }

    /// Why that action is not possible now, if it is not.
    fn objection(&self, action: &OperatorAction) -> Option<String> {
        let state = self.position.state();
        let unanswered = matches!(state, State::Queued | State::Dialing { .. } | State::Ringing { .. });
        match (action, state) {
            (_, State::Ended) => Some("the call is over".to_owned()),
            // Whoever is gone is shown no more, also while the last words are said.
            (OperatorAction::StopListening, _) => None,
            (_, State::Farewell { .. } | State::Closing { .. }) => Some("the call is ending".to_owned()),
            (OperatorAction::Hangup, _) => None,
            (OperatorAction::Listen, State::Queued) => Some("nobody has been dialled yet".to_owned()),
            (OperatorAction::Listen, _) => None,
            _ if unanswered => Some("the customer has not answered yet".to_owned()),
            (OperatorAction::Escalate { .. }, State::Conversing) => self.no_escalation().map(str::to_owned),
            (OperatorAction::Escalate { .. }, State::Merged { .. }) => Some("a human has taken over".to_owned()),
            (OperatorAction::Escalate { .. }, _) => Some("an escalation is already under way".to_owned()),
            (OperatorAction::Accept | OperatorAction::Decline { .. }, _) => self.decision_objection(action),
            (OperatorAction::Claim | OperatorAction::Release, State::OnHold { .. }) => None,
            (OperatorAction::Claim | OperatorAction::Release, State::Calling { .. } | State::Briefing { .. }) => None,
            (OperatorAction::Claim | OperatorAction::Release, _) => self.decision_objection(action),
            (_, State::Conversing) => None,
            (OperatorAction::TakeOver, State::Merged { .. }) => Some("a human has taken over".to_owned()),
            _ => Some("the agent is not talking with the customer".to_owned()),
        }
    }

    /// Why somebody else goes before this person, if so.
    fn precedence(&self, action: &OperatorAction, by: &Person) -> Option<String> {
        let other = |who: &Option<Person>| who.clone().filter(|who| who != by);
        match action {
            OperatorAction::Claim | OperatorAction::Accept | OperatorAction::Decline { .. } => {
                other(&self.people.claimed_by).map(|who| format!("{who} has claimed this call"))
            }
            OperatorAction::Release => match &self.people.claimed_by {
                Some(who) if who != by => Some(format!("{who} has claimed this call")),
                Some(_) => None,
                None => Some("nobody has claimed this call".to_owned()),
            },
            OperatorAction::TakeOver | OperatorAction::Escalate { .. } | OperatorAction::Say { .. }
                if self.seating.is_taken() =>
            {
                self.speaks_in_place()
            }
            OperatorAction::TakeOver => self
                .seating
                .awaited()
                .filter(|who| *who != by)
                .map(|who| format!("{who} is about to speak with the customer in the agent's place")),
            OperatorAction::GiveBack if !self.seating.is_taken() => {
                Some("nobody speaks in the agent's place".to_owned())
            }
            // What they still want to give back is somebody else's by now.
            OperatorAction::GiveBack if self.seating.is_former(by) => self.speaks_in_place(),
            _ => None,
        }
    }

    fn speaks_in_place(&self) -> Option<String> {
        self.seating.speaker().map(|who| format!("{who} speaks with the customer in the agent's place"))
    }

    fn decision_objection(&self, action: &OperatorAction) -> Option<String> {
        match self.position.state() {
            State::Briefing { .. } => None,
            State::Calling { .. } if matches!(action, OperatorAction::Decline { .. }) => None,
            State::Calling { .. } => Some(match self.transfer.last {
                Some(last) => {
                    format!("attempt {} was {} and the next supervisor has not answered yet", last.attempt, told(last))
                }
                None => "the supervisor has not answered yet".to_owned(),
            }),
            State::OnHold { .. } => Some("no supervisor has been called yet".to_owned()),
            State::Merging { by, .. } | State::Merged { by, .. } => {
                Some(format!("the transfer was already accepted by {by}"))
            }
            _ => Some(match self.transfer.last {
                Some(last) => format!("the transfer was already {}", told(last)),
                None => "there is no transfer to decide".to_owned(),
            }),
        }
    }
}

/// How an attempt came out, as the end of a sentence that names who won.
fn told(Decision { outcome, by, .. }: Decision) -> String {
    match outcome {
        TransferOutcome::Connected => format!("accepted by {by}"),
        TransferOutcome::Declined => format!("declined by {by}"),
        TransferOutcome::Cancelled => format!("called off by {by}"),
        outcome => format!("over ({outcome}, by {by})"),
    }
}

fn name(action: &OperatorAction) -> Action {
    match action {
        OperatorAction::Hangup => Action::Hangup,
        OperatorAction::Escalate { .. } => Action::Escalate,
        OperatorAction::Accept => Action::Accept,
        OperatorAction::Decline { .. } => Action::Decline,
        OperatorAction::Say { .. } => Action::Say,
        OperatorAction::Instruct { .. } => Action::Instruct,
        OperatorAction::Claim => Action::Claim,
        OperatorAction::Release => Action::Release,
        OperatorAction::Listen => Action::Listen,
        OperatorAction::StopListening => Action::StopListening,
        OperatorAction::TakeOver => Action::TakeOver,
        OperatorAction::GiveBack => Action::GiveBack,
    }
}
