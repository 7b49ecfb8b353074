//! Calls that end because the program, or their time, does.

use std::{sync::Arc, time::Duration};

use warmline_call::{EndReason, Phase, Timers};
use warmline_voice::lines::fixed;

use crate::{
    audio::{share_heard, words},
    invariants::ended,
    world::{Wishes, World},
};

const SILENT: &str = "+15550100007";

#[tokio::test(start_paused = true)]
async fn a_program_that_stops_says_goodbye() {
    let world = World::new().await;
    let call = world.call(SILENT).await;
    world.until_phase(&call, Phase::Conversing).await;
    world.calls.stop().await;
    let view = ended(&world, &call).await;
    assert_eq!(view.end.unwrap().reason, EndReason::ServerStopped);
    let heard = words(&world.stt, &world.recording(&call, "customer", "heard").await).await;
    assert!(share_heard(fixed(warmline_call::FixedLine::Stopping), &heard) > 0.7, "{heard}");
    assert!(world.calls.readiness().is_err(), "no more calls are placed");
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_when_its_time_is_over() {
    let timers = Timers { max_duration: Duration::from_secs(10), ..Timers::default() };
    let world = World::with(Wishes { timers, ..Wishes::default() }).await;
    let call = world.call(SILENT).await;
    let view = ended(&world, &call).await;
    let story = world.story(&call).await;
    assert_eq!(view.end.unwrap().reason, EndReason::MaxDuration, "{story}");
    let heard = words(&world.stt, &world.recording(&call, "customer", "heard").await).await;
    assert!(share_heard("the time for this call is over", &heard) > 0.7, "{heard}\n{story}");
}

/// A program that dies in the middle of a call, and is started again on the same store.
#[test]
fn a_call_that_a_dead_program_left_open_is_ended_by_the_next() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let first = runtime();
    let call = first.block_on(async {
        let world = World::at(Arc::clone(&dir), Wishes::default()).await;
        let call = world.escalated(SILENT).await;
        world.until_phase(&call, Phase::CallingSupervisor).await;
        call
    });
    // Nothing of it is left: no goodbye, no tidying up.
    drop(first);
    runtime().block_on(async {
        let world = World::at(dir, Wishes::default()).await;
        let view = world.calls.store().view(&call).await.unwrap();
        assert_eq!((view.phase, view.hold_music), (Phase::Ended, false));
        assert_eq!(view.end.unwrap().reason, EndReason::ServerStopped, "{}", world.story(&call).await);
    });
}
