//! One person's rows, gone from everywhere: from memory, from the files of every version, and from the log. And then
//! looked for again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::BooleanArray;
use arrow::compute::not;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plimsoll_model::Table;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::change::{Change, Purpose};
use crate::delta::DeltaFolder;
use crate::error::at;
use crate::home::Home;
use crate::merge::Merge;
use crate::needle::Needle;
use crate::physical::fitted_physical;
use crate::tables::Tables;
use crate::{DataFile, LakeError, quarantine, vacuum};

/// What an erasure did, and what it could not look into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Rows that are gone, and the files that were written anew for it.
    pub rows: u64,
    pub files: u64,
    /// Rows that had the value and were found again afterwards: none, or this is a bug.
    pub left: u64,
    /// Rows that have the value in columns that were not asked for.
    pub elsewhere: u64,
    /// Nobody can say what is in there.
    pub unsearched: Vec<PathBuf>,
}

impl Erased {
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.left == 0 && self.unsearched.is_empty()
    }
}

impl Tables {
    /// Nothing is left of the rows in any file, of whatever version.
    pub(crate) async fn erase(&self, needle: &Needle) -> Result<Erased, LakeError> {
        let mut erased = Erased::default();
        for table in Table::ALL.into_iter().filter(|table| needle.may_be_in(*table)) {
            let mut folder = self.folder(table).lock().await;
            self.settle(table, &mut folder).await?;
            for file in self.shared.cold(table) {
                let rows = self.erase_from(table, &mut folder, file, needle).await?;
                erased.rows += rows;
                erased.files += u64::from(rows > 0);
            }
        }
        for table in Table::ALL {
            let folder = self.folder(table).lock().await;
            let present = vacuum::data_files(&folder.path).map_err(at(&folder.path))?;
            let unused = present.difference(&folder.names_in_use()?).cloned().collect();
            vacuum::delete(&folder.path, unused, |_| true).map_err(at(&folder.path))?;
        }
        Ok(erased)
    }

    /// Returns how many rows of the file had the value.
    async fn erase_from(
        &self,
        table: Table,
        folder: &mut DeltaFolder,
        file: DataFile,
        needle: &Needle,
    ) -> Result<u64, LakeError> {
        let (path, version, wanted) = (folder.path.clone(), folder.version(), needle.clone());
        let rewrite = move || -> Result<Option<(u64, Change)>, LakeError> {
            let found = count(table, &file.path, &wanted)?;
            if found == 0 {
                return Ok(None);
            }
            let added = without(table, &path, version, &file, &wanted)?;
            Ok(Some((found, Change { purpose: Purpose::Erasure, removed: vec![file], added })))
        };
        let rewritten = tokio::task::spawn_blocking(rewrite).await;
        let Some((found, change)) = rewritten.map_err(|error| LakeError::Other(error.to_string()))?? else {
            return Ok(0);
        };
        let rows = |files: &[DataFile]| files.iter().map(|file| file.rows).sum::<u64>();
        let (before, after) = (rows(&change.removed), rows(&change.added));
        if before != after + found {
            return Err(LakeError::Other(format!("{before} rows without {found} gave {after}")));
        }
        self.commit(table, folder, change, |_| Ok(())).await?;
        Ok(found)
    }
}

fn without(
    table: Table,
    folder: &Path,
    version: u64,
    file: &DataFile,
    needle: &Needle,
) -> Result<Vec<DataFile>, LakeError> {
    let (inputs, stop) = (std::slice::from_ref(file), &CancellationToken::new());
    let (target_bytes, is_split_by_day) = (u64::MAX, false);
    let merge = Merge { table, folder, inputs, version, target_bytes, is_split_by_day, stop };
    merge.run(Some(&|rows| -> Result<BooleanArray, LakeError> {
        let found = needle.rows(table, rows).and_then(|found| not(&found));
        found.map_err(|error| LakeError::Other(error.to_string()))
    }))
}

/// How many rows of a file have the value.
fn count(table: Table, path: &Path, needle: &Needle) -> Result<u64, LakeError> {
    let counted = || -> Result<u64, Box<dyn std::error::Error>> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()?;
        let mut found = 0;
        for batch in reader {
            let rows = needle.rows(table, &fitted_physical(table, &batch?)?)?;
            found += rows.true_count() as u64;
        }
        Ok(found)
    };
    counted().map_err(|error| LakeError::Other(format!("{}: {error}", path.display())))
}

/// Reads every file that is left and adds what it finds.
pub(crate) fn prove(home: &Home, needle: &Needle, erased: &mut Erased) -> Result<(), LakeError> {
    for table in Table::ALL {
        let folder = home.tables.join(table.name());
        let mut names: Vec<_> = vacuum::data_files(&folder).map_err(at(&folder))?.into_iter().collect();
        names.sort();
        for path in names.into_iter().map(|name| folder.join(name)) {
            let anywhere = count(table, &path, &needle.anywhere());
            match anywhere.and_then(|anywhere| Ok((anywhere, count(table, &path, needle)?))) {
                Ok((anywhere, wanted)) => {
                    erased.left += wanted;
                    erased.elsewhere += anywhere - wanted.min(anywhere);
                }
                Err(_) => erased.unsearched.push(path),
            }
        }
    }
    let quarantine = home.own.join(quarantine::FOLDER);
    if quarantine.is_dir() {
        for file in fs::read_dir(&quarantine).map_err(at(&quarantine))? {
            erased.unsearched.push(file.map_err(at(&quarantine))?.path());
        }
    }
    Ok(())
}

/// The log, of which the tables hold everything: sequences go on after what they hold.
pub(crate) fn forget_log(folder: &Path) -> Result<(), LakeError> {
    let forget = || -> std::io::Result<()> {
        for file in fs::read_dir(folder)? {
            fs::remove_file(file?.path())?;
        }
        File::open(folder)?.sync_all()
    };
    forget().map_err(at(folder))
}
