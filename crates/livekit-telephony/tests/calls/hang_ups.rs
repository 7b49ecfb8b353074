//! Whoever hangs up, in whichever phase, the others learn it at once.

use std::time::Duration;

use warmline_call::{LeftCause, LegFact, LegRef};
use warmline_telephony::Telephony;

use crate::{
    common::*,
    consult::{Consult, OF_CUSTOMER, OF_SUPERVISOR},
};

const AT_ONCE: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_hang_up_a_customer_and_cancel_a_dial() {
    let world = World::new().await;
    let _customer = world.phone(CUSTOMER, OF_CUSTOMER);
    let supervisor = world.ringing_phone(SUPERVISOR, OF_SUPERVISOR);
    let (room, mut customer) = open(&world, &call()).await;
    let mut leg = room.dial(to(&call(), LegRef::Supervisor(1), SUPERVISOR)).await.unwrap();
    assert_eq!(fact(&mut leg).await, Some(LegFact::Ringing));
    room.hang_up(LegRef::Supervisor(1)).await;
    assert_eq!(left(&mut leg.progress).await.0, LeftCause::Released);
    until("the supervisor's phone is free", || world.exchange.open_rooms() == 1).await;
    // The next attempt, at the same phone.
    let mut leg = room.dial(to(&call(), LegRef::Supervisor(2), SUPERVISOR)).await.unwrap();
    assert_eq!(fact(&mut leg).await, Some(LegFact::Ringing));
    assert_eq!(*supervisor.rings.lock().unwrap(), 2);
    // The customer's hang-up while the supervisor's phone rings.
    room.hang_up(LegRef::Customer).await;
    assert_eq!(left(&mut customer.progress).await.0, LeftCause::Released);
    room.close().await;
    assert_eq!(left(&mut leg.progress).await.0, LeftCause::Released);
    until("all phones are free", || world.exchange.open_rooms() == 0).await;
    world.until_gone(&call()).await;
    // Nothing is possible any more, and nothing breaks.
    room.hang_up(LegRef::Customer).await;
    room.leave().await;
    room.close().await;
    assert!(room.merge().await.is_err());
    assert!(room.dial(to(&call(), LegRef::Customer, CUSTOMER)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_hang_up_in_the_consult() {
    let world = World::new().await;
    let mut consult = Consult::begin(&world).await;
    consult.supervisor.handle.hang_up();
    let (cause, _, took) = left(&mut consult.legs[1].progress).await;
    assert_eq!(cause, LeftCause::HungUp);
    assert!(took < AT_ONCE, "{took:?}");
    let mut again = consult.room.dial(to(&call(), LegRef::Supervisor(2), SUPERVISOR)).await.unwrap();
    assert_eq!(fact(&mut again).await, Some(LegFact::Ringing));
    consult.supervisor.handle.answer();
    assert_eq!(fact(&mut again).await, Some(LegFact::Answered));
    consult.customer.handle.hang_up();
    let (cause, _, took) = left(&mut consult.legs[0].progress).await;
    assert_eq!(cause, LeftCause::HungUp);
    assert!(took < AT_ONCE, "{took:?}");
    consult.room.close().await;
    world.until_gone(&call()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_who_hangs_up_after_the_merge_is_noticed() {
    let world = World::new().await;
    let mut consult = Consult::merged(&world).await;
    consult.room.leave().await;
    consult.hear_each_other(25).await;
    consult.customer.handle.hang_up();
    let (cause, _, took) = left(&mut consult.legs[0].progress).await;
    assert_eq!(cause, LeftCause::HungUp);
    assert!(took < AT_ONCE, "{took:?}");
    consult.room.hang_up(LegRef::Supervisor(1)).await;
    assert_eq!(left(&mut consult.legs[1].progress).await.0, LeftCause::Released);
    consult.room.close().await;
    world.until_gone(&call()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_is_dropped_before_the_merge_ends_the_call() {
    let world = World::new().await;
    let _customer = world.phone(CUSTOMER, OF_CUSTOMER);
    let (room, _leg) = open(&world, &call()).await;
    drop(room);
    until("the phone is free", || world.exchange.open_rooms() == 0).await;
    world.until_gone(&call()).await;
    // The name is free again.
    let room = world.livekit.open(&call()).await.unwrap();
    room.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_thrown_out_leaves_nobody_alone() {
    let world = World::new().await;
    let mut consult = Consult::begin(&world).await;
    world.services.remove_participant(call().as_str(), &format!("{}-agent", call())).await.unwrap();
    for leg in &mut consult.legs {
        let (cause, _, took) = left(&mut leg.progress).await;
        assert_eq!(cause, LeftCause::MediaLost);
        assert!(took < AT_ONCE, "{took:?}");
    }
    until("all phones are free", || world.exchange.open_rooms() == 0).await;
    consult.room.close().await;
    world.until_gone(&call()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_is_deleted_by_somebody_else_releases_its_legs() {
    let world = World::new().await;
    let mut consult = Consult::begin(&world).await;
    world.services.delete_room(call().as_str()).await.unwrap();
    for leg in &mut consult.legs {
        assert_eq!(left(&mut leg.progress).await.0, LeftCause::Released);
    }
    until("all phones are free", || world.exchange.open_rooms() == 0).await;
    consult.room.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_who_left_just_before_the_merge_is_not_merged() {
    let world = World::new().await;
    let mut consult = Consult::begin(&world).await;
    consult.customer.hears(crate::consult::TO_CUSTOMER, 10).await;
    // Out of the room, and the news of it is still on its way.
    world.services.remove_participant(call().as_str(), &call().supervisor()).await.unwrap();
    assert!(consult.room.merge().await.is_err());
    assert_eq!(left(&mut consult.legs[1].progress).await.0, LeftCause::Released);
    // The customer still hears the agent, and nobody else.
    consult.customer.hears(crate::consult::TO_CUSTOMER, 25).await;
    assert_eq!(consult.customer.heard_of(OF_SUPERVISOR), 0);
    consult.room.close().await;
}
