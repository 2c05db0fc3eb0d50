//! The rows of a table that are in memory only. Small batches are joined as they come, so that a thousand appends of
//! one row are a handful of batches to a query. Large ones may be there as their log record only.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{concat_batches, min};
use arrow::datatypes::TimestampNanosecondType;
use plimsoll_model::{SignalBatch, Timestamp};
use plimsoll_wal::Sequence;

use crate::late::LateRows;
use crate::physical::TIME;

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
    pub(crate) part: HotPart,
    /// What it was admitted with.
    pub(crate) bytes: usize,
    pub(crate) since: Timestamp,
}

/// Rows, or what they can be made of.
#[derive(Clone, Debug)]
pub(crate) enum HotPart {
    Made(RecordBatch),
    Late(LateRows),
}

/// What one append brings.
#[derive(Debug)]
pub(crate) enum Arrived {
    Made(Vec<SignalBatch>),
    Late(LateRows),
}

impl HotBatch {
    pub(crate) fn rows(&self) -> usize {
        self.part.row_count()
    }

    pub(crate) fn earliest(&self) -> i64 {
        match &self.part {
            HotPart::Late(rows) => rows.outline().earliest.nanos(),
            HotPart::Made(batch) => {
                min(batch[TIME].as_primitive::<TimestampNanosecondType>()).unwrap_or(i64::MIN)
            }
        }
    }
}

impl HotPart {
    fn unmade(&self) -> Option<&LateRows> {
        match self {
            Self::Late(rows) if !rows.is_made() => Some(rows),
            _ => None,
        }
    }

    fn row_count(&self) -> usize {
        match self {
            Self::Made(batch) => batch.num_rows(),
            Self::Late(rows) => rows.outline().rows,
        }
    }
}

impl HotRows {
    pub(crate) fn push(&mut self, batch: HotBatch) {
        self.active.push(batch);
        while self.join_last_two() {}
    }

    /// Joins when they are of similar size, so that each row is copied a few times at most.
    fn join_last_two(&mut self) -> bool {
        let [.., before, last] = self.active.as_slice() else { return false };
        let (HotPart::Made(first), HotPart::Made(second)) = (&before.part, &last.part) else { return false };
        let (rows_before, rows) = (first.num_rows(), second.num_rows());
        if rows_before > 2 * rows || rows_before + rows > JOINED_ROWS {
            return false;
        }
        let Ok(batch) = concat_batches(first.schema_ref(), [first, second]) else { return false };
        let joined = HotBatch { part: HotPart::Made(batch), bytes: before.bytes + last.bytes, ..*before };
        self.active.truncate(self.active.len() - 2);
        self.active.push(joined);
        true
    }

    /// Everything there is, for a file to be written from. It stays readable until `flushed`.
    pub(crate) fn begin_flush(&mut self) -> Vec<HotBatch> {
        self.flushing.append(&mut self.active);
        self.flushing.clone()
    }

    /// Forgets what `begin_flush` gave; returns the memory it was admitted with.
    pub(crate) fn flushed(&mut self) -> usize {
        std::mem::take(&mut self.flushing).iter().map(|hot| hot.bytes).sum()
    }

    pub(crate) fn parts(&self) -> Vec<HotPart> {
        self.all().map(|hot| hot.part.clone()).collect()
    }

    pub(crate) fn rows(&self) -> usize {
        self.all().map(|hot| hot.part.row_count()).sum()
    }

    /// The append whose rows have waited longest.
    pub(crate) fn oldest(&self) -> Option<&HotBatch> {
        self.all().next()
    }

    fn all(&self) -> impl Iterator<Item = &HotBatch> {
        self.flushing.iter().chain(&self.active)
    }
}

/// The rows of all parts, in their order. What is still to be made is made by several threads, if it is much.
pub(crate) fn made(parts: Vec<HotPart>) -> Vec<RecordBatch> {
    make(&parts);
    let rows = |part| match part {
        HotPart::Made(batch) => Some(batch),
        // The flush keeps what can't be made for a person.
        HotPart::Late(rows) => {
            rows.rows().inspect_err(|error| tracing::error!(error, "rows can't be shown")).ok()
        }
    };
    parts.into_iter().filter_map(rows).collect()
}

/// More threads than this would be too many for one query.
const MAKERS: usize = 4;
/// Made in about the time in which a thread starts, a hundred times over.
const ROWS_A_MAKER: usize = 4096;

fn make(parts: &[HotPart]) {
    let late: Vec<_> = parts.iter().filter_map(HotPart::unmade).collect();
    let rows: usize = late.iter().map(|rows| rows.outline().rows).sum();
    let makers = std::thread::available_parallelism().map_or(1, usize::from).min(MAKERS);
    let makers = makers.min(rows / ROWS_A_MAKER).max(1);
    // The caller makes a share as well, and whatever remains.
    std::thread::scope(|scope| {
        for share in late.chunks(late.len().div_ceil(makers).max(1)).skip(1) {
            scope.spawn(move || share.iter().for_each(|rows| drop(rows.rows())));
        }
        late.iter().take(late.len().div_ceil(makers)).for_each(|rows| drop(rows.rows()));
    });
}

#[cfg(test)]
mod tests {
    use plimsoll_model::{Table, batch_from_rows};

    use super::*;

    fn row(sequence: u64) -> HotBatch {
        let row = serde_json::json!({"time": sequence, "ingest_time": 0, "stage": "rule"});
        let batch = batch_from_rows(&Table::Decisions.schema(), &[row]).expect("fits");
        let part = HotPart::Made(batch);
        HotBatch { sequence: Sequence(sequence), part, bytes: 10, since: Timestamp::from_secs(1) }
    }

    #[test]
    fn many_single_rows_become_few_batches_in_their_order() {
        let mut hot = HotRows::default();
        (1..=1000).for_each(|sequence| hot.push(row(sequence)));
        assert_eq!(hot.rows(), 1000);
        let batches = made(hot.parts());
        assert!(batches.len() < 12, "{} batches", batches.len());
        let all = concat_batches(&Table::Decisions.schema(), &batches).expect("one schema");
        assert_eq!(
            all,
            concat_batches(&all.schema(), &made((1..=1000).map(|s| row(s).part).collect()))
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
