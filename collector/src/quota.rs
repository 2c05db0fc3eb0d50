//! What one tenant may send: items and bytes a second, and distinct series of metrics an hour.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plimsoll_model::Timestamp;

use crate::refusal::{Refusal, RequestReason};

/// `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Spans, log records and data points.
    pub items_per_second: Option<u64>,
    /// After decompression.
    pub bytes_per_second: Option<u64>,
    /// Distinct series of metrics (resource, name, attributes) within a clock hour. Points of further series are
    /// rejected, those of known ones are kept.
    pub series_per_hour: Option<usize>,
}

/// Seconds of its rate that a tenant may save up while it is quiet.
const BURST_SECS: f64 = 10.0;
const HOUR: Duration = Duration::from_secs(3600);
/// Whoever is far over is still asked to look in now and then, so that a raised quota takes effect.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What a tenant has used of its quota. A request is weighed after it was read, so it may leave a debt, which later
/// ones wait for: on average nobody exceeds the rate, and no request is too large to ever fit.
#[derive(Debug)]
pub(crate) struct Meter {
    quota: Quota,
    balances: Mutex<Balances>,
    series: Mutex<Series>,
}

#[derive(Debug)]
struct Balances {
    items: f64,
    bytes: f64,
    at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Series {
    hour: Option<Timestamp>,
    seen: HashSet<u64>,
}

impl Meter {
    pub(crate) fn new(quota: Quota) -> Self {
        let full = |rate: Option<u64>| rate.map_or(0.0, burst);
        let balances =
            Balances { items: full(quota.items_per_second), bytes: full(quota.bytes_per_second), at: None };
        Self { quota, balances: Mutex::new(balances), series: Mutex::default() }
    }

    /// Refuses while there is a debt, and says when it will be paid.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        let Quota { items_per_second, bytes_per_second, .. } = self.quota;
        let mut balances = lock(&self.balances);
        balances.earn(self.quota, now);
        let owed = [(items_per_second, balances.items, "items"), (bytes_per_second, balances.bytes, "bytes")];
        for (rate, balance, what) in owed {
            if let Some(rate) = rate.filter(|_| balance < 0.0) {
                return Err(over(rate, -balance, what));
            }
        }
        Ok(())
    }

    pub(crate) fn spend(&self, items: u64, bytes: usize) {
        let mut balances = lock(&self.balances);
        balances.items -= as_f64(items);
        balances.bytes -= as_f64(bytes as u64);
    }

    pub(crate) fn limits_series(&self) -> bool {
        self.quota.series_per_hour.is_some()
    }

    /// Whether a point of this series may be kept.
    pub(crate) fn admits(&self, series: u64, now: Timestamp) -> bool {
        let Some(limit) = self.quota.series_per_hour else { return true };
        let mut known = lock(&self.series);
        let hour = now.floor_to(HOUR);
        if known.hour != Some(hour) {
            *known = Series { hour: Some(hour), seen: HashSet::new() };
        }
        if known.seen.len() < limit {
            known.seen.insert(series);
            return true;
        }
        known.seen.contains(&series)
    }

    /// Distinct series of this hour, as far as they are counted.
    pub(crate) fn series(&self) -> usize {
        lock(&self.series).seen.len()
    }
}

impl Balances {
    fn earn(&mut self, quota: Quota, now: Timestamp) {
        let secs = self.at.map_or(0.0, |at| now.since(at).as_secs_f64());
        self.at = self.at.max(Some(now));
        if let Some(rate) = quota.items_per_second {
            self.items = (self.items + secs * as_f64(rate)).min(burst(rate));
        }
        if let Some(rate) = quota.bytes_per_second {
            self.bytes = (self.bytes + secs * as_f64(rate)).min(burst(rate));
        }
    }
}

fn over(rate: u64, owed: f64, what: &str) -> Refusal {
    let wait = Duration::try_from_secs_f64((owed / as_f64(rate.max(1))).ceil()).unwrap_or(LONGEST_WAIT);
    let wait = wait.clamp(Duration::from_secs(1), LONGEST_WAIT);
    let secs = wait.as_secs();
    let message = format!("over the quota of {rate} {what} a second; send it again in {secs} s");
    Refusal::new(RequestReason::Quota, message).later(wait)
}

fn burst(rate: u64) -> f64 {
    as_f64(rate) * BURST_SECS
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no exact count")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn a_debt_is_waited_for_and_no_longer() {
        let meter = Meter::new(Quota { items_per_second: Some(100), ..Quota::default() });
        meter.check(at(0)).expect("ten seconds are saved up");
        meter.spend(1_300, 9);
        let refusal = meter.check(at(0)).expect_err("three seconds too many");
        assert_eq!(
            (refusal.reason, refusal.retry_after()),
            (RequestReason::Quota, Some(Duration::from_secs(3)))
        );
        assert!(refusal.message.contains("100 items a second"), "{}", refusal.message);
        assert!(meter.check(at(2)).is_err());
        meter.check(at(3)).expect("paid");
        meter.check(at(1)).expect("a clock that steps back takes nothing away");
    }

    #[test]
    fn on_average_nobody_exceeds_the_rate() {
        let meter = Meter::new(Quota { bytes_per_second: Some(1_000), ..Quota::default() });
        let mut spent = 0;
        for second in 0..1_000 {
            while meter.check(at(second)).is_ok() {
                meter.spend(1, 700);
                spent += 700;
            }
        }
        assert!((1_000_000..1_015_000).contains(&spent), "{spent}");
    }

    #[test]
    fn without_a_quota_nothing_is_refused() {
        let meter = Meter::new(Quota::default());
        meter.spend(u64::MAX, usize::MAX);
        meter.check(at(0)).expect("no limit");
        assert!((0..10_000).all(|series| meter.admits(series, at(0))));
        assert_eq!(meter.series(), 0, "and nothing is remembered for it");
    }

    #[test]
    fn known_series_stay_welcome_and_the_next_hour_begins_anew() {
        let meter = Meter::new(Quota { series_per_hour: Some(2), ..Quota::default() });
        let admitted: Vec<_> = [1, 2, 3, 1, 3].map(|series| meter.admits(series, at(10))).into();
        assert_eq!(admitted, [true, true, false, true, false]);
        assert!(meter.admits(3, at(3600)));
        assert_eq!(meter.series(), 1);
    }
}
