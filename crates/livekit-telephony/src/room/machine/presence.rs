//! Who is really there: looking, the watcher that stays after the agent, and what becomes of us.

use std::{collections::BTreeSet, time::Duration};

use warmline_call::{Left, LeftCause, LegRef};
use warmline_livekit::DisconnectReason;
use warmline_telephony::Health;

use super::{
    Answer, Asked, Output, Overheard, Request, RequestId, RoomMachine, RoomState, Union, Who, limits, union::Pair,
};
use crate::{cause, identity::Place};

/// What is known of us in the rooms.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// The agent's voice is out for good.
    pub(super) agent_left: bool,
    /// The agent is in a consult's own room.
    pub(super) consult: bool,
    watching: Watching,
    reconnecting: bool,
    pub(super) next_tick: Duration,
    /// When it is looked next, and the look that is under way.
    look: Duration,
    looking: Option<RequestId>,
    /// Since when the server does not answer who is there.
    unanswered: Option<Duration>,
}

/// The watcher.
#[derive(Debug, Default)]
enum Watching {
    #[default]
    No,
    Joining,
    /// It is there and does not hear every leg yet.
    Listening {
        heard: Overheard,
        until: Duration,
    },
    Yes,
}

impl Presence {
    pub(super) fn is_connected(&self) -> bool {
        !self.reconnecting
    }

    pub(super) fn due(&self) -> Option<Duration> {
        let look = Some(self.look).filter(|_| self.looking.is_none());
        let until = if let Watching::Listening { until, .. } = &self.watching { Some(*until) } else { None };
        look.into_iter().chain(until).min()
    }

    pub(super) fn look_by(&mut self, at: Duration) {
        self.look = self.look.min(at);
    }
}

impl RoomMachine {
    /// Customer and supervisor are found merged; the watcher is there already.
    pub(in crate::room) fn adopt_merged(&mut self, supervisor: Option<LegRef>) {
        let identity = |wanted: LegRef| self.legs.iter().find(|leg| leg.name == wanted).map(|leg| leg.identity.clone());
        self.presence.agent_left = true;
        self.presence.watching = Watching::Listening { heard: BTreeSet::new(), until: limits::WATCHER };
        let Some(name) = supervisor else { return };
        if let (Some(customer), Some(supervisor)) = (identity(LegRef::Customer), identity(name)) {
            let pair = Pair { customer, supervisor, name };
            self.union = Union::Together { ticket: None, pair };
        }
    }

    pub(super) fn look_soon(&mut self) {
        self.presence.look = Duration::ZERO;
    }

    pub(super) fn look_if_due(&mut self) {
        if self.state.is_closing() || self.presence.looking.is_some() || self.presence.look > self.now {
            return;
        }
        self.presence.look = self.now + limits::LOOK;
        self.presence.looking = Some(self.send(Request::Look(Place::Call), Asked::Look(Place::Call)));
        let apart = self.presence.consult || self.legs.iter().any(|leg| leg.place == Place::Consult);
        if apart {
            self.send(Request::Look(Place::Consult), Asked::Look(Place::Consult));
        }
        let missing = self.presence.agent_left && !self.legs.is_empty();
        if missing && matches!(self.presence.watching, Watching::No) {
            self.watch();
        }
    }

    pub(super) fn looked(&mut self, place: Place, answer: Answer) {
        if place == Place::Call {
            self.presence.looking = None;
        }
        if self.state.is_closing() {
            return;
        }
        match answer {
            Answer::Members(members) => {
                if place == Place::Call {
                    self.presence.unanswered = None;
                }
                for member in &members {
                    self.joined(place, member);
                }
                self.miss(place, &members);
            }
            answer if place == Place::Call => {
                tracing::debug!(call = %self.rules.call, ?answer, "who is in the room could not be looked up");
                self.unanswered();
            }
            _ => {}
        }
    }

    /// Merged legs of a server that is gone are gone with it: nobody of ours is there to notice.
    fn unanswered(&mut self) {
        let since = *self.presence.unanswered.get_or_insert(self.now);
        let alone =
            self.presence.agent_left && !matches!(self.presence.watching, Watching::Yes | Watching::Listening { .. });
        if !alone || self.now - since < self.rules.patience {
            return;
        }
        for identity in self.legs.iter().map(|leg| leg.identity.clone()).collect::<Vec<_>>() {
            self.finish(&identity, Left { cause: LeftCause::MediaLost, sip_status: None });
        }
    }

    /// The agent's voice is out; a watcher takes its ears over, and then the agent goes.
    pub(super) fn leave(&mut self) {
        if self.presence.agent_left || self.state.is_closing() {
            return;
        }
        self.presence.agent_left = true;
        self.outputs.push_back(Output::Silence);
        self.send(Request::Unpublish, Asked::Nothing);
        self.watch();
    }

    fn watch(&mut self) {
        self.presence.watching = Watching::Joining;
        self.send(Request::Watch, Asked::Watch);
    }

    pub(super) fn watch_answered(&mut self, answer: &Answer) {
        if *answer == Answer::Done {
            let until = self.now + limits::WATCHER;
            self.presence.watching = Watching::Listening { heard: BTreeSet::new(), until };
            return;
        }
        // Silent as it is, the agent hears and sees as well as a watcher.
        tracing::warn!(call = %self.rules.call, ?answer, "the watcher could not join; trying again");
        self.presence.watching = Watching::No;
    }

    pub(super) fn overheard(&mut self, identity: String) {
        if let Watching::Listening { heard, .. } = &mut self.presence.watching {
            heard.insert(identity);
        }
    }

    pub(super) fn watching_in_time(&mut self) {
        let Watching::Listening { heard, until } = &self.presence.watching else { return };
        let all = self.legs.iter().all(|leg| !leg.is_on_line() || heard.contains(&leg.identity));
        if !all && self.now < *until {
            return;
        }
        if !all {
            tracing::warn!(call = %self.rules.call, "the watcher does not hear every leg");
        }
        self.presence.watching = Watching::Yes;
        self.outputs.push_back(Output::LetAgentGo);
    }

    pub(super) fn reconnecting(&mut self) {
        tracing::warn!(call = %self.rules.call, "the connection to LiveKit was lost; trying again");
        self.presence.reconnecting = true;
        self.outputs.push_back(Output::Health(Health::Degraded));
    }

    pub(super) fn reconnected(&mut self) {
        tracing::info!(call = %self.rules.call, "the connection to LiveKit is back");
        self.presence.reconnecting = false;
        self.outputs.push_back(Output::Health(Health::Good));
        self.look_soon();
        self.hearings.stir_all(self.now);
    }

    /// One of us is out of the room, for good.
    pub(super) fn lost(&mut self, who: Who, reason: &DisconnectReason) {
        if who == Who::Watcher {
            // It comes back by itself; the call does not depend on it.
            self.presence.watching = Watching::No;
            return self.look_soon();
        }
        if who == Who::Consult {
            self.presence.consult = false;
        }
        if self.state.is_closing() {
            return;
        }
        tracing::warn!(call = %self.rules.call, %reason, "the agent is out of the room");
        if self.presence.agent_left {
            return self.look_soon();
        }
        // Another program of ours has taken over: room and legs are its own.
        let taken_over = *reason == DisconnectReason::DuplicateIdentity;
        let room_gone = matches!(reason, DisconnectReason::RoomDeleted | DisconnectReason::RoomClosed);
        // Without the agent at the customer's there is no call.
        let legs = self.legs.iter().filter(|leg| who == Who::Agent || leg.place == Place::Consult);
        let legs: Vec<_> = legs.map(|leg| (leg.identity.clone(), leg.place, leg.is_on_line())).collect();
        for (identity, place, answered) in legs {
            if room_gone {
                self.finish(&identity, cause::of_reason(reason, answered));
                continue;
            }
            self.finish(&identity, Left { cause: LeftCause::MediaLost, sip_status: None });
            if !taken_over {
                self.remove(place, &identity);
            }
        }
        if taken_over {
            self.detach();
            self.state = RoomState::Over;
            self.outputs.push_back(Output::Over);
        }
    }
}
