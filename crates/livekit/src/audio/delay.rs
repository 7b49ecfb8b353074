use std::time::{Duration, Instant};

/// Ticks of the RTP clock (48 kHz) in a millisecond.
const TICKS_A_MS: i64 = 48;

/// For how long the fastest packet is remembered: it bounds how fast clock drift is followed.
const WINDOW: Duration = Duration::from_secs(5);

/// Packets over which the spread of the delays is judged: about 5 s.
const PACKETS: usize = 256;

/// How many packets may come later than the target: 3 %.
const LATE: usize = PACKETS * 3 / 100;

/// The target is worked out anew after so many packets.
const EVERY: usize = 16;

/// One frame beyond what the packets need: playout is on a grid of 20 ms.
const MARGIN_US: i64 = 20_000;

/// How late packets come, and how long to hold them so that nearly all are there in time.
///
/// All delays are relative: to the fastest packet of the last seconds, which also makes it follow clocks that drift apart.
#[derive(Debug)]
pub(crate) struct DelayEstimator {
    origin: Option<(Instant, u64)>,
    /// The least delay, in the window before and in this one.
    least: [i64; 2],
    window_since: Option<Instant>,
    spread: Box<[i64; PACKETS]>,
    seen: usize,
    target_us: i64,
    shortest_us: i64,
    longest_us: i64,
}

impl DelayEstimator {
    pub(crate) fn new(shortest: Duration, longest: Duration) -> Self {
        let shortest_us = shortest.as_micros() as i64;
        Self {
            origin: None,
            least: [i64::MAX; 2],
            window_since: None,
            spread: Box::new([0; PACKETS]),
            seen: 0,
            target_us: shortest_us,
            shortest_us,
            longest_us: (longest.as_micros() as i64).max(shortest_us),
        }
    }

    /// A packet with this (extended) timestamp came.
    pub(crate) fn packet(&mut self, now: Instant, timestamp: u64) {
        let delay = self.delay_us(now, timestamp);
        match self.window_since {
            Some(since) if now.saturating_duration_since(since) < WINDOW => self.least[1] = self.least[1].min(delay),
            _ => {
                self.least = [self.least[1], delay];
                self.window_since = Some(now);
            }
        }
        self.spread[self.seen % PACKETS] = delay - self.base_us();
        self.seen += 1;
        if self.seen.is_multiple_of(EVERY) {
            self.retarget();
        }
    }

    /// How long to hold the fastest packets.
    pub(crate) fn target(&self) -> Duration {
        Duration::from_micros(self.target_us as u64)
    }

    /// How much longer than the target a packet with this timestamp would be held, played now; negative if shorter.
    pub(crate) fn beyond_target_us(&self, now: Instant, timestamp: u64) -> i64 {
        match self.origin {
            Some((start, first)) => delay_us(start, first, now, timestamp) - self.base_us() - self.target_us,
            None => 0,
        }
    }

    fn delay_us(&mut self, now: Instant, timestamp: u64) -> i64 {
        let (start, first) = *self.origin.get_or_insert((now, timestamp));
        delay_us(start, first, now, timestamp)
    }

    fn base_us(&self) -> i64 {
        match self.least[0].min(self.least[1]) {
            i64::MAX => 0,
            least => least,
        }
    }

    fn retarget(&mut self) {
        let count = self.seen.min(PACKETS);
        let mut spread = *self.spread;
        let spread = &mut spread[..count];
        let late = LATE * count / PACKETS;
        let (_, &mut needed, _) = spread.select_nth_unstable(count - 1 - late);
        self.target_us = (needed + MARGIN_US).clamp(self.shortest_us, self.longest_us);
    }
}

fn delay_us(start: Instant, first: u64, now: Instant, timestamp: u64) -> i64 {
    let passed = match now.checked_duration_since(start) {
        Some(after) => after.as_micros() as i64,
        None => -(start.duration_since(now).as_micros() as i64),
    };
    let ticks = timestamp.wrapping_sub(first) as i64;
    passed - ticks * 1_000 / TICKS_A_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimator() -> DelayEstimator {
        DelayEstimator::new(Duration::from_millis(40), Duration::from_millis(200))
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_steady_network_needs_the_least() {
        let (mut delay, start) = (estimator(), Instant::now());
        for n in 0..500 {
            delay.packet(start + ms(20 * n), n * 960);
        }
        assert_eq!(delay.target(), ms(40));
        assert_eq!(delay.beyond_target_us(start + ms(20 * 500), 500 * 960 - 4 * 960), 40_000);
    }

    #[test]
    fn jitter_raises_the_target_and_calm_lowers_it_again() {
        let (mut delay, start) = (estimator(), Instant::now());
        for n in 0..500 {
            delay.packet(start + ms(20 * n + 10 * (n * 7 % 9)), n * 960);
        }
        assert_eq!(delay.target(), ms(100), "80 ms of jitter and a frame");
        for n in 500..1_000 {
            delay.packet(start + ms(20 * n), n * 960);
        }
        assert_eq!(delay.target(), ms(40));
    }

    #[test]
    fn one_straggler_does_not_slow_everybody() {
        let (mut delay, start) = (estimator(), Instant::now());
        for n in 0..500 {
            delay.packet(start + ms(20 * n + if n == 300 { 400 } else { 0 }), n * 960);
        }
        assert_eq!(delay.target(), ms(40));
    }

    #[test]
    fn clocks_that_drift_apart_are_followed() {
        let (mut delay, start) = (estimator(), Instant::now());
        // Their clock is 0.1 % slow: their 20 ms last 20.02 ms; after 100 s that is 100 ms.
        for n in 0..5_000_u64 {
            delay.packet(start + Duration::from_micros(20_020 * n), n * 960);
        }
        assert!(delay.target() <= ms(45), "{:?}", delay.target());
        let beyond = delay.beyond_target_us(start + Duration::from_micros(20_020 * 5_000), 5_000 * 960 - 2 * 960);
        assert!(beyond.abs() < 15_000, "{beyond}");
    }
}
