//! How a leg ends: its participant has gone, we hang it up, or its time is over.

use warmline_call::{Left, LeftCause, LegFact, LegRef};
use warmline_livekit::DisconnectReason;
use warmline_telephony::{DialError, MergeError};

use super::{
    Output, Present, RoomMachine, Union,
    dialling::{Step, released},
    legs::Late,
    limits,
};
use crate::{cause, identity::Place};

impl RoomMachine {
    /// Somebody has left a room.
    pub(super) fn left(&mut self, identity: &str, place: Place, reason: &DisconnectReason) {
        self.published.remove(&(place, identity.to_owned()));
        // The room was joined anew and they are not there yet, or no more: that is to be looked up.
        if *reason == DisconnectReason::Unknown {
            return self.look_soon();
        }
        self.gone(identity, place, reason);
    }

    /// A leg's participant is no longer in the room. Who had not answered waits a little for the reason with its SIP status.
    pub(super) fn gone(&mut self, identity: &str, place: Place, reason: &DisconnectReason) {
        self.published.remove(&(place, identity.to_owned()));
        // Who is moved leaves one room for the other.
        if self.union.moves(identity) {
            return;
        }
        if self.hearings.place(identity) == Some(place) && !self.is_removed_elsewhere(place, identity) {
            self.hearings.depart(identity);
        }
        let due = self.now + limits::REASON;
        let Some(leg) = self.leg_mut(identity).filter(|leg| leg.place == place) else { return };
        let left = cause::of_reason(reason, leg.is_on_line());
        if leg.is_on_line() || left.cause == LeftCause::Released || leg.is_ending() {
            return self.finish(identity, left);
        }
        leg.late.get_or_insert(Late { due, why: Ok(left) });
    }

    /// The leg is over. Unknown ones, and those over already, are ignored.
    pub(super) fn finish(&mut self, identity: &str, left: Left) {
        let Some(at) = self.legs.iter().position(|leg| leg.identity == identity) else { return };
        let leg = self.legs.remove(at);
        let left = if leg.is_ending() { released() } else { left };
        self.part_from(leg.name);
        tracing::info!(call = %self.rules.call, leg = ?leg.name, cause = ?left.cause, status = left.sip_status, "a leg has left");
        if !leg.began {
            let detail = "The leg has ended before its phone rang.".to_owned();
            let error = DialError { cause: left.cause, sip_status: left.sip_status, detail };
            return self.outputs.push_back(Output::NotBegun(leg.id, error));
        }
        self.outputs.push_back(Output::Fact(leg.id, LegFact::Left(left)));
    }

    /// One of the two who are, or are being, merged goes.
    fn part_from(&mut self, name: LegRef) {
        let concerned = name == LegRef::Customer || self.union.pair().is_some_and(|pair| pair.name == name);
        match &self.union {
            Union::Joining { .. } if concerned => self.merge_fails(MergeError::new("One of the two has just left.")),
            Union::Together { .. } if concerned && !self.presence.agent_left => self.union = Union::Apart,
            _ => {}
        }
    }

    /// Hangs up. That it is done shows as the leg's end.
    pub(super) fn hang_up(&mut self, name: LegRef) {
        let now = self.now;
        let moves = |identity: &str| self.union.moves(identity);
        let Some(leg) = self.legs.iter().find(|leg| leg.name == name && !leg.is_ending()) else { return };
        let (identity, place, step, moving) = (leg.identity.clone(), leg.place, leg.step, moves(&leg.identity));
        if step != Step::Requested {
            let detail = "The leg was hung up before it was dialled.".to_owned();
            let error = DialError { cause: LeftCause::Released, sip_status: None, detail };
            return self.fail_dial(&identity, error);
        }
        if let Some(leg) = self.leg_mut(&identity) {
            leg.ending = Some(now + limits::HANG_UP);
        }
        if self.union.pair().is_some_and(|pair| pair.name == name || name == LegRef::Customer) {
            self.separate("The leg was hung up.");
        }
        if moving {
            self.remove_everywhere(&identity);
        } else {
            self.remove(place, &identity);
        }
    }

    /// What is due for legs.
    pub(super) fn legs_in_time(&mut self) {
        let now = self.now;
        let late = self.legs.iter_mut().filter(|leg| leg.late.as_ref().is_some_and(|late| late.due <= now));
        let late: Vec<_> = late.filter_map(|leg| Some((leg.identity.clone(), leg.late.take()?.why))).collect();
        for (identity, why) in late {
            match why {
                Ok(left) => self.finish(&identity, left),
                Err(failure) => self.dial_failed(&identity, &failure),
            }
        }
        let ended = self.legs.iter().filter(|leg| leg.ending.is_some_and(|by| by <= now));
        for identity in ended.map(|leg| leg.identity.clone()).collect::<Vec<_>>() {
            tracing::warn!(call = %self.rules.call, "a leg that was hung up is not gone yet; it is tried again");
            self.finish(&identity, released());
        }
        let overdue = self.legs.iter().filter(|leg| leg.deadline <= now);
        let overdue: Vec<_> = overdue.map(|leg| (leg.identity.clone(), leg.place, leg.is_on_line())).collect();
        for (identity, place, answered) in overdue {
            let cause = if answered { LeftCause::Released } else { LeftCause::NoAnswer };
            self.finish(&identity, Left { cause, sip_status: None });
            self.remove(place, &identity);
        }
        self.end_unproved();
    }

    /// A supervisor of whom it is not confirmed that they and the customer don't hear each other does not stay on the line.
    fn end_unproved(&mut self) {
        if !self.presence.is_connected() {
            return;
        }
        let sounds = |who: &str| !self.tracks_of(self.hearings.place(who).unwrap_or_default(), who).is_empty();
        let unproved = self.hearings.unproved(self.now, limits::PROOF);
        let unproved = unproved.filter(|ear| !self.union.wants(&ear.of, &ear.hears) && sounds(&ear.hears));
        let pairs: Vec<_> = unproved.map(|ear| [ear.of.clone(), ear.hears.clone()]).collect();
        let unproved = self.legs.iter().filter(|leg| {
            leg.name != LegRef::Customer && leg.is_on_line() && pairs.iter().any(|pair| pair.contains(&leg.identity))
        });
        for (identity, place) in unproved.map(|leg| (leg.identity.clone(), leg.place)).collect::<Vec<_>>() {
            tracing::error!(call = %self.rules.call, "a supervisor could not be kept apart from the customer and is hung up");
            self.finish(&identity, Left { cause: LeftCause::MediaLost, sip_status: None });
            self.remove(place, &identity);
        }
    }

    /// Compares the legs that were in a room with who is there now.
    pub(super) fn miss(&mut self, place: Place, members: &[Present]) {
        let union = &self.union;
        let known = self.legs.iter_mut().filter(|leg| leg.began && leg.place == place && !union.moves(&leg.identity));
        let mut gone = Vec::new();
        let mut again = false;
        for leg in known.filter(|leg| !members.iter().any(|member| member.identity == leg.identity)) {
            leg.missed += 1;
            if leg.missed >= limits::MISSES {
                gone.push(leg.identity.clone());
            } else {
                again = true;
            }
        }
        for identity in gone {
            self.gone(&identity, place, &DisconnectReason::Unknown);
        }
        if again {
            self.presence.look_by(self.now + limits::TICK);
        }
    }
}
