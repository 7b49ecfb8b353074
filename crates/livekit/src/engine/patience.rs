//! How often a lost connection is tried to be made again, and when it is given up. No IO.

use std::time::{Duration, Instant};

use crate::ReconnectPolicy;

/// A session that lasted this long was a good one: what went wrong before does not count any more.
const GOOD_SESSION: Duration = Duration::from_secs(60);

/// Sessions in a row that were no good ones, at most.
const BAD_SESSIONS: u32 = 10;

/// How often has been tried, and whether to try again.
#[derive(Debug)]
pub(super) struct Recovery {
    policy: ReconnectPolicy,
    bad_sessions: u32,
    lost_since: Option<Instant>,
}

impl Recovery {
    pub(super) fn new(policy: ReconnectPolicy) -> Self {
        Self { policy, bad_sessions: 0, lost_since: None }
    }

    /// Whether a resume that has failed since then is worth another attempt, and after how long.
    pub(super) fn resume_again(&self, since: Instant, attempt: u32, now: Instant) -> Option<Duration> {
        (now.saturating_duration_since(since) < self.policy.resume_for)
            .then(|| backoff(attempt, Duration::from_secs(2)))
    }

    /// A session is lost that began then.
    pub(super) fn lost(&mut self, began: Instant, now: Instant) {
        let good = self.lost_since.is_none() && now.saturating_duration_since(began) >= GOOD_SESSION;
        self.bad_sessions = if good { 0 } else { self.bad_sessions + 1 };
        self.lost_since.get_or_insert(now);
    }

    /// Media flows again.
    pub(super) fn recovered(&mut self) {
        self.lost_since = None;
    }

    /// Whether joining anew is worth another attempt, and after how long.
    pub(super) fn rejoin_again(&self, attempt: u32, now: Instant) -> Option<Duration> {
        let lost_for = self.lost_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        (self.bad_sessions <= BAD_SESSIONS && lost_for < self.policy.rejoin_for).then(|| {
            if attempt == 0 && self.bad_sessions <= 1 {
                Duration::ZERO
            } else {
                backoff(attempt, Duration::from_secs(5))
            }
        })
    }
}

/// 0.2 s, doubled each time, with up to half as much by chance on top, so that not all come back at once.
fn backoff(attempt: u32, longest: Duration) -> Duration {
    let base = Duration::from_millis(200 << attempt.min(10)).min(longest);
    base + base.mul_f64(rand::random_range(0.0..0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn resuming_is_tried_for_a_while() {
        let recovery = Recovery::new(ReconnectPolicy::default());
        let since = Instant::now();
        assert!(recovery.resume_again(since, 0, since).is_some_and(|after| after <= secs(1)));
        assert!(recovery.resume_again(since, 9, since + secs(19)).is_some_and(|after| after <= secs(3)));
        assert_eq!(recovery.resume_again(since, 10, since + secs(20)), None);
    }

    #[test]
    fn the_first_rejoin_is_at_once_and_the_last_within_the_minute() {
        let mut recovery = Recovery::new(ReconnectPolicy::default());
        let began = Instant::now();
        recovery.lost(began, began + secs(100));
        let lost = began + secs(100);
        assert_eq!(recovery.rejoin_again(0, lost), Some(Duration::ZERO));
        assert!(recovery.rejoin_again(1, lost + secs(59)).is_some_and(|after| after > Duration::ZERO));
        assert_eq!(recovery.rejoin_again(20, lost + secs(60)), None);
    }

    #[test]
    fn sessions_that_break_again_and_again_are_given_up() {
        let mut recovery = Recovery::new(ReconnectPolicy::default());
        let mut now = Instant::now();
        let mut sessions = 0;
        while recovery.rejoin_again(0, now).is_some() {
            recovery.recovered();
            recovery.lost(now, now + secs(3));
            now += secs(3);
            sessions += 1;
            assert!(sessions < 100, "never loops for ever");
        }
        assert_eq!(sessions, BAD_SESSIONS + 1);
        let mut lasting = Recovery::new(ReconnectPolicy::default());
        for _ in 0..100 {
            lasting.recovered();
            lasting.lost(now, now + secs(61));
            now += secs(61);
            assert!(lasting.rejoin_again(0, now).is_some());
        }
    }
}
