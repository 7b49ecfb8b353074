//! What the page knows of the calls: the snapshot it came with, and every event since, folded in.

use std::collections::HashSet;

use jiff::Timestamp;
use leptos::prelude::*;
use warmline_api::{
    ConsoleMessage,
    call::{CallId, CallView, Phase, Recorded},
};

use crate::{page::Snapshot, ui::in_order, words};

/// Ended calls kept in a page that stays open.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a browser follows events"))]
const ENDED_KEPT: usize = 50;

/// The connection to the server's events.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a browser connects"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Link {
    /// Not yet connected.
    Connecting,
    /// What is shown is what is.
    Live,
    /// Nothing has been heard since then.
    Lost { since: Timestamp },
}

/// Whether a message could be folded in.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a browser receives"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Received {
    InOrder,
    /// Events are missing: connect again from `after`.
    Gap,
}

/// A call, and the signal of its view.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) id: CallId,
    pub(crate) view: ArcRwSignal<CallView>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// The page's calls, one signal each, so that an event touches only what shows that call.
#[derive(Clone)]
pub(crate) struct Store {
    calls: ArcRwSignal<Vec<Entry>>,
    seq: ArcStoredValue<u64>,
    pub(crate) link: ArcRwSignal<Link>,
    /// The server's time, to the second; it stands still until the page is hydrated.
    pub(crate) now: ArcRwSignal<Timestamp>,
}

#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a browser follows events"))]
impl Store {
    pub(crate) fn new(snapshot: Snapshot, now: Timestamp) -> Self {
        let calls = snapshot.calls.into_iter().map(entry).collect();
        Self {
            calls: ArcRwSignal::new(calls),
            seq: ArcStoredValue::new(snapshot.seq),
            link: ArcRwSignal::new(Link::Connecting),
            now: ArcRwSignal::new(now),
        }
    }

    /// The last event folded in.
    pub(crate) fn seq(&self) -> u64 {
        self.seq.get_value()
    }

    /// The signal of a call's view; follows the call's coming.
    pub(crate) fn call(&self, id: &str) -> Option<ArcRwSignal<CallView>> {
        self.calls.with(|calls| calls.iter().find(|c| c.id.as_str() == id).map(|c| c.view.clone()))
    }

    /// All calls in the order of need.
    pub(crate) fn by_need(&self) -> Vec<Entry> {
        let calls = self.calls.get();
        let ranked = in_order(calls.iter().enumerate().map(|(n, call)| (call.view.with(need), n)));
        ranked.into_iter().map(|(_, n)| calls[n].clone()).collect()
    }

    /// Folds in what `/ws/console` sent.
    pub(crate) fn receive(&self, message: ConsoleMessage) -> Received {
        match message {
            ConsoleMessage::Heartbeat { .. } => Received::InOrder,
            ConsoleMessage::Snapshot { seq, calls } => {
                self.replace(calls);
                self.seq.set_value(seq);
                Received::InOrder
            }
            ConsoleMessage::Event { event } => self.fold(&event),
        }
    }

    /// Adds a call that was fetched, unless it is known.
    pub(crate) fn add(&self, view: CallView) {
        if self.calls.with_untracked(|calls| calls.iter().all(|c| c.id != view.call)) {
            self.calls.update(|calls| calls.push(entry(view)));
        }
    }

    fn fold(&self, event: &Recorded) -> Received {
        let seq = self.seq();
        if event.seq <= seq {
            return Received::InOrder;
        }
        if event.seq > seq + 1 {
            return Received::Gap;
        }
        self.seq.set_value(event.seq);
        match self.calls.with_untracked(|calls| calls.iter().find(|c| c.id == event.call).cloned()) {
            Some(call) => call.view.update(|view| view.apply(event)),
            None => {
                if let Some(view) = CallView::placed(event) {
                    self.add(view);
                    self.forget_old();
                }
            }
        }
        Received::InOrder
    }

    /// Calls that are known keep their signals, and with them their place in the document.
    fn replace(&self, views: Vec<CallView>) {
        let known = self.calls.get_untracked();
        let calls: Vec<_> = views
            .into_iter()
            .map(|view| match known.iter().find(|c| c.id == view.call) {
                Some(call) => {
                    call.view.set(view);
                    call.clone()
                }
                None => entry(view),
            })
            .collect();
        self.calls.set(calls);
    }

    fn forget_old(&self) {
        let mut ended = self.calls.with_untracked(|calls| {
            let of = |c: &Entry| c.view.with_untracked(|v| v.end.is_some().then(|| (v.placed_at, v.call.clone())));
            in_order(calls.iter().filter_map(of))
        });
        if ended.len() > ENDED_KEPT {
            let old: HashSet<_> = ended.drain(..ended.len() - ENDED_KEPT).map(|(_, id)| id).collect();
            self.calls.update(|calls| calls.retain(|c| !old.contains(&c.id)));
        }
    }
}

fn entry(view: CallView) -> Entry {
    Entry { id: view.call.clone(), view: ArcRwSignal::new(view) }
}

/// Sorts calls: who waits for a human first, and of them those whom nobody has claimed and who wait the longest; then the
/// rest, newest first.
fn need(view: &CallView) -> (u8, i64) {
    let placed = view.placed_at.as_millisecond();
    let waiting = words::waiting_since(view).map_or(placed, jiff::Timestamp::as_millisecond);
    match view.phase {
        phase if words::is_escalated(phase) && view.claimed_by.is_none() => (0, waiting),
        phase if words::is_escalated(phase) => (1, waiting),
        Phase::Ended => (3, -placed),
        _ => (2, -placed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::placed;
    use warmline_api::call::Event;

    fn moved(seq: u64, call: u64, to: Phase) -> Recorded {
        Recorded { event: Event::PhaseChanged { from: Phase::Queued, to }, ..placed(seq, call) }
    }

    fn event(event: Recorded) -> ConsoleMessage {
        ConsoleMessage::Event { event }
    }

    fn order(store: &Store) -> Vec<String> {
        store.by_need().iter().map(|c| c.id.as_str().trim_start_matches("outbound-00000000000").to_owned()).collect()
    }

    #[test]
    fn who_needs_a_human_stands_first_and_the_longest_wait_on_top() {
        let _owner = Owner::new();
        let store = Store::new(Snapshot::default(), Timestamp::UNIX_EPOCH);
        for call in 1..=5 {
            store.receive(event(placed(call, call)));
        }
        store.receive(event(moved(6, 1, Phase::Ended)));
        store.receive(event(moved(7, 4, Phase::OnHold)));
        store.receive(event(moved(8, 2, Phase::CallingSupervisor)));
        store.receive(event(moved(9, 5, Phase::Briefing)));
        assert_eq!(order(&store), ["4", "2", "5", "3", "1"]);
        let claim = Event::OperatorActed { action: warmline_api::call::Action::Claim, by: "Ann".into(), reason: None };
        store.receive(event(Recorded { event: claim, ..placed(10, 4) }));
        assert_eq!(order(&store), ["2", "5", "4", "3", "1"], "somebody takes care of the fourth");
    }

    #[test]
    fn what_was_seen_is_not_seen_twice_and_a_gap_is_noticed() {
        let _owner = Owner::new();
        let store = Store::new(Snapshot::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(store.receive(event(placed(1, 1))), Received::InOrder);
        assert_eq!(store.receive(event(placed(1, 1))), Received::InOrder);
        assert_eq!(store.receive(event(placed(3, 3))), Received::Gap);
        assert_eq!((order(&store), store.seq()), (vec!["1".to_owned()], 1));
    }

    #[test]
    fn a_fresh_snapshot_keeps_the_signals_of_known_calls() {
        let _owner = Owner::new();
        let store = Store::new(Snapshot::default(), Timestamp::UNIX_EPOCH);
        store.receive(event(placed(1, 1)));
        let before = store.call("outbound-000000000001").unwrap();
        let mut view = before.get_untracked();
        view.phase = Phase::Merged;
        store.receive(ConsoleMessage::Snapshot { seq: 9, calls: vec![view] });
        assert_eq!(before.get_untracked().phase, Phase::Merged);
        assert_eq!(store.seq(), 9);
    }

    #[test]
    fn a_page_left_open_forgets_calls_that_ended_long_ago() {
        let _owner = Owner::new();
        let store = Store::new(Snapshot::default(), Timestamp::UNIX_EPOCH);
        for call in 0..60 {
            store.receive(event(placed(call * 2 + 1, call)));
            let end = Event::CallEnded {
                reason: warmline_api::call::EndReason::Completed,
                detail: String::new(),
                talk_s: 0.0,
                hold_s: 0.0,
                time_to_human_s: None,
            };
            store.receive(event(Recorded { event: end, ..placed(call * 2 + 2, call) }));
        }
        // The 60th ended after the last clean-up.
        assert_eq!(store.by_need().len(), ENDED_KEPT + 1);
    }
}
