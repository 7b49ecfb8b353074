//! Audio between participants of ours, through a real livekit-server.

use crate::common::*;
use warmline_livekit::{Impairment, Participant, TrackOptions, audio::JitterStats};

// Pitfall 4: packets leave when time passes, one by one. Pitfall 15: both talk to one UDP port of the server, from sockets of
// their own. Pitfall 16: neither asks the STUN servers that this one names; nothing leaves the machine.
#[tokio::test]
async fn a_tone_crosses_both_ways() {
    let server = Server::start().await;
    let (alice, mut to_alice) = join(&server, "tones", "alice").await;
    let (bob, mut to_bob) = join(&server, "tones", "bob").await;
    let from_alice = alice.publish(TrackOptions::new("voice")).await.unwrap();
    let from_bob = bob.publish(TrackOptions::new("voice")).await.unwrap();
    say(&from_alice, 440.0);
    say(&from_bob, 660.0);
    let mut at_bob = subscribed(&mut to_bob, "alice", "voice").await;
    let mut at_alice = subscribed(&mut to_alice, "bob", "voice").await;
    let (heard_by_bob, heard_by_alice) = tokio::join!(listen(&mut at_bob, 50, 250), listen(&mut at_alice, 50, 250));
    let (bob_heard, alice_heard) = (measure(&heard_by_bob, 440.0), measure(&heard_by_alice, 660.0));
    println!("bob {bob_heard:?} {:?}\nalice {alice_heard:?} {:?}", at_bob.stats(), at_alice.stats());
    assert!(bob_heard.snr > 30.0 && bob_heard.dropouts == 0, "{bob_heard:?}");
    assert!(alice_heard.snr > 30.0 && alice_heard.dropouts == 0, "{alice_heard:?}");
    alice.close().await;
    bob.close().await;
}

// Pitfall 8.
#[tokio::test]
async fn a_network_that_loses_a_tenth_is_hardly_heard_with_redundancy_and_heard_without() {
    let (with, without) = tokio::join!(lossy(Server::start()), lossy(Server::without_red()));
    println!("RED {with:?}\nplain {without:?}");
    assert!(with.1.recovered > 20 && without.1.recovered == 0);
    assert!(with.1.lost < 20 && without.1.lost > 20);
    assert!(with.0.snr > 30.0 && with.0.dropouts == 0);
    assert!(with.0.snr > without.0.snr + 3.0);
}

/// 10 s of a tone through a network that loses a tenth of the packets.
async fn lossy(server: impl Future<Output = Server>) -> (Heard, JitterStats) {
    let server = server.await;
    let network = Impairment::new();
    let mut options = options(&server, "loss", "bob");
    options.impairment = network.clone();
    let (_bob, mut to_bob) = Participant::connect(options).await.unwrap();
    let (alice, _to_alice) = join(&server, "loss", "alice").await;
    let voice = alice.publish(TrackOptions::new("voice")).await.unwrap();
    say(&voice, 440.0);
    let mut heard = subscribed(&mut to_bob, "alice", "voice").await;
    until_tone(&mut heard, 440.0).await;
    network.lose(100);
    let tone = listen(&mut heard, 25, 500).await;
    (measure(&tone, 440.0), heard.stats())
}

#[tokio::test]
async fn clearing_is_heard_at_once_and_says_what_was_not_played() {
    let server = Server::start().await;
    let (alice, _to_alice) = join(&server, "barge-in", "alice").await;
    let (_bob, mut to_bob) = join(&server, "barge-in", "bob").await;
    let voice = alice.publish(TrackOptions::new("voice")).await.unwrap();
    let saying = say(&voice, 440.0);
    let mut heard = subscribed(&mut to_bob, "alice", "voice").await;
    until_tone(&mut heard, 440.0).await;
    while heard.try_next_frame().is_some() {}
    saying.abort();
    let _ = saying.await;
    let unheard = voice.clear();
    let played = voice.played();
    assert!(unheard <= 960, "60 ms may wait at most: {unheard}");
    // What was on its way, and what is kept against a network that is late now and then.
    let after = until_silence(&mut heard).await;
    assert!(after <= 20, "silent after {after} frames");
    assert_eq!(voice.played(), played, "nothing was played after it");
    println!("{unheard} samples not played; silent after {after} frames of 20 ms, five at a time");
}

#[tokio::test]
async fn a_source_is_played_without_a_queue_at_48_khz_too() {
    let server = Server::start().await;
    let (alice, _to_alice) = join(&server, "source", "alice").await;
    let (_bob, mut to_bob) = join(&server, "source", "bob").await;
    let mut tone = Tone::new(440.0, 48_000);
    let mut options = TrackOptions::new("source");
    options.sample_rate = 48_000;
    let fill = move |frame: &mut [i16]| {
        frame.copy_from_slice(&tone.next_frame());
        true
    };
    let source = alice.publish_source(options, fill).await.unwrap();
    let mut heard = subscribed(&mut to_bob, "alice", "source").await;
    let heard = measure(&listen(&mut heard, 50, 150).await, 440.0);
    println!("{heard:?}");
    assert!(heard.snr > 30.0 && heard.dropouts == 0, "{heard:?}");
    assert!(source.played() > 48_000);
    let mut odd = TrackOptions::new("odd");
    odd.sample_rate = 44_100;
    assert!(alice.publish(odd).await.is_err());
}
