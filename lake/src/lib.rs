//! The write path behind the log: a batch is appended to the WAL and fsynced, becomes queryable in memory, and is
//! flushed to a Delta table whose commit says how far the log is contained in it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use plimsoll_model::{Clock, SignalBatch, Table, Timestamp};

/// `[lake]` in `plimsoll.toml`, plus the folder that `src/` resolved.
#[derive(Clone, Debug)]
pub struct Config {
    pub data_dir: PathBuf,
    /// A table is flushed when it holds this many rows in memory ...
    pub flush_rows: usize,
    /// ... or when its oldest row has been there this long.
    pub flush_age: Duration,
    /// Appends are refused (retryable) beyond this much unflushed Arrow memory.
    pub buffer_limit_bytes: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Nothing of the request was kept; trying again later makes sense.
    #[error("the lake can't take writes at the moment: {0}")]
    Unavailable(String),
    #[error("{0}")]
    Other(String),
}

/// Orders appends; `arrivals` tells what came after one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sequence(pub u64);

/// What reached a table since a [`Sequence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrivals {
    /// Ask with this next time.
    pub next: Sequence,
    /// The earliest event time among the new rows; `None` when nothing came.
    pub earliest: Option<Timestamp>,
    /// The latest event time the table ever received, also before a restart.
    pub watermark: Option<Timestamp>,
}

/// A Parquet file of the Delta table, in the physical schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    pub path: PathBuf,
    pub size_bytes: u64,
    pub rows: u64,
    pub min_time: Timestamp,
    pub max_time: Timestamp,
}

/// One consistent view of a table: each acknowledged row exactly once, either in memory or in a file.
#[derive(Clone, Debug)]
pub struct TableSnapshot {
    pub table: Table,
    /// In `table.schema()`.
    pub hot: Vec<RecordBatch>,
    /// In `physical_schema(table)`.
    pub cold: Vec<DataFile>,
}

/// The columns as they lie in Parquet. Delta knows timestamps of microseconds only, so each UTC-nanosecond column is
/// stored in microseconds and `time` has a companion `time_nanos` (Int16, 0..=999): `time = time_us * 1000 + time_nanos`.
pub fn physical_schema(_table: Table) -> SchemaRef {
    todo!()
}

#[derive(Clone, Debug)]
pub struct Lake {}

impl Lake {
    /// Opens or creates the lake and replays what the log holds beyond the newest commits.
    pub async fn open(_config: Config, _clock: Arc<dyn Clock>) -> Result<Self, LakeError> {
        todo!()
    }

    /// True when it returns: every row is fsynced and visible to the next `snapshot`. All or nothing.
    pub async fn append(&self, _batches: Vec<SignalBatch>) -> Result<(), LakeError> {
        todo!()
    }

    #[must_use]
    pub fn snapshot(&self, _table: Table) -> TableSnapshot {
        todo!()
    }

    #[must_use]
    pub fn arrivals(&self, _table: Table, _since: Sequence) -> Arrivals {
        todo!()
    }

    /// Writes what is buffered to Delta, whatever its size and age.
    pub async fn flush(&self) -> Result<(), LakeError> {
        todo!()
    }

    /// Runs flushes by size and age until `stop`, then flushes once more.
    pub async fn maintain(&self, _stop: tokio_util::sync::CancellationToken) {
        todo!()
    }
}
