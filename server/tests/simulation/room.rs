//! A call as the network knows it: its legs, and who can hear whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{Notify, broadcast, mpsc, watch};
use warmline_call::{AgentMode, LegFact, LegRef, Phase};
use warmline_telephony::{Frame, Health, LineEnd};

use crate::sitter::Sittings;

/// A customer who is there hears somebody after so long, at the latest.
const SILENCE: Duration = Duration::from_millis(3_010);

/// A supervisor whose customer is gone is told so and hung up: that the customer is gone comes 2.5 s late at most, and a
/// sentence may take 4 s; after a restart, when the voice may have to be loaded, 8 s.
const WIDOWED: Duration = Duration::from_millis(6_510);
const WIDOWED_BEFORE: Duration = Duration::from_millis(10_510);

/// How a leg stands with the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stand {
    Dialled,
    Answered,
    Gone,
}

pub(crate) struct SimLeg {
    pub(crate) stand: Stand,
    pub(crate) progress: Option<mpsc::Sender<LegFact>>,
    pub(crate) end: Option<LineEnd>,
    /// The program wants it gone.
    pub(crate) asked: bool,
    /// Wakes who is at that phone.
    pub(crate) over: Arc<Notify>,
}

/// Who or what the customer of a call can hear.
#[derive(Default)]
pub(crate) struct Company {
    pub(crate) agent: AgentMode,
    pub(crate) music: bool,
    pub(crate) sentences: BTreeSet<u64>,
    /// Somebody is connected in the agent's place, and whether their line is up.
    pub(crate) person: Option<(u64, bool)>,
    /// Breaks the agent down.
    pub(crate) breaks: Arc<Notify>,
    alone_since: Option<Duration>,
}

/// A call as the network knows it, and the people on it.
#[derive(Default)]
pub(crate) struct SimRoom {
    pub(crate) legs: BTreeMap<u32, SimLeg>,
    pub(crate) together: Option<u32>,
    /// Counts what makes a merge under way void.
    pub(crate) merges: u64,
    /// Attempts, and how many times a supervisor or an operator has said yes to them.
    pub(crate) accepted: BTreeMap<u32, u32>,
    pub(crate) company: Company,
    /// Some process looks after it.
    pub(crate) owned: bool,
    /// From when on nobody did, though a process was there.
    pub(crate) forsaken: Option<Duration>,
    pub(crate) closing: bool,
    pub(crate) dials: BTreeMap<u32, u32>,
    pub(crate) adopted: bool,
    pub(crate) listen: Option<broadcast::Sender<Arc<Frame>>>,
    pub(crate) health: Option<watch::Sender<Health>>,
    /// Whoever asked for it was told that nobody will be called.
    pub(crate) refused: bool,
    /// Its own task was made to panic.
    pub(crate) broken: bool,
    pub(crate) phase: Option<Phase>,
    /// Who has spoken in the agent's place.
    pub(crate) sittings: Sittings,
    /// Since when a supervisor is there, or is dialled, and the customer is not.
    pub(crate) widowed: Option<Duration>,
}

impl SimRoom {
    pub(crate) fn up(&self, leg: u32) -> bool {
        self.legs.get(&leg).is_some_and(|leg| leg.stand == Stand::Answered)
    }

    pub(crate) fn supervisor(&self) -> Option<u32> {
        let there = |(leg, life): &(&u32, &SimLeg)| **leg > 0 && life.stand == Stand::Answered && !life.asked;
        self.legs.iter().rev().find(there).map(|(leg, _)| *leg)
    }

    /// A supervisor who is there, or is dialled, and has not been hung up.
    pub(crate) fn kept(&self) -> Option<u32> {
        let kept = |(leg, life): &(&u32, &SimLeg)| **leg > 0 && life.stand != Stand::Gone && !life.asked;
        self.legs.iter().find(kept).map(|(leg, _)| *leg)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.legs.values().all(|leg| leg.stand == Stand::Gone)
    }
}

impl SimRoom {
    /// How long the customer has heard nobody, if it is too long.
    pub(crate) fn listen_in(&mut self, now: Duration) -> Option<Duration> {
        let there = self.owned && !self.closing && self.legs.get(&0).is_some_and(|leg| !leg.asked) && self.up(0);
        let company = &self.company;
        let heard = match company.agent {
            AgentMode::Stopped | AgentMode::Idle => false,
            AgentMode::Talking => true,
            AgentMode::Replaced => company.person.is_some_and(|(_, up)| up),
            AgentMode::HandedOver | AgentMode::Paused | AgentMode::ListenOnly => company.music,
        };
        let heard = heard || !company.sentences.is_empty() || self.together.is_some();
        let since = self.company.alone_since.take().unwrap_or(now);
        if there && !heard {
            self.company.alone_since = Some(since);
        }
        (there && now - since > SILENCE).then_some(now - since)
    }

    /// How long a supervisor has been kept though the customer is gone, if it is too long.
    pub(crate) fn look_after_the_supervisor(&mut self, now: Duration) -> Option<Duration> {
        let gone = self.legs.get(&0).is_none_or(|leg| leg.stand == Stand::Gone);
        let widowed = self.owned && !self.broken && gone && self.kept().is_some();
        self.widowed = widowed.then(|| self.widowed.unwrap_or(now));
        let since = now - self.widowed?;
        (since > if self.adopted { WIDOWED_BEFORE } else { WIDOWED }).then_some(since)
    }
}

/// A leg as the rooms count them.
pub(crate) fn number(leg: LegRef) -> u32 {
    match leg {
        LegRef::Customer => 0,
        LegRef::Supervisor(attempt) => attempt,
    }
}

pub(crate) fn leg_ref(number: u32) -> LegRef {
    if number == 0 { LegRef::Customer } else { LegRef::Supervisor(number) }
}
