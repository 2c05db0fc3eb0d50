//! From memory to Delta: files, a commit that says how far the log is contained, the swap, and only then the log is
//! trimmed. Whatever stops it in between, the rows are still in memory and in the log.

use plimsoll_model::Table;

use crate::change::{Change, Purpose};
use crate::seams::FlushStep;
use crate::tables::Tables;
use crate::writer::{Command, LogWriter};
use crate::{LakeError, data_file};

impl Tables {
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
        let mut folder = self.folder(table).lock().await;
        self.settle(table, &mut folder).await?;
        let Some(input) = self.shared.begin_flush(table) else { return Ok(()) };

        let (path, through, now) = (folder.path.clone(), input.through, self.clock.now());
        let write = move || data_file::write_flush(table, &input.batches, &path, through, now);
        let written = tokio::task::spawn_blocking(write).await;
        let added = written.map_err(|error| LakeError::Other(error.to_string()))??;
        self.steps.reached(table, FlushStep::DataFileWritten)?;

        let purpose = Purpose::Flush { through };
        let change = Change { purpose, removed: Vec::new(), added };
        self.commit(table, &mut folder, change, |step| self.steps.reached(table, step)).await
    }
}
