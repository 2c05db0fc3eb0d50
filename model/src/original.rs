//! What a sender sent, kept as it came: the log holds it in place of rows, because it is smaller and was there before
//! them. Whoever wrote it into the log reads it again after a crash.

use std::fmt::Debug;

use bytes::Bytes;

use crate::{SignalBatch, Table, Timestamp};

/// Which signal, in which encoding, by whose rules: the reader's own numbering. It lies in logs on disk, so a number
/// never changes its meaning; another way of reading gets another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OriginalFormat(pub u8);

/// A request as it was sent, after decompression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    pub format: OriginalFormat,
    /// The `ingest_time` of its rows.
    pub received: Timestamp,
    pub bytes: Bytes,
}

/// What is known of the rows of an [`Original`] before they are made: all of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowsOutline {
    pub table: Table,
    /// At least one.
    pub rows: usize,
    /// The earliest and the latest event time.
    pub earliest: Timestamp,
    pub latest: Timestamp,
    /// What the rows will occupy, about.
    pub bytes: usize,
}

/// Builds rows from an [`Original`], when it comes and again when the log is replayed.
pub trait ReadOriginal: Debug + Send + Sync {
    /// The rows, each batch in its table's schema, in the same order and number whenever it is asked: nothing but the
    /// original may decide over them, in particular no clock and no chance. What could not be kept is not among
    /// them. Called from several threads at once. An error says why the bytes can't be read; it and a panic cost this
    /// one original, which is then kept aside.
    fn rows(&self, original: &Original) -> Result<Vec<SignalBatch>, String>;

    /// As `rows`, of an original that its writer has checked and that has been in this process ever since.
    fn rows_of_checked(&self, original: &Original) -> Result<Vec<SignalBatch>, String> {
        self.rows(original)
    }
}

/// For a log that is given rows only: refuses every original.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowsOnly;

impl ReadOriginal for RowsOnly {
    fn rows(&self, original: &Original) -> Result<Vec<SignalBatch>, String> {
        Err(format!("nobody here reads originals of format {}", original.format.0))
    }
}
