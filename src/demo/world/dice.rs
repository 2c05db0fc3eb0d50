//! Chance, from a generator that was handed in: the same seed gives the same day.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

#[derive(Debug)]
pub(in crate::demo) struct Dice(SmallRng);

impl Dice {
    pub(in crate::demo) fn seeded(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    pub(in crate::demo) fn chance(&mut self, probability: f64) -> bool {
        self.0.random_bool(probability)
    }

    pub(in crate::demo) fn fraction(&mut self) -> f64 {
        self.0.random_range(0.0..1.0)
    }

    pub(in crate::demo) fn number(&mut self, range: std::ops::Range<i64>) -> i64 {
        self.0.random_range(range)
    }

    pub(in crate::demo) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.random_range(0..choices.len())]
    }

    pub(in crate::demo) fn seconds(&mut self, range: std::ops::Range<f64>) -> Duration {
        Duration::from_secs_f64(self.0.random_range(range))
    }

    /// Latencies have a long tail: half lie below the median, `spread` says how far the rest reaches.
    pub(in crate::demo) fn latency(&mut self, median: Duration, spread: f64) -> Duration {
        median.mul_f64((spread * self.normal()).exp())
    }

    /// The time until the next of many independent customers asks.
    pub(in crate::demo) fn until_next(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.fraction()).ln())
    }

    pub(in crate::demo) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        self.0.random()
    }

    /// Box and Muller's normal deviate.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.fraction()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.fraction()).cos()
    }
}
