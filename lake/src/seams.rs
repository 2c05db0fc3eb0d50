//! Where a test takes hold of the lake: the disk under the log, and the steps of a flush.

use std::fmt::Debug;
use std::sync::Arc;

use plimsoll_model::Table;
use plimsoll_wal::{Disk, LocalDisk};

use crate::LakeError;

#[derive(Debug)]
pub struct Seams {
    pub log_disk: Box<dyn Disk>,
    pub flush_steps: Arc<dyn FlushSteps>,
}

impl Default for Seams {
    fn default() -> Self {
        Self { log_disk: Box::new(LocalDisk), flush_steps: Arc::new(NothingInBetween) }
    }
}

/// What a crash can come between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlushStep {
    DataFileWritten,
    Committed,
    /// Readers see the file; the log still holds the rows.
    Swapped,
}

/// Told of each step once it is durable. An error stops the flush there.
pub trait FlushSteps: Debug + Send + Sync {
    fn reached(&self, table: Table, step: FlushStep) -> Result<(), LakeError>;

    /// The same of a merge of small files.
    fn compacted(&self, _table: Table, _step: FlushStep) -> Result<(), LakeError> {
        Ok(())
    }
}

#[derive(Debug)]
struct NothingInBetween;

impl FlushSteps for NothingInBetween {
    fn reached(&self, _table: Table, _step: FlushStep) -> Result<(), LakeError> {
        Ok(())
    }
}
