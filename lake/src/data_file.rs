//! Parquet files of a table, durable and read back when they are done. Laid out for reading: sorted by time, small row
//! groups, statistics of every page, no dictionary on ids, bloom filters for what people look up.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::ParquetMetaDataReader;
use plimsoll_model::{Table, Timestamp};
use plimsoll_wal::Sequence;

use crate::in_order::{InOrder, Ordered};
use crate::layout::properties;
use crate::physical::{NANOS_PER_MICRO, TIME, to_physical};
use crate::season::Season;
use crate::stats::FileTotals;
use crate::{DataFile, LakeError};

/// A crash damages what was written last. Of older files a start looks at the size only, so that ten thousand of them
/// don't hold it up; `check` reads them all.
const FOOTERS_AT_START: usize = 512;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The rows of a flush, as one file for those in season and one more for those far before and far after it, if any. A
/// flush that is repeated writes the same names again, which no commit refers to yet.
pub(crate) fn write_flush<P, M>(
    table: Table,
    rows: InOrder<P, M>,
    expected_rows: usize,
    folder: &Path,
    through: Sequence,
    now: Timestamp,
) -> Result<Vec<DataFile>, LakeError>
where
    M: FnMut(P) -> Result<Option<RecordBatch>, LakeError>,
{
    let flush = FlushFiles { table, expected_rows, folder, through, now, files: [const { None }; 3] };
    flush.write(rows).map_err(|error| LakeError::Other(format!("{}: {error}", folder.display())))
}

/// The files of one flush, by the numbers in their names.
#[derive(Debug)]
struct FlushFiles<'a> {
    table: Table,
    expected_rows: usize,
    folder: &'a Path,
    through: Sequence,
    now: Timestamp,
    files: [Option<DataFileWriter>; 3],
}

impl FlushFiles<'_> {
    /// The season's own file has the name that older versions gave.
    const SEASON: usize = 0;
    const EARLY: usize = 1;
    const LATE: usize = 2;

    fn write<P, M>(mut self, mut rows: InOrder<P, M>) -> Outcome<Vec<DataFile>>
    where
        M: FnMut(P) -> Result<Option<RecordBatch>, LakeError>,
    {
        let season = Season::at(self.now);
        while let Some(Ordered { rows, times }) = rows.next()? {
            let [begins, ends] = season.borders(&times);
            for (file, range) in
                [(Self::EARLY, 0..begins), (Self::SEASON, begins..ends), (Self::LATE, ends..times.len())]
            {
                if !range.is_empty() {
                    let rows = to_physical(self.table, &rows.slice(range.start, range.len()))?;
                    self.file(file)?.write(&rows)?;
                }
            }
        }
        let now = self.now;
        self.files.into_iter().flatten().map(|file| file.finish(now)).collect()
    }

    fn file(&mut self, number: usize) -> Outcome<&mut DataFileWriter> {
        if self.files[number].is_none() {
            let path = self.folder.join(format!("part-{number:05}-{:020}.parquet", self.through.0));
            let file = File::create(&path)?;
            self.files[number] = Some(DataFileWriter::over(file, path, self.table, self.expected_rows)?);
        }
        self.files[number].as_mut().ok_or_else(|| "just made".into())
    }
}

/// A file being written; dropped before `finish`, it is removed.
#[derive(Debug)]
pub(crate) struct DataFileWriter {
    path: PathBuf,
    parquet: Option<ArrowWriter<File>>,
    rows: u64,
    /// In microseconds.
    times: Option<(i64, i64)>,
}

impl DataFileWriter {
    /// Refuses a name that exists: some reader may have it open.
    pub(crate) fn new(path: PathBuf, table: Table, expected_rows: usize) -> Outcome<Self> {
        let file = File::create_new(&path)?;
        Self::over(file, path, table, expected_rows)
    }

    fn over(file: File, path: PathBuf, table: Table, expected_rows: usize) -> Outcome<Self> {
        let schema = crate::physical_schema(table);
        let properties = properties(table, expected_rows);
        let mut writer = Self { path, parquet: None, rows: 0, times: None };
        writer.parquet = Some(ArrowWriter::try_new(file, schema, Some(properties))?);
        Ok(writer)
    }

    /// Rows in the physical schema, none earlier than those before.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Outcome<()> {
        let times = batch[TIME].as_primitive::<TimestampMicrosecondType>();
        let (min, max) = (arrow::compute::min(times), arrow::compute::max(times));
        if let (Some(min), Some(max)) = (min, max) {
            let (before, after) = self.times.unwrap_or((min, max));
            self.times = Some((before.min(min), after.max(max)));
        }
        self.rows += batch.num_rows() as u64;
        Ok(self.parquet.as_mut().ok_or("the file is finished")?.write(batch)?)
    }

    /// What the file will have at least, by now.
    pub(crate) fn bytes(&self) -> u64 {
        let parquet = self.parquet.as_ref();
        parquet.map_or(0, |parquet| (parquet.bytes_written() + parquet.in_progress_size()) as u64)
    }

    /// True when it returns: the file is durable, and a reader finds in it as many rows as were written.
    pub(crate) fn finish(mut self, added: Timestamp) -> Outcome<DataFile> {
        let parquet = self.parquet.take().ok_or("the file is finished")?;
        let written = (|| -> Outcome<DataFile> {
            let file = parquet.into_inner()?;
            file.sync_all()?;
            let folder = self.path.parent().ok_or("a file lies in a folder")?;
            File::open(folder)?.sync_all()?;
            let (min, max) = self.times.ok_or("no rows to write")?;
            let whole = |micros: i64| micros.saturating_mul(NANOS_PER_MICRO);
            let size_bytes = file.metadata()?.len();
            let data_file = DataFile {
                path: self.path.clone(),
                size_bytes,
                rows: self.rows,
                min_time: Timestamp::from_nanos(whole(min)),
                max_time: Timestamp::from_nanos(whole(max).saturating_add(NANOS_PER_MICRO - 1)),
                added: to_the_millisecond(added),
            };
            examine(&data_file)?;
            Ok(data_file)
        })();
        if written.is_err() {
            self.remove();
        }
        written
    }

    fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, file = %self.path.display(), "an unfinished file could not be removed");
        }
    }
}

impl Drop for DataFileWriter {
    fn drop(&mut self) {
        if self.parquet.take().is_some() {
            self.remove();
        }
    }
}

/// Whether the file is there, of its size, and its footer says what the commit says.
pub(crate) fn examine(expected: &DataFile) -> Result<(), String> {
    let file = examine_size(expected)?;
    let footer = ParquetMetaDataReader::new().parse_and_finish(&file).map_err(|error| error.to_string())?;
    let rows = u64::try_from(footer.file_metadata().num_rows()).unwrap_or(0);
    // Commits of other writers may say nothing about rows.
    if rows != expected.rows && expected.rows > 0 {
        return Err(format!("{rows} rows where its commit says {}", expected.rows));
    }
    Ok(())
}

fn examine_size(expected: &DataFile) -> Result<File, String> {
    let file = File::open(&expected.path).map_err(|error| error.to_string())?;
    let bytes = file.metadata().map_err(|error| error.to_string())?.len();
    if bytes != expected.size_bytes {
        return Err(format!("{bytes} bytes where its commit says {}", expected.size_bytes));
    }
    Ok(file)
}

/// The files that can be read, and what the others would have held. Those stay where they are, and in the table: they may
/// come back, and a person may look at them.
pub(crate) fn sound(mut files: Vec<DataFile>) -> (Vec<DataFile>, FileTotals) {
    files.sort_by_key(|file| file.added);
    let older = files.len().saturating_sub(FOOTERS_AT_START);
    let (mut sound, mut damaged) = (Vec::with_capacity(files.len()), Vec::new());
    for (number, file) in files.into_iter().enumerate() {
        let examined = if number < older { examine_size(&file).map(drop) } else { examine(&file) };
        match examined {
            Ok(()) => sound.push(file),
            Err(error) => {
                tracing::error!(file = %file.path.display(), rows = file.rows, error, "a damaged data file is left out");
                damaged.push(file);
            }
        }
    }
    (sound, FileTotals::of(&damaged))
}

/// What the statistics of a commit can say: outwards to the next microsecond.
pub(crate) fn to_the_microsecond(min: Timestamp, max: Timestamp) -> (Timestamp, Timestamp) {
    let floor = |time: Timestamp| time.nanos().saturating_sub(time.nanos().rem_euclid(NANOS_PER_MICRO));
    (Timestamp::from_nanos(floor(min)), Timestamp::from_nanos(floor(max).saturating_add(NANOS_PER_MICRO - 1)))
}

/// As a commit keeps it.
pub(crate) fn to_the_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_nanos(time.nanos().saturating_sub(time.nanos().rem_euclid(1_000_000)))
}
