//! From memory to Delta: files, a commit that says how far the log is contained, the swap, and only then the log is
//! trimmed. Whatever stops it in between, the rows are still in memory and in the log.

use std::sync::Arc;

use arrow::array::RecordBatch;
use plimsoll_model::Table;

use crate::change::{Change, Purpose};
use crate::delta::DeltaFolder;
use crate::hot::{HotBatch, HotPart};
use crate::in_order::InOrder;
use crate::late::Unmakable;
use crate::quarantine::Quarantine;
use crate::seams::FlushStep;
use crate::state::{FlushInput, Shared};
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
        self.shared.flush_ended(outcome.is_err());
        writer.send(Command::Truncate(self.shared.flushed_through())).await?;
        outcome
    }

    /// What is visible by now. Commit by commit, so that room comes back and questions find files as it goes.
    async fn flush_table(&self, table: Table) -> Result<(), LakeError> {
        let mut folder = self.folder(table).lock().await;
        self.settle(table, &mut folder).await?;
        let until = self.shared.visible();
        while let Some(input) = self.shared.begin_flush(table, self.most_rows) {
            let through = input.through;
            self.flush_input(table, &mut folder, input).await?;
            if through >= until {
                break;
            }
        }
        Ok(())
    }

    async fn flush_input(
        &self,
        table: Table,
        folder: &mut DeltaFolder,
        input: FlushInput,
    ) -> Result<(), LakeError> {
        let (path, through, now) = (folder.path.clone(), input.through, self.clock.now());
        let (shared, quarantine) = (Arc::clone(&self.shared), self.quarantine.clone());
        let write = move || {
            let expected = input.parts.iter().map(HotBatch::rows).sum();
            let parts = input.parts.into_iter().map(|part| (part.earliest(), part)).collect();
            let rows = InOrder::of(parts, |part| rows_of(part, &shared, &quarantine));
            data_file::write_flush(table, rows, expected, &path, through, now)
        };
        let written = tokio::task::spawn_blocking(write).await;
        let added = written.map_err(|error| LakeError::Other(error.to_string()))??;
        self.steps.reached(table, FlushStep::DataFileWritten)?;

        let purpose = Purpose::Flush { through };
        let change = Change { purpose, removed: Vec::new(), added };
        self.commit(table, folder, change, |step| self.steps.reached(table, step)).await
    }
}

/// A record whose rows can't be made is kept for a person, as at a replay: it costs itself only.
fn rows_of(
    HotBatch { part, sequence, .. }: HotBatch,
    shared: &Shared,
    quarantine: &Quarantine,
) -> Result<Option<RecordBatch>, LakeError> {
    let late = match part {
        HotPart::Made(batch) => return Ok(Some(batch)),
        HotPart::Late(late) => late,
    };
    match late.once() {
        Ok(rows) => Ok(Some(rows)),
        // The rows are where they were; the next flush tries again.
        Err(error @ Unmakable::Unavailable(_)) => Err(LakeError::Other(error.to_string())),
        Err(Unmakable::Unreadable(reason)) => {
            let record = late.record().map_err(|error| LakeError::Other(error.to_string()))?;
            quarantine.keep(sequence, &record, &reason)?;
            shared.count(|stats| stats.quarantined += 1);
            Ok(None)
        }
    }
}
