use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use warmline_call::{Left, LegFact, LegRef};
use warmline_livekit::{LocalTrack, Participant};
use warmline_telephony::{DialError, Frame, LineEnd};

use crate::{identity::Place, tap::Tap};

/// Room for `Ringing`, `Answered` and `Left`.
pub(super) const FACTS: usize = 4;

/// Frames kept from before the answer was known: sound can be ahead of the news.
const AHEAD: usize = 3;

/// How long after its own limit a leg is hung up by us.
const NET: Duration = Duration::from_secs(5);

/// What is known of a room.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) agent: Option<Arc<Participant>>,
    pub(super) watcher: Option<Arc<Participant>>,
    pub(super) tracks: Option<[LocalTrack; 2]>,
    pub(super) legs: Vec<Leg>,
    /// The agent where a supervisor is consulted in a room of its own.
    pub(super) consult: Option<Consult>,
    /// A supervisor who is just being moved to the customer's room.
    pub(super) moving: Option<String>,
    /// The audio tracks that each participant publishes, in which room.
    pub(super) published: HashMap<(Place, String), Vec<String>>,
    pub(super) merged: Option<LegRef>,
    pub(super) agent_left: bool,
    pub(super) closed: bool,
    /// Since when the server does not answer who is there.
    pub(super) unanswered: Option<Instant>,
    /// The last number given to an audio stream.
    pub(super) streams: u64,
}

/// The agent in a consult's own room.
#[derive(Debug)]
pub(super) struct Consult {
    pub(super) agent: Arc<Participant>,
    pub(super) track: LocalTrack,
}

/// A dialled leg.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) name: LegRef,
    pub(super) identity: String,
    /// Where its participant is.
    pub(super) place: Place,
    pub(super) stage: Stage,
    pub(super) line: Arc<LineEnd>,
    pub(super) tap: Tap,
    /// The participant has been in the room.
    pub(super) seen: bool,
    /// Looks in a row that did not find it.
    pub(super) missed: u32,
    /// The stream that is listened to: a later one takes over from an earlier one.
    pub(super) stream: u64,
    began: Option<oneshot::Sender<Result<Ids, DialError>>>,
    progress: mpsc::Sender<LegFact>,
    early: VecDeque<Frame>,
    deadline: Instant,
    max_duration: Duration,
}

/// The server's names for a leg.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) participant: String,
    pub(super) sip_call: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Dialling,
    Ringing,
    Answered,
}

impl Leg {
    pub(super) fn new(
        (name, identity, place): (LegRef, String, Place),
        line: LineEnd,
        progress: mpsc::Sender<LegFact>,
        began: oneshot::Sender<Result<Ids, DialError>>,
        (ring, max_duration): (Duration, Duration),
    ) -> Self {
        Self {
            name,
            identity,
            place,
            stage: Stage::Dialling,
            line: Arc::new(line),
            tap: Tap::default(),
            seen: false,
            missed: 0,
            stream: 0,
            began: Some(began),
            progress,
            early: VecDeque::new(),
            deadline: Instant::now() + ring + NET,
            max_duration,
        }
    }

    /// From now on its facts go there.
    pub(super) fn report_to(&mut self, progress: mpsc::Sender<LegFact>) {
        self.progress = progress;
    }

    pub(super) fn is_answered(&self) -> bool {
        self.stage == Stage::Answered
    }

    /// The participant is in the room: the dial has begun.
    pub(super) fn is_there(&mut self, ids: Ids) {
        self.seen = true;
        self.missed = 0;
        if let Some(began) = self.began.take() {
            drop(began.send(Ok(ids)));
        }
    }

    pub(super) fn ringing(&mut self) {
        if self.stage == Stage::Dialling {
            self.stage = Stage::Ringing;
            self.report(LegFact::Ringing);
        }
    }

    /// `true`: it was not answered before.
    pub(super) fn answered(&mut self) -> bool {
        if self.is_answered() {
            return false;
        }
        self.stage = Stage::Answered;
        self.deadline = Instant::now() + self.max_duration + NET;
        self.report(LegFact::Answered);
        for frame in std::mem::take(&mut self.early) {
            self.line.hear(frame);
        }
        true
    }

    pub(super) fn hears(&mut self, stream: u64, frame: Frame) {
        if stream != self.stream {
            return;
        }
        if self.is_answered() {
            self.line.hear(frame);
            self.tap.push(frame);
            return;
        }
        if self.early.len() == AHEAD {
            self.early.pop_front();
        }
        self.early.push_back(frame);
    }

    pub(super) fn is_overdue(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// The dial did not begin: nobody follows its progress.
    pub(super) fn never_began(&mut self, error: DialError) {
        if let Some(began) = self.began.take() {
            drop(began.send(Err(error)));
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.began.is_none()
    }

    pub(super) fn end(self, left: Left) {
        self.report(LegFact::Left(left));
    }

    /// There are at most three facts a leg, and the channel has room for them.
    fn report(&self, fact: LegFact) {
        if self.progress.try_send(fact).is_err() {
            tracing::debug!("nobody follows this dial");
        }
    }
}

impl State {
    pub(super) fn leg(&mut self, identity: &str) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.identity == identity)
    }

    /// The tracks that each leg must not hear, as long as two have not been merged.
    pub(super) fn apart(&self) -> Vec<(String, Vec<String>)> {
        let mut apart = Vec::new();
        let of = |leg: &Leg| self.published.get(&(leg.place, leg.identity.clone()));
        for leg in self.legs.iter().filter(|leg| leg.seen) {
            let others = self
                .legs
                .iter()
                .filter(|other| other.name != leg.name && other.place == leg.place && !self.are_merged(leg, other));
            let tracks: Vec<String> = others.filter_map(of).flatten().cloned().collect();
            if !tracks.is_empty() {
                apart.push((leg.identity.clone(), tracks));
            }
        }
        apart
    }

    fn are_merged(&self, one: &Leg, other: &Leg) -> bool {
        let pair = [one.name, other.name];
        self.merged.is_some_and(|supervisor| pair.contains(&LegRef::Customer) && pair.contains(&supervisor))
    }
}
