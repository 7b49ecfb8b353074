//! What the log has to say of a call that was cut off: its task died, or the program did.

use std::time::Duration;

use warmline_call::{
    Action, CallId, CallView, DecidedBy, EndReason, Event, Leg, LegRef, LegState, Phase, TransferOutcome,
};

use super::Inner;

impl Inner {
    /// Puts a call's end in line for the log that nobody is there to live through. What it says is in memory: the disk may do
    /// what it likes.
    pub(super) fn close_in_log(&self, call: &CallId, reason: EndReason, detail: &str) {
        let Some((view, times)) = self.parts.store.open_call(call) else { return };
        let mut events = changes(&view, &[]);
        events.extend(undecided(&view, None));
        events.push(Event::PhaseChanged { from: view.phase, to: Phase::Ended });
        events.push(Event::CallEnded {
            reason,
            detail: detail.to_owned(),
            talk_s: seconds(times.talked()),
            hold_s: seconds(times.held()),
            time_to_human_s: None,
        });
        self.record(call, self.parts.clock.corrected().now(), events);
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

/// In seconds, to the millisecond, as events are dated: what is read back is the same number.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000.0).round() / 1_000.0
}
