use livekit_protocol::{self as proto, data_packet::Value};
use prost::Message as _;

use super::{End, Engine, Link};
use crate::{ParticipantEvent, RequestError, event::Data, text};

/// Packets that wait to be sent at most.
pub(super) const OUTBOUND: usize = 1_024;

/// Senders whose last sequence number is remembered at most.
pub(super) const SENDERS: usize = 4_096;

/// A data packet on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    pub(crate) reliable: bool,
    /// Who is to have it; everybody if nobody is named.
    pub(crate) to: Vec<String>,
    pub(crate) value: Value,
}

impl Outbound {
    pub(crate) fn reliable(to: Vec<String>, value: Value) -> Self {
        Self { reliable: true, to, value }
    }
}

impl Engine {
    /// Queues packets, all or none.
    pub(super) fn enqueue(&mut self, packets: Vec<Outbound>) -> Result<(), RequestError> {
        if self.outbound.len() + packets.len() > OUTBOUND {
            return Err(RequestError::Full);
        }
        self.outbound.extend(packets);
        Ok(())
    }

    /// Writes what waits, as far as the channels take it (pitfall 9).
    pub(super) fn pump_data(&mut self, link: &mut Link) -> Result<(), End> {
        while let Some(next) = self.outbound.front() {
            let sequence = link.sequence + u32::from(next.reliable);
            let packet = proto::DataPacket {
                participant_identity: link.own_identity().to_owned(),
                participant_sid: link.own_sid().to_owned(),
                destination_identities: next.to.clone(),
                sequence: if next.reliable { sequence } else { 0 },
                value: Some(next.value.clone()),
                ..proto::DataPacket::default()
            };
            if !link.peer.write_data(next.reliable, &packet.encode_to_vec())? {
                break;
            }
            link.sequence = sequence;
            self.outbound.pop_front();
        }
        Ok(())
    }

    pub(super) fn on_data(&mut self, link: &mut Link, reliable: bool, bytes: &[u8]) {
        let Ok(packet) = proto::DataPacket::decode(bytes) else {
            tracing::debug!(bytes = bytes.len(), "a data packet that is none was dropped");
            return;
        };
        if is_repeated(link, &packet) {
            return;
        }
        let from = packet.participant_identity;
        match packet.value {
            Some(Value::User(user)) => self.tell(ParticipantEvent::Data(Data {
                identity: Some(from).filter(|from| !from.is_empty()),
                topic: user.topic,
                payload: user.payload,
                reliable,
            })),
            Some(Value::SipDtmf(key)) => {
                if let Some(digit) = key.digit.chars().next() {
                    self.tell(ParticipantEvent::Dtmf { identity: from, digit });
                }
            }
            Some(Value::StreamHeader(header)) => {
                let whole = self.texts.header(&from, header);
                self.on_text(whole);
            }
            Some(Value::StreamChunk(chunk)) => self.texts.chunk(&from, &chunk),
            Some(Value::StreamTrailer(trailer)) => {
                let whole = self.texts.trailer(&from, trailer);
                self.on_text(whole);
            }
            Some(Value::RpcRequest(request)) => {
                let (acknowledged, invocation) = self.rpcs.requested(from, request);
                // Whoever calls faster than we can say so hears nothing of it, and their call times out.
                match self.enqueue(vec![acknowledged]) {
                    Ok(()) => self.tell(ParticipantEvent::Rpc(invocation)),
                    Err(_) => invocation.drop_silently(),
                }
            }
            Some(Value::RpcAck(ack)) => self.rpcs.acknowledged(&ack.request_id),
            Some(Value::RpcResponse(response)) => self.rpcs.answered(response),
            _ => {}
        }
    }

    fn on_text(&mut self, whole: Option<text::Whole>) {
        if let Some(whole) = whole {
            self.tell(ParticipantEvent::Text(whole));
        }
    }
}

/// After a resume the server sends again what it is not sure we have.
fn is_repeated(link: &mut Link, packet: &proto::DataPacket) -> bool {
    if packet.sequence == 0 || packet.participant_sid.is_empty() {
        return false;
    }
    if link.received.len() == SENDERS && !link.received.contains_key(&packet.participant_sid) {
        link.received.clear();
    }
    let last = link.received.entry(packet.participant_sid.clone()).or_default();
    if packet.sequence <= *last {
        return true;
    }
    *last = packet.sequence;
    false
}
