//! What a query sees of a table.

use std::path::PathBuf;

use arrow::array::RecordBatch;
use plimsoll_model::{Table, Timestamp};

use crate::LateRows;

/// A Parquet file of the Delta table, in the physical schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    pub path: PathBuf,
    pub size_bytes: u64,
    pub rows: u64,
    /// No row is earlier, none later; exact to the microsecond.
    pub min_time: Timestamp,
    pub max_time: Timestamp,
    /// When its rows were flushed; of merged files, the youngest's. Exact to the millisecond.
    pub added: Timestamp,
}

impl DataFile {
    /// As the table's log calls it.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// One consistent view of a table: each acknowledged row exactly once, in memory, in the log or in a file.
#[derive(Clone, Debug)]
pub struct TableSnapshot {
    pub table: Table,
    /// In `table.schema()`.
    pub hot: Vec<RecordBatch>,
    /// Rows that only the log holds, also in `table.schema()`: after a crash there may be more of them than fit into memory, so
    /// they are read part by part by whoever wants them. `Unreadable` ones are not rows of the table.
    pub late: Vec<LateRows>,
    /// In `physical_schema(table)`.
    pub cold: Vec<DataFile>,
}

impl TableSnapshot {
    /// How many rows no file holds yet.
    #[must_use]
    pub fn unflushed_rows(&self) -> usize {
        let hot = self.hot.iter().map(RecordBatch::num_rows);
        hot.chain(self.late.iter().map(|rows| rows.outline().rows)).sum()
    }
}
