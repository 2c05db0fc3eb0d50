//! What a lake does for itself, one thing at a time and never in a hurry: it merges small files, lets go of what has been
//! kept long enough, shortens the tables' logs and deletes files that nobody refers to.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_model::{Table, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::change::{Change, Purpose};
use crate::compaction::{self, Plan};
use crate::config::UpkeepConfig;
use crate::delta::DeltaFolder;
use crate::error::at;
use crate::merge::Merge;
use crate::seams::FlushStep;
use crate::season::youngest;
use crate::tables::Tables;
use crate::vacuum::{self, FirstSeen};
use crate::{DataFile, LakeError, commit_log, data_file};

/// Retention and vacuum are about hours.
const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// At most so many files leave a table in one commit.
const MOST_EXPIRED: usize = 1000;

#[derive(Debug)]
pub(crate) struct Upkeep {
    pub(crate) config: UpkeepConfig,
    next_sweep: Timestamp,
    unreferenced: HashMap<Table, FirstSeen>,
    /// Inputs that could not be read: they must not hold up the others.
    unreadable: HashSet<PathBuf>,
}

impl Upkeep {
    pub(crate) fn new(config: UpkeepConfig, now: Timestamp) -> Self {
        let next_sweep = now + SWEEP_EVERY;
        Self { config, next_sweep, unreferenced: HashMap::new(), unreadable: HashSet::new() }
    }

    /// At most one merge, and whatever else is due. Everything is tried; the first error is returned.
    pub(crate) async fn pass(
        &mut self,
        tables: &Arc<Tables>,
        stop: &CancellationToken,
    ) -> Result<(), LakeError> {
        let mut outcome = self.compact_one(tables, stop).await.map(drop);
        for table in Table::ALL {
            outcome = outcome.and(tables.checkpoint(table).await.map(drop));
        }
        let now = tables.clock.now();
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP_EVERY;
            for table in Table::ALL {
                outcome = outcome.and(self.retire(tables, table).await.map(drop));
                let grace = self.config.vacuum_grace;
                outcome = outcome.and(self.vacuum(tables, table, grace).await.map(drop));
            }
        }
        outcome
    }

    /// The most worthwhile merge of all tables; false when there is none.
    pub(crate) async fn compact_one(
        &mut self,
        tables: &Arc<Tables>,
        stop: &CancellationToken,
    ) -> Result<bool, LakeError> {
        let now = tables.clock.now();
        let plan_of = |table| {
            let mut files = tables.shared.cold(table);
            files.retain(|file| !self.unreadable.contains(&file.path));
            compaction::choose(&files, self.config.target_file_bytes, now).map(|plan| (table, plan))
        };
        let best = Table::ALL.into_iter().filter_map(plan_of).max_by_key(|(_, plan)| plan.inputs.len());
        let Some((table, plan)) = best else { return Ok(false) };
        let inputs = plan.inputs.clone();
        let compacted = tables.compact(table, plan, self.config.target_file_bytes, stop.clone()).await;
        if compacted.is_err() && !stop.is_cancelled() {
            let broken = inputs.into_iter().filter(|file| data_file::examine(file).is_err());
            self.unreadable.extend(broken.map(|file| file.path));
        }
        compacted.map(|()| true)
    }

    /// Lets go of the files whose youngest row has been kept long enough. A file on the border stays whole until then.
    pub(crate) async fn retire(&self, tables: &Tables, table: Table) -> Result<usize, LakeError> {
        let mut folder = tables.folder(table).lock().await;
        tables.settle(table, &mut folder).await?;
        let oldest = tables.clock.now() - self.config.retention_of(table);
        let mut expired = tables.shared.cold(table);
        expired.retain(|file| youngest(file.max_time, file.added) < oldest);
        expired.truncate(MOST_EXPIRED);
        if expired.is_empty() {
            return Ok(0);
        }
        let (files, rows) = (expired.len(), expired.iter().map(|file| file.rows).sum::<u64>());
        let change = Change { purpose: Purpose::Retention, removed: expired, added: Vec::new() };
        tables.commit(table, &mut folder, change, |_| Ok(())).await?;
        tracing::info!(%table, files, rows, "rows that were kept long enough are gone");
        tables.shared.count(|stats| {
            stats.upkeep.expired_files += files as u64;
            stats.upkeep.expired_rows += rows;
        });
        Ok(files)
    }

    /// Deletes files that nothing has referred to for `grace`, which outlives every query; returns their bytes.
    pub(crate) async fn vacuum(
        &mut self,
        tables: &Tables,
        table: Table,
        grace: Duration,
    ) -> Result<Vec<u64>, LakeError> {
        let mut folder = tables.folder(table).lock().await;
        tables.settle(table, &mut folder).await?;
        let in_use = folder.names_in_use()?;
        let present = vacuum::data_files(&folder.path).map_err(at(&folder.path))?;
        let seen = self.unreferenced.entry(table).or_default();
        let due = seen.due(&present, &in_use, grace, tables.clock.now());
        let doubtful = vacuum::has_quarantine(&folder.path);
        let deleted = vacuum::delete(&folder.path, due, |name| !doubtful || folder.retired.contains(name));
        let deleted = deleted.map_err(at(&folder.path))?;
        folder.retired.retain(|name| present.contains(name));
        tables.shared.count(|stats| {
            stats.upkeep.vacuumed_files += deleted.len() as u64;
            stats.upkeep.vacuumed_bytes += deleted.iter().sum::<u64>();
        });
        Ok(deleted)
    }
}

impl Tables {
    async fn compact(
        self: &Arc<Self>,
        table: Table,
        plan: Plan,
        target_bytes: u64,
        stop: CancellationToken,
    ) -> Result<(), LakeError> {
        let (path, version) = {
            let mut folder = self.folder(table).lock().await;
            if self.settle(table, &mut folder).await? {
                // An earlier change had arrived after all: what was chosen may be gone by it.
                return Ok(());
            }
            (folder.path.clone(), folder.version())
        };
        let inputs = plan.inputs.clone();
        let merge = move || {
            let Plan { inputs, is_split_by_day } = &plan;
            let is_split_by_day = *is_split_by_day;
            let (folder, stop) = (path.as_path(), &stop);
            Merge { table, folder, inputs, version, target_bytes, is_split_by_day, stop }.run(None)
        };
        // Flushes go on meanwhile: only the commit takes the table.
        let merged = tokio::task::spawn_blocking(merge).await;
        let merged = merged.map_err(|error| LakeError::Other(error.to_string()))??;
        self.steps.compacted(table, FlushStep::DataFileWritten)?;
        let mut folder = self.folder(table).lock().await;
        self.replace(table, &mut folder, Purpose::Compaction, inputs, merged).await
    }

    /// Commits a compaction of exactly the rows that there were.
    async fn replace(
        &self,
        table: Table,
        folder: &mut DeltaFolder,
        purpose: Purpose,
        removed: Vec<DataFile>,
        added: Vec<DataFile>,
    ) -> Result<(), LakeError> {
        self.settle(table, folder).await?;
        let rows = |files: &[DataFile]| files.iter().map(|file| file.rows).sum::<u64>();
        let (before, after) = (rows(&removed), rows(&added));
        if before != after {
            return Err(LakeError::Other(format!("a merge of {before} rows of {table} gave {after}")));
        }
        let names = folder.names_in_use()?;
        if let Some(gone) = removed.iter().find(|file| !names.contains(&file.name())) {
            let gone = gone.path.display();
            return Err(LakeError::Other(format!(
                "{gone} is no longer in the table, somebody else removed it"
            )));
        }
        let (files, bytes) = (removed.len() as u64, added.iter().map(|file| file.size_bytes).sum::<u64>());
        let change = Change { purpose, removed, added };
        self.commit(table, folder, change, |step| self.steps.compacted(table, step)).await?;
        self.shared.count(|stats| {
            stats.upkeep.compactions += 1;
            stats.upkeep.compacted_files += files;
            stats.upkeep.compacted_bytes += bytes;
        });
        Ok(())
    }

    /// Writes a checkpoint and shortens the log when there are enough commits since the last; false when it was not due.
    pub(crate) async fn checkpoint(&self, table: Table) -> Result<bool, LakeError> {
        let folder = self.folder(table).lock().await;
        let last = commit_log::newest_checkpoint(&folder.path).map_err(at(&folder.path))?;
        if folder.version() < last.unwrap_or(0) + commit_log::CHECKPOINT_EVERY {
            return Ok(false);
        }
        folder.checkpoint().await?;
        let cleaned = commit_log::clean(&folder.path).map_err(at(&folder.path))?;
        self.shared.count(|stats| {
            stats.upkeep.checkpoints += 1;
            stats.upkeep.cleaned_log_files += cleaned;
        });
        Ok(true)
    }
}
