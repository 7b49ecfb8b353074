//! Dialling a leg: where, whether nobody is dialled twice, and when: a supervisor not before everybody of an earlier attempt
//! is apart from the customer for certain.
//!
//! The dial's answer comes when somebody has picked up, or never will: only so a failure comes with its SIP status. That the
//! dial has begun is known sooner, from the participant, who joins the room before the phone rings.

use warmline_call::{Left, LeftCause, LegRef, PhoneNumber};
use warmline_livekit::services::{DialFailure, ServiceError};
use warmline_telephony::{Dial, DialError};

use super::{
    Answer, Asked, LegId, Output, Permit, Request, RequestId, RoomMachine,
    legs::{Late, SipLeg},
    limits,
};
use crate::{cause, identity::Place};

/// How far a dial has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Step {
    /// In which room the leg is to be is asked.
    Place,
    /// The consult's room is opened.
    Room,
    /// Whether the leg is in the room already is looked up.
    Looking,
    /// Nobody of an earlier attempt may be let in any more, and nobody of the same name is being removed.
    Waiting,
    /// It is settled who hears the agent; `None`: when another such request has its answer.
    Permitting { asked: Option<RequestId> },
    /// The phone may ring.
    Requested,
}

impl RoomMachine {
    pub(super) fn dial(&mut self, id: LegId, dial: &Dial, identity: String) {
        if self.state.is_closing() {
            return self.not_begun(id, "The call is over.");
        }
        if !PhoneNumber::is_e164(dial.number.reveal()) {
            let detail = "That is not a telephone number.".to_owned();
            let error = DialError { cause: LeftCause::InvalidNumber, sip_status: Some(404), detail };
            return self.outputs.push_back(Output::NotBegun(id, error));
        }
        if self.legs.iter().any(|leg| leg.name == dial.leg) {
            return self.not_begun(id, "This leg has been dialled already.");
        }
        if dial.leg != LegRef::Customer && self.union.pair().is_some_and(|pair| pair.name != dial.leg) {
            self.separate("Another supervisor is dialled.");
        }
        self.legs.push(SipLeg::dialled(id, dial, identity.clone(), self.now));
        if dial.leg != LegRef::Customer && self.rules.wants_own_room {
            self.send(Request::AskForOwnRoom, Asked::Step(id));
        } else {
            self.look_before(&identity);
        }
    }

    fn look_before(&mut self, identity: &str) {
        let Some(leg) = self.leg_mut(identity) else { return };
        leg.step = Step::Looking;
        let (id, place) = (leg.id, leg.place);
        self.send(Request::Look(place), Asked::Step(id));
    }

    pub(super) fn step_answered(&mut self, id: LegId, answer: Answer) {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == id) else { return };
        let identity = leg.identity.clone();
        let identity = identity.as_str();
        match (leg.step, answer) {
            (Step::Place, Answer::OwnRoom(true)) => {
                (leg.place, leg.step) = (Place::Consult, Step::Room);
                if self.presence.consult {
                    return self.look_before(identity);
                }
                self.send(Request::OpenConsult, Asked::Step(id));
            }
            (Step::Place, _) => self.look_before(identity),
            (Step::Room, Answer::Done) => {
                self.presence.consult = true;
                self.look_before(identity);
            }
            (Step::Looking, Answer::Members(members)) => {
                if members.iter().any(|member| member.identity == identity) {
                    return self.fail_dial(identity, plain("This leg has been dialled already: it is in the room."));
                }
                leg.step = Step::Waiting;
            }
            (_, Answer::Failed(error)) => self.fail_dial(identity, cause::refused(&error)),
            (_, Answer::Unable(detail)) => self.fail_dial(identity, plain(&detail)),
            _ => {}
        }
    }

    /// Lets dials go on that wait for nothing more.
    pub(super) fn admit_dials(&mut self) {
        let in_doubt = self.hearings.any_in_doubt(|one, other| self.union.wants(one, other));
        let removals = &self.removals;
        // One that is under way would hit whoever has the same name by then.
        let leaves = |who: &str| removals.iter().any(|removal| removal.identity == who && removal.is_under_way());
        let waiting = self.legs.iter_mut().filter(|leg| leg.step == Step::Waiting && !leaves(&leg.identity));
        let mut any = false;
        for leg in waiting.filter(|leg| leg.name == LegRef::Customer || !in_doubt) {
            leg.step = Step::Permitting { asked: None };
            any = true;
        }
        if any && self.permitting.is_none() {
            self.permit();
        }
    }

    /// Lets each leg hear the track that is meant for it, and nobody any other.
    pub(super) fn permit(&mut self) {
        let latest = |wanted: &dyn Fn(&SipLeg) -> bool| {
            let mut legs = self.legs.iter().rev().filter(|leg| leg.step >= Step::Permitting { asked: None });
            legs.find(|leg| wanted(leg)).map(|leg| leg.identity.clone())
        };
        let permit = Permit {
            customer: latest(&|leg| leg.name == LegRef::Customer),
            supervisor: latest(&|leg| leg.name != LegRef::Customer),
            consulted: latest(&|leg| leg.place == Place::Consult),
        };
        let id = self.send(Request::Permit(permit), Asked::Permit);
        self.permitting = Some(id);
        for leg in self.legs.iter_mut().filter(|leg| leg.step == Step::Permitting { asked: None }) {
            leg.step = Step::Permitting { asked: Some(id) };
        }
    }

    pub(super) fn permit_answered(&mut self, id: RequestId, answer: &Answer) {
        self.permitting = None;
        let asked: Vec<String> = self
            .legs
            .iter()
            .filter(|leg| leg.step == Step::Permitting { asked: Some(id) })
            .map(|leg| leg.identity.clone())
            .collect();
        for identity in asked {
            match answer {
                Answer::Unable(detail) => self.fail_dial(&identity, plain(detail)),
                _ => self.request_dial(&identity),
            }
        }
        if self.legs.iter().any(|leg| leg.step == Step::Permitting { asked: None }) {
            self.permit();
        }
    }

    fn request_dial(&mut self, identity: &str) {
        let now = self.now;
        let Some(leg) = self.leg_mut(identity) else { return };
        leg.step = Step::Requested;
        leg.begin_by = Some(now + limits::BEGIN);
        leg.deadline = now + leg.ring + limits::NET;
        let (leg, place) = (leg.id, leg.place);
        // Whoever had this name before is out of the room.
        self.removals.retain(|removal| removal.identity != identity);
        self.send(Request::Dial { leg, place }, Asked::Dial(leg));
    }

    pub(super) fn dial_answered(&mut self, id: LegId, answer: Answer) {
        let due = self.now + limits::NEWS;
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == id) else { return };
        let (identity, began, place) = (leg.identity.clone(), leg.began, leg.place);
        let identity = identity.as_str();
        match answer {
            Answer::Failed(ServiceError::Dial(failure)) if !began => {
                leg.late = Some(Late { due, why: Err(failure) });
            }
            Answer::Failed(ServiceError::Dial(failure)) => self.dial_failed(identity, &failure),
            Answer::Failed(error) if began => {
                // The participant says what happens next.
                tracing::warn!(call = %self.rules.call, %error, "the SIP service does not say what became of a dial");
            }
            Answer::Failed(error) => {
                self.fail_dial(identity, cause::refused(&error));
                self.remove(place, identity);
            }
            _ => self.answered(identity),
        }
    }

    /// The phone was never picked up.
    pub(super) fn dial_failed(&mut self, identity: &str, failure: &DialFailure) {
        let Some(leg) = self.leg(identity) else { return };
        let (place, left) = (leg.place, cause::of_failure(failure, leg.has_rung()));
        if leg.began {
            self.finish(identity, left);
        } else {
            self.fail_dial(identity, cause::refused(&ServiceError::Dial(failure.clone())));
        }
        // A busy callee's participant can linger in the room.
        self.remove(place, identity);
    }

    /// Dials that take too long.
    pub(super) fn dials_in_time(&mut self) {
        let now = self.now;
        let overdue = |leg: &&SipLeg| !leg.began && leg.begin_by.is_some_and(|by| by <= now);
        let overdue: Vec<_> =
            self.legs.iter().filter(overdue).map(|leg| (leg.identity.clone(), leg.place, leg.step)).collect();
        for (identity, place, step) in overdue {
            if step == Step::Requested {
                let detail = "LiveKit's SIP service did not begin the call in 10 s; check that livekit-sip runs.";
                self.fail_dial(&identity, plain(detail));
                self.remove(place, &identity);
            } else {
                let detail = "LiveKit did not prepare the dial in 10 s; nobody was dialled.";
                self.fail_dial(&identity, plain(detail));
            }
        }
    }

    /// The dial did not begin: its leg is forgotten.
    pub(super) fn fail_dial(&mut self, identity: &str, error: DialError) {
        let Some(at) = self.legs.iter().position(|leg| leg.identity == identity) else { return };
        let leg = self.legs.remove(at);
        self.outputs.push_back(Output::NotBegun(leg.id, error));
    }

    pub(super) fn not_begun(&mut self, id: LegId, detail: &str) {
        self.outputs.push_back(Output::NotBegun(id, plain(detail)));
    }
}

pub(super) fn released() -> Left {
    Left { cause: LeftCause::Released, sip_status: None }
}

pub(super) fn plain(detail: &str) -> DialError {
    DialError { cause: LeftCause::TrunkFailure, sip_status: None, detail: detail.to_owned() }
}
