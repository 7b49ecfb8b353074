//! What people do from the console or over REST. The first to act wins; everybody else is told who did.
//!
//! | action | possible in |
//! |---|---|
//! | hang up | every phase until the end has been decided |
//! | escalate | conversing, while there is a supervisor to try |
//! | accept | briefing |
//! | decline | calling a supervisor, briefing |
//! | say, instruct | conversing |

use super::{Command, Machine, OperatorAction, Rejected, ending::End, state::State, transfer::Decision};
use crate::{Action, DecidedBy, Event, RequestedBy, TransferOutcome};

impl Machine {
    pub(super) fn on_operator(&mut self, action: OperatorAction, by: String) -> Result<(), Rejected> {
        if let Some(why) = self.objection(&action) {
            let phase = self.phase();
            return Err(Rejected { phase, detail: format!("{why}; the call is in phase {phase}") });
        }
        self.emit(Event::OperatorActed { action: name(&action), by });
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
        }
        Ok(())
    }

    /// Why that action is not possible now, if it is not.
    fn objection(&self, action: &OperatorAction) -> Option<String> {
        let state = self.position.state();
        let unanswered = matches!(state, State::Queued | State::Dialing { .. } | State::Ringing { .. });
        match (action, state) {
            (_, State::Ended) => Some("the call is over".to_owned()),
            (_, State::Farewell { .. } | State::Closing { .. }) => Some("the call is ending".to_owned()),
            (OperatorAction::Hangup, _) => None,
            _ if unanswered => Some("the customer has not answered yet".to_owned()),
            (OperatorAction::Escalate { .. }, State::Conversing { .. }) => self.no_escalation().map(str::to_owned),
            (OperatorAction::Escalate { .. }, State::Merged { .. }) => Some("a human has taken over".to_owned()),
            (OperatorAction::Escalate { .. }, _) => Some("an escalation is already under way".to_owned()),
            (OperatorAction::Accept | OperatorAction::Decline { .. }, _) => self.decision_objection(action),
            (OperatorAction::Say { .. } | OperatorAction::Instruct { .. }, State::Conversing { .. }) => None,
            (OperatorAction::Say { .. } | OperatorAction::Instruct { .. }, _) => {
                Some("the agent is not talking with the customer".to_owned())
            }
        }
    }

    fn decision_objection(&self, action: &OperatorAction) -> Option<String> {
        match self.position.state() {
            State::Briefing { .. } => None,
            State::Calling { .. } if matches!(action, OperatorAction::Decline { .. }) => None,
            State::Calling { attempt, .. } => Some(match self.transfer.last {
                Some(last) if last.attempt + 1 == *attempt => {
                    format!("attempt {} was {} and the next supervisor has not answered yet", last.attempt, told(last))
                }
                _ => "the supervisor has not answered yet".to_owned(),
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
    }
}
