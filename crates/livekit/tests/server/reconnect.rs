//! What happens when the connection is lost. Each test has a server of its own to hurt.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::common::*;
use warmline_livekit::{
    ConnectError, DisconnectReason, Impairment, Options, Participant, ParticipantEvent as Event, ReconnectPolicy,
    RemoteTrack, Secret, SubscriptionPermissions, TokenSource, TrackOptions,
};

// Pitfall 3: the stream that a resume replaces says goodbye too, which must not begin another resume.
#[tokio::test]
async fn a_killed_server_that_comes_back_is_joined_anew_with_the_same_tracks() {
    let server = Server::start().await;
    let (alice, mut to_alice) = join(&server, "again", "alice").await;
    let (bob, mut to_bob) = join(&server, "again", "bob").await;
    alice.set_permissions(SubscriptionPermissions::nobody()).await.unwrap();
    let voice = alice.publish(TrackOptions::new("voice")).await.unwrap();
    alice.set_permissions(SubscriptionPermissions::nobody().allow("bob", &voice)).await.unwrap();
    alice.set_attributes([("mood".to_owned(), "good".to_owned())].into()).await.unwrap();
    say(&voice, 440.0);
    let mut before = subscribed(&mut to_bob, "alice", "voice").await;
    until_tone(&mut before, 440.0).await;
    let sid = voice.sid().unwrap();

    server.kill();
    event(&mut to_alice, "alice notices", |event| matches!(event, Event::Reconnecting).then_some(())).await;
    server.run().await;
    let back = Instant::now();
    event(&mut to_alice, "alice is back", |event| matches!(event, Event::Rejoined).then_some(())).await;
    println!("back after {:?}", back.elapsed());
    assert_ne!(voice.sid().unwrap(), sid, "a new id, the same handle");
    let mut after = subscribed(&mut to_bob, "alice", "voice").await;
    until_tone(&mut after, 440.0).await;
    // The attribute was told again, and a third one may not hear the track.
    let (_carol, mut to_carol) = join(&server, "again", "carol").await;
    let mut mood = None;
    while mood.is_none() {
        mood = event(&mut to_carol, "alice's mood", |event| match event {
            Event::Joined(who) if who.identity == "alice" => Some(who.attributes.get("mood").cloned()),
            Event::AttributesChanged { identity, attributes, .. } if identity == "alice" => {
                Some(attributes.get("mood").cloned())
            }
            Event::TrackSubscribed { .. } => panic!("the permissions are gone"),
            _ => None,
        })
        .await;
    }
    assert_eq!(mood.as_deref(), Some("good"));
    drop((alice, bob));
}

#[tokio::test]
async fn a_server_that_stops_politely_is_waited_for_too_and_a_fresh_token_is_asked_for() {
    let server = Server::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let source = {
        let asked = Arc::clone(&asked);
        TokenSource::fresh(move || {
            asked.fetch_add(1, Relaxed);
            async { Ok(token("polite", "alice")) }
        })
    };
    let (alice, mut to_alice) = Participant::connect(Options::with_source(server.url(), source)).await.unwrap();
    assert_eq!(asked.load(Relaxed), 1);
    server.terminate();
    event(&mut to_alice, "alice notices", |event| matches!(event, Event::Reconnecting).then_some(())).await;
    server.run().await;
    event(&mut to_alice, "alice is back", |event| matches!(event, Event::Rejoined).then_some(())).await;
    assert!(asked.load(Relaxed) >= 2, "the room was joined anew with the old token");
    drop(alice);
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up_with_one_last_event() {
    let server = Server::start().await;
    let mut options = options(&server, "gone", "alice");
    options.reconnect = ReconnectPolicy { resume_for: Duration::from_secs(1), rejoin_for: Duration::from_secs(2) };
    let (alice, mut to_alice) = Participant::connect(options).await.unwrap();
    let voice = alice.publish(TrackOptions::new("voice")).await.unwrap();
    server.kill();
    let reason = event(&mut to_alice, "it is given up", |event| match event {
        Event::Disconnected(reason) => Some(reason),
        _ => None,
    });
    assert!(matches!(reason.await, DisconnectReason::Lost(_)));
    assert!(soon("the end of events", to_alice.recv()).await.is_none());
    assert!(soon("the track is closed", voice.write(&[0; 3_200])).await.is_err());
}

// Pitfall 11: without our offer and the server's answer in the state, the resume would be refused.
/// We restart ICE after 8 s; after ~16 s the server wants a resume, which without an ICE restart would never work.
#[tokio::test]
async fn a_network_without_udp_for_20_s_is_survived() {
    let server = Server::without_tcp().await;
    let (network, mut heard, mut to_alice, _rest) = blackout(&server).await;
    // How long it lasts is what is tested.
    tokio::time::sleep(Duration::from_secs(20)).await;
    network.cut_udp(false);
    let restored = Instant::now();
    resumed(&mut to_alice).await;
    while heard.try_next_frame().is_some() {}
    until_tone(&mut heard, 440.0).await;
    println!("heard again {:?} after UDP was back", restored.elapsed());
}

#[tokio::test]
async fn when_udp_goes_away_for_good_media_goes_on_over_tcp() {
    let server = Server::start().await;
    let cut = Instant::now();
    let (_network, mut heard, mut to_alice, _rest) = blackout(&server).await;
    resumed(&mut to_alice).await;
    while heard.try_next_frame().is_some() {}
    until_tone(&mut heard, 440.0).await;
    println!("heard again {:?} after UDP was cut", cut.elapsed());
    // Pitfall 3: the stream that the resume replaced has said goodbye, and nothing came of it.
    listen(&mut heard, 0, 100).await;
    while let Ok(event) = to_alice.try_recv() {
        assert!(!matches!(event, Event::Reconnecting | Event::Disconnected(_)), "{event:?}");
    }
}

/// Alice talks to Bob, and the network loses all of her UDP.
async fn blackout(server: &Server) -> (Impairment, RemoteTrack, Events, (Participant, Participant, Events)) {
    let network = Impairment::new();
    let mut options = options(server, "blackout", "alice");
    options.impairment = network.clone();
    let (alice, to_alice) = Participant::connect(options).await.unwrap();
    let (bob, mut to_bob) = join(server, "blackout", "bob").await;
    let voice = alice.publish(TrackOptions::new("voice")).await.unwrap();
    say(&voice, 440.0);
    let mut heard = subscribed(&mut to_bob, "alice", "voice").await;
    until_tone(&mut heard, 440.0).await;
    network.cut_udp(true);
    until_silence(&mut heard).await;
    (network, heard, to_alice, (alice, bob, to_bob))
}

/// The session goes on: it was not joined anew.
async fn resumed(events: &mut Events) {
    event(events, "the session is resumed", |event| match event {
        Event::Resumed => Some(()),
        Event::Rejoined | Event::Disconnected(_) => panic!("the session was lost: {event:?}"),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn without_udp_media_goes_over_tcp() {
    let server = Server::start().await;
    let network = Impairment::new();
    network.cut_udp(true);
    let mut options = options(&server, "tcp", "alice");
    options.impairment = network;
    let (alice, mut to_alice) = soon("alice joins", Participant::connect(options)).await.unwrap();
    let (bob, mut to_bob) = join(&server, "tcp", "bob").await;
    let (from_alice, from_bob) = (
        alice.publish(TrackOptions::new("voice")).await.unwrap(),
        bob.publish(TrackOptions::new("voice")).await.unwrap(),
    );
    say(&from_alice, 440.0);
    say(&from_bob, 660.0);
    let mut at_bob = subscribed(&mut to_bob, "alice", "voice").await;
    let mut at_alice = subscribed(&mut to_alice, "bob", "voice").await;
    let (heard_by_bob, heard_by_alice) = tokio::join!(listen(&mut at_bob, 50, 100), listen(&mut at_alice, 50, 100));
    for heard in [measure(&heard_by_bob, 440.0), measure(&heard_by_alice, 660.0)] {
        println!("{heard:?}");
        assert!(heard.snr > 20.0 && heard.dropouts == 0, "{heard:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_joining_is_said_without_the_token() {
    let server = Server::start().await;
    let failed = |url: String, token: Secret| async move {
        let error = soon("a refusal", Participant::connect(Options::new(url, token))).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("eyJ"), "{error:?}");
        error
    };
    let forged = {
        use livekit_api::access_token::{AccessToken, VideoGrants};
        let grants = VideoGrants { room_join: true, room: "r".to_owned(), ..VideoGrants::default() };
        let token = AccessToken::with_api_key(KEY, "another secret").with_identity("eve").with_grants(grants);
        Secret::new(token.to_jwt().unwrap())
    };
    // Pitfall 12.
    assert!(matches!(failed(server.url(), forged).await, ConnectError::Unauthorized(_)));
    assert!(matches!(failed(server.url(), Secret::new("eyJunk")).await, ConnectError::Unauthorized(_)));
    assert!(matches!(failed("ws://127.0.0.1:1".to_owned(), token("r", "a")).await, ConnectError::Unreachable(_)));
    assert!(matches!(failed("nonsense".to_owned(), token("r", "a")).await, ConnectError::Address(_)));
    let none = TokenSource::fresh(|| async { Err("the safe is locked".to_owned()) });
    let error = Participant::connect(Options::with_source(server.url(), none)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Token(why) if why == "the safe is locked"));
}

#[tokio::test]
async fn whoever_joins_with_the_same_identity_takes_the_place() {
    let server = Server::start().await;
    let (_first, mut to_first) = join(&server, "twins", "alice").await;
    let (_second, _to_second) = join(&server, "twins", "alice").await;
    let reason = event(&mut to_first, "the first is out", |event| match event {
        Event::Disconnected(reason) => Some(reason),
        Event::Rejoined => panic!("two that throw each other out for ever"),
        _ => None,
    });
    assert_eq!(reason.await, DisconnectReason::DuplicateIdentity);
}
