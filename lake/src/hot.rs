//! The rows of a table that are in memory only. Small batches are joined as they come, so that a thousand appends of
//! one row are a handful of batches to a query.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use plimsoll_model::Timestamp;
use plimsoll_wal::Sequence;

/// Joined batches do not grow beyond this: a sender's batches of a thousand rows stay as they are, uncopied.
const JOINED_ROWS: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct HotRows {
    /// Being written to a file; still the only place where they can be read.
    flushing: Vec<HotBatch>,
    active: Vec<HotBatch>,
}

#[derive(Clone, Debug)]
pub(crate) struct HotBatch {
    /// Of the earliest append that is in it.
    pub(crate) sequence: Sequence,
    pub(crate) batch: RecordBatch,
    /// What it was admitted with.
    pub(crate) bytes: usize,
    pub(crate) since: Timestamp,
}

impl HotRows {
    pub(crate) fn push(&mut self, batch: HotBatch) {
        self.active.push(batch);
        while self.join_last_two() {}
    }

    /// Joins when they are of similar size, so that each row is copied a few times at most.
    fn join_last_two(&mut self) -> bool {
        let [.., before, last] = self.active.as_slice() else { return false };
        let (rows_before, rows) = (before.batch.num_rows(), last.batch.num_rows());
        if rows_before > 2 * rows || rows_before + rows > JOINED_ROWS {
            return false;
        }
        let Ok(batch) = concat_batches(before.batch.schema_ref(), [&before.batch, &last.batch]) else {
            return false;
        };
        let joined = HotBatch { batch, bytes: before.bytes + last.bytes, ..*before };
        self.active.truncate(self.active.len() - 2);
        self.active.push(joined);
        true
    }

    /// Everything there is, for a file to be written from. It stays readable until `flushed`.
    pub(crate) fn begin_flush(&mut self) -> Vec<RecordBatch> {
        self.flushing.append(&mut self.active);
        self.flushing.iter().map(|hot| hot.batch.clone()).collect()
    }

    /// Forgets what `begin_flush` gave; returns the memory it was admitted with.
    pub(crate) fn flushed(&mut self) -> usize {
        std::mem::take(&mut self.flushing).iter().map(|hot| hot.bytes).sum()
    }

    pub(crate) fn batches(&self) -> Vec<RecordBatch> {
        self.all().map(|hot| hot.batch.clone()).collect()
    }

    pub(crate) fn rows(&self) -> usize {
        self.all().map(|hot| hot.batch.num_rows()).sum()
    }

    /// The append whose rows have waited longest.
    pub(crate) fn oldest(&self) -> Option<&HotBatch> {
        self.all().next()
    }

    fn all(&self) -> impl Iterator<Item = &HotBatch> {
        self.flushing.iter().chain(&self.active)
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_model::{Table, batch_from_rows};

    use super::*;

    fn row(sequence: u64) -> HotBatch {
        let row = serde_json::json!({"time": sequence, "ingest_time": 0, "stage": "rule"});
        let batch = batch_from_rows(&Table::Decisions.schema(), &[row]).expect("fits");
        HotBatch { sequence: Sequence(sequence), batch, bytes: 10, since: Timestamp::from_secs(1) }
    }

    #[test]
    fn many_single_rows_become_few_batches_in_their_order() {
        let mut hot = HotRows::default();
        (1..=1000).for_each(|sequence| hot.push(row(sequence)));
        assert_eq!(hot.rows(), 1000);
        assert!(hot.batches().len() < 12, "{} batches", hot.batches().len());
        let all = concat_batches(&Table::Decisions.schema(), &hot.batches()).expect("one schema");
        assert_eq!(
            all,
            concat_batches(&all.schema(), (1..=1000).map(|s| row(s).batch).collect::<Vec<_>>().iter())
                .expect("one schema")
        );
    }

    #[test]
    fn rows_in_a_flush_stay_readable_and_newer_ones_are_not_joined_to_them() {
        let mut hot = HotRows::default();
        hot.push(row(1));
        assert_eq!(hot.begin_flush().len(), 1);
        hot.push(row(2));
        assert_eq!(hot.rows(), 2);

        assert_eq!(hot.flushed(), 10);
        assert_eq!(hot.rows(), 1);
        assert_eq!(hot.oldest().map(|hot| hot.sequence), Some(Sequence(2)));
    }
}
