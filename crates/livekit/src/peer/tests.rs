//! Negotiation with an honest server of this process.

use livekit_protocol::{self as proto, signal_request::Message as Request};

use super::{
    Impairment, Peer, Wire,
    fuzzing::{answer, new_peer, new_server},
};

fn offer(peer: &mut Peer) -> Option<proto::SessionDescription> {
    match peer.next_offer() {
        Some(Request::Offer(offer)) => Some(offer),
        Some(other) => panic!("{other:?}"),
        None => None,
    }
}

fn audio_sections(offer: &proto::SessionDescription) -> usize {
    offer.sdp.matches("m=audio").count()
}

// Pitfall 2.
#[test]
fn a_wish_for_no_section_is_answered_with_an_offer_all_the_same() {
    let (mut peer, mut server) = (new_peer(), new_server());
    peer.negotiation().require(1, 0);
    let first = offer(&mut peer).unwrap();
    let (sdp, mids) = server.accept(&first).unwrap();
    peer.answer(&answer(sdp, first.id, &mids)).unwrap();
    assert_eq!(offer(&mut peer).map(|offer| offer.id), None, "nothing is wanted");
    peer.negotiation().require(0, 0);
    let second = offer(&mut peer).expect("the server waits for an offer");
    assert_eq!((audio_sections(&first), audio_sections(&second)), (1, 1));
    assert!(second.sdp.contains("a=recvonly"), "what is received stays so:\n{}", second.sdp);
}

// Pitfall 5.
#[test]
fn one_offer_is_outstanding_and_what_is_wanted_meanwhile_is_in_the_next() {
    let (mut peer, mut server) = (new_peer(), new_server());
    let first = offer(&mut peer).unwrap();
    for cid in ["warmline-1", "warmline-2"] {
        peer.negotiation().wants().publish.push(cid.to_owned());
        assert!(offer(&mut peer).is_none(), "the first is not answered yet");
    }
    let (sdp, mids) = server.accept(&first).unwrap();
    peer.answer(&answer(sdp, first.id, &mids)).unwrap();
    let second = offer(&mut peer).unwrap();
    assert_eq!((audio_sections(&first), audio_sections(&second)), (0, 2));
    assert!(
        ["warmline-1", "warmline-2"].iter().all(|cid| second.sdp.contains(cid)),
        "the tracks' ids are the client's"
    );
    // An answer to another offer changes nothing.
    let (sdp, mids) = server.accept(&second).unwrap();
    peer.answer(&answer(sdp.clone(), second.id + 7, &mids)).unwrap();
    assert!(peer.way_out("warmline-1").is_none() && !peer.negotiation().is_answered());
    peer.answer(&answer(sdp, second.id, &mids)).unwrap();
    assert!(peer.way_out("warmline-1").is_some() && peer.way_out("warmline-3").is_none());
}

// Pitfall 6.
#[test]
fn our_candidate_is_in_the_offer_and_the_servers_wait_for_its_answer() {
    let (mut peer, mut server) = (new_peer(), new_server());
    let first = offer(&mut peer).unwrap();
    let own = format!("127.0.0.1 {} typ host", peer.wire.local().port());
    assert!(first.sdp.contains(&own), "{own} is not in\n{}", first.sdp);
    let candidate = |kind: &str| format!(r#"{{"candidate":"candidate:1 1 {kind}"}}"#);
    peer.candidate(&candidate("udp 2130706431 127.0.0.1 50100 typ host")).unwrap();
    assert_eq!(peer.early_candidates.len(), 1, "it came before the answer");
    peer.candidate(&candidate("tcp 1671430143 127.0.0.1 7881 typ host tcptype passive")).unwrap();
    assert_eq!(peer.tcp_candidates(), [([127, 0, 0, 1], 7_881).into()]);
    let (sdp, mids) = server.accept(&first).unwrap();
    peer.answer(&answer(sdp, first.id, &mids)).unwrap();
    assert!(peer.early_candidates.is_empty());
    peer.candidate(&candidate("udp 2130706431 127.0.0.1 50101 typ host")).unwrap();
    assert!(peer.early_candidates.is_empty(), "it is used at once");
}

// Pitfalls 15 and 16.
#[tokio::test]
async fn each_connection_has_a_socket_of_its_own_and_on_loopback_it_reaches_nobody_else() {
    let server = ([127, 0, 0, 1], 7_882).into();
    let one = Wire::towards(server, Impairment::new()).await.unwrap();
    let other = Wire::towards(server, Impairment::new()).await.unwrap();
    assert_ne!(one.local().port(), other.local().port());
    assert!(one.local().ip().is_loopback() && other.local().ip().is_loopback());
}
