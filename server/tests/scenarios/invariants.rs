//! What is true of every call that has ended.

use std::collections::HashMap;

use warmline_call::{CallId, CallView, Event, Leg, LegState, Phase, Recorded, Side, Speaker};

use crate::world::World;

/// Waits for a call's end and checks what every call promises.
pub async fn ended(world: &World, call: &CallId) -> CallView {
    let view = world.ended(call).await;
    let (events, story) = (world.events(call).await, world.story(call).await);
    the_log_is_whole(&events, &view, &story);
    phases_follow_the_graph(&events, &story);
    every_leg_has_left(&events, &view, &story);
    every_attempt_is_decided_once(&events, &story);
    hold_music_alternates(&events, &story);
    nobody_speaks_after_the_end(&events, &story);
    assert_eq!(world.exchange.open_rooms(), 0, "a room is still open:\n{story}");
    assert_eq!(world.calls.open_count(), 0, "a call is still open:\n{story}");
    view
}

fn the_log_is_whole(events: &[Recorded], view: &CallView, story: &str) {
    for (before, after) in events.iter().zip(&events[1..]) {
        assert_eq!(before.seq + 1, after.seq, "a gap:\n{story}");
        assert!(before.at <= after.at, "{story}");
    }
    let ends = events.iter().filter(|r| matches!(r.event, Event::CallEnded { .. })).count();
    assert_eq!(ends, 1, "{story}");
    let last = &events.last().unwrap().event;
    assert!(matches!(last, Event::CallEnded { .. }), "something comes after the end:\n{story}");
    let mut fold = CallView::placed(&events[0]).unwrap();
    events[1..].iter().for_each(|recorded| fold.apply(recorded));
    // As it comes off the wire, that is: the store keeps milliseconds, and the last digit of a fraction may go.
    let wire =
        |view: &CallView| -> serde_json::Value { serde_json::from_str(&serde_json::to_string(view).unwrap()).unwrap() };
    assert_eq!(wire(&fold), wire(view), "the fold is another one than the store's:\n{story}");
}

fn phases_follow_the_graph(events: &[Recorded], story: &str) {
    use Phase::{Briefing, CallingSupervisor, Conversing, Dialing, Ended, Merged, Merging, OnHold, Queued, Ringing};
    let mut phase = Queued;
    for recorded in events {
        let Event::PhaseChanged { from, to } = recorded.event else { continue };
        assert_eq!(from, phase, "{story}");
        let next: &[Phase] = match from {
            Queued => &[Dialing],
            Dialing => &[Ringing, Conversing],
            Ringing => &[Conversing],
            Conversing => &[OnHold],
            OnHold => &[CallingSupervisor, Conversing],
            CallingSupervisor => &[Briefing, Conversing],
            Briefing => &[Merging, CallingSupervisor, Conversing],
            Merging => &[Merged, CallingSupervisor, Conversing],
            Merged | Ended => &[],
        };
        assert!(next.contains(&to) || (to == Ended && from != Ended), "from {from} to {to}:\n{story}");
        phase = to;
    }
    assert_eq!(phase, Ended, "{story}");
}

fn every_leg_has_left(events: &[Recorded], view: &CallView, story: &str) {
    assert!(view.legs.iter().all(|leg| leg.state == LegState::Left), "a leg without an owner:\n{story}");
    let mut legs: HashMap<(Leg, Option<u32>), Vec<LegState>> = HashMap::new();
    for recorded in events {
        if let Event::LegChanged { leg, state, attempt, .. } = recorded.event {
            legs.entry((leg, attempt)).or_default().push(state);
        }
    }
    for (leg, states) in legs {
        assert!(states.is_sorted_by(|a, b| a < b), "{leg:?} went through {states:?}:\n{story}");
        assert_eq!((states[0], states.last()), (LegState::Dialing, Some(&LegState::Left)), "{leg:?}:\n{story}");
    }
}

fn every_attempt_is_decided_once(events: &[Recorded], story: &str) {
    let (mut dialled, mut decided) = (Vec::new(), Vec::new());
    for recorded in events {
        match recorded.event {
            Event::LegChanged { state: LegState::Dialing, attempt: Some(attempt), .. } => dialled.push(attempt),
            Event::TransferDecided { attempt, .. } => decided.push(attempt),
            _ => {}
        }
    }
    let expected: Vec<u32> = (1..=dialled.len() as u32).collect();
    assert_eq!(dialled, expected, "{story}");
    assert_eq!(decided, expected, "{story}");
}

fn hold_music_alternates(events: &[Recorded], story: &str) {
    let mut plays = false;
    for recorded in events {
        if let Event::HoldMusic { playing } = recorded.event {
            assert_ne!(playing, plays, "{story}");
            plays = playing;
        }
    }
    assert!(!plays, "the hold music never ended:\n{story}");
}

/// The agent begins nothing on a leg that is not there, and nobody is heard on it.
fn nobody_speaks_after_the_end(events: &[Recorded], story: &str) {
    let gone = |whose: Leg| {
        let left =
            |r: &&Recorded| matches!(r.event, Event::LegChanged { leg, state: LegState::Left, .. } if leg == whose);
        events.iter().filter(left).map(|r| r.at).max()
    };
    let (customer, supervisor) = (gone(Leg::Customer), gone(Leg::Supervisor));
    for recorded in events {
        let Event::Utterance { side, speaker, started_at, .. } = recorded.event else { continue };
        let until = match (side, speaker) {
            (Side::Consult, _) => supervisor,
            // A supervisor without a leg speaks in the agent's place, from the console.
            (Side::Call, Speaker::Supervisor) => supervisor.or(customer),
            (Side::Call, _) => customer,
        };
        assert!(until.is_some_and(|until| started_at <= until), "said after the end: {recorded:?}\n{story}");
    }
}
