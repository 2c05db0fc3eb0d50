//! Whether the process does its work: the loops that must beat, and how long ago each did.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plimsoll_model::{Clock, Timestamp};

/// Heartbeats of the loops on which a page depends.
#[derive(Debug)]
pub(crate) struct HealthBoard {
    clock: Arc<dyn Clock>,
    parts: Mutex<BTreeMap<&'static str, Part>>,
}

#[derive(Clone, Debug)]
struct Part {
    last_beat: Timestamp,
    allowed: Duration,
    trouble: Option<String>,
}

impl HealthBoard {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, parts: Mutex::default() })
    }

    /// From now on `part` must beat at least every `allowed`.
    pub(crate) fn expect(&self, part: &'static str, allowed: Duration) {
        let beat = Part { last_beat: self.clock.now(), allowed, trouble: None };
        self.lock().insert(part, beat);
    }

    /// `part` finished a round; `trouble` says what went wrong in it.
    pub(crate) fn beat(&self, part: &'static str, trouble: Option<String>) {
        let now = self.clock.now();
        if let Some(part) = self.lock().get_mut(part) {
            part.last_beat = now;
            part.trouble = trouble;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl plimsoll_dashboards::Health for HealthBoard {
    fn parts(&self) -> Vec<(String, Option<String>)> {
        let now = self.clock.now();
        let parts = self.lock().clone();
        parts.into_iter().map(|(name, part)| (name.to_owned(), part.verdict(now))).collect()
    }
}

impl Part {
    fn verdict(self, now: Timestamp) -> Option<String> {
        let silent = now.since(self.last_beat);
        if silent > self.allowed {
            return Some(format!("no sign of life for {} s", silent.as_secs()));
        }
        self.trouble
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_dashboards::Health;
    use plimsoll_model::ManualClock;

    use super::*;

    #[test]
    fn a_loop_that_stops_beating_is_unwell_until_it_beats_again() {
        let clock = ManualClock::at(Timestamp::from_secs(0));
        let board = HealthBoard::new(Arc::new(clock.clone()));
        board.expect("evaluation", Duration::from_secs(30));

        clock.advance(Duration::from_secs(31));
        assert_eq!(board.parts(), [("evaluation".into(), Some("no sign of life for 31 s".into()))]);
        board.beat("evaluation", None);
        assert_eq!(board.parts(), [("evaluation".into(), None)]);
    }

    #[test]
    fn trouble_lasts_until_a_round_without_it() {
        let clock = ManualClock::at(Timestamp::from_secs(0));
        let board = HealthBoard::new(Arc::new(clock));
        board.expect("alerting", Duration::from_secs(30));
        board.beat("alerting", Some("the disk is full".into()));
        assert_eq!(board.parts(), [("alerting".into(), Some("the disk is full".into()))]);
    }
}
