//! Who may place a call, and what an order that can't be carried out leaves behind.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use warmline::{
    calls::{NotReady, PlaceError, Placed},
    store::testing::Fault,
};
use warmline_call::{EndReason, OperatorAction, Phase, Timers};
use warmline_exchange::Exchange;
use warmline_telephony::Telephony;
use warmline_testing::{Front, Step};

use crate::{
    runtime::{CUSTOMER, Office, Wishes, keyed, order},
    support::post_with,
};

/// The exchange, but that it opens no room, or begins no dial, before it is let.
fn gated(exchange: Arc<Exchange>, rooms: watch::Receiver<bool>, dials: watch::Receiver<bool>) -> Arc<dyn Telephony> {
    Arc::new(Front::new(exchange, move |step| {
        let mut gate = if step == Step::Open { rooms.clone() } else { dials.clone() };
        async move { drop(gate.wait_for(|open| *open).await.unwrap()) }
    }))
}

/// How many of so many orders at once place a call; the others are told that there are too many.
async fn placed_of(office: &Office, orders: usize) -> usize {
    let orders: Vec<_> = (0..orders)
        .map(|_| {
            let calls = office.calls.clone();
            tokio::spawn(async move { calls.place(order(CUSTOMER)).await })
        })
        .collect();
    let mut placed = 0;
    for order in orders {
        match order.await.unwrap() {
            Ok(Placed::New(_)) => placed += 1,
            Err(PlaceError::Busy { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    placed
}

#[tokio::test(start_paused = true)]
async fn of_many_orders_at_once_as_many_are_carried_out_as_there_may_be_calls() {
    for orders in [6, 40, 60, 200] {
        let office = Office::with(Wishes { max_calls: 5, answering: &[], ..Wishes::default() }, |exchange| exchange);
        let office = office.await;
        assert_eq!(placed_of(&office, orders).await, 5, "of {orders}");
        assert_eq!(office.calls.open_count(), 5, "of {orders}");
        for call in office.calls.store().open_calls().await.unwrap() {
            office.act(&call, OperatorAction::Hangup).await;
            office.calls.ended(&call).await.unwrap();
        }
        assert_eq!(placed_of(&office, orders).await, 5, "of {orders}, again");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_gives_the_place_back() {
    let (rooms_tx, rooms) = watch::channel(true);
    let (dials_tx, dials) = watch::channel(true);
    let wishes = Wishes { max_calls: 2, answering: &[], ..Wishes::default() };
    let office = Office::with(wishes, |exchange| gated(exchange, rooms, dials)).await;
    for fault in [Fault::Full, Fault::Locked, Fault::Stuck, Fault::Broken] {
        office.disk.set(Some(fault));
        for _ in 0..4 {
            assert!(matches!(office.calls.place(order(CUSTOMER)).await, Err(PlaceError::Store(_))), "{fault:?}");
        }
        office.disk.set(None);
    }
    for gate in [&rooms_tx, &dials_tx] {
        gate.send_replace(false);
        for _ in 0..4 {
            assert!(matches!(office.calls.place(order(CUSTOMER)).await, Err(PlaceError::Failed(_))));
        }
        gate.send_replace(true);
    }
    office.place().await;
    assert_eq!(placed_of(&office, 10).await, 1, "one is open");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_answered_is_answered_again_whatever_would_refuse_a_new_call() {
    let office = Office::with(Wishes { max_calls: 1, answering: &[], ..Wishes::default() }, |exchange| exchange).await;
    let app = office.app();
    let (path, body) = ("/calls/outbound-with-escalation", format!(r#"{{"phone_number":"{CUSTOMER}"}}"#));
    let first = post_with(&app, path, body.clone(), &[("Idempotency-Key", "k")]).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let again = async |what: &str| {
        let answer = post_with(&app, path, body.clone(), &[("Idempotency-Key", "k")]).await;
        assert_eq!((answer.status, &answer.text), (first.status, &first.text), "{what}");
        assert!(answer.headers.contains_key("idempotent-replayed"), "{what}");
        let other = post_with(&app, path, r#"{"phone_number":"+15550100099"}"#, &[("Idempotency-Key", "k")]).await;
        assert_eq!(other.status, 422, "{what}");
    };
    assert_eq!(post_with(&app, path, body.clone(), &[("Idempotency-Key", "new")]).await.status, 429);
    again("at the cap").await;
    office.disk.set(Some(Fault::Full));
    again("on a full disk").await;
    office.disk.set(None);
    let draining = tokio::spawn({
        let calls = office.calls.clone();
        async move { calls.drain().await }
    });
    while office.calls.readiness().is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(post_with(&app, path, body.clone(), &[("Idempotency-Key", "new")]).await.status, 503);
    again("while draining").await;
    let call = office.calls.store().open_calls().await.unwrap().remove(0);
    office.act(&call, OperatorAction::Hangup).await;
    draining.await.unwrap();
    again("when all have ended").await;
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_answered_does_not_wait_for_speech() {
    let soon = NotReady { detail: "Speech models are loading.".into(), soon: true };
    let office = Office::with(Wishes { ready: Err(soon), ..Wishes::default() }, |exchange| exchange).await;
    let placed = warmline_call::Event::CallPlaced {
        phone_number: CUSTOMER.into(),
        name: None,
        language: "en".into(),
        emotion: "Calm".into(),
        has_dynamic_instruction: false,
        escalation_enabled: true,
    };
    let call = crate::support::id(7);
    let key = keyed("k").idempotency;
    office.calls.store().place(&call, crate::support::at(), placed, key).await.unwrap();
    office.calls.store().finish_key("k", 200, "first");
    let before = tokio::time::Instant::now();
    assert!(matches!(office.calls.place(keyed("k")).await, Ok(Placed::Replay { status: 200, .. })));
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert!(matches!(office.calls.place(keyed("other")).await, Err(PlaceError::NotReady(_))));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_told_that_the_dial_did_not_begin_is_not_called_after_that() {
    for slow_room in [true, false] {
        let (rooms_tx, rooms) = watch::channel(!slow_room);
        let (dials_tx, dials) = watch::channel(slow_room);
        // Else the machine has given the customer up before.
        let timers = Timers { customer_ring: Duration::from_secs(300), ..Timers::default() };
        let wishes = Wishes { timers, ..Wishes::default() };
        let office = Office::with(wishes, |exchange| gated(exchange, rooms, dials)).await;
        let begun = tokio::time::Instant::now();
        let error = office.calls.place(keyed("k")).await.unwrap_err();
        assert!(error.to_string().contains("did not begin in time"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(100), "before the answer's own limit: {:?}", begun.elapsed());
        assert_eq!(office.calls.open_count(), 0, "it is called off before it is answered");
        let call = office.calls.store().snapshot().1.remove(0).call;
        let end = office.view(&call).await.end.unwrap();
        assert_eq!(end.reason, EndReason::TrunkFailure, "{}", end.detail);
        // The network has come to it at last.
        rooms_tx.send_replace(true);
        dials_tx.send_replace(true);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(office.exchange.open_rooms(), 0, "slow room: {slow_room}");
        let events = office.calls.store().events(&call, 0).await.unwrap();
        let story = serde_json::to_string(&events).unwrap();
        assert!(!story.contains("answered") && !story.contains(r#""state":"ringing""#), "{story}");
        // Whoever tries again, without a key, dials once.
        let call = office.place().await;
        office.until(&call, Phase::Conversing).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_calls_nobody_off() {
    let (rooms_tx, rooms) = watch::channel(false);
    let (_dials_tx, dials) = watch::channel(true);
    let office = Office::with(Wishes::default(), |exchange| gated(exchange, rooms, dials)).await;
    let app = office.app();
    let body = format!(r#"{{"phone_number":"{CUSTOMER}"}}"#);
    let post = tokio::spawn(async move {
        post_with(&app, "/calls/outbound-with-escalation", body, &[]).await;
    });
    while office.calls.open_count() == 0 {
        tokio::task::yield_now().await;
    }
    post.abort();
    assert!(post.await.unwrap_err().is_cancelled());
    rooms_tx.send_replace(true);
    let call = office.calls.store().open_calls().await.unwrap().remove(0);
    office.until(&call, Phase::Conversing).await;
}
