//! Latencies in bounded memory: buckets whose width grows with what they hold, so that a quantile is right to 1.6 %.

use std::time::Duration;

use super::ids::index;

/// 2^6 buckets for each doubling.
const BITS: u32 = 6;
const BUCKETS: usize = (64 - BITS as usize + 1) << BITS;

#[derive(Clone, Debug)]
pub(super) struct Latencies {
    /// Of microseconds.
    buckets: Vec<u64>,
    count: u64,
    longest: Duration,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, longest: Duration::ZERO }
    }
}

impl Latencies {
    pub(super) fn add(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket_of(micros)] += 1;
        self.count += 1;
        self.longest = self.longest.max(latency);
    }

    /// The latency that this part of a thousand does not exceed, in milliseconds; `None` when there was none.
    pub(super) fn quantile_ms(&self, per_mille: u32) -> Option<f64> {
        let thousandths = u128::from(self.count) * u128::from(per_mille);
        let rank = u64::try_from(thousandths.div_ceil(1_000)).unwrap_or(u64::MAX).max(1);
        let mut seen = 0;
        let reached = |&count: &u64| {
            seen += count;
            seen >= rank
        };
        let bucket = self.buckets.iter().position(reached)?;
        Some((upper_bound(bucket) as f64 / 1e3).min(self.longest_ms()))
    }

    pub(super) fn longest_ms(&self) -> f64 {
        self.longest.as_secs_f64() * 1e3
    }
}

/// The first 128 values have a bucket each; from there the leading seven bits choose it.
fn bucket_of(micros: u64) -> usize {
    let doublings = (64 - micros.leading_zeros()).saturating_sub(BITS + 1);
    ((doublings as usize) << BITS) + index(micros >> doublings)
}

/// The largest value of a bucket.
const fn upper_bound(bucket: usize) -> u64 {
    let doublings = (bucket >> BITS).saturating_sub(1);
    let within = (bucket - (doublings << BITS)) as u64;
    (within << doublings) + ((1 << doublings) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket() {
        for micros in (0..5_000).chain([1 << 20, (1 << 33) + 12_345, u64::MAX]) {
            let bucket = bucket_of(micros);
            assert!(bucket < BUCKETS, "{micros}");
            assert!(micros <= upper_bound(bucket), "{micros}: {}", upper_bound(bucket));
            assert!(bucket == 0 || micros > upper_bound(bucket - 1), "{micros}");
        }
    }

    #[test]
    fn quantiles_are_those_of_a_sorted_list_within_two_percent() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile_ms(500), None);
        (1..=10_000).for_each(|micros| latencies.add(Duration::from_micros(micros * 10)));
        for (share, expected) in [(500, 50.0), (900, 90.0), (990, 99.0), (1_000, 100.0)] {
            let found = latencies.quantile_ms(share).expect("some");
            assert!((expected..expected * 1.02).contains(&found), "{share}: {found}");
        }
    }
}
