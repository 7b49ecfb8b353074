//! Who may hear whom, and who can't for certain.
//!
//! A SIP leg subscribes by itself to every audio track when it is answered, and again after a reconnect of its own. So it is
//! unsubscribed at each of these moments, shortly after them, and every second. What was granted for a merge is another
//! matter: a grant that was sent counts, whatever became of it, until a revocation that was sent after its answer is confirmed.

use std::{collections::BTreeSet, time::Duration};

use super::words::RequestId;
use crate::identity::Place;

/// When (ms) legs are told apart again after something has happened: a leg's own subscribing may come after our
/// unsubscribing, and it takes some 20 ms from there to the first sound.
const AGAIN: [u64; 8] = [0, 5, 15, 30, 60, 120, 240, 480];

/// Requests for one ear that may be without an answer; beyond that it is waited.
const UNANSWERED: usize = 4;

/// The legs that are in a room, and what each may hear of each other one.
#[derive(Debug, Default)]
pub(super) struct Hearings {
    there: Vec<(String, Place)>,
    ears: Vec<Ear>,
    /// Counts what happens, to tell what came after what.
    moment: u64,
    /// When legs are told apart again, latest first.
    again: Vec<Duration>,
}

/// What one leg can hear of another.
#[derive(Debug)]
pub(super) struct Ear {
    pub(super) of: String,
    pub(super) hears: String,
    /// Requests without an answer.
    grants: BTreeSet<RequestId>,
    revocations: BTreeSet<RequestId>,
    /// When a grant was last sent, answered or not answered: it may be in force from then on.
    opened: u64,
    /// The last grant that was sent, and when.
    latest: Option<(RequestId, u64)>,
    /// When the last grant that is confirmed was sent.
    granted: u64,
    /// When a revocation was last sent whose answer is there, and when that came: what was granted before may be undone.
    revoked: u64,
    /// When the last revocation was sent, and when the last that is confirmed.
    revoking: u64,
    parted: u64,
    /// When the leg last may have subscribed by itself and no revocation is confirmed since.
    stirred: u64,
    stirred_at: Duration,
}

impl Ear {
    /// A grant of ours may be in force.
    pub(super) fn in_doubt(&self) -> bool {
        !self.grants.is_empty() || self.opened > self.parted
    }

    /// What was granted is in force for certain, as far as answers go.
    pub(super) fn is_open(&self) -> bool {
        self.granted > self.revoked
    }

    /// A revocation of before may have undone what was granted.
    pub(super) fn is_overtaken(&self) -> bool {
        self.revoked > self.granted
    }

    /// Whether to ask for a grant: none is under way that no revocation has overtaken.
    pub(super) fn may_grant(&self) -> bool {
        let fresh = self.latest.is_some_and(|(id, sent)| self.grants.contains(&id) && sent > self.revoked);
        !fresh && self.grants.len() < UNANSWERED
    }

    /// Whether to ask for a revocation. What no revocation under way can undo is worth one more.
    pub(super) fn may_revoke(&self) -> bool {
        self.revocations.len() < UNANSWERED || (self.in_doubt() && self.revoking < self.opened)
    }

    fn is_unproved(&self, now: Duration, within: Duration) -> bool {
        self.stirred > self.parted && now.saturating_sub(self.stirred_at) >= within
    }

    fn is(&self, of: &str, hears: &str) -> bool {
        self.of == of && self.hears == hears
    }
}

impl Hearings {
    /// That leg is in that room, from now on or still. `true`: that is new.
    pub(super) fn arrive(&mut self, identity: &str, place: Place) -> bool {
        if let Some(known) = self.there.iter_mut().find(|(who, _)| who == identity) {
            return std::mem::replace(&mut known.1, place) != place;
        }
        for (other, _) in &self.there {
            for (of, hears) in [(identity, other.as_str()), (other.as_str(), identity)] {
                // Whoever comes back may be met by what was granted to them before they left, and is still on its way.
                if self.ears.iter().any(|ear| ear.is(of, hears)) {
                    continue;
                }
                self.ears.push(Ear {
                    of: of.to_owned(),
                    hears: hears.to_owned(),
                    grants: BTreeSet::new(),
                    revocations: BTreeSet::new(),
                    opened: 0,
                    latest: None,
                    granted: 0,
                    revoked: 0,
                    revoking: 0,
                    parted: 0,
                    stirred: 0,
                    stirred_at: Duration::ZERO,
                });
            }
        }
        self.there.push((identity.to_owned(), place));
        true
    }

    /// That leg is gone for certain: it hears nobody, and nobody hears it.
    pub(super) fn depart(&mut self, identity: &str) {
        self.there.retain(|(who, _)| who != identity);
        self.forget();
    }

    /// Forgets what those who are gone may hear, except where a grant is still on its way to them.
    fn forget(&mut self) {
        let there = |who: &str| self.there.iter().any(|(known, _)| known == who);
        self.ears.retain(|ear| !ear.grants.is_empty() || (there(&ear.of) && there(&ear.hears)));
    }

    /// Who is still in a room, as far as is known.
    pub(super) fn is_there(&self, identity: &str) -> bool {
        self.there.iter().any(|(who, _)| who == identity)
    }

    /// A leg may subscribe by itself: told apart now and a few times more.
    pub(super) fn stir(&mut self, identity: &str, now: Duration) {
        self.moment += 1;
        let moment = self.moment;
        for ear in self.ears.iter_mut().filter(|ear| ear.of == identity || ear.hears == identity) {
            (ear.stirred, ear.stirred_at) = (moment, now);
        }
        self.tell_apart_closely(now);
    }

    /// All may have subscribed by themselves.
    pub(super) fn stir_all(&mut self, now: Duration) {
        self.moment += 1;
        for ear in &mut self.ears {
            (ear.stirred, ear.stirred_at) = (self.moment, now);
        }
        self.tell_apart_closely(now);
    }

    /// These two are not to hear each other any more: from now on that is to be proved.
    pub(super) fn part(&mut self, (one, other): (&str, &str), now: Duration) {
        for ear in self.ears.iter_mut().filter(|ear| ear.is(one, other) || ear.is(other, one)) {
            ear.stirred_at = now;
        }
        self.tell_apart_closely(now);
    }

    pub(super) fn tell_apart_closely(&mut self, now: Duration) {
        self.again = AGAIN.iter().rev().map(|after| now + Duration::from_millis(*after)).collect();
    }

    /// Whether legs are to be told apart now. Asked once, it is not due again.
    pub(super) fn is_due(&mut self, now: Duration) -> bool {
        let before = self.again.len();
        self.again.retain(|due| *due > now);
        self.again.len() < before
    }

    pub(super) fn place(&self, identity: &str) -> Option<Place> {
        self.there.iter().find(|(who, _)| who == identity).map(|(_, place)| *place)
    }

    /// The room's own second is over: told apart now, whatever else is due later.
    pub(super) fn tell_apart_once(&mut self, now: Duration) {
        self.again.push(now);
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.again.last().copied()
    }

    /// The ears that are in one room with whom they may hear.
    pub(super) fn ears(&self) -> impl Iterator<Item = &Ear> {
        self.ears.iter().filter(|ear| self.are_there(ear) && self.place(&ear.of) == self.place(&ear.hears))
    }

    fn are_there(&self, ear: &Ear) -> bool {
        self.is_there(&ear.of) && self.is_there(&ear.hears)
    }

    pub(super) fn ear(&self, of: &str, hears: &str) -> Option<&Ear> {
        self.ears.iter().find(|ear| ear.is(of, hears))
    }

    /// A grant, or a revocation, is on its way.
    pub(super) fn sent(&mut self, id: RequestId, (of, hears): (&str, &str), may: bool) {
        self.moment += 1;
        let moment = self.moment;
        let Some(ear) = self.ears.iter_mut().find(|ear| ear.is(of, hears)) else { return };
        if may {
            ear.grants.insert(id);
            ear.latest = Some((id, moment));
            ear.opened = moment;
        } else {
            ear.revocations.insert(id);
            ear.revoking = moment;
        }
    }

    /// The moment of a request's sending, to be kept with it.
    pub(super) fn moment(&self) -> u64 {
        self.moment
    }

    /// A grant has its answer, whatever that is: it may have come into force up to now.
    pub(super) fn grant_answered(&mut self, id: RequestId, sent: u64, confirmed: bool) {
        self.moment += 1;
        let moment = self.moment;
        for ear in self.ears.iter_mut().filter(|ear| ear.grants.contains(&id)) {
            ear.grants.remove(&id);
            ear.opened = moment;
            if confirmed {
                ear.granted = ear.granted.max(sent);
            }
        }
        self.forget();
    }

    /// A grant was refused: it is as if it had never been sent.
    pub(super) fn grant_refused(&mut self, id: RequestId) {
        for ear in self.ears.iter_mut().filter(|ear| ear.grants.contains(&id)) {
            ear.grants.remove(&id);
            ear.parted = ear.parted.max(ear.opened);
        }
        self.forget();
    }

    /// A revocation has its answer.
    pub(super) fn revocation_answered(&mut self, id: RequestId, sent: u64, confirmed: bool) {
        self.moment += 1;
        let moment = self.moment;
        for ear in self.ears.iter_mut().filter(|ear| ear.revocations.contains(&id)) {
            ear.revocations.remove(&id);
            ear.revoked = moment;
            if confirmed {
                ear.parted = ear.parted.max(sent);
            }
        }
    }

    /// Whether a grant of ours may be in force between two that are not to hear each other.
    pub(super) fn any_in_doubt(&self, wanted: impl Fn(&str, &str) -> bool) -> bool {
        self.ears.iter().any(|ear| self.are_there(ear) && ear.in_doubt() && !wanted(&ear.of, &ear.hears))
    }

    pub(super) fn are_in_doubt(&self, one: &str, other: &str) -> bool {
        let between = |ear: &&Ear| ear.is(one, other) || ear.is(other, one);
        self.ears.iter().filter(between).any(|ear| self.are_there(ear) && ear.in_doubt())
    }

    /// Legs that could hear somebody by themselves, for too long, and nothing is confirmed against it.
    pub(super) fn unproved(&self, now: Duration, within: Duration) -> impl Iterator<Item = &Ear> {
        self.ears().filter(move |ear| ear.is_unproved(now, within))
    }
}
