//! What goes into a jitter buffer, what comes out of it, and what it counts.

use std::{ops::Range, sync::Arc, time::Duration};

/// How short and how long packets are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JitterConfig {
    /// The least delay aimed at.
    pub shortest: Duration,
    /// The most.
    pub longest: Duration,
}

impl Default for JitterConfig {
    fn default() -> Self {
        Self { shortest: Duration::from_millis(20), longest: Duration::from_millis(200) }
    }
}

/// A slice of a received packet.
#[derive(Clone, Debug)]
pub struct Payload {
    packet: Arc<[u8]>,
    range: Range<usize>,
}

/// What is due.
#[derive(Debug)]
pub enum Due {
    /// A packet.
    Packet(Payload),
    /// Nothing came for this time: make something up.
    Lost {
        /// How much is missing, in ticks of 48 kHz.
        ticks: u32,
        /// The packet right after the gap, which may hold a copy of what is missing.
        next: Option<Payload>,
    },
    /// Nothing is playing: silence.
    Nothing,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JitterStats {
    /// Packets that came, redundant copies not counted.
    pub received: u64,
    /// Frames played from a redundant copy.
    pub recovered: u64,
    /// Frames that never came in time.
    pub lost: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Packets thrown away because too many waited.
    pub overflowed: u64,
}

impl Payload {
    /// All of a packet.
    #[must_use]
    pub fn whole(packet: Arc<[u8]>) -> Self {
        let range = 0..packet.len();
        Self { packet, range }
    }

    /// A part of a packet; empty if it has no such part.
    #[must_use]
    pub fn part(packet: &Arc<[u8]>, range: Range<usize>) -> Self {
        let range = if packet.get(range.clone()).is_some() { range } else { 0..0 };
        Self { packet: Arc::clone(packet), range }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.packet[self.range.clone()]
    }
}
