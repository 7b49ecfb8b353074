//! Calls that an earlier run of the program left open, where the network has kept their legs.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use warmline_call::{Adopted, CallId, CallView, EndReason, Event, LegRef, LegState, Phase, Recorded};
use warmline_telephony::OpenError;

use super::{Inner, Order};

/// What an open call's end says that nobody could live through.
const STOPPED: &str = "Warmline was stopped while this call was open.";
/// How long a network that can't be reached is asked again, and how often. Legs without an owner are then its own to end.
const PATIENCE: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_secs(1);

/// Takes every call over that is still there, and ends the others in the log.
pub(super) async fn recover(inner: &Arc<Inner>, calls: Vec<CallId>) {
    for call in calls {
        if let Err(error) = settle(inner, &call).await {
            tracing::warn!(%call, "what is left of a call is not known yet: {error}");
            inner.tasks.spawn(insist(Arc::clone(inner), call));
        }
    }
}

/// Asks until the network can tell.
async fn insist(inner: Arc<Inner>, call: CallId) {
    let until = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < until {
        tokio::time::sleep(AGAIN).await;
        if settle(&inner, &call).await.is_ok() {
            return;
        }
    }
    inner.close_in_log(&call, EndReason::ServerStopped, STOPPED).await;
}

async fn settle(inner: &Arc<Inner>, call: &CallId) -> Result<(), OpenError> {
    let store = &inner.parts.store;
    let Some(view) = store.view(call).await else { return Ok(()) };
    let (left, events) = (inner.parts.telephony.adopt(call, view.phase).await?, store.events(call, 0).await);
    match (left, order(&view), events) {
        (Some(left), Some(order), Ok(events)) => {
            let legs = left.legs.iter().map(|(leg, _)| *leg).collect();
            let adopted = adopted(&view, &events, legs, inner.parts.clock.now());
            tracing::info!(%call, phase = view.phase.as_str(), "a call of an earlier run is taken over");
            let last = view.transcript.iter().map(|line| line.utterance).max().unwrap_or_default();
            Inner::adopt(inner, call.clone(), order, left, adopted, last);
        }
        (left, ..) => {
            if let Some(left) = left {
                left.room.close().await;
            }
            inner.close_in_log(call, EndReason::ServerStopped, STOPPED).await;
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
fn adopted(view: &CallView, events: &[Recorded], legs: Vec<LegRef>, now: Timestamp) -> Adopted {
    let first = |test: fn(&Event) -> bool| events.iter().find(|recorded| test(&recorded.event)).map(|r| r.at);
    let last = |test: fn(&Event) -> bool| events.iter().rfind(|recorded| test(&recorded.event)).map(|r| r.at);
    let answered = first(|event| matches!(event, Event::LegChanged { state: LegState::Answered, .. }));
    let requested = last(|event| matches!(event, Event::EscalationRequested { .. }));
    let merged = last(|event| matches!(event, Event::PhaseChanged { to: Phase::Merged, .. }));
    let attempt = view.attempts.last();
    Adopted {
        phase: view.phase,
        legs,
        undecided: attempt.filter(|attempt| attempt.outcome.is_none()).map(|attempt| attempt.attempt),
        by: attempt.and_then(|attempt| attempt.by),
        held: held(events),
        time_to_human: requested.zip(merged).map(|(from, to)| between(from, to)),
        since_answer: answered.map_or(Duration::ZERO, |answered| between(answered, now)),
    }
}

/// How long the hold music has played; music that was cut off with the program counts until the last event.
fn held(events: &[Recorded]) -> Duration {
    let (mut held, mut since) = (Duration::ZERO, None);
    for recorded in events {
        match (&recorded.event, since) {
            (Event::HoldMusic { playing: true }, None) => since = Some(recorded.at),
            (Event::HoldMusic { playing: false }, Some(from)) => {
                held += between(from, recorded.at);
                since = None;
            }
            _ => {}
        }
    }
    let end = events.last().map(|recorded| recorded.at);
    held + since.zip(end).map_or(Duration::ZERO, |(from, to)| between(from, to))
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use warmline_call::{DecidedBy, Leg, RequestedBy, TransferOutcome};

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

    #[test]
    fn a_merged_call_is_known_from_its_log() {
        let phone = "+15550100001".into();
        let placed = Event::CallPlaced {
            phone_number: phone,
            name: None,
            language: "en".into(),
            emotion: "Calm".into(),
            has_dynamic_instruction: false,
            escalation_enabled: true,
        };
        let decided = Event::TransferDecided {
            attempt: 1,
            outcome: TransferOutcome::Connected,
            by: DecidedBy::Console,
            reason: None,
        };
        let events = log(&[
            (100, placed),
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
        let legs = vec![LegRef::Customer, LegRef::Supervisor(1)];
        let adopted = adopted(&view, &events, legs.clone(), Timestamp::from_second(160).unwrap());
        let expected = Adopted {
            phase: Phase::Merged,
            legs,
            undecided: None,
            by: Some(DecidedBy::Console),
            held: Duration::from_secs(17),
            time_to_human: Some(Duration::from_secs(25)),
            since_answer: Duration::from_secs(50),
        };
        assert_eq!(adopted, expected);
        assert_eq!(held(&events[..6]), Duration::from_secs(1), "music that was cut off with the program");
        assert_eq!(order(&view).unwrap().phone.as_str(), "+15550100001");
    }
}
