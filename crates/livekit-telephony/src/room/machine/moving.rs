//! Merging where a supervisor is consulted in a room of their own: they are moved to the customer's. In the same room
//! everybody hears everybody, so a move counts as a grant to both.

use warmline_livekit::services::ServiceError;
use warmline_telephony::MergeError;

use super::{
    Answer, Asked, Output, Request, RequestId, RoomMachine, Ticket, Union, limits,
    merging::because,
    union::{Look, Pair, Step},
};
use crate::identity::Place;

impl RoomMachine {
    pub(super) fn begin_move(&mut self, ticket: Ticket, pair: Pair) {
        let id = self.send(Request::Move(pair.supervisor.clone()), Asked::Move);
        // In the same room everybody hears everybody.
        self.hearings.sent(id, (&pair.customer, &pair.supervisor), true);
        self.hearings.sent(id, (&pair.supervisor, &pair.customer), true);
        self.union = Union::Joining { ticket, pair, step: Step::Moving(id) };
    }

    pub(super) fn move_answered(&mut self, id: RequestId, answer: Answer) {
        let failed = match answer {
            Answer::Failed(ServiceError::NotImplemented(_)) => {
                self.hearings.grant_refused(id);
                self.outputs.push_back(Output::NeverMove);
                if matches!(&self.union, Union::Joining { step: Step::Moving(current), .. } if *current == id) {
                    self.merge_fails(MergeError::new("This LiveKit server can't move the supervisor to the customer."));
                }
                return;
            }
            Answer::Failed(error) => Some(error),
            _ => None,
        };
        if matches!(failed, Some(ServiceError::NotFound(_))) {
            self.hearings.grant_refused(id);
        } else {
            self.hearings.grant_answered(id, 0, false);
        }
        let Union::Joining { ticket, pair, step: Step::Moving(current) } = &self.union else { return };
        if *current != id {
            return;
        }
        let (ticket, pair) = (*ticket, pair.clone());
        // An answer that was lost says nothing of the move.
        let look = Look::UnderWay(self.send(Request::Look(Place::Call), Asked::Arrival));
        let step = Step::Arriving { failed, until: self.now + limits::ARRIVAL, look };
        self.union = Union::Joining { ticket, pair, step };
    }

    pub(super) fn arrival_looked(&mut self, id: RequestId, answer: Answer) {
        let Union::Joining { ticket, pair, step: Step::Arriving { failed, until, look } } = self.union.clone() else {
            return;
        };
        if look != Look::UnderWay(id) {
            return;
        }
        let members = if let Answer::Members(members) = answer { members } else { Vec::new() };
        let sounds = |who: &str| members.iter().any(|member| member.identity == who && !member.tracks.is_empty());
        if sounds(&pair.supervisor) {
            return self.arrived(ticket, pair.clone(), sounds(&pair.customer));
        }
        match failed {
            Some(ServiceError::NotFound(_)) => self.merge_fails(MergeError::new("The supervisor has just left.")),
            Some(error) => self.merge_fails(because(&error)),
            None if self.now >= until => {
                self.merge_fails(MergeError::new("The supervisor was moved and did not arrive."));
            }
            None => {
                let look = Look::Due(self.now + limits::ARRIVING);
                self.union = Union::Joining { ticket, pair, step: Step::Arriving { failed, until, look } };
            }
        }
    }

    fn arrived(&mut self, ticket: Ticket, pair: Pair, customer_there: bool) {
        if let Some(leg) = self.leg_mut(&pair.supervisor) {
            leg.place = Place::Call;
        }
        self.hearings.arrive(&pair.supervisor, Place::Call);
        self.outputs.push_back(Output::Moved(pair.name));
        self.look_soon();
        if !customer_there {
            return self.merge_fails(MergeError::new("The customer has just left."));
        }
        self.merged(ticket, pair);
        self.presence.consult = false;
        self.send(Request::CloseConsult, Asked::Nothing);
    }

    pub(super) fn arrival_in_time(&mut self) {
        let Union::Joining { step: Step::Arriving { look, .. }, .. } = &self.union else { return };
        if !matches!(look, Look::Due(due) if *due <= self.now) {
            return;
        }
        let id = self.send(Request::Look(Place::Call), Asked::Arrival);
        if let Union::Joining { step: Step::Arriving { look, .. }, .. } = &mut self.union {
            *look = Look::UnderWay(id);
        }
    }
}
