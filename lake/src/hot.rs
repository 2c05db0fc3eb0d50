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
    /// Of the earliest append that is in it, and of the latest.
    pub(crate) sequence: Sequence,
    pub(crate) last: Sequence,
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
        let (part, bytes) = (HotPart::Made(batch), before.bytes + last.bytes);
        let joined = HotBatch { part, bytes, last: last.last, ..*before };
        self.active.truncate(self.active.len() - 2);
        self.active.push(joined);
        true
    }

    /// The oldest rows, about `most` of them and whole appends, for a file to be written from; they stay readable until
    /// `flushed`. Also the last append of which all rows are among them, if that is not simply the last.
    pub(crate) fn begin_flush(&mut self, most: usize) -> (Vec<HotBatch>, Option<Sequence>) {
        let mut rows: usize = self.flushing.iter().map(HotBatch::rows).sum();
        let mut taken = 0;
        let mut last = self.flushing.last().map(|part| part.last);
        for part in &self.active {
            if rows >= most && last < Some(part.sequence) {
                break;
            }
            rows += part.rows();
            taken += 1;
            last = Some(part.last);
        }
        self.flushing.extend(self.active.drain(..taken));
        let rest = self.active.first();
        (self.flushing.clone(), rest.map(|rest| Sequence(rest.sequence.0 - 1)))
    }

    /// Forgets what `begin_flush` gave; returns the memory it was admitted with.
    pub(crate) fn flushed(&mut self) -> usize {
        std::mem::take(&mut self.flushing).iter().map(|hot| hot.bytes).sum()
    }

    /// Those that are in memory, and those that stay in the log until each is asked for.
    pub(crate) fn parts(&self) -> (Vec<HotPart>, Vec<LateRows>) {
        let (mut here, mut late) = (Vec::new(), Vec::new());
        for hot in self.all() {
            match &hot.part {
                HotPart::Late(rows) if rows.is_in_log() => late.push(rows.clone()),
                part => here.push(part.clone()),
            }
        }
        (here, late)
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
            rows.rows().inspect_err(|error| tracing::error!(%error, "rows can't be shown")).ok()
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
        let sequence = Sequence(sequence);
        HotBatch { sequence, last: sequence, part, bytes: 10, since: Timestamp::from_secs(1) }
    }

    #[test]
    fn many_single_rows_become_few_batches_in_their_order() {
        let mut hot = HotRows::default();
        (1..=1000).for_each(|sequence| hot.push(row(sequence)));
        assert_eq!(hot.rows(), 1000);
        let batches = made(hot.parts().0);
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
        assert_eq!(hot.begin_flush(100).0.len(), 1);
        hot.push(row(2));
        assert_eq!(hot.rows(), 2);

        assert_eq!(hot.flushed(), 10);
        assert_eq!(hot.rows(), 1);
        assert_eq!(hot.oldest().map(|hot| hot.sequence), Some(Sequence(2)));
    }

    #[test]
    fn a_flush_takes_about_as_many_as_it_should_and_never_a_part_of_an_append() {
        let mut hot = HotRows::default();
        let large = |sequence| {
            let rows =
                (0..2_000).map(|time| serde_json::json!({"time": time, "ingest_time": 0, "stage": "rule"}));
            let batch = batch_from_rows(&Table::Decisions.schema(), &rows.collect::<Vec<_>>()).expect("fits");
            HotBatch { part: HotPart::Made(batch), ..row(sequence) }
        };
        // Of append 4 come two batches, and of 3 to 7 some are joined.
        for part in [large(1), large(2), row(3), row(4), row(4), row(5), large(6), row(7)] {
            hot.push(part);
        }
        let mut took = Vec::new();
        while hot.oldest().is_some() {
            let (parts, through) = hot.begin_flush(2_001);
            let (again, still) = hot.begin_flush(0);
            assert_eq!((again.len(), still), (parts.len(), through), "what is taken stays taken");
            took.push((parts.iter().map(HotBatch::rows).sum::<usize>(), through));
            hot.flushed();
        }
        assert_eq!(took, [(4_000, Some(Sequence(2))), (2_004, Some(Sequence(6))), (1, None)]);
    }
}
