//! From memory to Delta: a file, a commit that says how far the log is contained, the swap, and only then the log is
//! trimmed. Whatever stops it in between, the rows are still in memory and in the log.

use std::sync::Arc;

use plimsoll_model::{Clock, Table};
use tokio::sync::Mutex;

use crate::delta::{Attempt, DeltaFolder};
use crate::seams::{FlushStep, FlushSteps};
use crate::state::Shared;
use crate::writer::{Command, LogWriter};
use crate::{LakeError, data_file};

#[derive(Debug)]
pub(crate) struct Flusher {
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) steps: Arc<dyn FlushSteps>,
    /// In the order of `Table::ALL`. One flush of a table at a time.
    pub(crate) folders: Vec<Mutex<DeltaFolder>>,
}

impl Flusher {
    /// Tries every table, trims the log, and returns the first error there was.
    pub(crate) async fn flush(&self, tables: &[Table], writer: &LogWriter) -> Result<(), LakeError> {
        let mut outcome = Ok(());
        for table in tables {
            let flushed = Box::pin(self.flush_table(*table)).await;
            if flushed.is_err() {
                self.shared.count(|stats| stats.flush_failures += 1);
            }
            outcome = outcome.and(flushed);
        }
        writer.send(Command::Truncate(self.shared.flushed_through())).await?;
        outcome
    }

    async fn flush_table(&self, table: Table) -> Result<(), LakeError> {
        let mut folder = self.folders[table as usize].lock().await;
        if let Some(file) = folder.settle().await? {
            self.shared.flushed(table, file);
        }
        let Some(input) = self.shared.begin_flush(table) else { return Ok(()) };

        let (path, through) = (folder.path.clone(), input.through);
        let write = move || data_file::write(table, &input.batches, &path, through);
        let written = tokio::task::spawn_blocking(write).await;
        let file = written.map_err(|error| LakeError::Other(error.to_string()))??;
        self.steps.reached(table, FlushStep::DataFileWritten)?;

        let committed = folder.commit(Attempt { file, through }, self.clock.now()).await;
        if committed.is_ok() {
            self.steps.reached(table, FlushStep::Committed)?;
        }
        match folder.settle().await? {
            Some(file) => self.shared.flushed(table, file),
            None => {
                let lost = || LakeError::Other(format!("the Delta commit of {table} vanished"));
                return Err(committed.err().unwrap_or_else(lost));
            }
        }
        self.steps.reached(table, FlushStep::Swapped)
    }
}
