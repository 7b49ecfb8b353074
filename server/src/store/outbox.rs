//! What waits for the disk: in memory, in order, bounded. Nobody who puts something in waits for anything.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{sync::oneshot, time::Instant};
use warmline_call::{CallId, Event, Recorded};

use super::{StoreError, WrittenDown, disk::KnownKey};

/// From this many waiting events on, partial utterances that a later text has overtaken are left out.
const CROWDED: usize = 1_024;

/// What an event weighs beside its texts.
const OVERHEAD: usize = 256;

/// What may wait beyond the bound for the sake of a call's course: its phases, legs, decisions and its end.
const RESERVE: usize = 8;

/// A call that somebody waits to have written down.
pub(super) struct NewPlace {
    pub(super) call: CallId,
    pub(super) at: Timestamp,
    pub(super) placed: Event,
    pub(super) key: Option<Key>,
    pub(super) reply: oneshot::Sender<Result<WrittenDown, StoreError>>,
}

/// An idempotency key and the hash of the body that it came with.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) key: String,
    pub(super) body_hash: String,
}

/// An event that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) call: CallId,
    pub(super) at: Timestamp,
    pub(super) event: Event,
    since: Instant,
    weight: usize,
}

impl Waiting {
    /// The event as it would be in the log under that number.
    pub(super) fn recorded(&self, seq: u64) -> Recorded {
        Recorded { seq, call: self.call.clone(), at: self.at, event: self.event.clone() }
    }
}

/// What waits, as it is told to those who watch over the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Events that are not on disk yet.
    pub events: usize,
    /// How long the oldest of them has waited.
    pub oldest: Duration,
    /// Whether no more than a call's course is kept of what comes now.
    pub full: bool,
    /// Events that came when no more could be kept, since the disk could last be written to.
    pub lost: u64,
}

/// Whatever waits. What is being written stays until it is on disk.
pub(super) struct Outbox {
    places: VecDeque<NewPlace>,
    events: VecDeque<Arc<Waiting>>,
    /// So many of the first events are being written.
    under_way: usize,
    answers: HashMap<String, (u16, Arc<str>)>,
    details: HashMap<CallId, Arc<str>>,
    freed: HashMap<String, CallId>,
    weight: usize,
    bound: usize,
    crowded_at: usize,
    /// So many events there were when it was last looked for overtaken ones.
    looked_through: usize,
    lost: u64,
    closed: Option<Instant>,
    given_up: bool,
}

impl Outbox {
    /// One that keeps about so many bytes.
    pub(super) fn new(bound: usize) -> Self {
        Self {
            places: VecDeque::new(),
            events: VecDeque::new(),
            under_way: 0,
            answers: HashMap::new(),
            details: HashMap::new(),
            freed: HashMap::new(),
            weight: 0,
            bound,
            crowded_at: CROWDED,
            looked_through: 0,
            lost: 0,
            closed: None,
            given_up: false,
        }
    }

    /// Puts an event in line; gives it back where no more can be kept.
    pub(super) fn record(&mut self, call: &CallId, at: Timestamp, event: Event) -> Result<(), Event> {
        let weight = OVERHEAD + texts(&event);
        let room = self.bound + if is_course(&event) { self.bound / RESERVE } else { 0 };
        let crowded = self.events.len() >= self.crowded_at || self.weight + weight > room;
        if crowded && self.events.len() != self.looked_through {
            self.leave_out_the_overtaken();
        }
        if self.weight + weight > room {
            self.lost += 1;
            return Err(event);
        }
        self.weight += weight;
        self.events.push_back(Arc::new(Waiting { call: call.clone(), at, event, since: Instant::now(), weight }));
        Ok(())
    }

    /// Partial texts that a later one of the same utterance has overtaken say nothing any more.
    fn leave_out_the_overtaken(&mut self) {
        let mut said = HashSet::new();
        let mut spared = Vec::new();
        for (at, waiting) in self.events.iter().enumerate().skip(self.under_way).rev() {
            if let Event::Utterance { utterance, r#final, .. } = &waiting.event
                && !said.insert((&waiting.call, *utterance))
                && !r#final
            {
                spared.push(at);
            }
        }
        let spared: HashSet<usize> = spared.into_iter().collect();
        let (mut at, mut weight) = (0, self.weight);
        self.events.retain(|waiting| {
            let stays = !spared.contains(&at);
            at += 1;
            weight -= if stays { 0 } else { waiting.weight };
            stays
        });
        self.weight = weight;
        self.looked_through = self.events.len();
        self.crowded_at = (2 * self.looked_through).max(CROWDED);
    }

    pub(super) fn place(&mut self, place: NewPlace) {
        self.places.push_back(place);
    }

    /// Puts calls back that could not be written down yet: they were the first.
    pub(super) fn put_back(&mut self, places: impl DoubleEndedIterator<Item = NewPlace>) {
        for place in places.rev() {
            self.places.push_front(place);
        }
    }

    /// Notes the first answer to a key.
    pub(super) fn answer(&mut self, key: &str, status: u16, body: Arc<str>) {
        if !self.answers.contains_key(key) {
            self.answers.insert(key.to_owned(), (status, body));
        }
    }

    /// Notes what the request for a call was answered with.
    pub(super) fn detail(&mut self, call: &CallId, details: Arc<str>) {
        self.details.insert(call.clone(), details);
    }

    /// Lets a key be used again: what came of it was taken back.
    pub(super) fn free(&mut self, key: &str, call: &CallId) {
        self.answers.remove(key);
        self.freed.insert(key.to_owned(), call.clone());
    }

    /// What the file knows of a key, and what is on its way there.
    pub(super) fn amend(&self, key: &str, known: Option<KnownKey>) -> Option<KnownKey> {
        let mut known = known.filter(|known| self.freed.get(key) != Some(&known.call))?;
        if known.answer.is_none() {
            known.answer = self.answers.get(key).cloned();
        }
        Some(known)
    }

    /// Calls to be written down next, in order, those aside that nobody waits for any more.
    pub(super) fn take_places(&mut self, most: usize) -> Vec<NewPlace> {
        self.places.retain(|place| !place.reply.is_closed());
        let count = self.places.len().min(most);
        self.places.drain(..count).collect()
    }

    /// What is to be written next, beside new calls. It stays here until [`Outbox::written`].
    pub(super) fn next(&mut self, most: usize) -> Next {
        self.under_way = self.events.len().min(most);
        Next {
            events: self.events.iter().take(self.under_way).cloned().collect(),
            answers: self
                .answers
                .iter()
                .map(|(key, (status, body))| (key.clone(), *status, Arc::clone(body)))
                .collect(),
            details: self.details.iter().map(|(call, details)| (call.clone(), Arc::clone(details))).collect(),
            freed: self.freed.iter().map(|(key, call)| (key.clone(), call.clone())).collect(),
        }
    }

    /// It is on disk.
    pub(super) fn written(&mut self, next: &Next) {
        for waiting in self.events.drain(..self.under_way) {
            self.weight -= waiting.weight;
        }
        self.under_way = 0;
        for (key, ..) in &next.answers {
            self.answers.remove(key);
        }
        for (call, details) in &next.details {
            if self.details.get(call).is_some_and(|now| Arc::ptr_eq(now, details)) {
                self.details.remove(call);
            }
        }
        for (key, call) in &next.freed {
            if self.freed.get(key) == Some(call) {
                self.freed.remove(key);
            }
        }
        if self.events.is_empty() {
            self.crowded_at = CROWDED;
        }
    }

    /// It is not, and is to be planned again.
    pub(super) fn not_written(&mut self) {
        self.under_way = 0;
    }

    /// The disk could be written to.
    pub(super) fn sound(&mut self) {
        self.lost = 0;
    }

    /// The events of a call that are not on disk yet, in order.
    pub(super) fn waiting(&self, call: &CallId) -> Vec<Arc<Waiting>> {
        self.events.iter().filter(|waiting| waiting.call == *call).cloned().collect()
    }

    /// Whether something of a call is not on disk yet.
    pub(super) fn waits(&self, call: &CallId) -> bool {
        self.events.iter().any(|waiting| waiting.call == *call)
    }

    /// Whether somebody waits for a call to be written down.
    pub(super) fn has_places(&self) -> bool {
        !self.places.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        let notes = self.answers.len() + self.details.len() + self.freed.len();
        self.places.is_empty() && self.events.is_empty() && notes == 0
    }

    /// Takes nothing more.
    pub(super) fn close(&mut self) {
        self.closed.get_or_insert_with(Instant::now);
    }

    /// Since when nothing more is taken.
    pub(super) fn closed(&self) -> Option<Instant> {
        self.closed
    }

    /// Nobody writes any more. Gives the number of events that are lost with it.
    pub(super) fn give_up(&mut self) -> usize {
        self.close();
        self.given_up = true;
        self.places.clear();
        self.events.len()
    }

    /// Whether nobody writes any more.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up
    }

    pub(super) fn backlog(&self) -> Backlog {
        Backlog {
            events: self.events.len(),
            oldest: self.events.front().map_or(Duration::ZERO, |waiting| waiting.since.elapsed()),
            full: self.weight + OVERHEAD > self.bound,
            lost: self.lost,
        }
    }
}

/// What is written next, beside new calls.
#[derive(Default)]
pub(super) struct Next {
    pub(super) events: Vec<Arc<Waiting>>,
    pub(super) answers: Vec<(String, u16, Arc<str>)>,
    pub(super) details: Vec<(CallId, Arc<str>)>,
    pub(super) freed: Vec<(String, CallId)>,
}

/// The bytes of an event's texts.
fn texts(event: &Event) -> usize {
    match event {
        Event::Utterance { text, .. } => text.reveal().len(),
        Event::Briefing { summary, points, .. } => {
            summary.reveal().len() + points.iter().map(|point| OVERHEAD + point.reveal().len()).sum::<usize>()
        }
        Event::EscalationRequested { reason, .. } => reason.reveal().len(),
        Event::TransferDecided { reason, .. } => reason.as_ref().map_or(0, |reason| reason.reveal().len()),
        Event::CallEnded { detail, .. } => detail.len(),
        _ => 0,
    }
}

/// Whether an event says where a call is, and not only what was said on the way.
fn is_course(event: &Event) -> bool {
    !matches!(event, Event::Utterance { .. } | Event::TurnMetrics { .. } | Event::Briefing { .. })
}
