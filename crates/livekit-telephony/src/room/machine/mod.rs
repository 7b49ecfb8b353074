//! What is decided about a call's room, and nothing else: no clock, no task, no network. It is told what happened and what
//! became of its requests ([`Input`], with the time since the room was opened), and says what is to be done ([`Output`]).
//!
//! What is wanted (who may hear whom: [`Union`]) is kept apart from what is known of the server ([`Hearings`]): a request can be
//! lost, late, or carried out without an answer. Whatever it does, the wanted state is asserted until it is confirmed, and
//! nobody else is let in before.

mod dialling;
mod ending;
mod hearing;
mod leaving;
mod legs;
mod merging;
mod moving;
mod presence;
#[cfg(test)]
mod tests;
mod union;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use warmline_call::{CallId, LegRef};

pub(super) use self::words::{Answer, Ids, Input, LegId, Output, Permit, Present, Request, RequestId, Ticket, Who};
use self::{
    ending::{Removal, RoomState},
    hearing::Hearings,
    legs::SipLeg,
    merging::{Half, Refusal},
    presence::Presence,
    union::Union,
    words::limits,
};
use crate::identity::Place;

/// How a room is to be run.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) call: CallId,
    /// Supervisors are consulted in a room of their own, if the server can move them.
    pub(super) wants_own_room: bool,
    /// How long a server that does not answer is waited for.
    pub(super) patience: Duration,
}

/// What a request was for.
#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Hear(Half),
    Look(Place),
    /// Whether those who are merged are there.
    Check,
    Move,
    Arrival,
    Removal(Place, String),
    Deletion(Place),
    Step(LegId),
    Permit,
    Dial(LegId),
    Watch,
    /// Nobody waits for the answer.
    Nothing,
}

/// A call's room.
#[derive(Debug)]
pub(super) struct RoomMachine {
    rules: Rules,
    now: Duration,
    legs: Vec<SipLeg>,
    /// The audio tracks that each participant publishes, in which room.
    published: BTreeMap<(Place, String), Vec<String>>,
    hearings: Hearings,
    union: Union,
    refusals: Vec<Refusal>,
    removals: Vec<Removal>,
    /// The request under way that settles who hears the agent.
    permitting: Option<RequestId>,
    presence: Presence,
    state: RoomState,
    asked: BTreeMap<RequestId, Asked>,
    last_request: u64,
    outputs: VecDeque<Output>,
}

impl RoomMachine {
    /// A room in which the agent is, and nobody else.
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            now: Duration::ZERO,
            legs: Vec::new(),
            published: BTreeMap::new(),
            hearings: Hearings::default(),
            union: Union::Apart,
            refusals: Vec::new(),
            removals: Vec::new(),
            permitting: None,
            presence: Presence::default(),
            state: RoomState::Open,
            asked: BTreeMap::new(),
            last_request: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in one thing that happened. Afterwards everything is drained from [`poll_output`](Self::poll_output).
    pub(super) fn handle(&mut self, input: Input, now: Duration) {
        self.now = self.now.max(now);
        if self.state == RoomState::Over {
            return self.refuse(input);
        }
        self.on_input(input);
        self.on_time();
        self.hold_apart();
        self.admit_dials();
        self.refuse_merges();
        self.see_whether_over();
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        if self.state.is_closing() {
            return self.state.due();
        }
        let legs = self.legs.iter().flat_map(SipLeg::due);
        let removals = self.removals.iter().filter_map(Removal::due);
        let refusals = self.refusals.iter().map(|refusal| refusal.by);
        let others = [Some(self.presence.next_tick), self.presence.due(), self.hearings.next_due(), self.union.due()];
        legs.chain(removals).chain(refusals).chain(others.into_iter().flatten()).min()
    }

    fn on_input(&mut self, input: Input) {
        match input {
            Input::Dial { id, dial, identity } => self.dial(id, &dial, identity),
            Input::Merge(ticket) => self.merge(ticket),
            Input::Dropped(ticket) => self.dropped(ticket),
            Input::Separate => self.separate("The merge was given up."),
            Input::Leave => self.leave(),
            Input::HangUp(leg) => self.hang_up(leg),
            Input::Close => self.close(),
            Input::Released => self.released(),
            Input::Joined { place, who } => self.joined(place, &who),
            Input::Left { place, identity, reason } => self.left(&identity, place, &reason),
            Input::Status { identity, status } => self.status(&identity, &status),
            Input::Published { place, identity, track } => self.publishes(place, &identity, track),
            Input::Unpublished { place, identity, track } => {
                if let Some(tracks) = self.published.get_mut(&(place, identity)) {
                    tracks.retain(|known| *known != track);
                }
            }
            Input::Overheard(identity) => self.overheard(identity),
            Input::Reconnecting => self.reconnecting(),
            Input::Reconnected => self.reconnected(),
            Input::Lost(who, reason) => self.lost(who, &reason),
            Input::Hint => self.look_soon(),
            Input::Answer(id, answer) => self.on_answer(id, answer),
            Input::Tick => {}
        }
    }

    fn on_answer(&mut self, id: RequestId, answer: Answer) {
        match self.asked.remove(&id) {
            Some(Asked::Hear(half)) => self.hear_answered(id, &half, &answer),
            Some(Asked::Look(place)) => self.looked(place, answer),
            Some(Asked::Check) => self.checked(id, answer),
            Some(Asked::Move) => self.move_answered(id, answer),
            Some(Asked::Arrival) => self.arrival_looked(id, answer),
            Some(Asked::Removal(place, identity)) => self.removal_answered(place, &identity, &answer),
            Some(Asked::Deletion(place)) => self.deletion_answered(place, &answer),
            Some(Asked::Step(leg)) => self.step_answered(leg, answer),
            Some(Asked::Permit) => self.permit_answered(id, &answer),
            Some(Asked::Dial(leg)) => self.dial_answered(leg, answer),
            Some(Asked::Watch) => self.watch_answered(&answer),
            Some(Asked::Nothing) | None => {
                if let Answer::Failed(error) = answer {
                    tracing::debug!(call = %self.rules.call, %error, "a request that nothing depends on failed");
                }
            }
        }
    }

    /// What is due by now.
    fn on_time(&mut self) {
        if self.state.is_closing() {
            return self.closing_in_time();
        }
        if self.presence.next_tick <= self.now {
            self.presence.next_tick = self.now + limits::TICK;
            self.hearings.tell_apart_once(self.now);
        }
        self.look_if_due();
        self.dials_in_time();
        self.legs_in_time();
        self.removals_in_time();
        self.arrival_in_time();
        self.watching_in_time();
    }

    /// The room is over: whoever wants something learns it.
    fn refuse(&mut self, input: Input) {
        match input {
            Input::Dial { id, .. } => self.not_begun(id, "The call is over."),
            Input::Merge(ticket) => self.merge_refused(ticket, "The call is over."),
            _ => {}
        }
    }

    fn send(&mut self, request: Request, asked: Asked) -> RequestId {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        self.asked.insert(id, asked);
        self.outputs.push_back(Output::Send(id, request));
        id
    }

    fn leg(&self, identity: &str) -> Option<&SipLeg> {
        self.legs.iter().find(|leg| leg.identity == identity)
    }

    fn leg_mut(&mut self, identity: &str) -> Option<&mut SipLeg> {
        self.legs.iter_mut().find(|leg| leg.identity == identity)
    }

    fn tracks_of(&self, place: Place, identity: &str) -> Vec<String> {
        self.published.get(&(place, identity.to_owned())).cloned().unwrap_or_default()
    }

    /// Where what is said on a leg's line is told to programs in the room, and on which track it was said: `None` stands for
    /// the agent's own. What is private is told only where nobody else is.
    pub(super) fn stage(&self, leg: LegRef, by_agent: bool) -> Option<(Place, Option<String>)> {
        let found = self.legs.iter().find(|known| known.name == leg)?;
        let together = leg == LegRef::Customer || (self.union.is_with(leg) && !by_agent);
        if found.place == Place::Call && !together {
            return None;
        }
        if by_agent {
            return Some((found.place, None));
        }
        let track = self.tracks_of(found.place, &found.identity).into_iter().next()?;
        Some((found.place, Some(track)))
    }

    /// Whether that leg is heard in that room.
    pub(super) fn is_in(&self, identity: &str, place: Place) -> bool {
        self.leg(identity).is_some_and(|leg| leg.place == place || place == Place::Call)
    }

    /// Whether nothing is to be done any more.
    pub(super) fn is_over(&self) -> bool {
        self.state == RoomState::Over
    }
}

/// The set of legs that a watcher hears.
type Overheard = BTreeSet<String>;
