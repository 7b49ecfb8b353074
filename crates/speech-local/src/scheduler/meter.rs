//! What computing costs here, measured while it is done, and whether there is time for more.

use std::time::Duration;

use tokio::time::Instant;
use warmline_voice::Load;

/// No call is taken on while a turn would wait so long for its recognition to begin.
const TOO_LONG: Duration = Duration::from_secs(1);
/// Calls are taken on again when the wait has stayed below this for [`CALM`].
const SHORT: Duration = Duration::from_millis(300);
const CALM: Duration = Duration::from_secs(4);
/// Old measurements count for less and less: about the last thirty matter.
const FADING: f64 = 0.97;
/// Share of the time in which one side of a call speaks, the one that is listened to and the one that is spoken.
const TALKING: f64 = 0.3;
/// Share of the workers' time that calls may be planned to take; the rest is for those who speak at the same moment.
const PLANNED: f64 = 0.75;

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Recognition,
    Synthesis,
}

/// Seconds of computing and of speech.
#[derive(Clone, Copy, Debug)]
struct Rate {
    computed: f64,
    speech: f64,
}

impl Rate {
    /// What was measured on a common machine, worth ten seconds of speech.
    fn usual(rate: f64) -> Self {
        Self { computed: rate * 10.0, speech: 10.0 }
    }

    fn add(&mut self, computed: f64, speech: f64) {
        self.computed = self.computed * FADING + computed;
        self.speech = self.speech * FADING + speech;
    }

    fn get(self) -> f64 {
        self.computed / self.speech
    }
}

pub(super) struct Meter {
    recognition: Rate,
    synthesis: Rate,
    wait: Duration,
    overloaded: bool,
    calm_since: Option<Instant>,
    done: u64,
    pub(super) failed: u64,
    pub(super) late: u64,
    pub(super) shed_partials: u64,
    pub(super) shed_speculative: u64,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            recognition: Rate::usual(0.15),
            synthesis: Rate::usual(0.2),
            wait: Duration::ZERO,
            overloaded: false,
            calm_since: None,
            done: 0,
            failed: 0,
            late: 0,
            shed_partials: 0,
            shed_speculative: 0,
        }
    }

    /// Seconds of computing for a second of speech.
    pub(super) fn rate(&self, kind: Kind) -> f64 {
        match kind {
            Kind::Recognition => self.recognition.get(),
            Kind::Synthesis => self.synthesis.get(),
        }
    }

    pub(super) fn measured(&mut self, kind: Kind, took: Duration, speech: f64) {
        self.done += 1;
        match kind {
            Kind::Recognition => self.recognition.add(took.as_secs_f64(), speech),
            Kind::Synthesis => self.synthesis.add(took.as_secs_f64(), speech),
        }
    }

    /// A turn would wait so long now.
    pub(super) fn waits(&mut self, wait: Duration, now: Instant) {
        self.wait = wait;
        if wait >= TOO_LONG {
            (self.overloaded, self.calm_since) = (true, None);
        } else if wait > SHORT {
            self.calm_since = None;
        } else if self.overloaded && *self.calm_since.get_or_insert(now) + CALM <= now {
            self.overloaded = false;
        }
    }

    pub(super) fn fill(&self, load: Load) -> Load {
        let of_a_call = TALKING * (self.recognition.get() + self.synthesis.get());
        let calls = (load.workers as f64 * PLANNED / of_a_call) as usize;
        Load {
            expected_wait: self.wait,
            overloaded: self.overloaded,
            calls: Some(calls.max(1)),
            recognition_rate: self.recognition.get(),
            synthesis_rate: self.synthesis.get(),
            done: self.done,
            shed_partials: self.shed_partials,
            shed_speculative: self.shed_speculative,
            late: self.late,
            failed: self.failed,
            ..load
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slower_machine_carries_fewer_calls_and_always_one() {
        let mut meter = Meter::new();
        let load = Load { workers: 2, ..Load::default() };
        let usual = meter.fill(load).calls.unwrap();
        assert!((10..20).contains(&usual), "{usual}");
        let mut last = usual;
        for slower in [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(100)] {
            for _ in 0..200 {
                meter.measured(Kind::Recognition, slower, 2.0);
                meter.measured(Kind::Synthesis, slower, 2.0);
            }
            let calls = meter.fill(load).calls.unwrap();
            assert!(calls < last || calls == 1, "{calls} after {last}");
            last = calls;
        }
        assert_eq!(last, 1);
    }

    #[test]
    fn overload_is_over_when_it_has_been_calm_for_a_while() {
        let (mut meter, start) = (Meter::new(), Instant::now());
        let mut at = |millis: u64, wait: u64| {
            meter.waits(Duration::from_millis(wait), start + Duration::from_millis(millis));
            meter.overloaded
        };
        assert!(!at(0, 900) && at(100, 1_000));
        assert!(at(200, 0) && at(3_000, 100) && at(4_100, 400) && at(4_200, 0), "not calm for long enough");
        assert!(at(8_100, 299) && !at(8_200, 0));
        assert!(!at(8_300, 999) && at(8_400, 1_500));
    }
}
