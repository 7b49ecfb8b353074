//! A supervisor who is consulted in a room of their own and moved to the customer's: as on LiveKit Cloud, the carrier moving
//! its own legs.

use std::time::Duration;

use warmline_call::{LeftCause, LegFact, LegRef, Phase};
use warmline_telephony::{Frame, Telephony};

use crate::{
    common::*,
    consult::{Consult, OF_CUSTOMER, OF_SUPERVISOR, TO_CUSTOMER, TO_SUPERVISOR},
};

/// For how long the supervisor may hear nothing while they are moved. The simulated carrier joins the other room first.
const LONGEST_GAP: Duration = Duration::from_millis(1_000);

/// What a busy machine may cost the customer, who goes on hearing the agent meanwhile.
const LATE: Duration = Duration::from_millis(300);

fn longest_without(frames: &[Frame], tones: &[f64]) -> Duration {
    let nothing: Vec<bool> = frames.iter().map(|frame| !tones.iter().any(|hz| has(frame, *hz))).collect();
    let longest = nothing.split(|nothing| !nothing).map(<[bool]>::len).max().unwrap_or_default();
    Duration::from_millis(20) * u32::try_from(longest).unwrap()
}

fn never_has(frames: &[Frame], hz: f64) -> bool {
    !frames.windows(5).any(|window| amplitude(window.as_flattened(), hz) > 350.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_supervisor_is_moved_to_the_customer() {
    let world = World::consulting_apart().await;
    let mut consult = Consult::begin(&world).await;
    let (agent, supervisor) = (format!("{}-agent", call()), call().supervisor());
    let mut apart = world.in_room(&call().supervisor()).await;
    apart.sort();
    assert_eq!(apart, [agent.clone(), supervisor.clone()]);
    assert!(!world.members(&call()).await.contains(&supervisor));
    consult.customer.hears(TO_CUSTOMER, 50).await;
    consult.supervisor.hears(TO_SUPERVISOR, 50).await;

    let before = (consult.customer.heard().len(), consult.supervisor.heard().len());
    let began = tokio::time::Instant::now();
    consult.room.merge().await.unwrap();
    println!("moved in {:?}", began.elapsed());
    consult.hear_each_other(50).await;
    let (customer, supervisor) = (consult.customer.heard(), consult.supervisor.heard());
    assert!(never_has(&customer[..before.0], OF_SUPERVISOR) && never_has(&supervisor[..before.1], OF_CUSTOMER));
    assert!(never_has(&customer, TO_SUPERVISOR) && never_has(&supervisor, TO_CUSTOMER));
    let gap = longest_without(&supervisor[before.1 - 1..], &[TO_SUPERVISOR, OF_CUSTOMER]);
    println!("the supervisor heard nothing for {gap:?}");
    assert!(gap < LONGEST_GAP, "{gap:?}");
    let gap = longest_without(&customer[before.0 - 1..], &[TO_CUSTOMER, OF_SUPERVISOR]);
    println!("the customer heard nothing for {gap:?}");
    assert!(gap <= LATE, "{gap:?}");
    // The agent takes its leave of both.
    consult.customer.hears(TO_CUSTOMER, 25).await;
    consult.supervisor.hears(TO_SUPERVISOR, 25).await;
    consult.room.leave().await;
    consult.hear_each_other(100).await;
    assert!(!world.members(&call()).await.contains(&agent));
    soon("the consult's room is closed", async {
        while !world.services.list_rooms(vec![call().supervisor()]).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;

    consult.supervisor.handle.hang_up();
    let (cause, _, took) = left(&mut consult.legs[1].progress).await;
    assert_eq!(cause, LeftCause::HungUp);
    assert!(took < Duration::from_secs(2), "{took:?}");
    consult.room.hang_up(LegRef::Customer).await;
    assert_eq!(left(&mut consult.legs[0].progress).await.0, LeftCause::Released);
    consult.room.close().await;
    world.until_gone(&call()).await;
    until("the phones are free", || world.exchange.open_rooms() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_in_the_consult_both_rooms_are_closed() {
    let world = World::consulting_apart().await;
    let mut consult = Consult::begin(&world).await;
    consult.supervisor.handle.hang_up();
    let (cause, _, took) = left(&mut consult.legs[1].progress).await;
    assert_eq!(cause, LeftCause::HungUp);
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(consult.room.merge().await.is_err());
    // The next attempt, called off while it rings; and one that is taken.
    let mut again = consult.room.dial(to(&call(), LegRef::Supervisor(2), SUPERVISOR)).await.unwrap();
    assert_eq!(fact(&mut again).await, Some(LegFact::Ringing));
    consult.room.hang_up(LegRef::Supervisor(2)).await;
    assert_eq!(left(&mut again.progress).await.0, LeftCause::Released);
    until("the supervisor's phone is free", || world.exchange.open_rooms() == 1).await;
    let mut third = consult.room.dial(to(&call(), LegRef::Supervisor(3), SUPERVISOR)).await.unwrap();
    assert_eq!(fact(&mut third).await, Some(LegFact::Ringing));
    consult.supervisor.handle.answer();
    assert_eq!(fact(&mut third).await, Some(LegFact::Answered));
    consult.customer.handle.hang_up();
    let (cause, _, took) = left(&mut consult.legs[0].progress).await;
    assert_eq!(cause, LeftCause::HungUp);
    assert!(took < Duration::from_secs(2), "{took:?}");
    consult.room.close().await;
    assert_eq!(left(&mut third.progress).await.0, LeftCause::Released);
    world.until_gone(&call()).await;
    until("the phones are free", || world.exchange.open_rooms() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_can_not_move_anybody_is_asked_once_and_used_the_other_way() {
    let world = World::consulting_apart().await;
    world.carrier.set_can_move(false);
    let consult = Consult::begin(&world).await;
    assert!(world.members(&call()).await.contains(&call().supervisor()));
    assert!(world.services.list_rooms(vec![call().supervisor()]).await.unwrap().is_empty());
    consult.customer.hears(TO_CUSTOMER, 25).await;
    consult.supervisor.hears(TO_SUPERVISOR, 25).await;
    assert!(never_has(&consult.customer.heard(), OF_SUPERVISOR) && never_has(&consult.supervisor.heard(), OF_CUSTOMER));
    consult.room.merge().await.unwrap();
    consult.hear_each_other(25).await;
    consult.room.close().await;
    world.until_gone(&call()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_turns_out_to_be_impossible_leaves_all_as_it_was() {
    let world = World::consulting_apart().await;
    let mut consult = Consult::begin(&world).await;
    world.carrier.set_can_move(false);
    let error = consult.room.merge().await.unwrap_err().to_string();
    assert!(error.contains("can't move"), "{error}");
    consult.supervisor.hears(TO_SUPERVISOR, 25).await;
    consult.customer.hears(TO_CUSTOMER, 25).await;
    assert!(never_has(&consult.customer.heard(), OF_SUPERVISOR) && never_has(&consult.supervisor.heard(), OF_CUSTOMER));
    consult.room.hang_up(LegRef::Supervisor(1)).await;
    assert_eq!(left(&mut consult.legs[1].progress).await.0, LeftCause::Released);
    until("the supervisor's phone is free", || world.exchange.open_rooms() == 1).await;
    // From now on the way that every server can go.
    let mut again = consult.room.dial(to(&call(), LegRef::Supervisor(2), SUPERVISOR)).await.unwrap();
    assert_eq!(fact(&mut again).await, Some(LegFact::Ringing));
    consult.supervisor.handle.answer();
    assert_eq!(fact(&mut again).await, Some(LegFact::Answered));
    assert!(world.members(&call()).await.contains(&format!("{}-2", call().supervisor())));
    consult.room.merge().await.unwrap();
    consult.hear_each_other(25).await;
    consult.room.close().await;
    world.until_gone(&call()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consult_in_a_room_of_its_own_is_taken_over_by_the_next_program() {
    let world = World::consulting_apart().await;
    let consult = Consult::begin(&world).await;
    let Consult { customer, supervisor, room, legs } = consult;
    // As if killed: nothing of it is tidied up.
    std::mem::forget(room);
    let livekit = world.restarted();
    let mut left = livekit.adopt(&call(), Phase::Briefing).await.unwrap().unwrap();
    assert!(!left.merged);
    assert_eq!(left.legs.len(), 2);
    left.legs.sort_by_key(|(leg, _)| *leg != LegRef::Customer);
    let tones = [2_100.0, 2_500.0];
    for ((_, dialled), hz) in left.legs.iter().zip(tones) {
        keep_saying(&dialled.line.mouth, hz);
    }
    tokio::join!(customer.hears(tones[0], 50), supervisor.hears(tones[1], 50));
    assert!(never_has(&customer.heard(), tones[1]) && never_has(&supervisor.heard(), tones[0]));
    assert!(never_has(&customer.heard(), OF_SUPERVISOR) && never_has(&supervisor.heard(), OF_CUSTOMER));
    left.room.close().await;
    world.until_gone(&call()).await;
    until("the phones are free", || world.exchange.open_rooms() == 0).await;
    drop(legs);
}
