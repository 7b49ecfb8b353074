//! The server's API stalls in the middle of a merge. Nobody waits for it, and nobody hears whom they must not.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
};
use livekit_protocol::UpdateSubscriptionsRequest;
use prost::Message;
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::task::AbortOnDropHandle;
use warmline_call::{LeftCause, LegFact, LegRef};
use warmline_exchange::ExchangeOptions;

use crate::{
    common::*,
    consult::{Consult, OF_CUSTOMER, OF_SUPERVISOR, TO_CUSTOMER, TO_SUPERVISOR},
};

/// What no order may take, whatever the server does.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Stands before the API. What is held back is carried out when it is let go, whether or not somebody still waits for it.
#[derive(Clone)]
struct Front {
    behind: Arc<Mutex<String>>,
    http: reqwest::Client,
    /// How many subscriptions pass before they are held back.
    passing: Arc<AtomicUsize>,
    held: Arc<AtomicUsize>,
    let_go: watch::Sender<bool>,
}

impl Front {
    async fn start() -> (Self, String, AbortOnDropHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let front = Self {
            behind: Arc::default(),
            http: reqwest::Client::new(),
            passing: Arc::new(AtomicUsize::new(usize::MAX)),
            held: Arc::default(),
            let_go: watch::channel(false).0,
        };
        let app = Router::new().fallback(pass).with_state(front.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (front, url, AbortOnDropHandle::new(serving))
    }

    async fn world() -> (Self, World, AbortOnDropHandle<()>) {
        // First: it installs the TLS provider that the HTTP client needs.
        let server = Server::start().await;
        drop(warmline_livekit::services::Services::new(warmline_livekit::services::Project {
            url: server.url(),
            key: KEY.to_owned(),
            secret: SECRET.into(),
        }));
        let (front, url, serving) = Self::start().await;
        let options = ExchangeOptions::new(Arc::new(FakeStt("yes")), Arc::new(FakeTts));
        let world = World::tuned(server, options, |settings| {
            *front.behind.lock().unwrap() = settings.api_url.replace(url).unwrap();
        })
        .await;
        (front, world, serving)
    }

    fn hold_after(&self, passing: usize) {
        self.passing.store(passing, Relaxed);
    }
}

async fn pass(State(front): State<Front>, uri: Uri, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap, Bytes) {
    if uri.path().ends_with("/UpdateSubscriptions") {
        let subscribes = UpdateSubscriptionsRequest::decode(body.clone()).unwrap().subscribe;
        let passes = !subscribes || front.passing.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1)).is_ok();
        if !passes {
            front.held.fetch_add(1, Relaxed);
            let mut let_go = front.let_go.subscribe();
            // On a task of its own: whoever asked may have gone away.
            let carried_out = tokio::spawn(async move {
                let _ = let_go.wait_for(|go| *go).await;
                forward(&front, &uri, &headers, body).await
            });
            return carried_out.await.unwrap();
        }
    }
    forward(&front, &uri, &headers, body).await
}

async fn forward(front: &Front, uri: &Uri, headers: &HeaderMap, body: Bytes) -> (StatusCode, HeaderMap, Bytes) {
    let url = format!("{}{}", front.behind.lock().unwrap(), uri.path());
    let mut request = front.http.post(url).body(body);
    for name in [header::AUTHORIZATION, header::CONTENT_TYPE] {
        request = request.header(name.clone(), headers[&name].clone());
    }
    let Ok(answer) = request.send().await else { return (StatusCode::BAD_GATEWAY, HeaderMap::new(), Bytes::new()) };
    let mut headers = HeaderMap::new();
    headers.extend(answer.headers().get(header::CONTENT_TYPE).map(|kind| (header::CONTENT_TYPE, kind.clone())));
    (answer.status(), headers, answer.bytes().await.unwrap_or_default())
}

/// Neither hears the other for a second.
async fn are_apart(consult: &Consult) {
    let before = (consult.customer.heard_of(OF_SUPERVISOR), consult.supervisor.heard_of(OF_CUSTOMER));
    tokio::join!(consult.customer.hears(TO_CUSTOMER, 50), consult.supervisor.hears(TO_SUPERVISOR, 50));
    let after = (consult.customer.heard_of(OF_SUPERVISOR), consult.supervisor.heard_of(OF_CUSTOMER));
    assert_eq!(before, after, "frames of the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_supervisor_hears_nobody_while_a_merge_of_before_stalls() {
    let (front, world, _serving) = Front::world().await;
    let mut consult = Consult::begin(&world).await;
    front.hold_after(1);
    let room = Arc::clone(&consult.room);
    let merging = tokio::spawn(async move { room.merge().await });
    until("half of the merge stalls", || front.held.load(Relaxed) > 0).await;

    // As the call does it after 3 s: hung up, and the next.
    timeout(AT_ONCE, consult.room.hang_up(LegRef::Supervisor(1))).await.expect("ordering does not wait");
    assert_eq!(left(&mut consult.legs[1].progress).await.0, LeftCause::Released);
    until("the supervisor's phone is free", || world.exchange.open_rooms() == 1).await;
    let mut next = consult.room.dial(to(&call(), LegRef::Supervisor(2), SUPERVISOR)).await.unwrap();
    assert_eq!(fact(&mut next).await, Some(LegFact::Ringing));
    let heard = (consult.customer.heard_of(OF_SUPERVISOR), consult.supervisor.heard_of(OF_CUSTOMER));
    consult.supervisor.handle.answer();
    assert_eq!(fact(&mut next).await, Some(LegFact::Answered));
    let _saying = keep_saying(&next.line.mouth, TO_SUPERVISOR);
    are_apart(&consult).await;
    let now = (consult.customer.heard_of(OF_SUPERVISOR), consult.supervisor.heard_of(OF_CUSTOMER));
    println!("frames heard of each other since the answer: {} and {}", now.0 - heard.0, now.1 - heard.1);
    assert!(now.0 - heard.0 <= 1 && now.1 - heard.1 <= 1, "they heard each other when the next one answered");
    assert!(merging.await.unwrap().is_err());
    // It is carried out after all.
    front.let_go.send_replace(true);
    are_apart(&consult).await;
    timeout(AT_ONCE, consult.room.close()).await.expect("ordering does not wait");
    world.until_gone(&call()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_was_given_up_is_undone_at_once_and_again_when_it_is_carried_out_late() {
    let (front, world, _serving) = Front::world().await;
    let consult = Consult::begin(&world).await;
    front.hold_after(1);
    let room = Arc::clone(&consult.room);
    let merging = tokio::spawn(async move { room.merge().await });
    until("half of the merge stalls", || front.held.load(Relaxed) > 0).await;
    consult.room.separate();
    assert!(soon("the merge's answer", merging).await.unwrap().is_err());
    are_apart(&consult).await;
    front.let_go.send_replace(true);
    // What is carried out late may be heard until it is undone: as soon as it is answered.
    let held = (consult.customer.heard_of(OF_SUPERVISOR), consult.supervisor.heard_of(OF_CUSTOMER));
    tokio::join!(consult.customer.hears(TO_CUSTOMER, 50), consult.supervisor.hears(TO_SUPERVISOR, 50));
    let now = (consult.customer.heard_of(OF_SUPERVISOR), consult.supervisor.heard_of(OF_CUSTOMER));
    println!("frames heard of each other through what was carried out late: {} and {}", now.0 - held.0, now.1 - held.1);
    are_apart(&consult).await;
    // The same two can still be merged, and told apart.
    front.hold_after(usize::MAX);
    consult.room.merge().await.unwrap();
    consult.hear_each_other(25).await;
    consult.room.separate();
    are_apart_soon(&consult).await;
    consult.room.close().await;
    world.until_gone(&call()).await;
}

async fn are_apart_soon(consult: &Consult) {
    soon("they are apart", async {
        loop {
            let before = (consult.customer.heard_of(OF_SUPERVISOR), consult.supervisor.heard_of(OF_CUSTOMER));
            tokio::join!(consult.customer.hears(TO_CUSTOMER, 25), consult.supervisor.hears(TO_SUPERVISOR, 25));
            if before == (consult.customer.heard_of(OF_SUPERVISOR), consult.supervisor.heard_of(OF_CUSTOMER)) {
                return;
            }
        }
    })
    .await;
}
