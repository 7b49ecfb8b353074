//! The jitter buffer: packets in as they come, one after the other out when they are due. No sockets, no clock.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    delay::DelayEstimator,
    opus_packet::opus_ticks,
    packets::{Due, JitterConfig, JitterStats, Payload},
};

/// Packets held at most: 1 s of 20 ms. Past that the oldest go.
const CAPACITY: usize = 50;

/// Ticks of a usual packet: 20 ms.
const USUAL_TICKS: u32 = 960;

/// A gap longer than this is no loss: the sender was silent or has started anew.
const LONGEST_LOSS: u64 = 48_000 / 2;

/// How far a timestamp may lie from what is expected before the stream counts as a new one: 10 s.
const FARTHEST: u64 = 48_000 * 10;

/// Frames that are made up while nothing comes: 100 ms. Past that there is silence until something comes.
const HOLD: u32 = 5;

/// How long the delay has to be off its target before something is done about it, in packets played.
const PATIENCE: u32 = 25;

/// How far the delay may be off its target.
const TOLERANCE_US: i64 = 25_000;

/// How much too long the delay may be before packets are left out: shortening the sound would take too long.
const TOO_LONG_US: i64 = 150_000;

/// One stream's packets between the network and the decoder.
#[derive(Debug)]
pub struct JitterBuffer {
    config: JitterConfig,
    /// By extended timestamp.
    waiting: VecDeque<Waiting>,
    newest: Option<u64>,
    /// Everything before this has had its turn.
    played: u64,
    state: State,
    /// Ticks of the last packet played.
    ticks: u32,
    off_target: i32,
    delay: DelayEstimator,
    stats: JitterStats,
}

#[derive(Debug)]
struct Waiting {
    timestamp: u64,
    payload: Payload,
    redundant: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing to play.
    Idle,
    /// The first packet is held until its time comes.
    Filling { until: Instant },
    /// `cursor` is the timestamp that is due next; `held` frames were made up since the last real one, with the cursor standing still.
    Playing { cursor: u64, held: u32 },
}

impl JitterBuffer {
    /// An empty one.
    #[must_use]
    pub fn new(config: JitterConfig) -> Self {
        Self {
            config,
            waiting: VecDeque::with_capacity(CAPACITY + 1),
            newest: None,
            played: 0,
            state: State::Idle,
            ticks: USUAL_TICKS,
            off_target: 0,
            delay: DelayEstimator::new(config.shortest, config.longest),
            stats: JitterStats::default(),
        }
    }

    /// Takes in a frame. `timestamp` is RTP's (32 bits that wrap); `redundant` copies fill gaps and say nothing about the network.
    pub fn push(&mut self, now: Instant, timestamp: u32, payload: Payload, redundant: bool) {
        let mut extended = extend(self.newest, timestamp);
        if !redundant {
            self.stats.received += 1;
            if self.newest.is_some_and(|newest| extended.abs_diff(newest) > FARTHEST) {
                self.restart();
                extended = extend(None, timestamp);
            }
            self.delay.packet(now, extended);
            self.newest = Some(self.newest.map_or(extended, |newest| newest.max(extended)));
        } else if self.newest.is_none() {
            return;
        }
        // Sound from before it begins to play is worth no wait: what is held is the first packet itself.
        if redundant && self.is_early(extended) {
            return;
        }
        if self.insert(extended, payload, redundant) && redundant {
            // It stands for a packet that was lost: to wait for such copies is what the delay is for, if there are many.
            self.delay.packet(now, extended);
        }
        if self.state == State::Idle && !self.waiting.is_empty() {
            self.state = State::Filling { until: now + self.delay.target() };
        }
    }

    /// When the first packet of what begins is due.
    #[must_use]
    pub fn begins(&self) -> Option<Instant> {
        if let State::Filling { until } = self.state { Some(until) } else { None }
    }

    /// What is to be played now. Called whenever the decoder needs more.
    pub fn pop(&mut self, now: Instant) -> Due {
        match self.state {
            State::Idle => Due::Nothing,
            State::Filling { until } if now < until => Due::Nothing,
            State::Filling { .. } => match self.waiting.front() {
                Some(first) => {
                    let cursor = first.timestamp;
                    self.play_from(cursor, 0);
                    self.pop(now)
                }
                None => {
                    self.state = State::Idle;
                    Due::Nothing
                }
            },
            State::Playing { cursor, held } => self.play(now, cursor, held),
        }
    }

    /// Whether playing is so far behind its target (`> 0`) or ahead of it (`< 0`), and has been for so long, that a bit of
    /// sound should be left out or stretched. Asking resets it.
    pub fn correction(&mut self) -> i32 {
        if self.off_target.unsigned_abs() < PATIENCE {
            return 0;
        }
        std::mem::take(&mut self.off_target).signum()
    }

    /// How long packets are held on purpose.
    #[must_use]
    pub fn target(&self) -> Duration {
        self.delay.target()
    }

    /// What has happened so far.
    #[must_use]
    pub fn stats(&self) -> JitterStats {
        self.stats
    }

    /// How many packets wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Forgets everything but the statistics: another stream follows.
    pub fn restart(&mut self) {
        self.waiting.clear();
        self.newest = None;
        self.played = 0;
        self.state = State::Idle;
        self.off_target = 0;
        self.delay = DelayEstimator::new(self.config.shortest, self.config.longest);
    }

    /// Whether nothing plays yet and this would go before all that waits.
    fn is_early(&self, timestamp: u64) -> bool {
        let playing = matches!(self.state, State::Playing { .. });
        !playing && self.waiting.front().is_none_or(|first| timestamp < first.timestamp)
    }

    /// Whether it is the first with this timestamp, and in time.
    fn insert(&mut self, timestamp: u64, payload: Payload, redundant: bool) -> bool {
        if timestamp < self.played {
            self.stats.late += u64::from(!redundant);
            return false;
        }
        let at = self.waiting.iter().rposition(|w| w.timestamp <= timestamp).map_or(0, |before| before + 1);
        if at > 0
            && let Some(same) = self.waiting.get_mut(at - 1)
            && same.timestamp == timestamp
        {
            if !redundant {
                self.stats.duplicate += u64::from(!same.redundant);
                same.redundant = false;
            }
            return false;
        }
        self.waiting.insert(at, Waiting { timestamp, payload, redundant });
        if self.waiting.len() > CAPACITY {
            self.waiting.pop_front();
            self.stats.overflowed += 1;
            if let (State::Playing { cursor, held }, Some(front)) = (self.state, self.waiting.front()) {
                let cursor = cursor.max(front.timestamp);
                self.play_from(cursor, held);
            }
        }
        true
    }

    fn play(&mut self, now: Instant, mut cursor: u64, held: u32) -> Due {
        if self.cut(now) {
            return self.take(now);
        }
        while self.waiting.front().is_some_and(|front| front.timestamp < cursor) {
            self.waiting.pop_front();
        }
        let Some(front) = self.waiting.front() else { return self.hold(cursor, held) };
        let mut gap = front.timestamp - cursor;
        if held > 0 {
            // What was made up while nothing came stands for what never will.
            let stood_for = gap.min(u64::from(held) * u64::from(self.ticks));
            self.stats.lost += stood_for / u64::from(self.ticks);
            cursor += stood_for;
            gap -= stood_for;
        }
        let usual = u64::from(self.ticks);
        if gap > LONGEST_LOSS || gap < usual / 2 {
            return self.take(now);
        }
        let missing = usual.min(gap);
        let next = (gap == missing).then(|| front.payload.clone());
        self.stats.lost += 1;
        self.play_from(cursor + missing, 0);
        Due::Lost { ticks: missing as u32, next }
    }

    /// Leaves packets out until the delay is what it should be, if it is far from it.
    fn cut(&mut self, now: Instant) -> bool {
        let beyond = |this: &Self| this.waiting.front().map(|front| this.delay.beyond_target_us(now, front.timestamp));
        if beyond(self).is_none_or(|beyond| beyond < TOO_LONG_US) {
            return false;
        }
        while self.waiting.len() > 1 && beyond(self).is_some_and(|beyond| beyond > 0) {
            self.waiting.pop_front();
            self.stats.overflowed += 1;
        }
        true
    }

    fn take(&mut self, now: Instant) -> Due {
        let Some(front) = self.waiting.pop_front() else { return Due::Nothing };
        self.note_delay(now, front.timestamp);
        self.ticks = opus_ticks(front.payload.bytes()).unwrap_or(USUAL_TICKS);
        self.stats.recovered += u64::from(front.redundant);
        self.play_from(front.timestamp + u64::from(self.ticks), 0);
        Due::Packet(front.payload)
    }

    /// Nothing has come: time stands still for a while, in which the sound is stretched.
    fn hold(&mut self, cursor: u64, held: u32) -> Due {
        if held >= HOLD {
            self.state = State::Idle;
            return Due::Nothing;
        }
        self.off_target = 0;
        self.play_from(cursor, held + 1);
        Due::Lost { ticks: self.ticks, next: None }
    }

    fn play_from(&mut self, cursor: u64, held: u32) {
        self.played = cursor;
        self.state = State::Playing { cursor, held };
    }

    fn note_delay(&mut self, now: Instant, timestamp: u64) {
        let beyond = self.delay.beyond_target_us(now, timestamp);
        self.off_target = match beyond {
            _ if beyond > TOLERANCE_US => self.off_target.max(0) + 1,
            _ if beyond < -TOLERANCE_US => self.off_target.min(0) - 1,
            _ => 0,
        };
    }
}

/// The timestamp with as many upper bits as it takes to be close to the newest one.
fn extend(newest: Option<u64>, timestamp: u32) -> u64 {
    /// Far from 0, so that a first packet may be followed by ones from before it.
    const START: u64 = 1 << 40;
    let Some(newest) = newest else { return START + u64::from(timestamp) };
    let ahead = timestamp.wrapping_sub(newest as u32) as i32;
    newest.wrapping_add_signed(i64::from(ahead))
}

#[cfg(test)]
#[path = "jitter_tests.rs"]
mod tests;
