//! Ending: taking participants out, taking the room down, and coming to an end oneself. What the server does not confirm is
//! tried again, a number of times.

use std::time::Duration;

use warmline_livekit::services::ServiceError;

use super::{
    Answer, Asked, LegId, Output, Request, RoomMachine, Union,
    dialling::{Step, plain, released},
    legs::SipLeg,
    limits,
};
use crate::identity::Place;

/// A participant who is being taken out.
#[derive(Debug)]
pub(super) struct Removal {
    place: Place,
    pub(super) identity: String,
    tries: u32,
    /// When it is tried again; `None`: the answer is waited for.
    again: Option<Duration>,
}

/// Whether there is a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RoomState {
    Open,
    Closing {
        rooms: Vec<Deletion>,
        /// By then the legs are taken for gone.
        by: Duration,
        detached: bool,
        /// A dial under way may open it again.
        unborn: bool,
    },
    Over,
}

/// A room that is being taken down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deletion {
    place: Place,
    tries: u32,
    again: Option<Duration>,
}

impl Removal {
    /// Whether it was asked for and is not answered.
    pub(super) fn is_under_way(&self) -> bool {
        self.again.is_none()
    }

    pub(super) fn due(&self) -> Option<Duration> {
        self.again
    }
}

impl RoomState {
    pub(super) fn is_closing(&self) -> bool {
        *self != Self::Open
    }

    pub(super) fn due(&self) -> Option<Duration> {
        let Self::Closing { rooms, by, detached, .. } = self else { return None };
        let by = Some(*by).filter(|_| !detached);
        rooms.iter().filter_map(|room| room.again).chain(by).min()
    }
}

impl RoomMachine {
    /// Takes a participant out of a room.
    pub(super) fn remove(&mut self, place: Place, identity: &str) {
        if self.removals.iter().any(|removal| removal.place == place && removal.identity == identity) {
            return;
        }
        self.removals.push(Removal { place, identity: identity.to_owned(), tries: 0, again: None });
        self.ask_to_remove(place, identity);
    }

    pub(super) fn remove_everywhere(&mut self, identity: &str) {
        for place in Place::ALL {
            self.remove(place, identity);
        }
    }

    /// Whether somebody may still be in another room than this.
    pub(super) fn is_removed_elsewhere(&self, place: Place, identity: &str) -> bool {
        self.removals.iter().any(|removal| removal.place != place && removal.identity == identity)
    }

    fn ask_to_remove(&mut self, place: Place, identity: &str) {
        let identity = identity.to_owned();
        self.send(Request::Remove { place, identity: identity.clone() }, Asked::Removal(place, identity));
    }

    pub(super) fn removal_answered(&mut self, place: Place, identity: &str, answer: &Answer) {
        let removed = matches!(answer, Answer::Done | Answer::Failed(ServiceError::NotFound(_)));
        let at = self.removals.iter().position(|r| r.place == place && r.identity == identity && r.again.is_none());
        let Some(at) = at else { return };
        if removed {
            self.removals.remove(at);
            return self.removed(place, identity);
        }
        if let Answer::Failed(error) = answer {
            tracing::warn!(call = %self.rules.call, %error, "a participant could not be removed");
        }
        let removal = &mut self.removals[at];
        removal.again = Some(self.now + Duration::from_millis(500) * 2_u32.pow(removal.tries));
        removal.tries += 1;
        if removal.tries == limits::TRIES {
            self.removals.remove(at);
        }
    }

    /// Somebody is out of a room for certain.
    fn removed(&mut self, place: Place, identity: &str) {
        self.published.remove(&(place, identity.to_owned()));
        if self.removals.iter().any(|removal| removal.identity == identity) {
            return;
        }
        self.hearings.depart(identity);
        // One that waits for this to be dialled was never there.
        let was_there = |leg: &SipLeg| leg.step == Step::Requested && (leg.is_ending() || leg.place == place);
        if self.leg(identity).is_some_and(was_there) {
            self.finish(identity, released());
        }
    }

    pub(super) fn removals_in_time(&mut self) {
        let now = self.now;
        let due = self.removals.iter_mut().filter(|removal| removal.again.is_some_and(|at| at <= now));
        let due: Vec<_> = due
            .map(|removal| {
                removal.again = None;
                (removal.place, removal.identity.clone())
            })
            .collect();
        for (place, identity) in due {
            self.ask_to_remove(place, &identity);
        }
    }

    /// The call is over: everybody is hung up and the rooms are taken down.
    pub(super) fn close(&mut self) {
        if self.state.is_closing() {
            return;
        }
        let places = if self.rules.wants_own_room { &Place::ALL[..] } else { &[Place::Call] };
        let began = |id: LegId| self.legs.iter().any(|leg| leg.id == id && leg.began);
        let unborn = self.asked.values().any(|asked| matches!(asked, Asked::Dial(leg) if !began(*leg)));
        let rooms = places.iter().map(|place| Deletion { place: *place, tries: 0, again: None }).collect();
        self.end_merge();
        self.removals.clear();
        let unasked = self.legs.iter().filter(|leg| leg.step != Step::Requested).map(|leg| leg.identity.clone());
        for identity in unasked.collect::<Vec<_>>() {
            self.fail_dial(&identity, plain("The call is over."));
        }
        self.state = RoomState::Closing { rooms, by: self.now + limits::CLOSING, detached: false, unborn };
        for place in places {
            self.send(Request::Delete(*place), Asked::Deletion(*place));
        }
    }

    /// Nobody holds the room any more: a call that nobody could end is ended, and who is merged goes on without us.
    pub(super) fn released(&mut self) {
        if self.state.is_closing() {
            return;
        }
        if !matches!(self.union, Union::Together { .. }) {
            return self.close();
        }
        self.detach();
        self.state = RoomState::Over;
        self.outputs.push_back(Output::Over);
    }

    fn end_merge(&mut self) {
        if let Union::Joining { ticket, .. } = self.union {
            self.union = Union::Apart;
            self.merge_refused(ticket, "The call is over.");
        }
        for refusal in std::mem::take(&mut self.refusals) {
            self.outputs.push_back(Output::Merge(refusal.ticket, Err(refusal.error)));
        }
    }

    pub(super) fn deletion_answered(&mut self, place: Place, answer: &Answer) {
        let now = self.now;
        let RoomState::Closing { rooms, .. } = &mut self.state else { return };
        let Some(at) = rooms.iter().position(|room| room.place == place && room.again.is_none()) else { return };
        if matches!(answer, Answer::Done | Answer::Failed(ServiceError::NotFound(_))) {
            rooms.remove(at);
            return;
        }
        let room = &mut rooms[at];
        room.tries += 1;
        room.again = Some(now + Duration::from_secs(1) * 2_u32.pow(room.tries - 1));
        if room.tries == limits::TRIES {
            rooms.remove(at);
            tracing::error!(call = %self.rules.call, "a room was left open");
        } else {
            tracing::warn!(call = %self.rules.call, ?answer, "a room could not be closed; trying again");
        }
    }

    pub(super) fn closing_in_time(&mut self) {
        let now = self.now;
        let RoomState::Closing { rooms, by, detached, .. } = &mut self.state else { return };
        let mut due = Vec::new();
        for room in rooms.iter_mut().filter(|room| room.again.is_some_and(|at| at <= now)) {
            room.again = None;
            due.push(room.place);
        }
        let late = *by <= now && !std::mem::replace(detached, *detached || *by <= now);
        for place in due {
            self.send(Request::Delete(place), Asked::Deletion(place));
        }
        if late {
            self.detach();
        }
    }

    /// We are out: every leg is released as far as the call is concerned.
    pub(super) fn detach(&mut self) {
        self.end_merge();
        for identity in self.legs.iter().map(|leg| leg.identity.clone()).collect::<Vec<_>>() {
            self.finish(&identity, released());
        }
        self.outputs.push_back(Output::Detach);
    }

    pub(super) fn see_whether_over(&mut self) {
        let RoomState::Closing { rooms, detached, unborn, .. } = &self.state else { return };
        if !rooms.is_empty() {
            return;
        }
        let (detached, unborn) = (*detached, *unborn);
        if unborn {
            self.outputs.push_back(Output::Sweep);
        }
        if !detached {
            self.detach();
        }
        self.state = RoomState::Over;
        self.outputs.push_back(Output::Over);
    }
}
