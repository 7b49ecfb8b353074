#![allow(clippy::expect_used, reason = "a fuzz target fails by panicking")]

use std::{
    cell::RefCell,
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use livekit_protocol::{self as proto, signal_request::Message as Request};
use str0m::{
    Candidate, Input, Output, Rtc,
    change::SdpOffer,
    media::{Mid, Pt},
    net::{Protocol, Receive},
    rtp::RtpWrite,
};

use super::{Impairment, LARGEST, Peer, PeerEvent, Wire, candidates::MOST_CANDIDATES, negotiation::MOST_SECTIONS, sdp};
use crate::{
    audio::{AudioReceiver, FRAME_TIME, JitterConfig},
    fuzz::Pieces,
};

const TRACK: &str = "TR_fuzz";

/// The server's session descriptions and candidates, true and false ones. The server may break its own session with them,
/// never us; what it asks for is bounded; and no second offer is made while one is outstanding.
pub fn descriptions(input: &[u8]) {
    let mut peer = new_peer();
    let mut server = new_server();
    let mut outstanding = None;
    for (what, bytes) in Pieces::of(input) {
        let text = String::from_utf8_lossy(bytes);
        match what % 6 {
            0 => {
                let sections = sdp::sections(&text);
                let tracks = HashMap::from([("0".to_owned(), TRACK.to_owned())]);
                assert!(sdp::tracks_by_ssrc(&sections, &tracks).values().all(|track| track == TRACK));
                let id = outstanding.as_ref().map_or(0, |offer: &proto::SessionDescription| offer.id);
                if peer.answer(&answer(text.into_owned(), id, &[])).is_err() {
                    return;
                }
                outstanding = None;
            }
            1 => {
                // An honest answer in which some bytes are changed.
                let Some(offer) = outstanding.take() else { continue };
                let Some((mut sdp, mids)) = server.accept(&offer) else { return };
                for edit in bytes.as_chunks::<3>().0 {
                    let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % sdp.len();
                    // Only within ASCII is the text still text.
                    let change = char::from(edit[2] & 0x7f).to_string();
                    sdp.replace_range(at..=at, &change);
                }
                if peer.answer(&answer(sdp, offer.id, &mids)).is_err() {
                    return;
                }
            }
            2 => {
                if peer.candidate(&text).is_err() {
                    return;
                }
            }
            3 => {
                let count =
                    |at| bytes.get(at..at + 4).map_or(1, |four| u32::from_le_bytes(four.try_into().expect("4")));
                peer.negotiation().require(count(0), count(4));
            }
            4 => peer.negotiation().wants().publish.push(format!("cid-{}", text.len())),
            _ => peer.negotiation().wants().ice_restart = true,
        }
        if let Some(Request::Offer(offer)) = peer.next_offer() {
            assert!(outstanding.is_none(), "two offers at once");
            assert!(offer.sdp.matches("m=").count() <= MOST_SECTIONS + 8, "too many sections are offered");
            outstanding = Some(offer);
        }
        assert!(peer.tcp_candidates().len() + peer.early_candidates.len() <= 2 * MOST_CANDIDATES);
    }
}

/// Datagrams from anybody who knows our port, to a peer connection that is not up yet and to one that is. None of them ends it.
pub fn datagrams(input: &[u8]) {
    let mut fresh = new_peer();
    let mut now = Instant::now();
    fresh.next_offer();
    for (_, bytes) in Pieces::of(input) {
        now += Duration::from_millis(1);
        fresh.feed(now, server_address(), bytes, &mut Vec::new());
        fresh.feed(now, ([127, 0, 0, 1], 5).into(), bytes, &mut Vec::new());
    }
    with_pair(|pair| {
        for (_, bytes) in Pieces::of(input) {
            pair.peer.feed(pair.now, server_address(), bytes, &mut pair.sent);
            pair.pass(Duration::from_millis(1));
        }
        assert!(pair.peer.rtc.is_connected(), "datagrams of a stranger ended the connection");
    });
}

/// RTP packets through encryption, parsing and the track's receiver. A packet that came as it was sent is told with the
/// track, payload and kind that it has; one that was changed on its way is not told.
pub fn rtp(input: &[u8]) {
    with_pair(|pair| {
        let mut receiver = AudioReceiver::new(JitterConfig::default()).expect("there is a decoder");
        for (how, bytes) in Pieces::of(input).take(256) {
            let (head, payload) = bytes.split_at(bytes.len().min(6));
            if payload.is_empty() || payload.len() > 1_100 {
                continue;
            }
            let byte = |at: usize| head.get(at).copied().unwrap_or_default();
            let timestamp = u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]);
            let (red, changed) = (how & 1 == 1, how & 2 == 2);
            let mut packets = pair.server.send(pair.now, 1 + u64::from(byte(4) % 8), timestamp, red, payload);
            assert_eq!(packets.len(), 1, "a packet is sent as one");
            if changed {
                let at = 12 + usize::from(byte(5)) % (packets[0].len() - 12);
                packets[0][at] ^= 1 + (how >> 2);
            }
            let told = pair.peer.feed(pair.now, server_address(), &packets[0], &mut pair.sent);
            let told: Vec<Told> = told.into_iter().filter_map(rtp_of).collect();
            if changed {
                assert!(told.is_empty(), "a packet that was changed on its way was told");
            } else {
                let expected = (TRACK.to_owned(), timestamp, payload.to_vec(), red);
                assert_eq!(
                    told.iter().map(|t| (t.0.to_string(), t.2, t.3.to_vec(), t.4)).collect::<Vec<_>>(),
                    [expected]
                );
            }
            for (_, ssrc, timestamp, payload, red) in told {
                receiver.packet(pair.now, ssrc, timestamp, &payload, red);
            }
            receiver.next_frame(pair.now);
            pair.pass(FRAME_TIME);
        }
        assert!(pair.peer.rtc.is_connected());
    });
}

type Told = (Arc<str>, u32, u32, Arc<[u8]>, bool);

fn rtp_of(event: PeerEvent) -> Option<Told> {
    match event {
        PeerEvent::Rtp { track, ssrc, timestamp, payload, red } => Some((track, ssrc, timestamp, payload, red)),
        _ => None,
    }
}

/// The other end of a peer connection, without a network.
pub(crate) struct Server {
    rtc: Rtc,
    sequence: u64,
    audio: Option<Mid>,
}

/// A peer connection that is up, and its other end.
struct Pair {
    peer: Peer,
    server: Server,
    /// What the peer connection has sent and the other end has not got yet.
    sent: Vec<Vec<u8>>,
    now: Instant,
}

fn server_address() -> SocketAddr {
    ([127, 0, 0, 1], 7_882).into()
}

pub(crate) fn new_peer() -> Peer {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let wire = runtime.block_on(Wire::towards(server_address(), Impairment::new())).expect("a socket on loopback");
    Peer::new(wire, true).expect("a peer connection")
}

pub(crate) fn new_server() -> Server {
    let mut rtc =
        Rtc::builder().clear_codecs().set_rtp_mode(true).enable_opus(true, true).enable_vp8(true).build(Instant::now());
    rtc.add_local_candidate(Candidate::host(server_address(), "udp").expect("a candidate"));
    Server { rtc, sequence: 0, audio: None }
}

/// An answer that says which track each of those sections carries.
pub(crate) fn answer(sdp: String, id: u32, mids: &[String]) -> proto::SessionDescription {
    let mid_to_track_id = mids.iter().map(|mid| (mid.clone(), TRACK.to_owned())).collect();
    proto::SessionDescription { r#type: "answer".to_owned(), sdp, id, mid_to_track_id }
}

impl Server {
    /// The answer to an offer and the ids of its audio sections; `None` for an offer that a changed answer before it spoilt.
    pub(crate) fn accept(&mut self, offer: &proto::SessionDescription) -> Option<(String, Vec<String>)> {
        let parsed = SdpOffer::from_sdp_string(&offer.sdp).expect("our offer can be read");
        let answer = self.rtc.sdp_api().accept_offer(parsed).ok()?.to_sdp_string();
        let audio = |section: &&str| section.starts_with("audio");
        let mid = |section: &str| section.lines().find_map(|line| line.strip_prefix("a=mid:")).map(str::to_owned);
        let mids: Vec<String> = answer.split("m=").filter(audio).filter_map(mid).collect();
        self.audio = mids.first().map(|mid| Mid::from(mid.as_str()));
        Some((answer, mids))
    }

    fn send(&mut self, now: Instant, further: u64, timestamp: u32, red: bool, payload: &[u8]) -> Vec<Vec<u8>> {
        self.sequence += further;
        let opus = self.rtc.codec_config().iter().next().expect("Opus");
        let pt: Pt = if red { opus.red().expect("RED") } else { opus.pt() };
        let mid = self.audio.expect("an audio section");
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None).expect("a stream");
        stream.write_rtp(RtpWrite::new(pt, self.sequence.into(), timestamp, now, payload));
        self.rtc.handle_input(Input::Timeout(now)).expect("time passes");
        self.drain()
    }

    fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        loop {
            match self.rtc.poll_output().expect("the other end is honest") {
                Output::Timeout(_) => return sent,
                Output::Transmit(packet) => sent.push(packet.contents.to_vec()),
                Output::Event(_) => {}
            }
        }
    }

    fn feed(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
        let received =
            Receive::new(Protocol::Udp, from, server_address(), datagram).expect("what a peer sends is known");
        self.rtc.handle_input(Input::Receive(now, received)).expect("what a peer sends is good");
        self.drain()
    }
}

impl Peer {
    /// Takes a datagram in as if it had come from there. No datagram may end the connection.
    fn feed(&mut self, now: Instant, from: SocketAddr, datagram: &[u8], sent: &mut Vec<Vec<u8>>) -> Vec<PeerEvent> {
        let length = datagram.len().min(LARGEST);
        self.buffer[..length].copy_from_slice(&datagram[..length]);
        let to = self.wire.local();
        self.take_datagram(now, Protocol::Udp, from, to, length).expect("a datagram ended the connection");
        let mut events = Vec::new();
        self.drain_into(sent, &mut events);
        events
    }

    /// [`Peer::drain`], with what would be sent handed over.
    fn drain_into(&mut self, sent: &mut Vec<Vec<u8>>, events: &mut Vec<PeerEvent>) {
        loop {
            match self.rtc.poll_output().expect("the peer connection goes on") {
                Output::Timeout(_) => return,
                Output::Transmit(packet) => sent.push(packet.contents.to_vec()),
                Output::Event(event) => events.extend(self.on_event(event)),
            }
        }
    }
}

impl Pair {
    fn connect() -> Self {
        let (mut peer, mut server) = (new_peer(), new_server());
        peer.negotiation().require(1, 0);
        let Some(Request::Offer(offer)) = peer.next_offer() else { unreachable!("a first offer is always wanted") };
        let (sdp, mids) = server.accept(&offer).expect("the first offer is answered");
        peer.answer(&answer(sdp, offer.id, &mids)).expect("an honest answer");
        let mut pair = Self { peer, server, sent: Vec::new(), now: Instant::now() };
        for _ in 0..2_000 {
            if pair.peer.is_connected() && pair.server.rtc.is_connected() {
                return pair;
            }
            pair.pass(Duration::from_millis(5));
        }
        unreachable!("10 s of made-up time connect nobody");
    }

    /// Lets time pass at both ends, and both say what they have to say.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.peer.handle_timeout(self.now).expect("time ended the connection");
        self.server.rtc.handle_input(Input::Timeout(self.now)).expect("time passes");
        self.peer.drain_into(&mut self.sent, &mut Vec::new());
        let mut answers = self.server.drain();
        while !(self.sent.is_empty() && answers.is_empty()) {
            let local = self.peer.wire.local();
            for datagram in std::mem::take(&mut self.sent) {
                answers.extend(self.server.feed(self.now, local, &datagram));
            }
            for datagram in std::mem::take(&mut answers) {
                self.peer.feed(self.now, server_address(), &datagram, &mut self.sent);
            }
        }
    }
}

/// Connecting takes long: one pair serves all inputs of a thread.
fn with_pair(work: impl FnOnce(&mut Pair)) {
    thread_local!(static PAIR: RefCell<Option<Pair>> = const { RefCell::new(None) });
    PAIR.with(|pair| {
        // After a failure another one is made: it is taken out while it is worked with.
        let mut taken = pair.borrow_mut().take().unwrap_or_else(Pair::connect);
        work(&mut taken);
        *pair.borrow_mut() = Some(taken);
    });
}
