//! Rows that are made of their log record when somebody asks for them. Most telemetry is asked for once, by the flush;
//! until then a record takes a tenth of the memory that its rows do, and one that is left in the log next to none.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use bytes::Bytes;
use plimsoll_model::{ReadOriginal, RowsOutline};
use plimsoll_wal::Place;

use crate::record::{self, Trust};
use crate::rows::slimmed;

/// Clones share what was made.
#[derive(Clone)]
pub struct LateRows {
    inner: Arc<Late>,
}

struct Late {
    outline: RowsOutline,
    record: Record,
    originals: Arc<dyn ReadOriginal>,
    made: OnceLock<Result<RecordBatch, Unmakable>>,
}

/// The record of the rows.
#[derive(Debug)]
pub(crate) enum Record {
    /// Held since it was received, or since it was replayed.
    Held(Bytes, Trust),
    /// To be read when it is needed: there was more of that kind than fits into memory.
    Logged(Place),
}

/// Why rows can't be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unmakable {
    /// What was outlined is not what its reader makes of it.
    #[error("{0}")]
    Unreadable(String),
    /// The log can't be read at the moment.
    #[error("the log can't be read: {0}")]
    Unavailable(String),
}

impl LateRows {
    pub(crate) fn of(outline: RowsOutline, record: Record, originals: Arc<dyn ReadOriginal>) -> Self {
        Self { inner: Arc::new(Late { outline, record, originals, made: OnceLock::new() }) }
    }

    #[must_use]
    pub fn outline(&self) -> RowsOutline {
        self.inner.outline
    }

    pub(crate) fn record(&self) -> Result<Bytes, Unmakable> {
        self.inner.record()
    }

    /// Whether to ask for its rows takes memory only for as long as they are held.
    pub(crate) fn is_in_log(&self) -> bool {
        matches!(self.inner.record, Record::Logged(_))
    }

    pub(crate) fn is_made(&self) -> bool {
        self.inner.made.get().is_some()
    }

    /// Made once, for all who ask while they are in memory.
    pub(crate) fn rows(&self) -> Result<RecordBatch, Unmakable> {
        self.inner.made.get_or_init(|| self.inner.make().map(slimmed)).clone()
    }

    /// As `rows`, for who asks once and for all: nothing is kept.
    pub fn once(&self) -> Result<RecordBatch, Unmakable> {
        self.inner.made.get().map_or_else(|| self.inner.make(), Clone::clone)
    }
}

impl Late {
    fn record(&self) -> Result<Bytes, Unmakable> {
        match &self.record {
            Record::Held(record, _) => Ok(record.clone()),
            Record::Logged(place) => match place.read() {
                Ok(record) => Ok(record.into()),
                Err(error) => Err(Unmakable::Unavailable(error.to_string())),
            },
        }
    }

    fn make(&self) -> Result<RecordBatch, Unmakable> {
        let record = self.record()?;
        let trust = if let Record::Held(_, trust) = self.record { trust } else { Trust::FromDisk };
        let read = || record::rows_of_outlined(&record, self.originals.as_ref(), trust);
        let read = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("its reader panics".into()));
        read.map_err(|error| Unmakable::Unreadable(error.to_string()))
    }
}

impl fmt::Debug for LateRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateRows").field("outline", &self.inner.outline).finish_non_exhaustive()
    }
}
