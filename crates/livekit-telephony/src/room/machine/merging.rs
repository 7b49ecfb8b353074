//! Letting customer and supervisor hear each other, and undoing it: whatever the server does with the requests.

use std::time::Duration;

use warmline_call::LegRef;
use warmline_livekit::services::ServiceError;
use warmline_telephony::MergeError;

use super::{
    Answer, Asked, Output, Request, RequestId, RoomMachine, Ticket,
    hearing::Ear,
    legs::SipLeg,
    limits,
    union::{Pair, Step, Union},
};
use crate::{cause, identity::Place};

/// A request about what one leg hears of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Half {
    of: String,
    hears: String,
    may: bool,
    /// When it was sent, among all that happened.
    sent: u64,
}

/// A merge that has failed, and is told so when it is undone, or takes too long to be.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) ticket: Ticket,
    pair: Pair,
    pub(super) error: MergeError,
    pub(super) by: Duration,
}

impl RoomMachine {
    pub(super) fn merge(&mut self, ticket: Ticket) {
        if self.state.is_closing() {
            return self.merge_refused(ticket, "The call is over.");
        }
        let pair = match self.pair() {
            Ok(pair) => pair,
            Err(missing) => return self.merge_refused(ticket, missing),
        };
        match &self.union {
            Union::Joining { .. } => self.merge_refused(ticket, "A merge is under way already."),
            Union::Together { pair: joined, .. } if *joined == pair && self.presence.agent_left => {
                self.outputs.push_back(Output::Merge(ticket, Ok(())));
            }
            // Asked for again: it is looked again whether it is so.
            Union::Together { pair: joined, .. } if *joined == pair => {
                let step = Step::Granting(RequestId(self.last_request));
                self.union = Union::Joining { ticket, pair: pair.clone(), step };
                self.go_on_granting();
            }
            Union::Together { .. } => self.merge_refused(ticket, "The customer is with another supervisor."),
            Union::Apart if self.place_of(&pair.supervisor) == Place::Consult => self.begin_move(ticket, pair),
            Union::Apart => {
                let step = Step::Granting(RequestId(self.last_request));
                self.union = Union::Joining { ticket, pair: pair.clone(), step };
                self.grant(&pair.customer, &pair.supervisor);
                self.grant(&pair.supervisor, &pair.customer);
            }
        }
    }

    /// The latest supervisor who is on the line, and the customer.
    fn pair(&self) -> Result<Pair, &'static str> {
        let on_line = |wanted: fn(LegRef) -> bool| {
            self.legs.iter().rev().find(|leg| leg.is_on_line() && !leg.is_ending() && wanted(leg.name))
        };
        let customer = on_line(|leg| leg == LegRef::Customer).ok_or("The customer is not on the line.")?;
        let supervisor = on_line(|leg| leg != LegRef::Customer).ok_or("No supervisor is on the line.")?;
        let is_heard = |leg: &SipLeg| {
            self.hearings.is_there(&leg.identity) && !self.tracks_of(leg.place, &leg.identity).is_empty()
        };
        if !is_heard(customer) || !is_heard(supervisor) {
            return Err("One of the two has no audio yet.");
        }
        let (customer, name) = (customer.identity.clone(), supervisor.name);
        Ok(Pair { customer, supervisor: supervisor.identity.clone(), name })
    }

    fn place_of(&self, identity: &str) -> Place {
        self.leg(identity).map_or(Place::Call, |leg| leg.place)
    }

    /// One half of a merge.
    fn grant(&mut self, of: &str, hears: &str) {
        let tracks = self.tracks_of(self.place_of(hears), hears);
        self.hear(of, hears, tracks, true);
    }

    /// Says what one leg may hear of another.
    pub(super) fn hear(&mut self, of: &str, hears: &str, tracks: Vec<String>, may: bool) {
        let id = self.send(Request::Hear { who: of.to_owned(), tracks, may }, Asked::Nothing);
        self.hearings.sent(id, (of, hears), may);
        let half = Half { of: of.to_owned(), hears: hears.to_owned(), may, sent: self.hearings.moment() };
        self.asked.insert(id, Asked::Hear(half));
    }

    pub(super) fn hear_answered(&mut self, id: RequestId, half: &Half, answer: &Answer) {
        let may = half.may;
        // Who is not there hears nobody.
        let gone = matches!(answer, Answer::Failed(ServiceError::NotFound(_)));
        let confirmed = *answer == Answer::Done || (gone && !may);
        if may {
            self.hearings.grant_answered(id, half.sent, confirmed);
        } else {
            self.hearings.revocation_answered(id, half.sent, confirmed);
        }
        if let Answer::Failed(error) = answer
            && !confirmed
        {
            tracing::warn!(call = %self.rules.call, %error, may, "what a leg hears could not be settled at once");
        }
        let wanted = self.union.wants(&half.of, &half.hears);
        match (may, wanted) {
            // It may have come into force just now, whatever was revoked before.
            (true, false) => self.hearings.tell_apart_closely(self.now),
            (true, true) if !confirmed => self.grant_failed(id, answer),
            (_, true) => self.go_on_granting(),
            (false, false) => {}
        }
    }

    /// Where the two are merged already, a grant is asked for again in time.
    fn grant_failed(&mut self, id: RequestId, answer: &Answer) {
        let Union::Joining { step: Step::Granting(since), .. } = &self.union else { return };
        if id > *since {
            self.merge_fails(match answer {
                Answer::Failed(error) => because(error),
                _ => MergeError::new("They could not be connected."),
            });
        }
    }

    /// Both halves are there: or one was overtaken by a revocation of before, and is asked for again.
    fn go_on_granting(&mut self) {
        let (pair, joining) = match &self.union {
            Union::Apart | Union::Joining { step: Step::Moving(_) | Step::Arriving { .. }, .. } => return,
            Union::Joining { pair, .. } => (pair.clone(), true),
            Union::Together { pair, .. } => (pair.clone(), false),
        };
        let mut complete = true;
        for (of, hears) in [(&pair.customer, &pair.supervisor), (&pair.supervisor, &pair.customer)] {
            let ear = self.hearings.ear(of, hears);
            if ear.is_some_and(|ear| if joining { ear.is_open() } else { !ear.is_overtaken() }) {
                continue;
            }
            complete = false;
            if ear.is_some_and(Ear::may_grant) {
                self.grant(of, hears);
            }
        }
        if let Union::Joining { ticket, step: Step::Granting(_), .. } = self.union
            && complete
        {
            let check = self.send(Request::Look(Place::Call), Asked::Check);
            self.union = Union::Joining { ticket, pair, step: Step::Checking(check) };
        }
    }

    pub(super) fn checked(&mut self, id: RequestId, answer: Answer) {
        let Union::Joining { ticket, pair, step: Step::Checking(check) } = &self.union else { return };
        if *check != id {
            return;
        }
        let (ticket, pair, check) = (*ticket, pair.clone(), *check);
        let members = match answer {
            Answer::Members(members) => members,
            Answer::Failed(error) => return self.merge_fails(because(&error)),
            _ => return self.merge_fails(MergeError::new("Who is in the room is not known.")),
        };
        if ![&pair.customer, &pair.supervisor].iter().all(|who| members.iter().any(|m| m.identity == **who)) {
            return self.merge_fails(MergeError::new("One of the two has just left."));
        }
        let open = |of: &str, hears: &str| self.hearings.ear(of, hears).is_some_and(Ear::is_open);
        if !open(&pair.customer, &pair.supervisor) || !open(&pair.supervisor, &pair.customer) {
            self.union = Union::Joining { ticket, pair, step: Step::Granting(check) };
            return self.go_on_granting();
        }
        self.merged(ticket, pair);
    }

    pub(super) fn merged(&mut self, ticket: Ticket, pair: Pair) {
        self.mark(&pair.supervisor, true);
        self.union = Union::Together { ticket: Some(ticket), pair };
        self.outputs.push_back(Output::Merge(ticket, Ok(())));
    }

    /// Writes down where it outlives us whether the two hear each other. A restarted program that does not find it takes the
    /// call for one that was not merged.
    fn mark(&mut self, supervisor: &str, merged: bool) {
        self.send(Request::Mark { who: supervisor.to_owned(), merged }, Asked::Nothing);
    }

    /// Nobody waits for that merge any more: not for its success either.
    pub(super) fn dropped(&mut self, ticket: Ticket) {
        let current = match &self.union {
            Union::Apart => None,
            Union::Joining { ticket, .. } => Some(*ticket),
            Union::Together { ticket, .. } => *ticket,
        };
        if current == Some(ticket) {
            self.separate("The merge was given up.");
        }
    }

    /// They are not to hear each other any more, unless the agent has left them alone already.
    pub(super) fn separate(&mut self, why: &str) {
        match &self.union {
            Union::Apart => {}
            Union::Together { .. } if self.presence.agent_left => {}
            Union::Together { pair, .. } => {
                let pair = pair.clone();
                self.mark(&pair.supervisor, false);
                self.part(&pair);
            }
            Union::Joining { .. } => self.merge_fails(MergeError::new(why)),
        }
    }

    /// The merge under way has failed: what is done of it is undone.
    pub(super) fn merge_fails(&mut self, error: MergeError) {
        let Union::Joining { ticket, pair, step } = self.union.clone() else { return };
        self.part(&pair);
        if matches!(step, Step::Moving(_) | Step::Arriving { .. })
            && self.hearings.are_in_doubt(&pair.customer, &pair.supervisor)
        {
            // A move that may still be made can't be taken back.
            self.remove_everywhere(&pair.supervisor);
        }
        self.refusals.push(Refusal { ticket, pair, error, by: self.now + limits::UNDO });
    }

    fn part(&mut self, pair: &Pair) {
        self.union = Union::Apart;
        tracing::info!(call = %self.rules.call, leg = ?pair.name, "customer and supervisor are told apart again");
        self.hearings.part((&pair.customer, &pair.supervisor), self.now);
    }

    /// Who waits for a merge learns that it failed when nobody hears anybody any more.
    pub(super) fn refuse_merges(&mut self) {
        let (now, hearings) = (self.now, &self.hearings);
        let done = self.refusals.extract_if(.., |refusal| {
            refusal.by <= now || !hearings.are_in_doubt(&refusal.pair.customer, &refusal.pair.supervisor)
        });
        self.outputs.extend(done.map(|refusal| Output::Merge(refusal.ticket, Err(refusal.error))));
    }

    pub(super) fn merge_refused(&mut self, ticket: Ticket, detail: &str) {
        self.outputs.push_back(Output::Merge(ticket, Err(MergeError::new(detail))));
    }

    /// Asserts what is wanted where it is due: nobody hears what is not meant for them.
    pub(super) fn hold_apart(&mut self) {
        if self.state.is_closing() || !self.hearings.is_due(self.now) {
            return;
        }
        let apart = self.hearings.ears().filter(|ear| ear.may_revoke() && !self.union.wants(&ear.of, &ear.hears));
        let apart: Vec<_> = apart.map(|ear| (ear.of.clone(), ear.hears.clone())).collect();
        for (of, hears) in apart {
            let tracks = self.tracks_of(self.hearings.place(&hears).unwrap_or_default(), &hears);
            if !tracks.is_empty() {
                self.hear(&of, &hears, tracks, false);
            }
        }
        if matches!(self.union, Union::Together { .. }) {
            self.go_on_granting();
        }
    }
}

/// A merge that failed for that.
pub(super) fn because(error: &ServiceError) -> MergeError {
    MergeError::from_source(cause::sentence(error), error.clone())
}
