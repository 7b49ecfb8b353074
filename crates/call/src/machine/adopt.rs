//! A call that another process has lived until now: it was killed, and the legs are still there.

use std::time::Duration;

use super::{
    Audience, Command, Config, FixedLine, LegRef, Machine,
    ending::End,
    state::{Position, State},
    transfer::{Decision, Transfer},
};
use crate::{DecidedBy, Event, Phase, TransferOutcome};

/// What is known of such a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Adopted {
    /// Where it was, as the log has it.
    pub phase: Phase,
    /// The legs that were answered and are still there.
    pub legs: Vec<LegRef>,
    /// Customer and supervisor hear each other; where the log has not come to it, that is written down now.
    pub merged: bool,
    /// The transfer attempt that was under way and is not decided.
    pub undecided: Option<u32>,
    /// By what means the supervisor accepted, where they did.
    pub by: Option<DecidedBy>,
    /// How long the hold music has played.
    pub held: Duration,
    /// From the escalation's request to the merge (to now, if the log has none), where it came to that.
    pub time_to_human: Option<Duration>,
    /// From the customer's answer to now.
    pub since_answer: Duration,
}

impl Machine {
    /// Goes on with a call where another machine was cut off. Customer and supervisor who were merged and are both there
    /// go on talking, untouched. Nobody else can be given back what the agent knew: they are told that something is wrong,
    /// and hung up; a supervisor, that the customer needs nobody any more. [`Machine::handle`] counts from the customer's
    /// answer.
    #[must_use]
    pub fn adopt(config: Config, call: Adopted) -> Self {
        let mut machine = Self::new(config);
        machine.now = call.since_answer;
        machine.answered_at = Some(Duration::ZERO);
        machine.music.earlier = call.held;
        for leg in &call.legs {
            machine.legs.adopt(*leg);
        }
        let customer = call.legs.contains(&LegRef::Customer);
        let attempt = call.legs.iter().rev().find_map(|leg| match leg {
            LegRef::Supervisor(attempt) => Some(*attempt),
            LegRef::Customer => None,
        });
        let by = call.by.unwrap_or(DecidedBy::Voice);
        machine.transfer = Transfer::adopted(attempt, call.time_to_human);
        if let (true, true, Some(attempt)) = (call.merged, customer, attempt) {
            machine.transfer.last = Some(Decision { attempt, outcome: TransferOutcome::Connected, by });
            if call.undecided == Some(attempt) {
                machine.decide(attempt, TransferOutcome::Connected, by, None);
            }
            if call.phase != Phase::Merged {
                machine.emit(Event::PhaseChanged { from: call.phase, to: Phase::Merged });
            }
            machine.transfer.together_since = Some(Duration::ZERO);
            machine.position = Position::adopted(State::Merged { attempt, by });
            return machine;
        }
        let to_supervisor = if customer { FixedLine::Cancelled } else { FixedLine::CustomerLeft };
        let words: Vec<_> = [
            customer.then_some((FixedLine::Trouble, Audience::Customer)),
            attempt.map(|_| (to_supervisor, Audience::Supervisor)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if let Some(attempt) = call.undecided {
            machine.decide(attempt, TransferOutcome::Cancelled, DecidedBy::Network, None);
        }
        // The voice may have to be loaded first.
        let wait = if words.is_empty() { Duration::ZERO } else { machine.config.timers.sentence };
        let until = machine.after(wait);
        if customer {
            machine.command(Command::PauseConversation);
        }
        for (line, to) in &words {
            machine.say(*line, *to);
        }
        machine.position =
            Position::adopted(State::Farewell { phase: call.phase, attempt, words, until, end: End::stopped() });
        machine.let_go();
        machine
    }
}
