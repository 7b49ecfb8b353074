//! The customer hangs up: nobody is left alone on a line.

use warmline_call::{CallId, DecidedBy, EndReason, Event, Leg, LegState, Phase, TransferOutcome};

use crate::{
    audio::{share_heard, words},
    invariants::ended,
    world::World,
};

/// Seconds from the customer's end to the supervisor's.
async fn released_after(world: &World, call: &CallId) -> f64 {
    let events = world.events(call).await;
    let left = |whose: Leg| {
        events
            .iter()
            .find(|r| matches!(r.event, Event::LegChanged { leg, state: LegState::Left, .. } if leg == whose))
            .unwrap()
            .at
    };
    left(Leg::Supervisor).duration_since(left(Leg::Customer)).as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn a_customer_hangs_up_while_conversing() {
    let world = World::new().await;
    for number in ["+15550100011", "+15550100012"] {
        let call = world.call(number).await;
        let view = ended(&world, &call).await;
        assert_eq!(view.end.unwrap().reason, EndReason::CustomerHungUp, "{}", world.story(&call).await);
        assert_eq!(world.phases(&call).await.last_chunk(), Some(&[Phase::Conversing, Phase::Ended]));
        assert!(view.attempts.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_customer_hangs_up_while_the_supervisors_phone_rings() {
    let world = World::supervised_by(&["+15550100215"]).await;
    let call = world.call("+15550100013").await;
    let view = ended(&world, &call).await;
    let story = world.story(&call).await;
    assert_eq!(world.phases(&call).await.last_chunk(), Some(&[Phase::CallingSupervisor, Phase::Ended]), "{story}");
    let attempt = &view.attempts[0];
    assert_eq!(
        (attempt.outcome, attempt.by),
        (Some(TransferOutcome::CustomerLeft), Some(DecidedBy::Network)),
        "{story}"
    );
    assert!(released_after(&world, &call).await <= 1.0, "the supervisor's phone goes on ringing:\n{story}");
    assert_eq!(view.end.unwrap().reason, EndReason::CustomerHungUp);
}

#[tokio::test(start_paused = true)]
async fn a_customer_hangs_up_in_the_briefing() {
    let world = World::new().await;
    let call = world.call("+15550100014").await;
    let view = ended(&world, &call).await;
    let story = world.story(&call).await;
    assert_eq!(world.phases(&call).await.last_chunk(), Some(&[Phase::Briefing, Phase::Ended]), "{story}");
    let attempt = &view.attempts[0];
    assert_eq!(
        (attempt.outcome, attempt.by),
        (Some(TransferOutcome::CustomerLeft), Some(DecidedBy::Network)),
        "{story}"
    );
    let after = released_after(&world, &call).await;
    assert!((1.0..=5.0).contains(&after), "the supervisor was released after {after} s:\n{story}");
    let heard = words(&world.stt, &world.recording(&call, "supervisor-1", "heard").await).await;
    assert!(share_heard("the customer has just hung up", &heard) > 0.8, "{heard}\n{story}");
    assert_eq!(view.end.unwrap().reason, EndReason::CustomerHungUp);
}

#[tokio::test(start_paused = true)]
async fn a_customer_hangs_up_once_merged() {
    let world = World::supervised_by(&["+15550100203"]).await;
    let call = world.call("+15550100015").await;
    let view = ended(&world, &call).await;
    let story = world.story(&call).await;
    let phases = world.phases(&call).await;
    assert!(matches!(phases[phases.len() - 2], Phase::Merging | Phase::Merged), "{story}");
    assert!(released_after(&world, &call).await <= 2.0, "{story}");
    assert_eq!(view.end.unwrap().reason, EndReason::CustomerHungUp, "{story}");
}
