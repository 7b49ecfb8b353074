//! What the log has to say of a call that was cut off: its task died, or the program did.

use std::time::Duration;

use jiff::Timestamp;
use warmline_call::{
    Action, CallId, CallView, DecidedBy, EndReason, Event, Leg, LegRef, LegState, Phase, Recorded, TransferOutcome,
};

use super::Inner;

/// How often, and how many times, a disk that can't be read is asked again.
const READ_AGAIN: Duration = Duration::from_secs(1);
const READ_TRIES: u32 = 10;

impl Inner {
    /// Writes a call's end that nobody is there to live through.
    pub(super) async fn close_in_log(&self, call: &CallId, reason: EndReason, detail: &str) {
        // An open call is in memory: no disk is read for it.
        let Some(view) = self.parts.store.view(call).await else { return };
        if view.end.is_some() {
            return;
        }
        let known = self.all_events(call).await;
        let mut events = changes(&view, &[]);
        events.extend(undecided(&view, None));
        events.push(Event::PhaseChanged { from: view.phase, to: Phase::Ended });
        let talked = answered(&known).zip(known.last()).map(|(from, last)| between(from, last.at));
        events.push(Event::CallEnded {
            reason,
            detail: detail.to_owned(),
            talk_s: seconds(talked.unwrap_or_default()),
            hold_s: seconds(held(&known)),
            time_to_human_s: None,
        });
        self.record(call, self.parts.clock.corrected().now(), events);
    }

    /// What has happened to a call. A disk that can't be read is asked again for a while: how long was spoken is in there.
    async fn all_events(&self, call: &CallId) -> Vec<Recorded> {
        let mut tries = 0;
        loop {
            match self.parts.store.events_now(call).await {
                Ok(events) => return events,
                Err(error) if tries < READ_TRIES => {
                    tracing::warn!(%call, "what has happened to a call can't be read: {error}");
                    tries += 1;
                    tokio::time::sleep(READ_AGAIN).await;
                }
                Err(error) => {
                    tracing::error!(%call, "a call ends in the log without its times: {error}");
                    return Vec::new();
                }
            }
        }
    }
}

/// What has become of a call's music and legs, those aside that are still `there`, and that its log does not say. What is
/// there may be more than the log has come to.
pub(super) fn changes(view: &CallView, there: &[LegRef]) -> Vec<Event> {
    let customer = view.legs.iter().find(|leg| leg.leg == Leg::Customer);
    let customer = customer.map(|leg| (LegRef::Customer, leg.state));
    let supervisors = view.attempts.iter().map(|attempt| (LegRef::Supervisor(attempt.attempt), attempt.state));
    let known: Vec<_> = customer.into_iter().chain(supervisors).collect();
    let mut events: Vec<Event> = view.hold_music.then_some(Event::HoldMusic { playing: false }).into_iter().collect();
    for (leg, state) in &known {
        match (there.contains(leg), state) {
            (_, LegState::Left) | (true, LegState::Answered) => {}
            (true, _) => events.push(moved(*leg, LegState::Answered, None)),
            (false, _) => events.push(moved(*leg, LegState::Left, Some("released".to_owned()))),
        }
    }
    for leg in there.iter().filter(|leg| known.iter().all(|(known, _)| known != *leg)) {
        events.push(moved(*leg, LegState::Dialing, None));
        events.push(moved(*leg, LegState::Answered, None));
    }
    events
}

fn moved(leg: LegRef, state: LegState, reason: Option<String>) -> Event {
    let (leg, attempt) = match leg {
        LegRef::Customer => (Leg::Customer, None),
        LegRef::Supervisor(attempt) => (Leg::Supervisor, Some(attempt)),
    };
    Event::LegChanged { leg, state, attempt, phone: None, sip_status: None, reason }
}

/// Attempts that nobody will decide any more come to nothing; `spared` is somebody's still.
pub(super) fn undecided(view: &CallView, spared: Option<u32>) -> impl Iterator<Item = Event> {
    let open = view.attempts.iter().filter(move |attempt| attempt.outcome.is_none() && Some(attempt.attempt) != spared);
    open.map(|attempt| Event::TransferDecided {
        attempt: attempt.attempt,
        outcome: TransferOutcome::Cancelled,
        by: DecidedBy::Network,
        reason: None,
    })
}

/// Whoever listened in did so through a process that is gone.
pub(super) fn unheard(view: &CallView) -> impl Iterator<Item = Event> {
    let gone = |by: &String| Event::OperatorActed { action: Action::StopListening, by: by.clone(), reason: None };
    view.listeners.iter().map(gone)
}

/// When the customer picked up.
pub(super) fn answered(events: &[Recorded]) -> Option<Timestamp> {
    let answer = events.iter().find(|recorded| {
        matches!(recorded.event, Event::LegChanged { leg: Leg::Customer, state: LegState::Answered, .. })
    });
    answer.map(|recorded| recorded.at)
}

/// How long the hold music has played; music that was cut off with the program counts until the last event.
pub(super) fn held(events: &[Recorded]) -> Duration {
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

/// In seconds, to the millisecond, as events are dated: what is read back is the same number.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000.0).round() / 1_000.0
}

pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}
