use std::sync::Arc;

use super::*;

/// A 20 ms packet (SILK, one frame) that carries a number.
fn packet(n: u64) -> Payload {
    Payload::whole(Arc::from([1 << 3, n as u8, (n >> 8) as u8].as_slice()))
}

fn number(payload: &Payload) -> u64 {
    u64::from(payload.bytes()[1]) | u64::from(payload.bytes()[2]) << 8
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Two packets are held at least.
const TWO: JitterConfig = JitterConfig { shortest: Duration::from_millis(40), longest: Duration::from_millis(200) };

/// A stream in virtual time: what comes when, and what was played.
struct Stream {
    jitter: JitterBuffer,
    start: Instant,
    first: u32,
    played: Vec<String>,
}

impl Stream {
    fn new(first: u32) -> Self {
        Self { jitter: JitterBuffer::new(TWO), start: Instant::now(), first, played: Vec::new() }
    }

    fn comes(&mut self, at: Duration, n: u64) {
        let timestamp = self.first.wrapping_add(n as u32 * 960);
        self.jitter.push(self.start + at, timestamp, packet(n), false);
    }

    fn copy_comes(&mut self, at: Duration, n: u64) {
        let timestamp = self.first.wrapping_add(n as u32 * 960);
        self.jitter.push(self.start + at, timestamp, packet(n), true);
    }

    fn plays(&mut self, at: Duration) {
        let due = match self.jitter.pop(self.start + at) {
            Due::Packet(payload) => number(&payload).to_string(),
            Due::Lost { next: Some(next), .. } => format!("fec{}", number(&next)),
            Due::Lost { next: None, .. } => "lost".to_owned(),
            Due::Nothing => "-".to_owned(),
        };
        self.played.push(due);
    }

    /// Packets come at the times that `when` says, and are played every 20 ms for as long.
    fn run(&mut self, count: u64, when: impl Fn(u64) -> Option<Duration>) -> String {
        let mut coming: Vec<(Duration, u64)> = (0..count).filter_map(|n| Some((when(n)?, n))).collect();
        coming.sort();
        let mut coming = coming.into_iter().peekable();
        for tick in 0..count + 3 {
            let now = ms(20 * tick + 5);
            while let Some((at, n)) = coming.next_if(|(at, _)| *at <= now) {
                self.comes(at, n);
            }
            self.plays(now);
        }
        self.played.join(" ")
    }
}

#[test]
fn packets_are_played_in_order_after_the_least_delay() {
    assert_eq!(Stream::new(0).run(5, |n| Some(ms(20 * n))), "- - 0 1 2 3 4 lost");
}

#[test]
fn packets_that_overtake_each_other_are_put_in_order() {
    let swapped = |n: u64| Some(ms(20 * (n ^ 1)));
    assert_eq!(Stream::new(0).run(6, swapped), "- - 0 1 2 3 4 5 lost");
}

#[test]
fn timestamps_wrap() {
    let mut stream = Stream::new(u32::MAX - 2 * 960 + 1);
    assert_eq!(stream.run(5, |n| Some(ms(20 * n))), "- - 0 1 2 3 4 lost");
    assert_eq!(stream.jitter.stats(), JitterStats { received: 5, ..JitterStats::default() });
}

#[test]
fn a_lost_packet_is_made_up_from_the_next_and_two_from_nothing_first() {
    let mut stream = Stream::new(0);
    assert_eq!(stream.run(6, |n| (n != 2).then(|| ms(20 * n))), "- - 0 1 fec3 3 4 5 lost");
    assert_eq!(stream.jitter.stats().lost, 1);
    let mut stream = Stream::new(0);
    assert_eq!(stream.run(7, |n| (n != 2 && n != 3).then(|| ms(20 * n))), "- - 0 1 lost fec4 4 5 6 lost");
    assert_eq!(stream.jitter.stats().lost, 2);
}

// Pitfall 8.
#[test]
fn redundant_copies_fill_gaps_and_count_for_nothing_else() {
    let mut stream = Stream::new(0);
    for n in 0..6_u64 {
        if n == 2 || n == 3 {
            continue;
        }
        for copy in n.saturating_sub(2)..n {
            stream.copy_comes(ms(20 * n), copy);
        }
        stream.comes(ms(20 * n), n);
    }
    for tick in 0..8 {
        stream.plays(ms(20 * tick + 45));
    }
    assert_eq!(stream.played[..6].join(" "), "0 1 2 3 4 5");
    let stats = stream.jitter.stats();
    assert_eq!((stats.received, stats.recovered, stats.lost, stats.late, stats.duplicate), (4, 2, 0, 0, 0));
}

#[test]
fn copies_of_what_was_played_before_a_silence_are_not_played_again() {
    let mut stream = Stream::new(0);
    stream.run(4, |n| Some(ms(20 * n)));
    stream.played.clear();
    for tick in 7..20 {
        stream.plays(ms(20 * tick + 5));
    }
    assert_eq!(stream.played.last().map(String::as_str), Some("-"), "nothing comes: silence");
    stream.played.clear();
    let at = ms(20 * 20);
    for copy in 2..4 {
        stream.copy_comes(at, copy);
    }
    stream.comes(at, 20);
    for tick in 20..24 {
        stream.plays(ms(20 * tick + 5));
    }
    assert_eq!(stream.played.join(" "), "- - 20 lost");
}

#[test]
fn duplicates_and_late_packets_are_dropped_and_counted() {
    let mut stream = Stream::new(0);
    for n in 0..4 {
        stream.comes(ms(20 * n), n);
        stream.comes(ms(20 * n), n);
    }
    for tick in 2..5 {
        stream.plays(ms(20 * tick + 5));
    }
    stream.comes(ms(110), 1);
    assert_eq!(stream.played.join(" "), "0 1 2");
    let stats = stream.jitter.stats();
    assert_eq!((stats.received, stats.duplicate, stats.late), (9, 4, 1));
}

#[test]
fn a_network_that_stalls_stretches_the_sound_and_loses_nothing() {
    // Nothing comes for 120 ms, then everything at once.
    let stalled = |n: u64| Some(if (10..16).contains(&n) { ms(20 * 16) } else { ms(20 * n) });
    let mut stream = Stream::new(0);
    let played = stream.run(40, stalled);
    let numbers: Vec<u64> = played.split(' ').filter_map(|p| p.parse().ok()).collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>(), "{played}");
    assert!(numbers.len() >= 34, "{played}");
    assert_eq!(stream.jitter.stats().late, 0);
}

#[test]
fn what_was_made_up_stands_for_what_never_came() {
    // 5 packets in a row are lost for good: the delay is the same afterwards.
    let mut stream = Stream::new(0);
    let played = stream.run(20, |n| (!(8..13).contains(&n)).then(|| ms(20 * n)));
    assert_eq!(played, "- - 0 1 2 3 4 5 6 7 lost lost lost lost fec13 13 14 15 16 17 18 19 lost");
}

#[test]
fn after_a_silence_the_stream_starts_anew() {
    // Discontinuous transmission: 2 s of nothing.
    let mut stream = Stream::new(0);
    let played = stream.run(120, |n| (!(10..110).contains(&n)).then(|| ms(20 * n)));
    let numbers: Vec<u64> = played.split(' ').filter_map(|p| p.parse().ok()).collect();
    assert_eq!(numbers, (0..10).chain(110..120).collect::<Vec<_>>(), "{played}");
    assert_eq!(played.split(' ').filter(|p| *p == "lost").count(), HOLD as usize + 1, "{played}");
}

#[test]
fn a_stream_that_jumps_in_time_goes_on() {
    let mut stream = Stream::new(0);
    stream.run(10, |n| Some(ms(20 * n)));
    stream.played.clear();
    for n in 0..10 {
        stream.jitter.push(
            stream.start + ms(260 + 20 * n),
            3_000_000_000_u32.wrapping_add(n as u32 * 960),
            packet(n),
            false,
        );
        stream.plays(ms(265 + 20 * n));
    }
    assert_eq!(stream.played.join(" "), "- - 0 1 2 3 4 5 6 7");
}

#[test]
fn too_many_packets_at_once_do_not_make_it_grow() {
    let mut stream = Stream::new(0);
    for n in 0..1_000 {
        stream.comes(ms(n / 10), n);
    }
    assert!(stream.jitter.waiting.len() <= CAPACITY);
    assert_eq!(stream.jitter.stats().overflowed, 1_000 - CAPACITY as u64);
    stream.plays(ms(200));
    let first: u64 = stream.played[0].parse().unwrap();
    assert!(first >= 950, "the oldest go first: {first}");
}

#[test]
fn a_delay_that_stays_too_long_asks_for_correction_and_a_huge_one_is_cut() {
    let mut stream = Stream::new(0);
    // The first packet is 80 ms late, those after it are not: everything is played 80 ms too late.
    let mut asked = 0;
    for n in 0..100 {
        stream.comes(if n == 0 { ms(80) } else { ms(20 * n).max(ms(80)) }, n);
        if n >= 4 {
            stream.plays(ms(20 * n + 45));
            asked += stream.jitter.correction();
        }
    }
    assert!(asked > 0, "it should be played faster");
}

#[test]
fn copies_from_before_the_first_packet_delay_nothing() {
    let mut stream = Stream::new(0);
    for (n, at) in [(2, 0), (3, 20), (4, 40)] {
        // RED, oldest first.
        stream.copy_comes(ms(at), n - 2);
        stream.copy_comes(ms(at), n - 1);
        stream.comes(ms(at), n);
        stream.plays(ms(at + 5));
    }
    assert_eq!(stream.played, ["-", "-", "2"]);
    assert_eq!(stream.jitter.stats().recovered, 0);
}

#[test]
fn a_network_that_loses_much_is_given_the_time_that_copies_need() {
    let lossy = |lost: fn(u64) -> bool| {
        let mut stream = Stream::new(0);
        stream.jitter = JitterBuffer::new(JitterConfig::default());
        for n in 1..500 {
            if !lost(n) {
                stream.copy_comes(ms(20 * n), n - 1);
                stream.comes(ms(20 * n), n);
            }
            stream.plays(ms(20 * n + 5));
        }
        stream.jitter.target()
    };
    assert_eq!(lossy(|n| n % 50 == 0), ms(20), "the least");
    assert_eq!(lossy(|n| n % 10 == 0), ms(40), "a copy comes 20 ms later, and playing is on a grid of 20 ms");
}

#[test]
fn packets_of_other_lengths_are_played_too() {
    let mut jitter = JitterBuffer::new(TWO);
    let start = Instant::now();
    // 60 ms each (SILK).
    let long = Payload::whole(Arc::from([3 << 3, 0].as_slice()));
    for n in 0..4 {
        jitter.push(start + ms(60 * n), n as u32 * 2_880, long.clone(), false);
    }
    for n in 0..4 {
        assert!(matches!(jitter.pop(start + ms(60 * n + 45)), Due::Packet(_)), "{n}");
    }
    assert!(matches!(jitter.pop(start + ms(285)), Due::Lost { ticks: 2_880, next: None }));
}

#[test]
fn no_sequence_of_packets_makes_it_panic() {
    let (mut jitter, start) = (JitterBuffer::new(JitterConfig::default()), Instant::now());
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for step in 0..50_000_u64 {
        let now = start + Duration::from_micros(step * 3_000 + random() % 50_000);
        let timestamp =
            if random().is_multiple_of(50) { (random() as u32).wrapping_mul(7) } else { (step * 480) as u32 };
        let bytes: Vec<u8> = (0..random() % 5).map(|_| random() as u8).collect();
        jitter.push(now, timestamp, Payload::whole(bytes.into()), random().is_multiple_of(4));
        if random().is_multiple_of(3) {
            jitter.pop(now);
            jitter.correction();
        }
        assert!(jitter.waiting.len() <= CAPACITY);
        assert!(jitter.waiting.iter().zip(jitter.waiting.iter().skip(1)).all(|(a, b)| a.timestamp < b.timestamp));
    }
}
