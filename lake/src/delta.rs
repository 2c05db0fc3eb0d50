//! One Delta table: opened or created, widened by columns that came since, and committed to.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deltalake::checkpoints::create_checkpoint;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, LogicalFileView, Remove, StructField, StructType, Transaction};
use deltalake::operations::create::CreateBuilder;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use plimsoll_model::{Table, Timestamp};
use plimsoll_wal::Sequence;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::change::{Change, Purpose};
use crate::commit_log::Mended;
use crate::data_file::to_the_microsecond;
use crate::durable_store::{DurableStore, create_folders};
use crate::error::at;
use crate::{DataFile, LakeError, commit_log, physical_schema};

/// Under this name a commit says how far our log is contained in the table.
const APPLICATION: &str = "plimsoll-wal";

#[derive(Debug)]
pub(crate) struct DeltaFolder {
    pub(crate) path: PathBuf,
    delta: DeltaTable,
    /// Handed to `commit` and not yet known to be there.
    attempt: Option<Change>,
    /// The attempt ended with an error: should it be there, then perhaps only in the system's memory.
    is_doubtful: bool,
    /// Files that our own commits took out of the table, and that are still on the disk.
    pub(crate) retired: HashSet<String>,
}

/// What a table already holds.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) through: Sequence,
    pub(crate) version: u64,
    pub(crate) files: Vec<DataFile>,
}

impl DeltaFolder {
    /// Also returns what was wrong with the log.
    pub(crate) async fn open(path: PathBuf, table: Table) -> Result<(Self, Mended), LakeError> {
        create_folders(&path).map_err(at(&path))?;
        let mended = commit_log::mend(&path).map_err(at(&path))?;
        let opened = open_or_create(&path, table).await;
        let mut delta = opened.map_err(|error| delta_error(&path, &error))?;
        widen(&mut delta, table).await.map_err(|error| delta_error(&path, &error))?;
        Ok((Self::new(path, delta), mended))
    }

    fn new(path: PathBuf, delta: DeltaTable) -> Self {
        Self { path, delta, attempt: None, is_doubtful: false, retired: HashSet::new() }
    }

    pub(crate) async fn held(&self) -> Result<Held, LakeError> {
        let through = self.through().await.map_err(|error| delta_error(&self.path, &error))?;
        let state = self.delta.snapshot().map_err(|error| delta_error(&self.path, &error))?;
        let files = state.log_data().iter().map(|file| data_file(&self.path, &file)).collect();
        Ok(Held { through, files, version: self.version() })
    }

    async fn through(&self) -> Result<Sequence, DeltaTableError> {
        let state = self.delta.snapshot()?;
        let version = state.transaction_version(self.delta.log_store().as_ref(), APPLICATION).await?;
        Ok(Sequence(version.and_then(|version| u64::try_from(version).ok()).unwrap_or(0)))
    }

    /// True when it returns `Ok`: the table durably holds the change. After an error the outcome is unknown until
    /// `settle`.
    pub(crate) async fn commit(&mut self, change: Change, now: Timestamp) -> Result<(), LakeError> {
        let change = self.attempt.insert(change).clone();
        let committed = self.try_commit(&change, now).await;
        self.is_doubtful = committed.is_err();
        committed.map_err(|error| delta_error(&self.path, &error))
    }

    /// Looks whether the last attempt arrived, makes sure that it stays, and forgets it. An error may come after the commit,
    /// so nobody may repeat one without having looked.
    pub(crate) async fn settle(&mut self) -> Result<Option<Change>, LakeError> {
        let Some(attempt) = &self.attempt else { return Ok(None) };
        self.delta.update_state().await.map_err(|error| delta_error(&self.path, &error))?;
        let has_arrived = attempt.is_in(&self.names()?);
        if has_arrived && self.is_doubtful {
            commit_log::write_again(&self.path, self.version()).map_err(at(&self.path))?;
        }
        let arrived = self.attempt.take().filter(|_| has_arrived);
        self.retired.extend(arrived.iter().flat_map(|change| &change.removed).map(DataFile::name));
        Ok(arrived)
    }

    /// The files of the newest version, and those of an attempt whose outcome is not known.
    pub(crate) fn names_in_use(&self) -> Result<HashSet<String>, LakeError> {
        let mut names = self.names()?;
        names.extend(self.attempt.iter().flat_map(|change| &change.added).map(DataFile::name));
        Ok(names)
    }

    fn names(&self) -> Result<HashSet<String>, LakeError> {
        let state = self.delta.snapshot().map_err(|error| delta_error(&self.path, &error))?;
        Ok(state.log_data().iter().map(|file| file.path().into_owned()).collect())
    }

    pub(crate) fn version(&self) -> u64 {
        self.delta.version().unwrap_or(0)
    }

    /// Writes everything that the newest version says into one file, so that readers need no commit before it.
    pub(crate) async fn checkpoint(&self) -> Result<(), LakeError> {
        let written = create_checkpoint(&self.delta, None).await;
        written.map_err(|error| delta_error(&self.path, &error))?;
        commit_log::seal_checkpoint(&self.path, self.version()).map_err(at(&self.path))
    }

    async fn try_commit(&mut self, change: &Change, now: Timestamp) -> Result<(), DeltaTableError> {
        // Checkpoints and the log's clean-up have their own time: not while rows wait to be flushed.
        let mut properties = CommitProperties::default()
            .with_metadata([("purpose".to_owned(), change.purpose.name().into())])
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false));
        if let Purpose::Flush { through } = change.purpose {
            let version =
                i64::try_from(through.0).map_err(|error| DeltaTableError::Generic(error.to_string()))?;
            properties = properties.with_application_transaction(Transaction::new(APPLICATION, version));
        }
        let removed = change.removed.iter().map(|file| remove_action(file, change.purpose, now));
        let added = change.added.iter().map(|file| add_action(file, change.purpose));
        let actions = removed.chain(added).collect::<Result<_, _>>()?;
        let commit = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(self.delta.snapshot()?), self.delta.log_store(), change.purpose.operation())
            .await?;
        self.delta.state = Some(commit.snapshot());
        Ok(())
    }
}

/// What a table holds, without mending or widening it.
pub(crate) async fn look(path: &Path) -> Result<Held, LakeError> {
    let load = async {
        let mut delta = table_at(path)?;
        delta.load().await?;
        Ok(delta)
    };
    let delta = load.await.map_err(|error| delta_error(path, &error))?;
    DeltaFolder::new(path.to_path_buf(), delta).held().await
}

fn table_at(path: &Path) -> Result<DeltaTable, DeltaTableError> {
    let url = Url::from_directory_path(path)
        .map_err(|()| DeltaTableError::InvalidTableLocation(path.display().to_string()))?;
    let store = Arc::new(DurableStore::new());
    DeltaTableBuilder::from_url(url.clone())?.with_storage_backend(store, url).build()
}

async fn open_or_create(path: &Path, table: Table) -> Result<DeltaTable, DeltaTableError> {
    let mut delta = table_at(path)?;
    if delta.verify_deltatable_existence().await? {
        delta.load().await?;
        return Ok(delta);
    }
    CreateBuilder::new()
        .with_log_store(delta.log_store())
        .with_table_name(table.name())
        .with_columns(columns(table)?)
        .await
}

/// Adds the nullable columns that the table does not have yet.
async fn widen(delta: &mut DeltaTable, table: Table) -> Result<(), DeltaTableError> {
    let schema = delta.snapshot()?.schema();
    let mut missing = Vec::new();
    for column in columns(table)? {
        match schema.field(column.name()) {
            Some(found) if found.data_type() == column.data_type() => {}
            Some(found) => {
                let (name, found, wanted) = (column.name(), found.data_type(), column.data_type());
                return Err(DeltaTableError::Generic(format!(
                    "column {name} is of type {found} where this program writes {wanted}: start the program that wrote it"
                )));
            }
            None => missing.push(StructField::nullable(column.name(), column.data_type().clone())),
        }
    }
    if !missing.is_empty() {
        tracing::info!(table = %table, columns = missing.len(), "adding new columns to a Delta table");
        *delta = delta.clone().add_columns().with_fields(missing).await?;
    }
    Ok(())
}

fn columns(table: Table) -> Result<Vec<StructField>, DeltaTableError> {
    let schema: StructType = physical_schema(table).as_ref().try_into_kernel()?;
    Ok(schema.fields().cloned().collect())
}

/// The part of a file's statistics that we need; Delta writes times as RFC 3339.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    num_records: u64,
    min_values: TimeStatistics<String>,
    max_values: TimeStatistics<String>,
    null_count: TimeStatistics<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TimeStatistics<T> {
    time: T,
}

fn add_action(file: &DataFile, purpose: Purpose) -> Result<Action, DeltaTableError> {
    let statistics = Statistics {
        num_records: file.rows,
        min_values: TimeStatistics { time: micros_text(file.min_time) },
        max_values: TimeStatistics { time: micros_text(file.max_time) },
        null_count: TimeStatistics { time: 0 },
    };
    Ok(Action::Add(Add {
        path: file.name(),
        size: size(file)?,
        modification_time: file.added.nanos() / 1_000_000,
        data_change: purpose.changes_data(),
        stats: Some(serde_json::to_string(&statistics)?),
        ..Add::default()
    }))
}

fn remove_action(file: &DataFile, purpose: Purpose, now: Timestamp) -> Result<Action, DeltaTableError> {
    Ok(Action::Remove(Remove {
        path: file.name(),
        data_change: purpose.changes_data(),
        deletion_timestamp: Some(now.nanos() / 1_000_000),
        extended_file_metadata: Some(true),
        partition_values: Some(HashMap::new()),
        size: Some(size(file)?),
        ..Remove::default()
    }))
}

fn size(file: &DataFile) -> Result<i64, DeltaTableError> {
    i64::try_from(file.size_bytes).map_err(|error| DeltaTableError::Generic(error.to_string()))
}

fn micros_text(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// A file without readable statistics may hold any time.
fn data_file(folder: &Path, file: &LogicalFileView) -> DataFile {
    let statistics = file.stats().and_then(|json| serde_json::from_str::<Statistics>(&json).ok());
    let time = |text: Option<&String>| text.and_then(|text| Timestamp::parse_rfc3339(text));
    let min = time(statistics.as_ref().map(|statistics| &statistics.min_values.time));
    let max = time(statistics.as_ref().map(|statistics| &statistics.max_values.time));
    let (min_time, max_time) =
        to_the_microsecond(min.unwrap_or(Timestamp::MIN), max.unwrap_or(Timestamp::MAX));
    DataFile {
        path: folder.join(file.path().as_ref()),
        size_bytes: u64::try_from(file.size()).unwrap_or(0),
        rows: statistics.map_or(0, |statistics| statistics.num_records),
        min_time,
        max_time,
        added: Timestamp::from_nanos(file.modification_time().saturating_mul(1_000_000)),
    }
}

fn delta_error(path: &Path, error: &DeltaTableError) -> LakeError {
    LakeError::Other(format!("Delta table {}: {error}", path.display()))
}
