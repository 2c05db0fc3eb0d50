//! Signs of life: who promised to come how often, and came when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plimsoll_model::{SourceKind, SourceState, SourceStatus, Timestamp};

/// Names that are kept; one with a date in it must not fill the memory.
pub(crate) const MAX_NAMES: usize = 1_000;
/// A backup takes longer on some days: this share of the interval, ...
const GRACE_PARTS: u32 = 10;
/// ... and at least this, is no reason to wake anybody.
const SHORTEST_GRACE: Duration = Duration::from_secs(30);

/// One sign of life.
#[derive(Clone, Debug, PartialEq)]
pub struct Beat {
    pub name: String,
    pub time: Timestamp,
    /// When the next one is due; `None` keeps what was said before.
    pub every: Option<Duration>,
    /// What went wrong, if the job says that it failed.
    pub failure: Option<String>,
}

/// Of one tenant. Clones share what is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heartbeats {
    known: Arc<Mutex<BTreeMap<String, Heart>>>,
}

#[derive(Debug)]
struct Heart {
    since: Timestamp,
    last: Timestamp,
    last_success: Option<Timestamp>,
    every: Option<Duration>,
    failure: Option<String>,
    beats: u64,
    failures: u64,
}

impl Heartbeats {
    /// False when there are too many names for this one.
    pub(crate) fn has_room_for(&self, name: &str) -> bool {
        let known = self.lock();
        known.contains_key(name) || known.len() < MAX_NAMES
    }

    /// Beats come in any order: an older one changes nothing.
    pub(crate) fn beat(&self, beat: Beat) {
        let mut known = self.lock();
        let heart = known.entry(beat.name).or_insert_with(|| Heart::starting(beat.time));
        heart.beats += 1;
        heart.failures += u64::from(beat.failure.is_some());
        if beat.time < heart.last {
            return;
        }
        let was_well = heart.state(beat.time).0 == SourceState::Ok;
        if was_well != beat.failure.is_none() {
            heart.since = beat.time;
        }
        heart.last = beat.time;
        heart.every = beat.every.or(heart.every);
        if beat.failure.is_none() {
            heart.last_success = Some(beat.time);
        }
        heart.failure = beat.failure;
    }

    pub(crate) fn statuses(&self, now: Timestamp) -> Vec<SourceStatus> {
        self.lock().iter().map(|(name, heart)| heart.status(name, now)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Heart>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heart {
    fn starting(now: Timestamp) -> Self {
        Self { since: now, last: now, last_success: None, every: None, failure: None, beats: 0, failures: 0 }
    }

    /// A job that failed is failing until it succeeds; one that is overdue is late, whatever it said last.
    fn state(&self, now: Timestamp) -> (SourceState, Timestamp) {
        let due = self.every.map(|every| self.last + every + (every / GRACE_PARTS).max(SHORTEST_GRACE));
        match due.filter(|due| now > *due) {
            Some(due) => (SourceState::Late, due),
            None if self.failure.is_some() => (SourceState::Failing, self.since),
            None => (SourceState::Ok, self.since),
        }
    }

    fn status(&self, name: &str, now: Timestamp) -> SourceStatus {
        let (state, since) = self.state(now);
        SourceStatus {
            name: name.to_owned(),
            kind: SourceKind::Heartbeat,
            signal: "business_events",
            state,
            since,
            watermark: Some(self.last),
            last_success: self.last_success,
            expected_every: self.every,
            items: self.beats,
            errors: self.failures,
            last_error: self.failure.clone(),
            lacks: match self.every {
                Some(_) => Vec::new(),
                None => vec![
                    "it never said how often it comes: send \"every\", or nobody will miss it".to_owned(),
                ],
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + secs)
    }

    fn beat(secs: i64, failure: Option<&str>) -> Beat {
        Beat { name: "backup".into(), time: at(secs), every: Some(HOUR), failure: failure.map(str::to_owned) }
    }

    fn check(beats: &[Beat], now: i64, state: SourceState, since: i64) {
        let hearts = Heartbeats::default();
        beats.iter().cloned().for_each(|beat| hearts.beat(beat));
        let status = &hearts.statuses(at(now))[0];
        assert_eq!((status.state, status.since), (state, at(since)), "{beats:?}");
    }

    #[test]
    fn a_heart_is_late_when_its_interval_and_a_tenth_of_it_are_over() {
        check(&[beat(0, None), beat(3_600, None)], 3_600 + 3_960, SourceState::Ok, 0);
        check(&[beat(0, None), beat(3_600, None)], 3_600 + 3_961, SourceState::Late, 3_600 + 3_960);
        check(&[beat(0, None), beat(9_000, None)], 9_001, SourceState::Ok, 9_000);
    }

    #[test]
    fn a_failed_job_is_failing_since_it_failed_first_and_well_since_it_succeeded() {
        check(&[beat(0, None), beat(10, Some("disk full"))], 20, SourceState::Failing, 10);
        check(&[beat(10, Some("a")), beat(20, Some("b"))], 30, SourceState::Failing, 10);
        check(&[beat(10, Some("a")), beat(20, None)], 30, SourceState::Ok, 20);
        check(&[beat(0, None), beat(10, Some("a"))], 10_000, SourceState::Late, 10 + 3_960);
    }

    #[test]
    fn an_older_beat_that_comes_later_changes_nothing() {
        check(&[beat(10, None), beat(5, Some("old"))], 20, SourceState::Ok, 10);
    }

    #[test]
    fn without_an_interval_nothing_is_late_and_the_status_says_what_is_missing() {
        let hearts = Heartbeats::default();
        hearts.beat(Beat { every: None, ..beat(0, None) });
        let status = &hearts.statuses(at(1_000_000))[0];
        assert_eq!(status.state, SourceState::Ok);
        assert!(status.lacks[0].contains("every"), "{:?}", status.lacks);
    }
}
