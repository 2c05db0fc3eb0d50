//! Which event times are credible at a moment. A row of 1970 or of the year 2100 is kept like any other, but it must not
//! stretch a file's time range, hold up retention or move a watermark.

use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::TimestampNanosecondType;
use plimsoll_model::{SignalBatch, Table, Timestamp};

use crate::DataFile;
use crate::physical::TIME;

/// Rows that come later than this are kept apart from those of their flush.
const LATE: Duration = Duration::from_hours(24);
/// Clocks of senders may run ahead this far.
const AHEAD: Duration = Duration::from_hours(1);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Season {
    first: Timestamp,
    last: Timestamp,
}

impl Season {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self { first: now - LATE, last: now + AHEAD }
    }

    /// Where the season begins and where it ends in rows that are ordered by time.
    pub(crate) fn borders(self, times: &[i64]) -> [usize; 2] {
        let begins = times.partition_point(|time| *time < self.first.nanos());
        let ends = times.partition_point(|time| *time <= self.last.nanos());
        [begins, ends]
    }
}

/// The latest credible event time of rows that came at `now`: one clock that is set to 2100 must not tell everybody that
/// today is over.
pub(crate) fn watermark_in(rows: &SignalBatch, now: Timestamp) -> Option<Timestamp> {
    let last = now + AHEAD;
    let (_, latest) = rows.time_range()?;
    if latest <= last {
        return Some(latest);
    }
    let times = rows.batch.column_by_name(TIME)?.as_primitive_opt::<TimestampNanosecondType>()?;
    let credible = times.values().iter().copied().filter(|time| *time <= last.nanos());
    credible.max().map(Timestamp::from_nanos)
}

/// The same of rows of which only the latest time is known.
pub(crate) fn watermark(latest: Timestamp, now: Timestamp) -> Option<Timestamp> {
    Some(latest).filter(|latest| *latest <= now + AHEAD)
}

/// The same of a file. Rows far ahead lie in files of their own, whose beginning is not credible either.
pub(crate) fn watermark_of(file: &DataFile) -> Option<Timestamp> {
    let last = file.added + AHEAD;
    [file.max_time, file.min_time].into_iter().find(|time| *time <= last)
}

/// How old the youngest of a file's rows is, at the least. What claims to be from the future ages from its arrival.
pub(crate) fn youngest(max_time: Timestamp, added: Timestamp) -> Timestamp {
    max_time.min(added)
}

/// How long rows are kept, unless the configuration says otherwise.
pub(crate) fn default_retention(table: Table) -> Duration {
    match table {
        Table::Spans | Table::Logs | Table::Metrics => Duration::from_hours(14 * 24),
        Table::BusinessEvents
        | Table::ChangeRecords
        | Table::SliSlices
        | Table::Decisions
        | Table::IngestLedger => Duration::from_hours(400 * 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_far_before_or_after_is_out_of_season() {
        let day = 86_400;
        let now = Timestamp::from_secs(100 * day);
        let times = [0, 98 * day, 99 * day, 100 * day + 3600, 100 * day + 3601, 50_000 * day];
        assert_eq!(Season::at(now).borders(&times.map(|time| time * 1_000_000_000)), [2, 4]);
    }
}
