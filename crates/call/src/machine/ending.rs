//! The end: last words where somebody is there to hear them, then every leg is hung up, then the last event.
//!
//! Of two who hear last words of their own nobody waits for the other's: whoever has heard theirs is hung up.

use std::time::Duration;

use super::{Audience, Command, FixedLine, Left, LeftCause, LegRef, Machine, state::State};
use crate::{EndReason, Event};

/// Why a call ends, as its last event says.
#[derive(Clone, Debug)]
pub(super) struct End {
    reason: EndReason,
    detail: String,
}

impl Machine {
    /// Says the last words, then ends. Nothing but the end follows; whoever is told nothing is hung up now.
    pub(super) fn farewell(&mut self, end: End, words: Vec<(FixedLine, Audience)>, within: Duration) {
        let state = self.position.state();
        let (phase, attempt, until) = (state.phase(), state.open_attempt(), self.after(within));
        for (line, to) in &words {
            self.say(*line, *to);
        }
        self.enter(State::Farewell { phase, attempt, words, until, end });
        self.let_go();
    }

    pub(super) fn farewell_said(&mut self, said: FixedLine, to: Audience) {
        self.strike_words(|words| words.retain(|word| *word != (said, to)));
    }

    /// Somebody who was to hear the last words is gone. Of two who were to hear them together, the other has been left.
    pub(super) fn nobody_hears(&mut self, gone: Audience) {
        self.strike_words(|words| words.retain(|(_, to)| *to != gone && *to != Audience::Both));
    }

    pub(super) fn cut_farewell_short(&mut self) {
        self.strike_words(Vec::clear);
    }

    fn strike_words(&mut self, strike: impl FnOnce(&mut Vec<(FixedLine, Audience)>)) {
        let State::Farewell { phase, attempt, mut words, until, end } = self.position.state().clone() else { return };
        strike(&mut words);
        if words.is_empty() {
            self.close(end);
        } else {
            self.enter(State::Farewell { phase, attempt, words, until, end });
            self.let_go();
        }
    }

    /// Hangs up whoever has no last words left to hear. Those who still hear that an earlier attempt was called off have a
    /// time limit of their own.
    pub(super) fn let_go(&mut self) {
        let State::Farewell { attempt, words, .. } = self.position.state() else { return };
        let told = |leg: &LegRef| {
            words.iter().any(|(_, to)| match leg {
                LegRef::Customer => *to != Audience::Supervisor,
                LegRef::Supervisor(told) => *to != Audience::Customer && *attempt == Some(*told),
            })
        };
        let before = self.legs.in_farewell();
        let alive = self.legs.alive().into_iter();
        let done: Vec<LegRef> = alive.filter(|leg| !told(leg) && !before.contains(leg)).collect();
        for leg in done {
            self.hang_up(leg);
        }
    }

    /// Ends the call: silence, then every leg is hung up; it is over when all are gone.
    pub(super) fn close(&mut self, end: End) {
        self.unseat();
        if self.answered_at.is_some() {
            self.command(Command::StopConversation);
        }
        self.stop_music();
        for leg in self.legs.alive() {
            self.hang_up(leg);
        }
        self.enter(State::Closing { phase: self.phase(), since: self.now, end });
        self.end_if_all_gone();
    }

    pub(super) fn end_if_all_gone(&mut self) {
        let State::Closing { since, end: End { reason, detail }, .. } = self.position.state().clone() else { return };
        if !self.legs.alive().is_empty() {
            return;
        }
        let talk_end = self.legs.left_at(LegRef::Customer).map_or(since, |left_at| left_at.min(since));
        let talk = self.answered_at.map_or(Duration::ZERO, |answered_at| talk_end.saturating_sub(answered_at));
        self.enter(State::Ended);
        self.emit(Event::CallEnded {
            reason,
            detail,
            talk_s: seconds(talk),
            hold_s: seconds(self.music.earlier),
            time_to_human_s: self.transfer.time_to_human.map(seconds),
        });
        self.command(Command::Close);
    }
}

/// In seconds, to the millisecond, as events are dated.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000.0).round() / 1_000.0
}

impl End {
    fn new(reason: EndReason, detail: &str) -> Self {
        Self { reason, detail: detail.to_owned() }
    }

    /// The customer's leg went before the answer.
    ///
    /// Nobody can hang up a phone that they have not picked up: a trunk that says so means that it was not answered. A
    /// leg that our own side released without being told to by this machine was ended by somebody with access to it.
    pub(super) fn unanswered(left: &Left) -> Self {
        let (reason, sentence) = match left.cause {
            LeftCause::Busy => (EndReason::Busy, "The customer's line was busy"),
            LeftCause::NoAnswer | LeftCause::HungUp => (EndReason::NoAnswer, "The customer did not answer"),
            LeftCause::Declined => (EndReason::Declined, "The customer rejected the call"),
            LeftCause::InvalidNumber => (EndReason::InvalidNumber, "The customer's number does not exist"),
            LeftCause::Unreachable => (EndReason::Unreachable, "The customer could not be reached"),
            LeftCause::TrunkFailure => (EndReason::TrunkFailure, "The trunk refused or failed the call"),
            LeftCause::Released => (EndReason::OperatorHungUp, "The call was ended outside of Warmline"),
            LeftCause::MediaLost => (EndReason::MediaLost, "The audio was lost before the customer answered"),
        };
        Self { reason, detail: with_status(sentence, left) }
    }

    /// The customer's leg went after the answer: only a few causes say more than that they hung up.
    pub(super) fn customer_left(left: &Left) -> Self {
        let (reason, sentence) = match left.cause {
            LeftCause::MediaLost => (EndReason::MediaLost, "The customer's audio was lost and did not come back"),
            LeftCause::TrunkFailure => (EndReason::TrunkFailure, "The trunk dropped the customer"),
            LeftCause::Released => (EndReason::OperatorHungUp, "The call was ended outside of Warmline"),
            _ => (EndReason::CustomerHungUp, "The customer hung up"),
        };
        Self { reason, detail: with_status(sentence, left) }
    }

    /// The supervisor's leg went after the merge.
    pub(super) fn supervisor_left(left: &Left) -> Self {
        let (reason, sentence) = match left.cause {
            LeftCause::MediaLost => (EndReason::MediaLost, "The supervisor's audio was lost and did not come back"),
            LeftCause::TrunkFailure => (EndReason::TrunkFailure, "The trunk dropped the supervisor"),
            LeftCause::Released => (EndReason::OperatorHungUp, "The call was ended outside of Warmline"),
            _ => (EndReason::SupervisorHungUp, "The supervisor hung up"),
        };
        Self { reason, detail: with_status(sentence, left) }
    }

    pub(super) fn never_reported() -> Self {
        Self::new(EndReason::NoAnswer, "The customer did not answer within the ring time.")
    }

    pub(super) fn completed() -> Self {
        Self::new(EndReason::Completed, "The agent and the customer were done.")
    }

    pub(super) fn voicemail(message: bool) -> Self {
        let detail = if message { "A machine answered; it was left a message." } else { "A machine answered." };
        Self::new(EndReason::Voicemail, detail)
    }

    /// `detail` is a sentence of its own.
    pub(super) fn agent_failure(detail: &str) -> Self {
        Self { reason: EndReason::AgentFailure, detail: format!("The agent could not go on: {detail}") }
    }

    pub(super) fn agent_lost() -> Self {
        Self::agent_failure("it broke down.")
    }

    pub(super) fn inaudible() -> Self {
        Self::new(EndReason::MediaLost, "The customer could not be heard any more.")
    }

    pub(super) fn operator_hung_up() -> Self {
        Self::new(EndReason::OperatorHungUp, "An operator ended the call.")
    }

    pub(super) fn max_duration() -> Self {
        Self::new(EndReason::MaxDuration, "The longest time allowed for a call was over.")
    }

    pub(super) fn stopped() -> Self {
        Self::new(EndReason::ServerStopped, "Warmline was stopped while the call was open.")
    }
}

fn with_status(sentence: &str, left: &Left) -> String {
    match left.sip_status {
        Some(status) => format!("{sentence} (SIP {status})."),
        None => format!("{sentence}."),
    }
}
