//! The program dies, or the server does.

use std::time::Duration;

use tokio::time::Instant;
use warmline_call::{LeftCause, LegRef, Phase};
use warmline_livekit::Impairment;
use warmline_livekit_telephony::{Recovery, recover};
use warmline_telephony::{Health, Telephony};

use crate::{
    common::*,
    consult::{Consult, OF_CUSTOMER, OF_SUPERVISOR, TO_CUSTOMER},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_call_goes_on_without_us_and_is_taken_over_by_the_next_program() {
    let world = World::new().await;
    let consult = Consult::merged(&world).await;
    // As if killed: nobody says goodbye.
    let Consult { customer, supervisor, room, legs } = consult;
    drop((room, legs));
    let both = async |frames| {
        tokio::join!(customer.hears(OF_SUPERVISOR, frames), supervisor.hears(OF_CUSTOMER, frames));
    };
    both(100).await;
    assert_eq!(world.exchange.open_rooms(), 2);

    let livekit = world.restarted();
    let rooms = livekit.open_rooms().await.unwrap();
    assert_eq!(rooms.len(), 1);
    assert_eq!(rooms[0].call, call());
    // The mark on the supervisor's leg says so even where the log did not come to it.
    assert_eq!(recover(&rooms[0].call, Some(Phase::Merging), &rooms[0].members), Recovery::GoOn);
    let mut adopted = livekit.adopt(&call(), Phase::Merging).await.unwrap().unwrap();
    assert!(adopted.merged);
    assert_eq!(adopted.legs.len(), 2);
    both(50).await;
    let at = adopted.legs.iter().position(|(leg, _)| *leg == LegRef::Customer).unwrap();
    let (_, mut leg) = adopted.legs.remove(at);
    let heard = keep(leg.line.ear);
    until("the watcher hears the customer", || count(&heard, OF_CUSTOMER) > 50).await;
    customer.handle.hang_up();
    assert_eq!(left(&mut leg.progress).await.0, LeftCause::HungUp);
    let (other, mut leg) = adopted.legs.remove(0);
    assert_eq!(other, LegRef::Supervisor(1));
    adopted.room.hang_up(other).await;
    assert_eq!(left(&mut leg.progress).await.0, LeftCause::Released);
    adopted.room.close().await;
    world.until_gone(&call()).await;
    until("all phones are free", || world.exchange.open_rooms() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_owns_is_ended() {
    let world = World::new().await;
    let consult = Consult::merged(&world).await;
    drop(consult.room);
    let livekit = world.restarted();
    let rooms = livekit.open_rooms().await.unwrap();
    assert!(matches!(recover(&call(), None, &rooms[0].members), Recovery::End(_)));
    livekit.end_room(&call()).await.unwrap();
    livekit.end_room(&call()).await.unwrap();
    until("all phones are free", || world.exchange.open_rooms() == 0).await;
    assert!(livekit.open_rooms().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_call_goes_on_after_the_server_was_restarted() {
    let world = World::new().await;
    let phone = world.phone(CUSTOMER, OF_CUSTOMER);
    let (room, mut leg) = open(&world, &call()).await;
    keep_saying(&leg.line.mouth, TO_CUSTOMER);
    phone.hears(TO_CUSTOMER, 50).await;
    world.server.kill();
    world.server.run().await;
    phone.hears(TO_CUSTOMER, 100).await;
    let heard = keep(leg.line.ear);
    until("the agent hears the customer again", || count(&heard, OF_CUSTOMER) > 100).await;
    phone.handle.hang_up();
    assert_eq!(left(&mut leg.progress).await.0, LeftCause::HungUp);
    room.close().await;
    world.until_gone(&call()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_another_has_taken_over_from_leaves_the_call_to_it() {
    let world = World::new().await;
    let phone = world.phone(CUSTOMER, OF_CUSTOMER);
    let (room, mut leg) = open(&world, &call()).await;
    let livekit = world.restarted();
    let inherited = livekit.adopt(&call(), Phase::Conversing).await.unwrap().unwrap();
    assert_eq!(left(&mut leg.progress).await.0, LeftCause::MediaLost);
    room.close().await;
    let hz = 2_100.0;
    keep_saying(&inherited.legs[0].1.line.mouth, hz);
    phone.hears(hz, 100).await;
    inherited.room.close().await;
    world.until_gone(&call()).await;
}

/// From the moment at which the network is gone to that at which it is said to be, and to be back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_survives_20_s_without_udp_and_says_so_meanwhile() {
    let network = Impairment::new();
    let world = World::behind(&network).await;
    let phone = world.phone(CUSTOMER, OF_CUSTOMER);
    let (room, mut leg) = open(&world, &call()).await;
    let mut health = room.health();
    keep_saying(&leg.line.mouth, TO_CUSTOMER);
    let heard = keep(leg.line.ear);
    phone.hears(TO_CUSTOMER, 50).await;
    assert_eq!(*health.borrow(), Health::Good);
    network.cut_udp(true);
    let cut = Instant::now();
    soon("it is degraded", health.wait_for(|now| *now == Health::Degraded)).await.unwrap();
    println!("degraded after {:?}", cut.elapsed());
    // How long it lasts is what is tested.
    tokio::time::sleep_until(cut + Duration::from_secs(20)).await;
    network.cut_udp(false);
    soon("it is good again", health.wait_for(|now| *now == Health::Good)).await.unwrap();
    println!("good again {:?} after the network was", cut.elapsed() - Duration::from_secs(20));
    phone.hears(TO_CUSTOMER, 100).await;
    let before = count(&heard, OF_CUSTOMER);
    until("the agent hears the customer again", || count(&heard, OF_CUSTOMER) > before + 100).await;
    phone.handle.hang_up();
    assert_eq!(left(&mut leg.progress).await.0, LeftCause::HungUp);
    room.close().await;
    world.until_gone(&call()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_call_is_given_up_when_the_server_stays_away() {
    let world = World::impatient().await;
    let mut consult = Consult::merged(&world).await;
    consult.room.leave().await;
    consult.hear_each_other(25).await;
    world.server.kill();
    for leg in &mut consult.legs {
        assert_eq!(left(&mut leg.progress).await.0, LeftCause::MediaLost);
    }
    assert_eq!(*consult.room.health().borrow(), Health::Degraded);
    consult.room.close().await;
}
