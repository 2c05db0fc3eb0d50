//! The rows of history, an hour at a time, handed out at the moment they came.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use anyhow::Context;
use arrow::array::AsArray;
use arrow::datatypes::TimestampNanosecondType;
use plimsoll_model::{SignalBatch, Table, Timestamp};

use super::Stretch;
use super::history::History;

/// Read ahead, and held in memory.
const CHUNK: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
pub(super) struct Arrivals<'h> {
    history: &'h History,
    tables: BTreeSet<Table>,
    /// In the order they came, table by table.
    waiting: VecDeque<SignalBatch>,
    /// Everything that came before is read.
    read_until: Timestamp,
    end: Timestamp,
}

impl<'h> Arrivals<'h> {
    pub(super) fn new(history: &'h History, tables: BTreeSet<Table>, stretch: Stretch) -> Self {
        let end = stretch.until + Duration::from_nanos(1);
        Self { history, tables, waiting: VecDeque::new(), read_until: stretch.since, end }
    }

    /// What came up to `now`.
    pub(super) async fn until(&mut self, now: Timestamp) -> anyhow::Result<Vec<SignalBatch>> {
        let after = now + Duration::from_nanos(1);
        while self.read_until < after.min(self.end) {
            let to = (self.read_until + CHUNK).min(self.end);
            for table in &self.tables {
                self.waiting.extend(self.history.between(*table, self.read_until, to).await?);
            }
            self.read_until = to;
        }
        let mut arrived = Vec::new();
        for rows in std::mem::take(&mut self.waiting) {
            let came = came_before(&rows, after)?;
            if came > 0 {
                arrived.push(SignalBatch { table: rows.table, batch: rows.batch.slice(0, came) });
            }
            let left = rows.batch.num_rows() - came;
            if left > 0 {
                self.waiting
                    .push_back(SignalBatch { table: rows.table, batch: rows.batch.slice(came, left) });
            }
        }
        Ok(arrived)
    }
}

/// Rows are in the order they came.
fn came_before(rows: &SignalBatch, after: Timestamp) -> anyhow::Result<usize> {
    let times = rows
        .batch
        .column_by_name("ingest_time")
        .and_then(|times| times.as_primitive_opt::<TimestampNanosecondType>());
    let times = times.context("rows have no ingest_time")?;
    Ok(times.values().partition_point(|time| *time < after.nanos()))
}
