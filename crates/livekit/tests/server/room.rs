//! What participants of ours learn of each other, through a real livekit-server.

use std::{collections::BTreeMap, time::Duration};

use crate::common::*;
use livekit_api::services::room::RoomClient;
use warmline_livekit::{
    DisconnectReason, Kind, ParticipantEvent as Event, RequestError, RpcError, TrackOptions, Transcription,
};

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn participants_come_change_and_go() {
    let server = Server::start().await;
    let (alice, mut to_alice) = join(&server, "people", "alice").await;
    assert_eq!((alice.identity(), alice.room()), ("alice", "people"));
    let (bob, mut to_bob) = join(&server, "people", "bob").await;
    let kind = event(&mut to_bob, "alice is there", |event| match event {
        Event::Joined(who) if who.identity == "alice" => Some(who.kind),
        _ => None,
    });
    assert_eq!(kind.await, Kind::Agent);
    event(&mut to_alice, "bob joins", |event| {
        matches!(event, Event::Joined(who) if who.identity == "bob").then_some(())
    })
    .await;

    bob.set_attributes(map(&[("lk.agent.state", "listening"), ("mood", "good")])).await.unwrap();
    let first = event(&mut to_alice, "bob's attributes", |event| match event {
        Event::AttributesChanged { identity, changed, .. } if identity == "bob" => Some(changed),
        _ => None,
    });
    assert_eq!(first.await, map(&[("lk.agent.state", "listening"), ("mood", "good")]));
    bob.set_attributes(map(&[("lk.agent.state", "speaking"), ("mood", "")])).await.unwrap();
    let second = event(&mut to_alice, "bob's attributes again", |event| match event {
        Event::AttributesChanged { changed, attributes, .. } => Some((changed, attributes)),
        _ => None,
    });
    let (changed, attributes) = second.await;
    assert_eq!(changed, map(&[("lk.agent.state", "speaking"), ("mood", "")]));
    assert_eq!(attributes, map(&[("lk.agent.state", "speaking")]));

    bob.set_name("Bob").await.unwrap();
    bob.set_metadata("some").await.unwrap();
    let renamed = event(&mut to_alice, "bob's name and metadata", |event| match event {
        Event::MetadataChanged { name, metadata, .. } if metadata == "some" => Some(name),
        _ => None,
    });
    assert_eq!(renamed.await, "Bob", "setting the one leaves the other alone");

    bob.close().await;
    let why = event(&mut to_alice, "bob leaves", |event| match event {
        Event::Left { identity, reason } if identity == "bob" => Some(reason),
        _ => None,
    });
    assert_eq!(why.await, DisconnectReason::ClientInitiated);
    let last = event(&mut to_bob, "bob's end", |event| match event {
        Event::Disconnected(reason) => Some(reason),
        _ => None,
    });
    assert_eq!(last.await, DisconnectReason::ClientInitiated);
    assert!(soon("the end of events", to_bob.recv()).await.is_none(), "nothing after the last event");
}

#[tokio::test]
async fn dropping_a_participant_takes_it_out_of_the_room() {
    let server = Server::start().await;
    let (_alice, mut to_alice) = join(&server, "drop", "alice").await;
    let (bob, to_bob) = join(&server, "drop", "bob").await;
    let track = bob.publish(TrackOptions::new("voice")).await.unwrap();
    // Of somebody whom the server has not shown yet it tells nobody that they have left.
    event(&mut to_alice, "bob joins", |event| matches!(event, Event::Joined(_)).then_some(())).await;
    drop((bob, to_bob));
    event(&mut to_alice, "bob leaves", |event| matches!(event, Event::Left { .. }).then_some(())).await;
    soon("the track is closed", async { while track.write(&[0; 320]).await.is_ok() {} }).await;
}

#[tokio::test]
async fn messages_texts_keys_and_calls_arrive() {
    let server = Server::start().await;
    let (alice, mut to_alice) = join(&server, "words", "alice").await;
    let (bob, mut to_bob) = join(&server, "words", "bob").await;
    event(&mut to_alice, "bob joins", |event| matches!(event, Event::Joined(_)).then_some(())).await;

    alice.send_data(*b"to all", Some("t"), true, vec![]).await.unwrap();
    alice.send_data(*b"quickly", None, false, vec!["bob".to_owned()]).await.unwrap();
    for _ in 0..2 {
        let data = event(&mut to_bob, "data", |event| match event {
            Event::Data(data) => Some(data),
            _ => None,
        });
        let data = data.await;
        assert_eq!(data.identity.as_deref(), Some("alice"));
        match data.payload.as_slice() {
            b"to all" => assert!(data.reliable && data.topic.as_deref() == Some("t")),
            b"quickly" => assert!(!data.reliable && data.topic.is_none()),
            other => panic!("{other:?}"),
        }
    }

    // More than the channel takes at once (pitfall 9), and in more than one chunk.
    let long = "grüße, 世界 ".repeat(20_000);
    alice.send_text("lk.chat", &long, &map(&[("k", "v")]), vec![]).await.unwrap();
    let text = event(&mut to_bob, "a text", |event| match event {
        Event::Text(text) => Some(text),
        _ => None,
    });
    let text = text.await;
    assert_eq!(
        (text.topic.as_str(), text.identity.as_str(), &text.attributes),
        ("lk.chat", "alice", &map(&[("k", "v")]))
    );
    assert!(text.text == long);

    let voice = alice.publish(TrackOptions::new("voice")).await.unwrap();
    let sid = voice.sid().unwrap();
    let said = Transcription { segment: "SG_1", track: &sid, text: "hello", is_final: true };
    alice.send_transcription(said.clone()).await.unwrap();
    let transcribed = event(&mut to_bob, "a transcription", |event| match event {
        Event::Text(text) if text.topic == "lk.transcription" => Some(text),
        _ => None,
    });
    let transcribed = transcribed.await;
    assert_eq!(transcribed.text, "hello");
    assert_eq!(transcribed.attributes["lk.transcribed_track_id"], sid);
    assert_eq!(transcribed.attributes["lk.transcription_final"], "true");
    // Pitfall 10.
    assert_eq!(alice.send_transcription(Transcription { track: "", ..said }).await, Err(RequestError::NoTrack));

    alice.send_dtmf('#', vec![]).await.unwrap();
    let key = event(&mut to_bob, "a key", |event| match event {
        Event::Dtmf { identity, digit } => Some((identity, digit)),
        _ => None,
    });
    assert_eq!(key.await, ("alice".to_owned(), '#'));
    assert!(alice.send_dtmf('x', vec![]).await.is_err());

    let call = tokio::spawn(async move {
        let answer = alice.call("bob", "echo", "hi", Duration::from_secs(10)).await;
        let refused = alice.call("bob", "unknown", "", Duration::from_secs(10)).await;
        (answer, refused)
    });
    for _ in 0..2 {
        let invocation = event(&mut to_bob, "a call", |event| match event {
            Event::Rpc(invocation) => Some(invocation),
            _ => None,
        });
        let invocation = invocation.await;
        if invocation.method == "echo" {
            let answer = format!("{} says {}", invocation.caller, invocation.payload);
            invocation.answer(Ok(answer));
        }
    }
    let (answer, refused) = soon("the answers", call).await.unwrap();
    assert_eq!(answer, Ok("alice says hi".to_owned()));
    assert_eq!(refused.unwrap_err().code, RpcError::UNSUPPORTED_METHOD);
    drop(bob);
}

#[tokio::test]
async fn tracks_are_published_muted_unmuted_and_taken_back() {
    let server = Server::start().await;
    let (alice, mut to_alice) = join(&server, "mute", "alice").await;
    let (_bob, mut to_bob) = join(&server, "mute", "bob").await;
    let voice = alice.publish(TrackOptions::new("voice")).await.unwrap();
    let sid = voice.sid().unwrap();
    let saying = say(&voice, 440.0);
    let mut heard = subscribed(&mut to_bob, "alice", "voice").await;
    assert_eq!(heard.sid(), sid);
    until_tone(&mut heard, 440.0).await;
    // Pitfall 7: without the levels nobody would be an active speaker.
    let speaker = event(&mut to_bob, "alice speaks", |event| match event {
        Event::ActiveSpeakers(speakers) => speakers.into_iter().next(),
        _ => None,
    });
    let speaker = speaker.await;
    assert!(speaker.identity == "alice" && speaker.level > 0.0, "{speaker:?}");

    voice.mute().await.unwrap();
    let muted = |event| match event {
        Event::TrackMuted { sid, muted, .. } => Some((sid, muted)),
        _ => None,
    };
    assert_eq!(event(&mut to_bob, "muted", muted).await, (sid.clone(), true));
    event(&mut to_bob, "nobody speaks", |event| {
        matches!(event, Event::ActiveSpeakers(speakers) if speakers.is_empty()).then_some(())
    })
    .await;
    until_silence(&mut heard).await;
    let quiet = listen(&mut heard, 10, 25).await;
    assert!(quiet.iter().all(|&sample| sample == 0), "{:?}", measure(&quiet, 440.0));
    voice.unmute().await.unwrap();
    assert_eq!(event(&mut to_bob, "unmuted", muted).await, (sid.clone(), false));
    until_tone(&mut heard, 440.0).await;

    // The server mutes it, and lets it be heard again.
    let rooms = RoomClient::with_api_key(&server.url(), KEY, SECRET);
    rooms.mute_published_track("mute", "alice", &sid, true).await.unwrap();
    let told = event(&mut to_alice, "the server mutes it", |event| match event {
        Event::LocalTrackMuted { sid, muted } => Some((sid, muted)),
        _ => None,
    });
    assert_eq!(told.await, (sid.clone(), true));
    until_silence(&mut heard).await;
    voice.unmute().await.unwrap();
    until_tone(&mut heard, 440.0).await;

    voice.unpublish().await.unwrap();
    event(&mut to_bob, "the track is gone", |event| match event {
        Event::TrackUnpublished { sid: gone, .. } if gone == sid => Some(()),
        _ => None,
    })
    .await;
    soon("the sound ends", async { while heard.next_frame().await.is_some() {} }).await;
    soon("the track is closed", saying).await.unwrap();

    // The section is used again (pitfall 1).
    for n in 0..4 {
        let name = format!("again-{n}");
        let again = alice.publish(TrackOptions::new(name.as_str())).await.unwrap();
        say(&again, 500.0 + 50.0 * f64::from(n));
        let mut heard = subscribed(&mut to_bob, "alice", &name).await;
        until_tone(&mut heard, 500.0 + 50.0 * f64::from(n)).await;
        again.unpublish().await.unwrap();
        soon("the sound ends", async { while heard.next_frame().await.is_some() {} }).await;
    }
}

#[tokio::test]
async fn a_room_that_is_deleted_says_so() {
    let server = Server::start().await;
    let (_alice, mut to_alice) = join(&server, "deleted", "alice").await;
    RoomClient::with_api_key(&server.url(), KEY, SECRET).delete_room("deleted").await.unwrap();
    let reason = event(&mut to_alice, "alice is out", |event| match event {
        Event::Disconnected(reason) => Some(reason),
        _ => None,
    });
    assert_eq!(reason.await, DisconnectReason::RoomDeleted);
}
