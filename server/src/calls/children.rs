//! The tasks that a call's own task has started. Each tells how it ended, also where it broke down: nothing that the machine
//! waits for can be lost.
//!
//! | task | tells | where it breaks down |
//! |---|---|---|
//! | a dial | `Dialled` | a dial that could not begin |
//! | a leg's progress | `Leg` | `Left`, its audio lost |
//! | the agent's, a consult's, a person's line | facts, then `Over` | `Over` without `Gone`: the machine is told who is lost |
//! | a sentence, a merge, a briefing | `Said`, `Merged`, `BriefingPrepared` | the same, as if it had failed |
//! | a listener | `StopListening` | – |

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt as _;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use warmline_call::{Input, Left, LeftCause, LegFact, LegRef, MediaState, OperatorAction, Person};
use warmline_telephony::{Frame, Health};
use warmline_voice::Fact;

use super::driver::{Message, Source};

/// Does that; what breaks down gives the other answer.
pub(super) async fn or_else<T>(work: impl Future<Output = T>, broken: impl FnOnce() -> T) -> T {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(done) => done,
        Err(_) => broken(),
    }
}

/// Passes on how far a leg is. A backend that falls silent has lost it.
pub(super) async fn report_progress(leg: LegRef, mut progress: mpsc::Receiver<LegFact>, inbox: mpsc::Sender<Message>) {
    let mut left = false;
    while let Some(fact) = progress.recv().await {
        left |= matches!(fact, LegFact::Left(_));
        if inbox.send(Message::Input(Input::Leg(leg, fact))).await.is_err() {
            return;
        }
    }
    if !left {
        let lost = LegFact::Left(Left { cause: LeftCause::MediaLost, sip_status: None });
        let _ = inbox.send(Message::Input(Input::Leg(leg, lost))).await;
    }
}

/// Passes on what happens on a line, and that it is over.
pub(super) async fn report_facts(source: Source, mut facts: mpsc::Receiver<Fact>, inbox: mpsc::Sender<Message>) {
    while let Some(fact) = facts.recv().await {
        if inbox.send(Message::Heard(source, fact)).await.is_err() {
            return;
        }
    }
    let _ = inbox.send(Message::Over(source)).await;
}

/// Tells when somebody listens no more.
pub(super) async fn report_listener(by: Person, gone: oneshot::Receiver<()>, inbox: mpsc::Sender<Message>) {
    let _over = gone.await;
    let input = Input::Operator { action: OperatorAction::StopListening, by };
    let _ = inbox.send(Message::Act { input, reply: oneshot::channel().0 }).await;
}

/// Passes on how the network carries the sound.
pub(super) async fn report_health(mut health: watch::Receiver<Health>, inbox: mpsc::Sender<Message>) {
    let mut known = Health::Good;
    loop {
        let Ok(now) = health.wait_for(|now| *now != known).await.map(|now| *now) else { return };
        known = now;
        let state = match now {
            Health::Good => MediaState::Restored,
            Health::Degraded => MediaState::Degraded,
        };
        if inbox.send(Message::Input(Input::Media(state))).await.is_err() {
            return;
        }
    }
}

/// Listeners come and go; the room's own channel ends with the room.
pub(super) async fn forward(mut from: broadcast::Receiver<Arc<Frame>>, to: broadcast::Sender<Arc<Frame>>) {
    loop {
        match from.recv().await {
            Ok(frame) => drop(to.send(frame)),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}
