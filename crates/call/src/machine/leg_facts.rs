//! What the telephone network reports.

use super::{
    Audience, Command, FixedLine, Left, LeftCause, LegFact, LegRef, Machine, VoicemailPolicy,
    ending::End,
    state::{MergeStep, State},
};
use crate::{DecidedBy, Event, Leg, LegState, Private, TransferOutcome};

impl Machine {
    /// Dials a leg.
    pub(super) fn dial(&mut self, leg: LegRef, phone: Private<String>) {
        let (ring, shown) = match leg {
            LegRef::Customer => (self.config.timers.customer_ring, None),
            LegRef::Supervisor(_) => (self.config.timers.supervisor_ring, Some(phone.clone())),
        };
        self.legs.dial(leg);
        self.command(Command::Dial { leg, phone, ring });
        self.emit(leg_changed(leg, LegState::Dialing, shown, None));
    }

    /// Hangs a leg up, unless it is gone or was hung up before.
    pub(super) fn hang_up(&mut self, leg: LegRef) {
        let gone_by = self.after(self.config.timers.hang_up);
        if self.legs.hang_up(leg, gone_by) {
            self.command(Command::HangUp(leg));
        }
    }

    pub(super) fn on_leg(&mut self, leg: LegRef, fact: LegFact) {
        if !self.legs.advance(leg, &fact, self.now) {
            return;
        }
        match (leg, fact) {
            (_, LegFact::Ringing) => {
                self.emit(leg_changed(leg, LegState::Ringing, None, None));
                if let (LegRef::Customer, State::Dialing { until }) = (leg, self.position.state()) {
                    let until = *until;
                    self.enter(State::Ringing { until });
                }
            }
            (_, LegFact::Answered) => {
                self.emit(leg_changed(leg, LegState::Answered, None, None));
                match leg {
                    LegRef::Customer => self.customer_answered(),
                    LegRef::Supervisor(attempt) => self.supervisor_answered(attempt),
                }
            }
            (_, LegFact::Left(left)) => {
                self.emit(leg_changed(leg, LegState::Left, None, Some(&left)));
                match leg {
                    LegRef::Customer => self.customer_left(&left),
                    LegRef::Supervisor(attempt) => self.supervisor_left(attempt, &left),
                }
            }
        }
    }

    fn customer_answered(&mut self) {
        if matches!(self.position.state(), State::Dialing { .. } | State::Ringing { .. }) {
            self.answered_at = Some(self.now);
            self.enter(State::Conversing);
            self.command(Command::StartConversation);
        }
    }

    fn supervisor_answered(&mut self, answered: u32) {
        if matches!(self.position.state(), State::Calling { attempt, .. } if *attempt == answered) {
            let until = self.after(self.config.timers.decision);
            self.enter(State::Briefing { attempt: answered, until, briefed: false });
            self.brief_if_ready();
        }
    }

    fn customer_left(&mut self, left: &Left) {
        match self.position.state().clone() {
            State::Dialing { .. } | State::Ringing { .. } => self.close(End::unanswered(left)),
            State::Conversing | State::OnHold { .. } | State::Merged { .. } => {
                self.close(End::customer_left(left));
            }
            State::Calling { attempt, .. }
            | State::Merging { attempt, step: MergeStep::Joined { .. } | MergeStep::LastLine { .. }, .. } => {
                self.decide(attempt, TransferOutcome::CustomerLeft, DecidedBy::Network, None);
                self.close(End::customer_left(left));
            }
            State::Briefing { attempt, .. } | State::Merging { attempt, .. } => {
                self.decide(attempt, TransferOutcome::CustomerLeft, DecidedBy::Network, None);
                self.stop_music();
                let words = vec![(FixedLine::CustomerLeft, Audience::Supervisor)];
                self.farewell(End::customer_left(left), words, self.config.timers.farewell);
            }
            State::Farewell { .. } => self.nobody_hears(Audience::Customer),
            State::Closing { .. } => self.end_if_all_gone(),
            State::Queued | State::Ended => {}
        }
    }

    fn supervisor_left(&mut self, gone: u32, left: &Left) {
        match self.position.state().clone() {
            State::Calling { attempt, .. } if attempt == gone => {
                self.attempt_failed(attempt, outcome_unanswered(left.cause), DecidedBy::Network, None);
            }
            State::Briefing { attempt, .. } | State::Merging { attempt, step: MergeStep::Joining { .. }, .. }
                if attempt == gone =>
            {
                self.attempt_failed(attempt, outcome_answered(left.cause), DecidedBy::Network, None);
            }
            // The customer has heard the supervisor: back to the agent, not to the music.
            State::Merging { attempt, .. } if attempt == gone => {
                let outcome = outcome_answered(left.cause);
                self.decide(attempt, outcome, DecidedBy::Network, None);
                self.separate();
                self.back_to_the_agent(outcome, DecidedBy::Network, None);
            }
            State::Merged { attempt, .. } if attempt == gone => self.close(End::supervisor_left(left)),
            State::Farewell { attempt, .. } if attempt == Some(gone) => self.nobody_hears(Audience::Supervisor),
            State::Closing { .. } => self.end_if_all_gone(),
            _ => {}
        }
    }

    pub(super) fn on_machine_detected(&mut self, leg: LegRef) {
        match (leg, self.position.state().clone()) {
            (LegRef::Customer, State::Conversing) => match self.config.voicemail {
                VoicemailPolicy::HangUp => self.close(End::voicemail(false)),
                VoicemailPolicy::LeaveMessage => {
                    self.pause_conversation();
                    let words = vec![(FixedLine::VoicemailMessage, Audience::Customer)];
                    self.farewell(End::voicemail(true), words, self.config.timers.message);
                }
            },
            (LegRef::Customer, State::OnHold { .. }) => self.close(End::voicemail(false)),
            (LegRef::Customer, State::Calling { attempt, .. }) => {
                self.decide(attempt, TransferOutcome::Cancelled, DecidedBy::Network, None);
                self.close(End::voicemail(false));
            }
            (LegRef::Customer, State::Briefing { attempt, .. }) => {
                self.decide(attempt, TransferOutcome::Cancelled, DecidedBy::Network, None);
                self.stop_music();
                let words = vec![(FixedLine::Cancelled, Audience::Supervisor)];
                self.farewell(End::voicemail(false), words, self.config.timers.farewell);
            }
            (LegRef::Supervisor(found), State::Calling { attempt, .. } | State::Briefing { attempt, .. })
                if found == attempt =>
            {
                self.attempt_failed(attempt, TransferOutcome::Voicemail, DecidedBy::Network, None);
            }
            // Not on the line yet, or a person has decided: detectors may be wrong, a key press is not.
            _ => {}
        }
    }
}

fn leg_changed(leg: LegRef, state: LegState, phone: Option<Private<String>>, left: Option<&Left>) -> Event {
    let (leg, attempt) = match leg {
        LegRef::Customer => (Leg::Customer, None),
        LegRef::Supervisor(attempt) => (Leg::Supervisor, Some(attempt)),
    };
    let reason = left.map(|left| word(left.cause).to_owned());
    Event::LegChanged { leg, state, attempt, phone, sip_status: left.and_then(|left| left.sip_status), reason }
}

/// The cause as the event spells it.
fn word(cause: LeftCause) -> &'static str {
    match cause {
        LeftCause::Busy => "busy",
        LeftCause::NoAnswer => "no_answer",
        LeftCause::Declined => "declined",
        LeftCause::InvalidNumber => "invalid_number",
        LeftCause::Unreachable => "unreachable",
        LeftCause::TrunkFailure => "trunk_failure",
        LeftCause::HungUp => "hung_up",
        LeftCause::Released => "released",
        LeftCause::MediaLost => "media_lost",
    }
}

/// What a supervisor's leg that goes before the answer makes of the attempt.
fn outcome_unanswered(cause: LeftCause) -> TransferOutcome {
    match cause {
        LeftCause::Busy => TransferOutcome::Busy,
        LeftCause::NoAnswer | LeftCause::HungUp => TransferOutcome::NoAnswer,
        LeftCause::Declined => TransferOutcome::Declined,
        LeftCause::InvalidNumber
        | LeftCause::Unreachable
        | LeftCause::TrunkFailure
        | LeftCause::Released
        | LeftCause::MediaLost => TransferOutcome::Unreachable,
    }
}

/// What a supervisor's leg that goes after the answer makes of the attempt: whatever the trunk calls it, somebody who
/// was there has gone.
fn outcome_answered(cause: LeftCause) -> TransferOutcome {
    match cause {
        LeftCause::TrunkFailure | LeftCause::MediaLost => TransferOutcome::Unreachable,
        _ => TransferOutcome::HungUp,
    }
}
