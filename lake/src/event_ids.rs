//! A business event is one row, however often it is sent: the first with an `event_id` is kept, later ones within the
//! window are acknowledged and dropped. Its record in `logs` is no event but what was sent, and stays each time.
//!
//! The decision is made in the order of the log, by whoever writes it, and depends on nothing but the rows before it:
//! so a replay decides the same. Times are ingest times; the clock has no say.

use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use plimsoll_model::{SignalBatch, Table};
use sha2::{Digest, Sha256};

use crate::Config;

mod files;

pub(crate) const EVENT_ID: &str = "event_id";
pub(crate) const INGEST_TIME: &str = "ingest_time";

/// Half of a SHA-256: two different ids never meet in it, not even when somebody tries.
type Id = [u64; 2];

/// Forgetting happens by a generation at a time.
const GENERATIONS: usize = 8;

/// The ids of the events of a window, each with its ingest time in nanoseconds.
#[derive(Debug)]
pub(crate) struct EventIds {
    window_nanos: i64,
    capacity: usize,
    /// Oldest first; the last one grows.
    generations: VecDeque<Generation>,
}

#[derive(Debug, Default)]
struct Generation {
    ids: HashMap<Id, i64>,
    newest: i64,
}

impl EventIds {
    pub(crate) fn new(config: &Config) -> Self {
        let window_nanos = nanos(config.event_window);
        Self { window_nanos, capacity: config.event_ids.max(GENERATIONS), generations: VecDeque::new() }
    }

    /// Leaves of the events in `batches` those that are the first of their id; returns how many were not.
    pub(crate) fn keep_first(&mut self, batches: &mut Vec<SignalBatch>) -> u64 {
        let mut duplicates = 0;
        for rows in batches.iter_mut().filter(|rows| rows.table == Table::BusinessEvents) {
            let before = rows.batch.num_rows();
            if let Some(first) = self.without_duplicates(&rows.batch) {
                rows.batch = first;
                duplicates += (before - rows.batch.num_rows()) as u64;
            }
        }
        batches.retain(|rows| rows.batch.num_rows() > 0);
        duplicates
    }

    /// `None`: all are first.
    fn without_duplicates(&mut self, batch: &RecordBatch) -> Option<RecordBatch> {
        let is_first: BooleanArray = self.is_first(&batch[EVENT_ID], &batch[INGEST_TIME])?;
        // Rows that can't be filtered stay: an event twice is better than none.
        (is_first.true_count() < batch.num_rows())
            .then(|| filter_record_batch(batch, &is_first).ok())
            .flatten()
    }

    fn is_first(&mut self, ids: &ArrayRef, times: &ArrayRef) -> Option<BooleanArray> {
        let ids = cast(ids, &DataType::Utf8).ok()?;
        let ids = ids.as_string::<i32>();
        let nanos = DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, Some("UTC".into()));
        let times = cast(times, &nanos).and_then(|times| cast(&times, &DataType::Int64)).ok()?;
        let times = times.as_primitive::<Int64Type>();
        let rows = ids.iter().zip(times.values());
        Some(rows.map(|(id, time)| Some(id.is_none_or(|id| self.insert(id, *time)))).collect())
    }

    /// Whether it was not there yet. An event without an identity is always another one.
    fn insert(&mut self, event_id: &str, ingest_nanos: i64) -> bool {
        if event_id.is_empty() {
            return true;
        }
        let id = hash(event_id);
        let found = self.generations.iter().rev().find_map(|generation| generation.ids.get(&id));
        if found.is_some_and(|first| ingest_nanos.saturating_sub(*first) <= self.window_nanos) {
            return false;
        }
        self.youngest().add(id, ingest_nanos);
        self.forget(ingest_nanos);
        true
    }

    fn youngest(&mut self) -> &mut Generation {
        let is_full = |generation: &Generation| generation.ids.len() >= self.capacity / GENERATIONS;
        if self.generations.back().is_none_or(is_full) {
            self.generations.push_back(Generation { newest: i64::MIN, ..Generation::default() });
        }
        self.generations.back_mut().expect("there is one now")
    }

    fn forget(&mut self, now: i64) {
        let is_over = |oldest: &Generation, window: i64| now.saturating_sub(oldest.newest) > window;
        while self.generations.len() > GENERATIONS
            || self.generations.front().is_some_and(|oldest| is_over(oldest, self.window_nanos))
        {
            self.generations.pop_front();
        }
    }
}

impl Generation {
    fn add(&mut self, id: Id, ingest_nanos: i64) {
        self.ids.insert(id, ingest_nanos);
        self.newest = self.newest.max(ingest_nanos);
    }
}

fn hash(event_id: &str) -> Id {
    let digest = Sha256::digest(event_id.as_bytes());
    let half = |from: usize| digest[from..from + 8].iter().fold(0, |half, byte| half << 8 | u64::from(*byte));
    [half(0), half(8)]
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use plimsoll_model::batch_from_rows;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn ids(window_secs: u64, event_ids: usize) -> EventIds {
        EventIds::new(&Config {
            event_window: Duration::from_secs(window_secs),
            event_ids,
            ..Config::default()
        })
    }

    fn events(ids: &[Option<&str>]) -> SignalBatch {
        let table = Table::BusinessEvents;
        let row = |id| serde_json::json!({"time": 1, "ingest_time": 1000, "event_name": "e", "event_id": id});
        let rows: Vec<_> = ids.iter().map(row).collect();
        SignalBatch { table, batch: batch_from_rows(&table.schema(), &rows).expect("fits") }
    }

    #[test]
    fn the_first_of_an_id_stays_within_a_request_and_across_requests() {
        let mut ids = ids(60, 100);
        let mut first = vec![events(&[Some("a"), Some("b"), None, Some("a"), None, Some("")])];
        assert_eq!(ids.keep_first(&mut first), 1);
        assert_eq!(first, [events(&[Some("a"), Some("b"), None, None, Some("")])]);

        let mut again = vec![events(&[Some("b"), Some("a")]), events(&[Some("c"), Some("")])];
        assert_eq!(ids.keep_first(&mut again), 2);
        assert_eq!(again, [events(&[Some("c"), Some("")])], "a batch without rows is none");
    }

    #[test]
    fn an_id_is_free_again_behind_the_window_and_not_before() {
        let mut ids = ids(60, 100);
        assert!(ids.insert("a", 0));
        assert!(!ids.insert("a", 60 * SECOND));
        assert!(!ids.insert("a", -5 * SECOND), "the clock stepped back");
        assert!(ids.insert("b", 61 * SECOND));
        assert!(ids.insert("a", 61 * SECOND));
        assert!(!ids.insert("a", 62 * SECOND));
    }

    #[test]
    fn memory_is_bounded_by_a_number_and_by_the_window() {
        let mut bounded = ids(1_000_000, 800);
        for number in 0..10_000 {
            assert!(bounded.insert(&number.to_string(), number));
        }
        let held: usize = bounded.generations.iter().map(|generation| generation.ids.len()).sum();
        assert!((700..=800).contains(&held), "{held} ids");
        assert!(!bounded.insert("9999", 10_000));
        assert!(bounded.insert("1", 10_000), "long forgotten");

        let mut windowed = ids(1, 800);
        for number in 0..10_000 {
            assert!(windowed.insert(&number.to_string(), number * SECOND));
        }
        assert!(windowed.generations.len() <= 2, "{} generations", windowed.generations.len());
    }
}
