//! Text streams: cut into chunks to be sent, put together when they come. No IO.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use livekit_protocol::{
    data_packet::Value,
    data_stream::{Chunk, Header, OperationType, TextHeader, Trailer, header::ContentHeader},
};

use crate::event::TextMessage;

/// A text stream that is complete.
pub(crate) type Whole = TextMessage;

/// Bytes in a chunk: a data channel's message has to stay below 16 kB.
const CHUNK: usize = 15_000;

/// Bytes of text taken in from one stream at most.
const LONGEST: usize = 1 << 20;

/// What a chunk costs besides its bytes: a stream of empty ones has to end too.
const CHUNK_COST: usize = 64;

/// Streams that may be incomplete at once.
const OPEN: usize = 64;

/// What all incomplete streams weigh together at most.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) const MOST_WEIGHT: usize = OPEN * LONGEST;

/// A stream that has not got any further for so long never will.
const STALLED: Duration = Duration::from_secs(60);

/// The packets of a text stream.
pub(crate) fn packets(id: &str, topic: &str, text: &str, attributes: &BTreeMap<String, String>) -> Vec<Value> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let header = TextHeader { operation_type: OperationType::Create as i32, ..TextHeader::default() };
    let mut packets = vec![Value::StreamHeader(Header {
        stream_id: id.to_owned(),
        timestamp: now,
        topic: topic.to_owned(),
        mime_type: "text/plain".to_owned(),
        total_length: Some(text.len() as u64),
        attributes: attributes.clone().into_iter().collect(),
        content_header: Some(ContentHeader::TextHeader(header)),
        ..Header::default()
    })];
    let chunks = cut(text).enumerate().map(|(n, part)| {
        let content = part.as_bytes().to_vec();
        Value::StreamChunk(Chunk { stream_id: id.to_owned(), chunk_index: n as u64, content, ..Chunk::default() })
    });
    packets.extend(chunks);
    packets.push(Value::StreamTrailer(Trailer { stream_id: id.to_owned(), ..Trailer::default() }));
    packets
}

/// The text in pieces that do not cut a character in two.
fn cut(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, after) = rest.split_at(rest.floor_char_boundary(CHUNK));
        rest = after;
        Some(part)
    })
}

/// Puts streams together.
#[derive(Debug, Default)]
pub(crate) struct TextAssembler {
    /// By sender and stream.
    open: HashMap<(String, String), Open>,
}

#[derive(Debug)]
struct Open {
    header: Header,
    chunks: BTreeMap<u64, (i32, Vec<u8>)>,
    bytes: usize,
    changed: Instant,
}

impl TextAssembler {
    /// A stream begins. A text that came within its header is complete at once.
    pub(crate) fn header(&mut self, from: &str, header: Header) -> Option<Whole> {
        if !matches!(header.content_header, Some(ContentHeader::TextHeader(_))) {
            return None;
        }
        if self.open.len() == OPEN {
            tracing::debug!(from, "too many text streams are open: one was passed over");
            return None;
        }
        let key = (from.to_owned(), header.stream_id.clone());
        let open = Open { header, chunks: BTreeMap::new(), bytes: 0, changed: Instant::now() };
        self.open.insert(key, open);
        None
    }

    /// A piece of it.
    pub(crate) fn chunk(&mut self, from: &str, chunk: &Chunk) {
        let key = (from.to_owned(), chunk.stream_id.clone());
        let Some(open) = self.open.get_mut(&key) else { return };
        open.changed = Instant::now();
        // A later version of a chunk replaces it.
        if open.chunks.get(&chunk.chunk_index).is_some_and(|(version, _)| *version > chunk.version) {
            return;
        }
        if let Some((_, old)) = open.chunks.insert(chunk.chunk_index, (chunk.version, chunk.content.clone())) {
            open.bytes -= CHUNK_COST + old.len();
        }
        open.bytes += CHUNK_COST + chunk.content.len();
        if open.bytes > LONGEST {
            tracing::debug!(from, "a text stream is too long: it was dropped");
            self.open.remove(&key);
        }
    }

    /// It ends.
    pub(crate) fn trailer(&mut self, from: &str, trailer: Trailer) -> Option<Whole> {
        let open = self.open.remove(&(from.to_owned(), trailer.stream_id))?;
        let bytes: Vec<u8> = open.chunks.into_values().flat_map(|(_, part)| part).collect();
        let mut attributes: BTreeMap<String, String> = open.header.attributes.into_iter().collect();
        attributes.extend(trailer.attributes);
        Some(TextMessage {
            identity: from.to_owned(),
            topic: open.header.topic,
            id: open.header.stream_id,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            attributes,
        })
    }

    /// Somebody has left: what they had begun to say stays unsaid.
    pub(crate) fn left(&mut self, from: &str) {
        self.open.retain(|(sender, _), _| sender != from);
    }

    /// What is kept of streams that are not complete, in bytes.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn weight(&self) -> usize {
        self.open.values().map(|open| open.bytes).sum()
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        self.open.retain(|_, open| now.saturating_duration_since(open.changed) < STALLED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(texts: &mut TextAssembler, from: &str, packet: Value) -> Option<Whole> {
        match packet {
            Value::StreamHeader(header) => texts.header(from, header),
            Value::StreamChunk(chunk) => {
                texts.chunk(from, &chunk);
                None
            }
            Value::StreamTrailer(trailer) => texts.trailer(from, trailer),
            _ => None,
        }
    }

    #[test]
    fn a_long_text_comes_through_in_pieces() {
        let text = format!("é{}", "中".repeat(20_000));
        let attributes = BTreeMap::from([("lk.segment_id".to_owned(), "SG_1".to_owned())]);
        let packets = packets("S1", "lk.transcription", &text, &attributes);
        assert_eq!(packets.len(), 2 + 5, "60,002 bytes");
        let mut texts = TextAssembler::default();
        let mut whole = None;
        for packet in packets {
            if let Value::StreamChunk(chunk) = &packet {
                assert!(chunk.content.len() <= CHUNK);
            }
            assert!(whole.is_none());
            whole = feed(&mut texts, "py", packet);
        }
        let whole = whole.unwrap();
        assert_eq!(
            (whole.identity.as_str(), whole.topic.as_str(), whole.id.as_str()),
            ("py", "lk.transcription", "S1")
        );
        assert_eq!(whole.text, text);
        assert_eq!(whole.attributes, attributes);
        assert!(texts.open.is_empty());
    }

    #[test]
    fn streams_of_two_senders_do_not_mix_and_stragglers_are_passed_over() {
        let mut texts = TextAssembler::default();
        let none = BTreeMap::new();
        let (a, b) = (packets("S", "t", "from a", &none), packets("S", "t", "from b", &none));
        let mut said = Vec::new();
        for (one, other) in a.into_iter().zip(b) {
            said.extend(feed(&mut texts, "a", one));
            said.extend(feed(&mut texts, "b", other));
        }
        assert_eq!(said.iter().map(|w| w.text.as_str()).collect::<Vec<_>>(), ["from a", "from b"]);
        assert!(texts.trailer("a", Trailer { stream_id: "S".to_owned(), ..Trailer::default() }).is_none());
    }

    #[test]
    fn what_is_left_open_is_forgotten() {
        let mut texts = TextAssembler::default();
        let begin = |texts: &mut TextAssembler, from: &str, id: &str| {
            let header = packets(id, "t", "", &BTreeMap::new()).remove(0);
            feed(texts, from, header);
        };
        for n in 0..2 * OPEN {
            begin(&mut texts, "a", &n.to_string());
        }
        assert_eq!(texts.open.len(), OPEN);
        texts.left("a");
        assert!(texts.open.is_empty());
        begin(&mut texts, "b", "S");
        texts.expire(Instant::now() + STALLED);
        assert!(texts.open.is_empty());
        begin(&mut texts, "c", "S");
        for n in 0..100 {
            let content = vec![b'x'; CHUNK];
            let chunk = Chunk { stream_id: "S".to_owned(), chunk_index: n, content, ..Chunk::default() };
            texts.chunk("c", &chunk);
        }
        assert!(texts.open.is_empty(), "too long");
        begin(&mut texts, "d", "S");
        for n in 0..100_000 {
            texts.chunk("d", &Chunk { stream_id: "S".to_owned(), chunk_index: n, ..Chunk::default() });
        }
        assert!(texts.open.is_empty(), "too many empty chunks");
    }
}
