//! Chance, from one seed.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

/// Everything random in a run comes from one of these.
pub(crate) struct Dice(SmallRng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// Once in so many times.
    pub(crate) fn one_in(&mut self, times: u32) -> bool {
        self.0.random_range(0..times) == 0
    }

    /// From the one to the other, both included.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        self.0.random_range(from..=to)
    }

    /// So many milliseconds.
    pub(crate) fn ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.between(from, to))
    }

    /// One of them.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.0.random_range(0..of.len())]
    }
}
