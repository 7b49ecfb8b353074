//! A network in which a dial takes its time to begin: nobody who hangs up meanwhile waits for it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::broadcast;
use warmline_call::{CallId, EndReason, LegRef, OperatorAction, Phase, Private};
use warmline_exchange::Exchange;
use warmline_telephony::{Dial, DialError, Dialled, Frame, MergeError, OpenError, Room, Telephony};

use crate::{
    invariants::ended,
    world::{Wishes, World, order},
};

const SILENT: &str = "+15550100007";
/// As long as a LiveKit room waits for a SIP service that does not answer.
const TAKES: Duration = Duration::from_secs(10);
const AT_ONCE: Duration = Duration::from_secs(1);

/// The exchange, but that leg's dial takes its time to begin; without one, the room takes it to open.
struct Slow {
    exchange: Arc<Exchange>,
    leg: Option<LegRef>,
}

struct SlowRoom {
    room: Arc<dyn Room>,
    leg: LegRef,
}

#[async_trait]
impl Telephony for Slow {
    async fn open(&self, call: &CallId) -> Result<Arc<dyn Room>, OpenError> {
        let Some(leg) = self.leg else {
            tokio::time::sleep(TAKES).await;
            return self.exchange.open(call).await;
        };
        Ok(Arc::new(SlowRoom { room: self.exchange.open(call).await?, leg }))
    }
}

#[async_trait]
impl Room for SlowRoom {
    async fn dial(&self, dial: Dial) -> Result<Dialled, DialError> {
        if dial.leg == self.leg {
            tokio::time::sleep(TAKES).await;
        }
        self.room.dial(dial).await
    }

    async fn merge(&self) -> Result<(), MergeError> {
        self.room.merge().await
    }

    async fn leave(&self) {
        self.room.leave().await;
    }

    async fn hang_up(&self, leg: LegRef) {
        self.room.hang_up(leg).await;
    }

    async fn close(&self) {
        self.room.close().await;
    }

    fn listen(&self) -> broadcast::Receiver<Arc<Frame>> {
        self.room.listen()
    }
}

async fn world(leg: Option<LegRef>) -> World {
    World::over(Wishes::default(), |exchange| Arc::new(Slow { exchange, leg })).await
}

#[tokio::test(start_paused = true)]
async fn an_operator_hangs_up_before_the_customers_dial_has_begun() {
    let world = world(Some(LegRef::Customer)).await;
    let placing = tokio::spawn({
        let calls = world.calls.clone();
        async move { calls.place(order(SILENT)).await }
    });
    let call = world.until_placed().await;
    world.until_phase(&call, Phase::Dialing).await;
    let before = tokio::time::Instant::now();
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    // The leg is taken for gone when it does not say so itself.
    let view = world.ended(&call).await;
    assert!(before.elapsed() < Duration::from_secs(3), "{:?}", before.elapsed());
    assert_eq!(view.end.unwrap().reason, EndReason::OperatorHungUp);
    assert!(placing.await.unwrap().is_err(), "nobody was dialled");
    tokio::time::sleep(2 * TAKES).await;
    assert_eq!(world.exchange.open_rooms(), 0, "nor is later");
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_who_is_called_off_before_the_dial_has_begun_is_not_called() {
    let world = world(Some(LegRef::Supervisor(1))).await;
    let call = world.escalated(SILENT).await;
    world.until_phase(&call, Phase::CallingSupervisor).await;
    let before = tokio::time::Instant::now();
    world.act(&call, OperatorAction::Decline { reason: Some(Private::from("not now")) }).await.unwrap();
    world.until_phase(&call, Phase::Conversing).await;
    assert!(before.elapsed() < AT_ONCE, "{:?}", before.elapsed());
    tokio::time::sleep(2 * TAKES).await;
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = ended(&world, &call).await;
    assert_eq!(view.end.unwrap().reason, EndReason::OperatorHungUp);
    let story = world.story(&call).await;
    assert!(!story.contains(r#""leg":"supervisor","state":"answered""#), "nobody picked up: {story}");
}

#[tokio::test(start_paused = true)]
async fn an_operator_hangs_up_before_there_is_a_room() {
    let world = world(None).await;
    let placing = tokio::spawn({
        let calls = world.calls.clone();
        async move { calls.place(order(SILENT)).await }
    });
    let call = world.until_placed().await;
    let rejected = world.act(&call, OperatorAction::Accept).await.unwrap_err();
    assert_eq!(rejected.phase, Phase::Queued);
    let before = tokio::time::Instant::now();
    world.act(&call, OperatorAction::Hangup).await.unwrap();
    let view = world.ended(&call).await;
    assert!(before.elapsed() < AT_ONCE, "{:?}", before.elapsed());
    assert_eq!(view.end.unwrap().reason, EndReason::OperatorHungUp);
    assert!(placing.await.unwrap().is_err(), "nobody was dialled");
    tokio::time::sleep(2 * TAKES).await;
    assert_eq!(world.exchange.open_rooms(), 0, "nor is later");
}
