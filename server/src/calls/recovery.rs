//! Calls that an earlier run of the program left open, where the network has kept their legs.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use jiff::Timestamp;
use warmline_call::{Adopted, CallId, CallView, EndReason, LegRef, Phase};
use warmline_telephony::OpenError;

use super::{Inner, Order, aftermath};
use crate::store::Times;

/// What an open call's end says that nobody could live through.
const STOPPED: &str = "Warmline was stopped while this call was open.";

/// How long start-up waits for the network. What takes longer goes on behind it.
const START: Duration = Duration::from_millis(600);

/// Calls looked for at a time.
const AT_A_TIME: usize = 16;

/// How long a network that can't be reached is asked before a call is taken for ended, and how often.
const PATIENCE: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_secs(1);

/// How often, and how many times, it is asked after that to end legs that nobody owns.
const LATER: Duration = Duration::from_secs(15);
const LATER_TIMES: u32 = 40;

/// Takes every call over that is still there, and ends the others in the log.
pub(super) async fn recover(inner: &Arc<Inner>, calls: Vec<CallId>) {
    let settling = inner.tasks.spawn({
        let inner = Arc::clone(inner);
        async move {
            let all = futures::stream::iter(calls);
            all.for_each_concurrent(AT_A_TIME, |call| {
                let inner = &inner;
                async move {
                    match settle(inner, &call).await {
                        // Whoever asks a program that is ready is told what has become of its calls.
                        Ok(()) => drop(inner.parts.store.written(&call).await),
                        Err(error) => {
                            tracing::warn!(%call, "what is left of a call is not known yet: {error}");
                            inner.tasks.spawn(insist(Arc::clone(inner), call));
                        }
                    }
                }
            })
            .await;
        }
    });
    if tokio::time::timeout(START, settling).await.is_err() {
        tracing::info!("calls of an earlier run are still being looked for");
    }
}

/// Asks until the network can tell. A call is taken for ended when it has not been reached for so long.
async fn insist(inner: Arc<Inner>, call: CallId) {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        tokio::time::sleep(AGAIN).await;
        match settle(&inner, &call).await {
            Ok(()) => return,
            Err(_) if tokio::time::Instant::now() >= until => break,
            Err(error) => tracing::debug!(%call, "what is left of a call is not known yet: {error}"),
        }
    }
    inner.close_in_log(&call, EndReason::ServerStopped, STOPPED);
    tokio::spawn(async move {
        for _ in 0..LATER_TIMES {
            tokio::time::sleep(LATER).await;
            if inner.parts.telephony.adopt(&call, Phase::Ended).await.is_ok() {
                return;
            }
        }
        tracing::error!(%call, "legs of a call may be without an owner: the network was not reached for ten minutes");
    });
}

/// What the log has is in memory: legs that have been taken over are owned at once, whatever the disk does.
async fn settle(inner: &Arc<Inner>, call: &CallId) -> Result<(), OpenError> {
    let store = &inner.parts.store;
    let Some((view, times)) = store.open_call(call) else { return Ok(()) };
    let left = inner.parts.telephony.adopt(call, view.phase).await?;
    match (left, order(&view)) {
        (Some(left), Some(order)) => {
            let legs: Vec<LegRef> = left.legs.iter().map(|(leg, _)| *leg).collect();
            let now = inner.parts.clock.corrected().now();
            // The machine goes on from where the network is, not from where the log had come to.
            inner.record(call, now, aftermath::changes(&view, &legs));
            inner.record(call, now, aftermath::unheard(&view).collect());
            let view = store.view(call).await.unwrap_or(view);
            let last = view.attempts.last().map(|attempt| attempt.attempt);
            inner.record(call, now, aftermath::undecided(&view, last).collect());
            let adopted = adopted(&view, &times, (legs, left.merged), now);
            tracing::info!(%call, phase = view.phase.as_str(), merged = left.merged, "a call of an earlier run is taken over");
            let last = view.transcript.iter().map(|line| line.utterance).max().unwrap_or_default();
            Inner::adopt(inner, call.clone(), order, left, adopted, last);
        }
        (left, _) => {
            if let Some(left) = left {
                left.room.close().await;
            }
            inner.close_in_log(call, EndReason::ServerStopped, STOPPED);
        }
    }
    Ok(())
}

/// As much of the request as the end of a call needs.
fn order(view: &CallView) -> Option<Order> {
    Some(Order {
        phone: view.phone_number.reveal().parse().ok()?,
        original_input: view.phone_number.clone(),
        name: view.name.clone(),
        dynamic_instruction: None,
        language: view.language.clone(),
        emotion: view.emotion.clone(),
        escalation: false,
        idempotency: None,
    })
}

/// What the log knows of such a call.
fn adopted(view: &CallView, times: &Times, (legs, merged): (Vec<LegRef>, bool), now: Timestamp) -> Adopted {
    let requested = view.escalation.as_ref().map(|escalation| escalation.at);
    let last_merged = view.phases.iter().rfind(|begun| begun.phase == Phase::Merged);
    let to = last_merged.map(|begun| begun.at).or(merged.then_some(now));
    let attempt = view.attempts.last();
    Adopted {
        phase: view.phase,
        legs,
        merged,
        undecided: attempt.filter(|attempt| attempt.outcome.is_none()).map(|attempt| attempt.attempt),
        by: attempt.and_then(|attempt| attempt.by),
        held: times.held(),
        time_to_human: requested.zip(to).map(|(from, to)| to.duration_since(from).try_into().unwrap_or_default()),
        since_answer: times.since_answer(now),
    }
}

#[cfg(test)]
mod tests {
    use warmline_call::{Action, DecidedBy, Event, Leg, LegState, Recorded, RequestedBy, TransferOutcome};

    use super::*;

    fn log(events: &[(i64, Event)]) -> Vec<Recorded> {
        let call: CallId = "outbound-000000000001".parse().unwrap();
        let recorded = |(seq, (at, event)): (u64, &(i64, Event))| Recorded {
            seq,
            call: call.clone(),
            at: Timestamp::from_second(*at).unwrap(),
            event: event.clone(),
        };
        (1..).zip(events).map(recorded).collect()
    }

    fn leg(leg: Leg, state: LegState) -> Event {
        let attempt = (leg == Leg::Supervisor).then_some(1);
        Event::LegChanged { leg, state, attempt, phone: None, sip_status: None, reason: None }
    }

    fn placed() -> Event {
        Event::CallPlaced {
            phone_number: "+15550100001".into(),
            name: None,
            language: "en".into(),
            emotion: "Calm".into(),
            has_dynamic_instruction: false,
            escalation_enabled: true,
        }
    }

    #[test]
    fn whoever_listened_when_the_program_was_killed_is_shown_no_more() {
        let by = |by: &str| Event::OperatorActed { action: Action::Listen, by: by.into(), reason: None };
        let events = log(&[(100, placed()), (101, by("Ann")), (102, by("Bea")), (103, by("Ann"))]);
        let mut view = CallView::placed(&events[0]).unwrap();
        events[1..].iter().for_each(|event| view.apply(event));
        assert_eq!(view.listeners, ["Ann", "Bea", "Ann"]);
        let gone = aftermath::unheard(&view).map(|event| (104, event));
        let events = log(&events.iter().map(|event| (100, event.event.clone())).chain(gone).collect::<Vec<_>>());
        events[4..].iter().for_each(|event| view.apply(event));
        assert!(view.listeners.is_empty(), "{:?}", view.listeners);
    }

    #[test]
    fn a_merged_call_is_known_from_its_log() {
        let decided = Event::TransferDecided {
            attempt: 1,
            outcome: TransferOutcome::Connected,
            by: DecidedBy::Console,
            reason: None,
        };
        let events = log(&[
            (100, placed()),
            (102, leg(Leg::Customer, LegState::Dialing)),
            (110, leg(Leg::Customer, LegState::Answered)),
            (120, Event::EscalationRequested { by: RequestedBy::Customer, reason: "a refund".into() }),
            (123, Event::HoldMusic { playing: true }),
            (124, leg(Leg::Supervisor, LegState::Dialing)),
            (128, leg(Leg::Supervisor, LegState::Answered)),
            (140, Event::HoldMusic { playing: false }),
            (145, decided),
            (145, Event::PhaseChanged { from: Phase::Merging, to: Phase::Merged }),
        ]);
        let mut view = CallView::placed(&events[0]).unwrap();
        events[1..].iter().for_each(|event| view.apply(event));
        let mut times = Times::default();
        events.iter().for_each(|event| times.apply(event));
        let legs = vec![LegRef::Customer, LegRef::Supervisor(1)];
        let adopted = adopted(&view, &times, (legs.clone(), true), Timestamp::from_second(160).unwrap());
        let expected = Adopted {
            phase: Phase::Merged,
            legs,
            merged: true,
            undecided: None,
            by: Some(DecidedBy::Console),
            held: Duration::from_secs(17),
            time_to_human: Some(Duration::from_secs(25)),
            since_answer: Duration::from_secs(50),
        };
        assert_eq!(adopted, expected);
        assert_eq!(order(&view).unwrap().phone.as_str(), "+15550100001");
    }
}
