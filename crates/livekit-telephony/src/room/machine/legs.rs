//! A leg while it lasts: from its dial, or its participant's joining, to the conversation.

use std::time::Duration;

use warmline_call::{Left, LegFact, LegRef};
use warmline_livekit::services::DialFailure;
use warmline_telephony::Dial;

use super::{Ids, LegId, Output, Present, RoomMachine, dialling::Step, limits};
use crate::{identity, identity::Place};

/// A telephone that was dialled.
#[derive(Debug)]
pub(super) struct SipLeg {
    pub(super) id: LegId,
    pub(super) name: LegRef,
    pub(super) identity: String,
    /// Where its participant is.
    pub(super) place: Place,
    pub(super) step: Step,
    progress: Progress,
    /// Whoever dialled knows that it is in the room.
    pub(super) began: bool,
    /// Looks in a row that did not find it.
    pub(super) missed: u32,
    pub(super) ring: Duration,
    max_duration: Duration,
    /// When it has lasted, or rung, too long.
    pub(super) deadline: Duration,
    pub(super) begin_by: Option<Duration>,
    /// How it ends when nothing better becomes known until then.
    pub(super) late: Option<Late>,
    /// It is hung up: by then it is taken for gone.
    pub(super) ending: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Dialling,
    Ringing,
    OnLine,
}

/// An end whose reason may still come.
#[derive(Debug)]
pub(super) struct Late {
    pub(super) due: Duration,
    /// By the participant, or by the dial's answer.
    pub(super) why: Result<Left, DialFailure>,
}

impl SipLeg {
    pub(super) fn dialled(id: LegId, dial: &Dial, identity: String, now: Duration) -> Self {
        Self {
            id,
            name: dial.leg,
            identity,
            place: Place::Call,
            step: Step::Place,
            progress: Progress::Dialling,
            began: false,
            missed: 0,
            ring: dial.ring,
            max_duration: dial.max_duration,
            deadline: now + limits::LONGEST,
            begin_by: Some(now + limits::BEGIN),
            late: None,
            ending: None,
        }
    }

    /// It was answered before we came: what is said of it from now on is how it ends.
    fn found(id: LegId, name: LegRef, identity: String, place: Place) -> Self {
        Self {
            id,
            name,
            identity,
            place,
            step: Step::Requested,
            progress: Progress::OnLine,
            began: true,
            missed: 0,
            ring: limits::LONGEST,
            max_duration: limits::LONGEST,
            deadline: limits::LONGEST,
            begin_by: None,
            late: None,
            ending: None,
        }
    }

    pub(super) fn is_on_line(&self) -> bool {
        self.progress == Progress::OnLine
    }

    pub(super) fn has_rung(&self) -> bool {
        self.progress == Progress::Ringing
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    pub(super) fn due(&self) -> impl Iterator<Item = Duration> {
        let begin = self.begin_by.filter(|_| !self.began);
        [Some(self.deadline), begin, self.late.as_ref().map(|late| late.due), self.ending].into_iter().flatten()
    }
}

impl RoomMachine {
    /// Takes over a leg that was answered before we came.
    pub(in crate::room) fn adopt(&mut self, id: LegId, name: LegRef, (place, who): (Place, &Present)) {
        self.published.insert((place, who.identity.clone()), who.tracks.clone());
        self.hearings.arrive(&who.identity, place);
        self.legs.push(SipLeg::found(id, name, who.identity.clone(), place));
        self.presence.consult |= place == Place::Consult;
    }

    /// Those who were taken over are apart, each with the agent.
    pub(in crate::room) fn adopt_apart(&mut self) {
        self.permit();
        self.hearings.stir_all(self.now);
    }

    /// Those who were found and belong to nobody are hung up.
    pub(in crate::room) fn adopt_none(&mut self, others: Vec<(Place, String)>) {
        for (place, identity) in others {
            self.remove(place, &identity);
        }
    }

    /// Somebody is in a room, or still is.
    pub(super) fn joined(&mut self, place: Place, who: &Present) {
        let moves = self.union.moves(&who.identity);
        let Some(leg) = self.leg_mut(&who.identity) else { return self.unknown_joined(place, who) };
        // Somebody of before, who is looked for before this one is dialled; or the other of two rooms, on the way between them.
        if leg.step != Step::Requested || (leg.place != place && moves) {
            return;
        }
        if leg.place != place {
            return self.remove(place, &who.identity);
        }
        if leg.is_ending() {
            return self.unwanted_joined(place, who);
        }
        leg.missed = 0;
        let (id, began) = (leg.id, std::mem::replace(&mut leg.began, true));
        if !began {
            let ids = Ids { participant: who.sid.clone(), sip_call: who.sip_call.clone() };
            self.outputs.push_back(Output::Began(id, ids));
        }
        if self.hearings.arrive(&who.identity, place) {
            self.hearings.stir(&who.identity, self.now);
        }
        for track in &who.tracks {
            self.publishes(place, &who.identity, track.clone());
        }
        if let Some(status) = &who.status {
            self.status(&who.identity, status);
        }
    }

    /// A leg of this call that nobody waits for any more is hung up. Others do not concern us.
    fn unknown_joined(&mut self, place: Place, who: &Present) {
        let is_leg = who.by_phone && identity::leg_of(&self.rules.call, &who.identity).is_some();
        if is_leg && !self.state.is_closing() {
            self.unwanted_joined(place, who);
        }
    }

    /// Until they are out for certain they are kept apart from everybody: to take them out may need more than one try.
    fn unwanted_joined(&mut self, place: Place, who: &Present) {
        if self.hearings.arrive(&who.identity, place) {
            self.hearings.stir(&who.identity, self.now);
        }
        for track in &who.tracks {
            self.publishes(place, &who.identity, track.clone());
        }
        self.remove(place, &who.identity);
    }

    pub(super) fn status(&mut self, identity: &str, status: &str) {
        match status {
            "ringing" => {
                let Some(leg) = self.leg_mut(identity).filter(|leg| leg.progress == Progress::Dialling) else { return };
                leg.progress = Progress::Ringing;
                let id = leg.id;
                self.outputs.push_back(Output::Fact(id, LegFact::Ringing));
            }
            "active" => self.answered(identity),
            _ => {}
        }
    }

    /// Somebody picked up.
    pub(super) fn answered(&mut self, identity: &str) {
        let now = self.now;
        let Some(leg) = self.leg_mut(identity).filter(|leg| !leg.is_on_line() && !leg.is_ending()) else { return };
        leg.progress = Progress::OnLine;
        leg.deadline = now + leg.max_duration + limits::NET;
        let (id, name, place) = (leg.id, leg.name, leg.place);
        self.hearings.stir(identity, now);
        self.outputs.push_back(Output::OnLine { leg: id, name, place });
        self.outputs.push_back(Output::Fact(id, LegFact::Answered));
    }

    pub(super) fn publishes(&mut self, place: Place, identity: &str, track: String) {
        let is_leg = self.leg(identity).is_some() || self.hearings.is_there(identity);
        let tracks = self.published.entry((place, identity.to_owned())).or_default();
        if tracks.contains(&track) {
            return;
        }
        tracks.push(track);
        if is_leg {
            self.hearings.stir(identity, self.now);
        }
    }
}
