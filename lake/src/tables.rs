//! The Delta tables and what readers see of them, changed together: a commit, and one swap in memory behind it.

use std::sync::Arc;

use plimsoll_model::{Clock, Table};
use tokio::sync::Mutex;

use crate::LakeError;
use crate::change::{Change, Purpose};
use crate::delta::DeltaFolder;
use crate::quarantine::Quarantine;
use crate::seams::{FlushStep, FlushSteps};
use crate::state::Shared;

#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) steps: Arc<dyn FlushSteps>,
    /// In one commit of a flush.
    pub(crate) most_rows: usize,
    pub(crate) quarantine: Quarantine,
    /// In the order of `Table::ALL`. One change of a table at a time.
    pub(crate) folders: Vec<Mutex<DeltaFolder>>,
}

impl Tables {
    pub(crate) fn folder(&self, table: Table) -> &Mutex<DeltaFolder> {
        &self.folders[table as usize]
    }

    /// True when it returns `Ok`: the change is durable, and readers see it. An error may come after the commit; the next
    /// change of the table looks first.
    pub(crate) async fn commit(
        &self,
        table: Table,
        folder: &mut DeltaFolder,
        change: Change,
        reached: impl Fn(FlushStep) -> Result<(), LakeError>,
    ) -> Result<(), LakeError> {
        let committed = folder.commit(change, self.clock.now()).await;
        if committed.is_ok() {
            reached(FlushStep::Committed)?;
        }
        if !self.settle(table, folder).await? {
            let lost = || LakeError::Other(format!("the Delta commit of {table} vanished"));
            return Err(committed.err().unwrap_or_else(lost));
        }
        reached(FlushStep::Swapped)
    }

    /// Shows readers the last change if it has arrived; false if there was none or it has not.
    pub(crate) async fn settle(&self, table: Table, folder: &mut DeltaFolder) -> Result<bool, LakeError> {
        let Some(change) = folder.settle().await? else { return Ok(false) };
        match change.purpose {
            Purpose::Flush { .. } => self.shared.flushed(table, change.added),
            _ => self.shared.replaced(table, &change.removed, change.added),
        }
        Ok(true)
    }
}
