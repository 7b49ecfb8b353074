//! Dials that fail, in every way the carrier knows.

use std::time::Duration;

use warmline_call::{CallId, LeftCause, LegFact, LegRef};
use warmline_livekit_telephony::{LiveKit, LiveKitSettings};
use warmline_telephony::Telephony;

use crate::common::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_of_the_network_has_its_cause_at_once() {
    let world = World::new().await;
    let table = [
        (486, LeftCause::Busy),
        (603, LeftCause::Declined),
        (403, LeftCause::Declined),
        (404, LeftCause::InvalidNumber),
        (480, LeftCause::Unreachable),
        (503, LeftCause::TrunkFailure),
    ];
    for (n, (status, expected)) in table.into_iter().enumerate() {
        let call = CallId::from_bits(n as u64);
        let number = format!("+49155500{status}");
        world.carrier.refuse(&number, status);
        let room = world.livekit.open(&call).await.unwrap();
        let mut dialled = room.dial(to(&call, LegRef::Customer, &number)).await.unwrap();
        let (cause, sip_status, took) = left(&mut dialled.progress).await;
        assert_eq!((cause, sip_status), (expected, Some(status)));
        assert!(took < Duration::from_secs(1), "{status}: {took:?}");
        room.close().await;
        world.until_gone(&call).await;
        assert_eq!(world.carrier.dials(&number), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_answer_or_declines_is_reported_after_the_ringing() {
    let world = World::new().await;
    let phone = world.ringing_phone(CUSTOMER, 700.0);
    let room = world.livekit.open(&call()).await.unwrap();
    let mut dial = to(&call(), LegRef::Customer, CUSTOMER);
    dial.ring = Duration::from_secs(2);
    let mut dialled = room.dial(dial.clone()).await.unwrap();
    assert_eq!(fact(&mut dialled).await, Some(LegFact::Ringing));
    let (cause, status, took) = left(&mut dialled.progress).await;
    assert_eq!((cause, status), (LeftCause::NoAnswer, None));
    assert!((1.0..3.5).contains(&took.as_secs_f64()), "{took:?}");
    until("the phone is free", || world.exchange.open_rooms() == 0).await;
    until_empty(&world).await;

    dial.ring = Duration::from_secs(20);
    let mut dialled = room.dial(dial).await.unwrap();
    assert_eq!(fact(&mut dialled).await, Some(LegFact::Ringing));
    phone.handle.decline();
    let (cause, status, took) = left(&mut dialled.progress).await;
    assert_eq!((cause, status), (LeftCause::Declined, Some(603)));
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(*phone.rings.lock().unwrap(), 2);
    room.close().await;
    world.until_gone(&call()).await;
}

async fn until_empty(world: &World) {
    soon("the leg is out of the room", async {
        while world.members(&call()).await.iter().any(|who| who.ends_with("-customer")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dial_that_can_not_begin_says_why() {
    let world = World::new().await;
    let dial = to(&call(), LegRef::Customer, CUSTOMER);
    let room = world.livekit.open(&call()).await.unwrap();
    world.carrier.set_overloaded(true);
    let error = room.dial(dial.clone()).await.unwrap_err();
    assert_eq!((error.cause, error.sip_status), (LeftCause::TrunkFailure, None));
    assert!(error.detail.contains("overloaded"), "{error}");
    world.carrier.set_overloaded(false);
    let mut nonsense = dial.clone();
    nonsense.number = "12".into();
    assert_eq!(room.dial(nonsense).await.unwrap_err().cause, LeftCause::InvalidNumber);
    assert_eq!(world.carrier.dials(CUSTOMER), 0);
    // Nobody is dialled twice: the leg is there already.
    let _phone = world.ringing_phone(CUSTOMER, 700.0);
    let dialled = room.dial(dial.clone()).await.unwrap();
    assert!(room.dial(dial.clone()).await.unwrap_err().detail.contains("already"));
    assert_eq!(world.carrier.dials(CUSTOMER), 1);
    drop(dialled);
    room.close().await;

    // Without SIP, with a wrong trunk, with a wrong secret, without a server.
    let settings = |url: String, secret: &str, trunk: &str, api: Option<String>| {
        let mut settings = LiveKitSettings::new(url, KEY, secret, trunk);
        settings.api_url = api;
        LiveKit::new(settings)
    };
    let no_sip = settings(world.server.url(), SECRET, TRUNK, None);
    assert!(no_sip.check().await.unwrap_err().contains("livekit-sip"));
    let room = no_sip.open(&CallId::from_bits(2)).await.unwrap();
    let other = to(&CallId::from_bits(2), LegRef::Customer, CUSTOMER);
    assert!(room.dial(other).await.unwrap_err().detail.contains("livekit-sip"));
    room.close().await;
    let wrong_trunk = settings(world.server.url(), SECRET, "ST_other", Some(world.carrier.url()));
    assert!(wrong_trunk.check().await.unwrap_err().contains("LIVEKIT_SIP_OUTBOUND_TRUNK"));
    let room = wrong_trunk.open(&CallId::from_bits(3)).await.unwrap();
    let other = to(&CallId::from_bits(3), LegRef::Customer, CUSTOMER);
    assert!(room.dial(other).await.unwrap_err().detail.contains("LIVEKIT_SIP_OUTBOUND_TRUNK"));
    room.close().await;
    let wrong_secret = settings(world.server.url(), "another-secret-of-thirty-two-characters", TRUNK, None);
    let said = wrong_secret.open(&CallId::from_bits(4)).await.err().unwrap().to_string();
    assert!(said.contains("LIVEKIT_API_SECRET"), "{said}");
    let nowhere = settings("ws://127.0.0.1:9".to_owned(), SECRET, TRUNK, None);
    let said = nowhere.open(&CallId::from_bits(5)).await.err().unwrap().to_string();
    assert!(said.contains("LIVEKIT_URL"), "{said}");
}
