//! Rows that are made of their log record when somebody asks for them, and once. Most telemetry is asked for once, by the
//! flush; until then a record takes a tenth of the memory that its rows do.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use bytes::Bytes;
use plimsoll_model::{ReadOriginal, RowsOutline};

use crate::record;

/// Clones share what was made.
#[derive(Clone)]
pub(crate) struct LateRows {
    inner: Arc<Late>,
}

struct Late {
    outline: RowsOutline,
    /// As it lies in the log.
    record: Bytes,
    originals: Arc<dyn ReadOriginal>,
    made: OnceLock<Result<RecordBatch, String>>,
}

impl LateRows {
    pub(crate) fn of(outline: RowsOutline, record: Bytes, originals: Arc<dyn ReadOriginal>) -> Self {
        Self { inner: Arc::new(Late { outline, record, originals, made: OnceLock::new() }) }
    }

    pub(crate) fn outline(&self) -> RowsOutline {
        self.inner.outline
    }

    pub(crate) fn record(&self) -> &[u8] {
        &self.inner.record
    }

    pub(crate) fn is_made(&self) -> bool {
        self.inner.made.get().is_some()
    }

    /// An error says why these rows can't be had: what was outlined is not what its reader makes of it.
    pub(crate) fn rows(&self) -> Result<RecordBatch, String> {
        self.inner.made.get_or_init(|| self.inner.make()).clone()
    }

    /// As `rows`, for who asks once and for all: nothing is kept.
    pub(crate) fn once(&self) -> Result<RecordBatch, String> {
        self.inner.made.get().map_or_else(|| self.inner.make(), Clone::clone)
    }
}

impl Late {
    fn make(&self) -> Result<RecordBatch, String> {
        let read = || record::rows_of_checked(&self.record, self.originals.as_ref());
        let read = catch_unwind(AssertUnwindSafe(read)).map_err(|_| "its reader panics".to_owned())?;
        let mut batches = read.map_err(|error| error.to_string())?;
        match (batches.pop(), batches.is_empty()) {
            (Some(rows), true) if rows.table == self.outline.table => Ok(rows.batch),
            _ => Err("its rows are of other tables than it said".to_owned()),
        }
    }
}

impl fmt::Debug for LateRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateRows").field("outline", &self.inner.outline).finish_non_exhaustive()
    }
}
