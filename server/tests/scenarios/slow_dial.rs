//! A network in which a dial takes its time to begin: nobody who hangs up meanwhile waits for it.

use std::{sync::Arc, time::Duration};

use warmline_call::{EndReason, LegRef, OperatorAction, Phase, Private};
use warmline_testing::{Front, Step};

use crate::{
    invariants::ended,
    world::{Wishes, World, order},
};

const SILENT: &str = "+15550100007";
/// As long as a LiveKit room waits for a SIP service that does not answer.
const TAKES: Duration = Duration::from_secs(10);
const AT_ONCE: Duration = Duration::from_secs(1);

/// The exchange, but that this takes its time.
async fn world(slow: Step) -> World {
    let hold = move |step| async move {
        if step == slow {
            tokio::time::sleep(TAKES).await;
        }
    };
    World::over(Wishes::default(), |exchange| Arc::new(Front::new(exchange, hold))).await
}

#[tokio::test(start_paused = true)]
async fn an_operator_hangs_up_before_the_customers_dial_has_begun() {
    let world = world(Step::Dial(LegRef::Customer)).await;
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
    let world = world(Step::Dial(LegRef::Supervisor(1))).await;
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
    let world = world(Step::Open).await;
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
