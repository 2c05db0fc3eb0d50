//! One Delta table: opened or created, widened by columns that came since, and committed to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, LogicalFileView, StructField, StructType, Transaction};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use plimsoll_model::{Table, Timestamp};
use plimsoll_wal::Sequence;
use serde::{Deserialize, Serialize};
use url::Url;

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
    attempt: Option<Attempt>,
}

#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) file: DataFile,
    pub(crate) through: Sequence,
}

/// What a table already holds.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) through: Sequence,
    pub(crate) files: Vec<DataFile>,
}

impl DeltaFolder {
    /// Also returns how many damaged commits were moved aside.
    pub(crate) async fn open(path: PathBuf, table: Table) -> Result<(Self, u64), LakeError> {
        create_folders(&path).map_err(at(&path))?;
        let quarantined = commit_log::mend(&path).map_err(at(&path))?;
        let opened = open_or_create(&path, table).await;
        let mut delta = opened.map_err(|error| delta_error(&path, &error))?;
        widen(&mut delta, table).await.map_err(|error| delta_error(&path, &error))?;
        Ok((Self { path, delta, attempt: None }, quarantined))
    }

    pub(crate) async fn held(&self) -> Result<Held, LakeError> {
        let through = self.through().await.map_err(|error| delta_error(&self.path, &error))?;
        let state = self.delta.snapshot().map_err(|error| delta_error(&self.path, &error))?;
        let files = state.log_data().iter().map(|file| data_file(&self.path, &file)).collect();
        Ok(Held { through, files })
    }

    async fn through(&self) -> Result<Sequence, DeltaTableError> {
        let state = self.delta.snapshot()?;
        let version = state.transaction_version(self.delta.log_store().as_ref(), APPLICATION).await?;
        Ok(Sequence(version.and_then(|version| u64::try_from(version).ok()).unwrap_or(0)))
    }

    /// True when it returns `Ok`: the table durably holds the attempt's file, and says through where it holds the log.
    /// After an error the outcome is unknown until `settle`.
    pub(crate) async fn commit(&mut self, attempt: Attempt, now: Timestamp) -> Result<(), LakeError> {
        let Attempt { file, through } = self.attempt.insert(attempt).clone();
        let committed = self.try_commit(&file, through, now).await;
        committed.map_err(|error| delta_error(&self.path, &error))
    }

    /// Looks whether the last attempt arrived, and forgets it. An error may come after the commit, so nobody may repeat
    /// one without having looked.
    pub(crate) async fn settle(&mut self) -> Result<Option<DataFile>, LakeError> {
        let Some(attempt) = &self.attempt else { return Ok(None) };
        let wanted = attempt.through;
        let found = match self.delta.update_state().await {
            Ok(()) => self.through().await,
            Err(error) => Err(error),
        };
        let found = found.map_err(|error| delta_error(&self.path, &error))?;
        Ok(self.attempt.take().filter(|_| found >= wanted).map(|attempt| attempt.file))
    }

    async fn try_commit(
        &mut self,
        file: &DataFile,
        through: Sequence,
        now: Timestamp,
    ) -> Result<(), DeltaTableError> {
        let add = add_action(file, now)?;
        let version =
            i64::try_from(through.0).map_err(|error| DeltaTableError::Generic(error.to_string()))?;
        let transaction = Transaction::new(APPLICATION, version);
        let properties = CommitProperties::default().with_application_transaction(transaction);
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        let commit = CommitBuilder::from(properties)
            .with_actions(vec![Action::Add(add)])
            .build(Some(self.delta.snapshot()?), self.delta.log_store(), operation)
            .await?;
        self.delta.state = Some(commit.snapshot());
        Ok(())
    }
}

async fn open_or_create(path: &Path, table: Table) -> Result<DeltaTable, DeltaTableError> {
    let url = Url::from_directory_path(path)
        .map_err(|()| DeltaTableError::InvalidTableLocation(path.display().to_string()))?;
    let store = Arc::new(DurableStore::new());
    let mut delta = DeltaTableBuilder::from_url(url.clone())?.with_storage_backend(store, url).build()?;
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

fn add_action(file: &DataFile, now: Timestamp) -> Result<Add, DeltaTableError> {
    let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let statistics = Statistics {
        num_records: file.rows,
        min_values: TimeStatistics { time: micros_text(file.min_time) },
        max_values: TimeStatistics { time: micros_text(file.max_time) },
        null_count: TimeStatistics { time: 0 },
    };
    Ok(Add {
        path: name,
        size: i64::try_from(file.size_bytes).map_err(|error| DeltaTableError::Generic(error.to_string()))?,
        modification_time: now.nanos() / 1_000_000,
        data_change: true,
        stats: Some(serde_json::to_string(&statistics)?),
        ..Add::default()
    })
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
    }
}

fn delta_error(path: &Path, error: &DeltaTableError) -> LakeError {
    LakeError::Other(format!("Delta table {}: {error}", path.display()))
}
