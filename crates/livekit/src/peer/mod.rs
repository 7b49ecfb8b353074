//! The one peer connection: str0m in RTP mode (pitfall 1) and its socket.

mod candidates;
mod demand;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod impairment;
mod negotiation;
mod sdp;
#[cfg(test)]
mod tests;
mod wire;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use livekit_protocol::{self as proto, signal_request::Message as Request};
use str0m::{
    Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcError,
    channel::ChannelId,
    media::{Mid, Pt},
    net::{Protocol, Receive},
    rtp::{ExtensionValues, RtpPacket, RtpWrite},
};
use thiserror::Error;

pub use impairment::Impairment;
pub(crate) use negotiation::Negotiation;
pub(crate) use wire::{FramedTcp, LARGEST, Via, Wire};

use crate::audio::Outgoing;

/// Datagrams taken in before anything else gets its turn.
const BATCH: usize = 16;

/// Above this level somebody is talking (dBov).
const VOICE: i8 = -50;

/// A peer connection that can't go on.
#[derive(Debug, Error)]
pub(crate) enum PeerError {
    #[error("WebRTC failed")]
    Rtc(#[from] RtcError),
    #[error("the server's session description can't be used: {0}")]
    Description(String),
    #[error("the socket failed")]
    Socket(#[from] io::Error),
}

/// What a peer connection tells.
#[derive(Debug)]
pub(crate) enum PeerEvent {
    /// ICE and DTLS are up.
    Connected,
    /// ICE lost its path, or found one again.
    Ice { up: bool },
    /// A message on a data channel.
    Data { reliable: bool, bytes: Vec<u8> },
    /// A data channel can be written to (again).
    Writable,
    /// An RTP packet of that track.
    Rtp { track: Arc<str>, ssrc: u32, timestamp: u32, payload: Arc<[u8]>, red: bool },
}

/// How a track of ours leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WayOut {
    pub(crate) mid: Mid,
    /// The payload types.
    pub(crate) opus: u8,
    pub(crate) red: Option<u8>,
}

/// The peer connection of one session.
pub(crate) struct Peer {
    rtc: Rtc,
    wire: Wire,
    buffer: Box<[u8; LARGEST]>,
    deadline: Instant,
    negotiation: Negotiation,
    early_candidates: Vec<Candidate>,
    tcp_candidates: Vec<SocketAddr>,
    open: Vec<ChannelId>,
    connected: bool,
    /// When anything came from the server.
    heard: Instant,
}

impl Peer {
    /// A peer connection that has not offered anything yet.
    pub(crate) fn new(wire: Wire, negotiated_channels: bool) -> Result<Self, PeerError> {
        let mut config = Rtc::builder()
            .clear_codecs()
            .set_rtp_mode(true)
            .enable_opus(true, true)
            // Never asked for, but a server that wants a video section must not break the audio.
            .enable_vp8(true)
            .enable_h264(true);
        // So often the server is asked whether it is there; its answers are how silence is told from loss.
        config.set_max_stun_rto(Duration::from_secs(1));
        let mut rtc = config.build(Instant::now());
        // Our candidate goes in the offer (pitfall 6).
        rtc.add_local_candidate(Candidate::host(wire.local(), "udp").map_err(RtcError::from)?);
        Ok(Self {
            rtc,
            wire,
            buffer: Box::new([0; LARGEST]),
            deadline: Instant::now(),
            negotiation: Negotiation::new(negotiated_channels),
            early_candidates: Vec::new(),
            tcp_candidates: Vec::new(),
            open: Vec::new(),
            connected: false,
            heard: Instant::now(),
        })
    }

    /// When [`Peer::handle_timeout`] has to be called.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// For how long nothing has come from the server.
    pub(crate) fn silent_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard)
    }

    pub(crate) fn negotiation(&mut self) -> &mut Negotiation {
        &mut self.negotiation
    }

    /// The next offer, if one is wanted and none is outstanding (pitfall 5).
    pub(crate) fn next_offer(&mut self) -> Option<Request> {
        self.negotiation.next_offer(&mut self.rtc).map(Request::Offer)
    }

    /// The server's answer.
    pub(crate) fn answer(&mut self, answer: &proto::SessionDescription) -> Result<(), PeerError> {
        self.negotiation.answer(&mut self.rtc, answer)?;
        for candidate in self.early_candidates.drain(..) {
            self.rtc.add_remote_candidate(candidate);
        }
        if self.connected { Ok(()) } else { self.check_at_once() }
    }

    pub(crate) fn is_on_tcp(&self) -> bool {
        self.wire.tcp().is_some()
    }

    /// Waits for the network, and takes in what has come.
    pub(crate) async fn receive(&mut self) -> Result<Received<'_>, PeerError> {
        let via = self.wire.receive(&mut self.buffer).await?;
        Ok(Received { peer: self, via })
    }

    /// Time has come. Has to be called before the next write too (pitfall 4).
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), PeerError> {
        Ok(self.rtc.handle_input(Input::Timeout(now))?)
    }

    /// Sends what is to be sent and collects what has happened, until there is nothing to do before the deadline.
    pub(crate) fn drain(&mut self, events: &mut Vec<PeerEvent>) -> Result<(), PeerError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => {
                    self.deadline = at;
                    return Ok(());
                }
                Output::Transmit(packet) if packet.proto == Protocol::Udp => {
                    self.wire.send_udp(&packet.contents, packet.destination);
                }
                Output::Transmit(packet) => self.wire.send_tcp(&packet.contents),
                Output::Event(event) => events.extend(self.on_event(event)),
            }
        }
    }

    /// How the track of this client id leaves, once the server has taken it.
    pub(crate) fn way_out(&self, cid: &str) -> Option<WayOut> {
        let (mid, taken) = self.negotiation.published(cid)?;
        let opus = self.negotiation.opus_payload_type(&self.rtc)?;
        let red = self.negotiation.red_payload_type(&self.rtc).filter(|pt| taken.contains(pt));
        Some(WayOut { mid, opus, red })
    }

    /// Queues an audio packet on the section `mid`. It leaves at the next [`Peer::handle_timeout`] and [`Peer::drain`].
    pub(crate) fn write_audio(&mut self, mid: Mid, payload_type: u8, now: Instant, frame: &Outgoing<'_>) {
        let levels = ExtensionValues {
            audio_level: Some(frame.level),
            voice_activity: Some(frame.level > VOICE),
            ..ExtensionValues::default()
        };
        let pt = Pt::new_with_value(payload_type);
        let packet = RtpWrite::new(pt, frame.sequence.into(), frame.timestamp, now, frame.payload).ext_vals(levels);
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.write_rtp(packet);
        }
    }

    /// Whether it could be written; `false` when the channel is not open or full (pitfall 9): try again when writable.
    pub(crate) fn write_data(&mut self, reliable: bool, bytes: &[u8]) -> Result<bool, PeerError> {
        let Some(id) = self.negotiation.channel(reliable).filter(|id| self.open.contains(id)) else { return Ok(false) };
        let Some(mut channel) = self.rtc.channel(id) else { return Ok(false) };
        let written = channel.write(true, bytes)?;
        if !written {
            channel.set_buffered_amount_low_threshold(16 * 1_024);
        }
        Ok(written)
    }

    /// Says goodbye to the other side.
    pub(crate) fn close(&mut self) {
        let closed = self.rtc.close();
        let drained = self.drain(&mut Vec::new());
        tracing::trace!(?closed, ?drained, "the peer connection was closed");
    }

    fn on_event(&mut self, event: Event) -> Option<PeerEvent> {
        match event {
            Event::Connected => {
                self.connected = true;
                Some(PeerEvent::Connected)
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => Some(PeerEvent::Ice { up: false }),
            Event::IceConnectionStateChange(state) if state.is_connected() => Some(PeerEvent::Ice { up: true }),
            Event::ChannelOpen(id, _) => {
                self.open.push(id);
                Some(PeerEvent::Writable)
            }
            Event::ChannelClose(id) => {
                self.open.retain(|open| *open != id);
                None
            }
            Event::ChannelBufferedAmountLow(_) => Some(PeerEvent::Writable),
            Event::ChannelData(data) => {
                let reliable = self.negotiation.channel(true) == Some(data.id);
                Some(PeerEvent::Data { reliable, bytes: data.data })
            }
            Event::RtpPacket(packet) => self.on_rtp(packet),
            _ => None,
        }
    }

    fn on_rtp(&mut self, packet: RtpPacket) -> Option<PeerEvent> {
        let ssrc = *packet.header.ssrc;
        let mid = self.rtc.direct_api().stream_rx(&packet.header.ssrc)?.mid();
        let payload_type = *packet.header.payload_type;
        let red = self.negotiation.red_payload_type(&self.rtc);
        if self.negotiation.opus_payload_type(&self.rtc) != Some(payload_type) && red != Some(payload_type) {
            return None;
        }
        let track = self.negotiation.track_of(ssrc, mid)?;
        let timestamp = packet.header.timestamp;
        Some(PeerEvent::Rtp { track, ssrc, timestamp, payload: packet.payload, red: red == Some(payload_type) })
    }

    fn take_in(&mut self, via: Via) -> Result<(), PeerError> {
        let (protocol, from, to, length) = match via {
            Via::Udp { from, length } => (Protocol::Udp, from, self.wire.local(), length),
            Via::Tcp { length } => match self.wire.tcp() {
                Some(tcp) => (Protocol::Tcp, tcp.remote, tcp.local, length),
                None => return Ok(()),
            },
        };
        self.take_datagram(Instant::now(), protocol, from, to, length)
    }

    /// What waits in the buffer, if it is for us.
    fn take_datagram(
        &mut self,
        now: Instant,
        protocol: Protocol,
        from: SocketAddr,
        to: SocketAddr,
        length: usize,
    ) -> Result<(), PeerError> {
        let Ok(received) = Receive::new(protocol, from, to, &self.buffer[..length]) else { return Ok(()) };
        let input = Input::Receive(now, received);
        if self.rtc.accepts(&input) {
            self.heard = now;
            self.rtc.handle_input(input)?;
        }
        Ok(())
    }
}

/// Something has come over the network and waits in the buffer.
pub(crate) struct Received<'a> {
    peer: &'a mut Peer,
    via: Via,
}

impl Received<'_> {
    /// Takes it in, with what else is there already.
    pub(crate) fn take_in(self, events: &mut Vec<PeerEvent>) -> Result<(), PeerError> {
        let mut next = Some(self.via);
        for _ in 0..BATCH {
            let Some(via) = next else { break };
            self.peer.take_in(via)?;
            // str0m takes one input at a time: what comes of it has to go first.
            self.peer.drain(events)?;
            next = self.peer.wire.try_receive(&mut self.peer.buffer);
        }
        Ok(())
    }
}

/// For how long ICE over UDP may try before TCP is tried too.
pub(crate) const UDP_FIRST: Duration = Duration::from_millis(2_500);
