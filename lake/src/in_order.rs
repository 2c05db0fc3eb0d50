//! The rows of a flush in the order of their time, some thousand at once. Batches come about in that order already, so only
//! those whose times overlap are held as rows: a flush takes memory for a few of them, however many there are.

use std::collections::VecDeque;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use arrow::error::ArrowError;

use crate::LakeError;
use crate::gather::{Place, gather};
use crate::physical::TIME;

/// Held before some are given away, where their times permit.
const HELD_ROWS: usize = 16 * 1024;

pub(crate) struct InOrder<P, M> {
    /// By their earliest time.
    waiting: VecDeque<(i64, P)>,
    make: M,
    held: Vec<RecordBatch>,
    /// The rows of `held` that were not given away.
    rows: Vec<(i64, Place)>,
}

/// Rows and their times, both in order.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(crate) rows: RecordBatch,
    pub(crate) times: Vec<i64>,
}

impl<P, M: FnMut(P) -> Result<Option<RecordBatch>, LakeError>> InOrder<P, M> {
    /// Each part comes with its earliest time. `make` gives its rows when they are needed; a part without any is left out.
    pub(crate) fn of(mut waiting: Vec<(i64, P)>, make: M) -> Self {
        waiting.sort_by_key(|(earliest, _)| *earliest);
        Self { waiting: waiting.into(), make, held: Vec::new(), rows: Vec::new() }
    }

    /// The next rows; none of them is later than any that come after. `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Ordered>, LakeError> {
        let mut wanted = HELD_ROWS;
        let settled = loop {
            while self.rows.len() < wanted && self.open()? {}
            self.rows.sort_by_key(|(time, _)| *time);
            let Some((next, _)) = self.waiting.front() else { break self.rows.len() };
            let settled = self.rows.partition_point(|(time, _)| time < next);
            if settled >= HELD_ROWS / 2 {
                break settled;
            }
            // Much overlaps: twice as much is sorted next, not a part more each time.
            wanted = 2 * self.rows.len();
        };
        if settled == 0 {
            return Ok(None);
        }
        self.give(settled).map(Some).map_err(|error| LakeError::Other(error.to_string()))
    }

    /// Takes the next part in. False when there is none.
    fn open(&mut self) -> Result<bool, LakeError> {
        let Some((_, part)) = self.waiting.pop_front() else { return Ok(false) };
        if let Some(batch) = (self.make)(part)? {
            let times = batch[TIME].as_primitive::<TimestampNanosecondType>().values();
            let part = self.held.len();
            self.rows.extend(times.iter().enumerate().map(|(row, time)| (*time, Place { part, row })));
            self.held.push(batch);
        }
        Ok(true)
    }

    fn give(&mut self, count: usize) -> Result<Ordered, ArrowError> {
        let (times, places): (Vec<_>, Vec<_>) = self.rows.drain(..count).unzip();
        let rows = gather(&self.held, &places)?;
        self.forget_spent();
        Ok(Ordered { rows, times })
    }

    fn forget_spent(&mut self) {
        let mut is_needed = vec![false; self.held.len()];
        self.rows.iter().for_each(|(_, place)| is_needed[place.part] = true);
        let mut kept = 0;
        let moved: Vec<_> = is_needed
            .iter()
            .map(|is_needed| {
                kept += usize::from(*is_needed);
                kept.saturating_sub(1)
            })
            .collect();
        let mut parts = is_needed.iter();
        self.held.retain(|_| parts.next().is_some_and(|is_needed| *is_needed));
        self.rows.iter_mut().for_each(|(_, place)| place.part = moved[place.part]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use plimsoll_model::{Table, batch_from_rows};

    use super::*;

    fn part(times: impl IntoIterator<Item = i64>) -> RecordBatch {
        let row = |time| serde_json::json!({"time": time, "ingest_time": 0, "stage": "rule"});
        let rows: Vec<_> = times.into_iter().map(row).collect();
        batch_from_rows(&Table::Decisions.schema(), &rows).expect("fits")
    }

    fn times_of(part: &RecordBatch) -> &[i64] {
        part[TIME].as_primitive::<TimestampNanosecondType>().values()
    }

    /// How many rows were given at once; all of them came, in order.
    fn check(parts: Vec<RecordBatch>) -> Vec<usize> {
        let mut expected: Vec<i64> = parts.iter().flat_map(times_of).copied().collect();
        expected.sort_unstable();
        let earliest = |part: &RecordBatch| times_of(part).iter().copied().min().unwrap_or(0);
        let parts = parts.into_iter().map(|part| (earliest(&part), part)).collect();
        let mut in_order = InOrder::of(parts, |part| Ok(Some(part)));
        let (mut given, mut sizes) = (Vec::new(), Vec::new());
        while let Some(Ordered { rows, times }) = in_order.next().expect("gathers") {
            assert_eq!(times_of(&rows), times);
            sizes.push(times.len());
            given.extend(times);
        }
        assert_eq!(given, expected);
        sizes
    }

    #[test]
    fn whatever_order_the_parts_are_in_their_rows_come_in_order() {
        assert_eq!(check(vec![]), [0; 0]);
        assert_eq!(check(vec![part([3, 1, 2])]), [3]);
        assert_eq!(check(vec![part([5, 5]), part([1, 9]), part([]), part([5, 1])]), [6]);
    }

    #[test]
    fn parts_that_follow_each_other_are_not_held_together() {
        let thousands = (0..50).map(|part_no| part((0..1000).map(move |row| part_no * 900 + row)));
        let sizes = check(thousands.collect());
        assert!(sizes.len() > 2 && *sizes.iter().max().expect("some") < 2 * HELD_ROWS, "{sizes:?}");

        let all_alike = (0..40).map(|part_no| part((0..1000).map(move |row| row * 40 + part_no)));
        let sizes = check(all_alike.collect());
        assert_eq!(BTreeSet::from_iter(sizes), BTreeSet::from([40_000]), "none may go before the last came");
    }
}
