//! How often is judged, and what of it is said: soon after something came, without spending a core on it, and nothing that
//! alerting knows already.

use std::time::Duration;

use plimsoll_model::{Alert, Fingerprint, Timestamp};

/// A quarter of the interval is how soon a pass may follow the last one.
const SOONEST: u32 = 4;
/// A pass may take a tenth of the time at most, as long as the interval allows it.
const REST_PER_WORK: u32 = 10;

#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    said: Vec<(Fingerprint, bool)>,
    said_at: Option<Timestamp>,
}

impl Pace {
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, said: Vec::new(), said_at: None }
    }

    /// Until the next pass, after one that took this long.
    pub(super) fn rest(&self, took: Duration) -> Duration {
        (took * REST_PER_WORK).clamp(self.interval / SOONEST, self.interval)
    }

    /// Alerts hold for minutes and are restated at the interval; between that, only a change is news.
    pub(super) fn is_worth_saying(&mut self, alerts: &[Alert], now: Timestamp) -> bool {
        let states = alerts.iter().map(|alert| (alert.labels.fingerprint(), alert.is_resolved_at(now)));
        let states: Vec<_> = states.collect();
        let is_due = self.said_at.is_none_or(|said_at| now.since(said_at) >= self.interval);
        if !is_due && states == self.said {
            return false;
        }
        self.said = states;
        self.said_at = Some(now);
        true
    }

    pub(super) fn was_not_heard(&mut self) {
        self.said_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn alert(name: &str, ends_at: i64) -> Alert {
        Alert {
            labels: [("alertname", name)].into_iter().collect(),
            annotations: std::collections::BTreeMap::new(),
            starts_at: at(0),
            ends_at: Some(at(ends_at)),
            generator_url: String::new(),
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_short_pass_is_followed_soon_and_a_long_one_at_the_interval() {
        let rests = [1, 25, 50, 5_000].map(|millis| Pace::new(SECOND).rest(Duration::from_millis(millis)));
        assert_eq!(rests.map(|rest| rest.as_millis()), [250, 250, 500, 1_000]);
    }

    #[test]
    fn a_change_is_said_at_once_and_the_rest_at_the_interval() {
        let mut pace = Pace::new(SECOND);
        let firing = [alert("a", 9_000)];
        assert!(pace.is_worth_saying(&firing, at(0)));
        assert!(!pace.is_worth_saying(&firing, at(250)));
        assert!(pace.is_worth_saying(&[alert("a", 9_000), alert("b", 9_000)], at(500)));
        assert!(pace.is_worth_saying(&[alert("a", 600), alert("b", 9_000)], at(750)), "a resolve");
        assert!(!pace.is_worth_saying(&[alert("a", 600), alert("b", 9_000)], at(1_000)));
        pace.was_not_heard();
        assert!(pace.is_worth_saying(&[alert("a", 600), alert("b", 9_000)], at(1_250)));
        assert!(pace.is_worth_saying(&[alert("a", 600), alert("b", 9_000)], at(2_250)), "restated");
    }
}
