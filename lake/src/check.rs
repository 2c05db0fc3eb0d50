//! A look at a lake that nobody has open: what is there, what is wrong with it. Changes nothing.

use std::fs::{self, File};
use std::path::Path;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plimsoll_model::{Table, Timestamp};
use serde::Serialize;

use crate::delta::Held;
use crate::error::at;
use crate::home::Home;
use crate::lock::FolderLock;
use crate::{Config, DataFile, LakeError, commit_log, data_file, delta, quarantine, vacuum};

#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    pub tables: Vec<TableReport>,
    /// What is acknowledged and may not be in a file yet.
    pub log_files: u64,
    pub log_bytes: u64,
    /// Log records that nobody could read, kept for a person.
    pub quarantined_records: u64,
    /// Sentences; empty when all is well.
    pub damage: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct TableReport {
    pub table: String,
    /// Of the Delta log.
    pub version: u64,
    pub files: u64,
    pub rows: u64,
    pub bytes: u64,
    /// Of event time, RFC 3339.
    pub oldest: Option<String>,
    pub newest: Option<String>,
    /// Files that no version refers to; vacuum deletes them.
    pub orphans: u64,
    pub orphan_bytes: u64,
}

/// Reads every commit and every footer, and with `is_deep` every page of every file. The folder is locked meanwhile: an
/// error says so when a running process has it.
pub async fn check(config: &Config, is_deep: bool) -> Result<CheckReport, LakeError> {
    let home = Home::find(config)?;
    if !home.own.is_dir() {
        return Err(LakeError::Other(format!("{} holds no lake", home.data_dir.display())));
    }
    let _lock = FolderLock::take(&home)?;
    let quarantine = home.own.join(quarantine::FOLDER);
    let mut report = CheckReport {
        tables: Vec::new(),
        log_files: 0,
        log_bytes: 0,
        quarantined_records: count_files(&quarantine)?.0,
        damage: Vec::new(),
    };
    (report.log_files, report.log_bytes) = count_files(&home.log)?;
    if report.quarantined_records > 0 {
        let records = report.quarantined_records;
        report.damage.push(format!("{}: {records} unreadable log records", quarantine.display()));
    }
    for table in Table::ALL {
        let folder = home.tables.join(table.name());
        if folder.is_dir() {
            let checked = check_table(table, &folder, is_deep, &mut report.damage).await?;
            report.tables.push(checked);
        }
    }
    Ok(report)
}

async fn check_table(
    table: Table,
    folder: &Path,
    is_deep: bool,
    damage: &mut Vec<String>,
) -> Result<TableReport, LakeError> {
    let mut report = TableReport { table: table.name().to_owned(), ..TableReport::default() };
    damage.extend(commit_log::inspect(folder).map_err(at(folder))?);
    if vacuum::has_quarantine(folder) {
        damage.push(format!("{}: files of the log were moved aside", folder.join("_quarantine").display()));
    }
    let Held { files, version, .. } = match Box::pin(delta::look(folder)).await {
        Ok(held) => held,
        Err(error) => {
            damage.push(error.to_string());
            return Ok(report);
        }
    };
    let mut present = vacuum::data_files(folder).map_err(at(folder))?;
    for file in &files {
        present.remove(&file.name());
        let examined = data_file::examine(file).and_then(|()| if is_deep { read(file) } else { Ok(()) });
        if let Err(error) = examined {
            damage.push(format!("{}: {error} ({} rows)", file.path.display(), file.rows));
        }
    }
    let known = files.iter().filter(|file| file.max_time < Timestamp::MAX);
    report.version = version;
    report.files = files.len() as u64;
    report.rows = files.iter().map(|file| file.rows).sum();
    report.bytes = files.iter().map(|file| file.size_bytes).sum();
    report.oldest = known.clone().map(|file| file.min_time).min().map(Timestamp::to_rfc3339);
    report.newest = known.map(|file| file.max_time).max().map(Timestamp::to_rfc3339);
    for orphan in present {
        report.orphans += 1;
        report.orphan_bytes += fs::metadata(folder.join(orphan)).map_err(at(folder))?.len();
    }
    Ok(report)
}

/// Every page, and as many rows as the commit says.
fn read(file: &DataFile) -> Result<(), String> {
    let count = || -> Result<u64, Box<dyn std::error::Error>> {
        let mut rows = 0;
        for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(&file.path)?)?.build()? {
            rows += batch?.num_rows() as u64;
        }
        Ok(rows)
    };
    match count().map_err(|error| error.to_string())? {
        rows if rows == file.rows || file.rows == 0 => Ok(()),
        rows => Err(format!("{rows} rows can be read")),
    }
}

/// How many, and their bytes; none when there is no such folder.
fn count_files(folder: &Path) -> Result<(u64, u64), LakeError> {
    let (mut files, mut bytes) = (0, 0);
    if folder.is_dir() {
        for file in fs::read_dir(folder).map_err(at(folder))? {
            files += 1;
            bytes += file.and_then(|file| file.metadata()).map_err(at(folder))?.len();
        }
    }
    Ok((files, bytes))
}
