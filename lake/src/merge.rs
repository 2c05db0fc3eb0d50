//! Several sorted files become one, a slice of time after the other: memory holds a few batches of the files whose times
//! overlap, however large they are.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{SortColumn, concat_batches, filter_record_batch, lexsort_to_indices};
use arrow::datatypes::TimestampMicrosecondType;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use plimsoll_model::{Table, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::data_file::DataFileWriter;
use crate::gather::{Place, gather};
use crate::physical::{NANOS_PER_MICRO, TIME, TIME_NANOS, fitted_physical};
use crate::{DataFile, LakeError};

const READ_ROWS: usize = 2048;
const MICROS_PER_DAY: i64 = 86_400_000_000;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Which rows of a physical batch stay.
pub(crate) type Keep<'a> = &'a dyn Fn(&RecordBatch) -> Result<BooleanArray, LakeError>;

#[derive(Debug)]
pub(crate) struct Merge<'a> {
    pub(crate) table: Table,
    pub(crate) folder: &'a Path,
    pub(crate) inputs: &'a [DataFile],
    /// Of the table, when the merge began: no two have written under the same.
    pub(crate) version: u64,
    /// A file is closed once it is this large ...
    pub(crate) target_bytes: u64,
    /// ... and, if this is set, at midnight (UTC): retention and pruning go by whole files.
    pub(crate) is_split_by_day: bool,
    pub(crate) stop: &'a CancellationToken,
}

impl Merge<'_> {
    /// The new files, durable; the inputs are as they were. After an error nothing new is left.
    pub(crate) fn run(&self, keep: Option<Keep<'_>>) -> Result<Vec<DataFile>, LakeError> {
        let mut outputs = Outputs::of(self);
        match self.write(&mut outputs, keep).and_then(|()| outputs.finish()) {
            Ok(()) => Ok(std::mem::take(&mut outputs.done)),
            Err(error) => {
                outputs.discard();
                Err(LakeError::Other(format!("merging files in {}: {error}", self.folder.display())))
            }
        }
    }

    fn write(&self, outputs: &mut Outputs, keep: Option<Keep<'_>>) -> Outcome<()> {
        let mut waiting: Vec<&DataFile> = self.inputs.iter().collect();
        waiting.sort_by_key(|file| file.min_time);
        let mut waiting = VecDeque::from(waiting);
        let mut open: Vec<Cursor> = Vec::new();
        while let Some(rows) = self.next_rows(&mut waiting, &mut open)? {
            if self.stop.is_cancelled() {
                return Err("stopped".into());
            }
            let rows = match keep {
                Some(keep) => filter_record_batch(&rows, &keep(&rows)?)?,
                None => rows,
            };
            outputs.write(&rows)?;
        }
        Ok(())
    }

    /// The earliest rows that are left, at least one batch of some file whole.
    fn next_rows(
        &self,
        waiting: &mut VecDeque<&DataFile>,
        open: &mut Vec<Cursor>,
    ) -> Outcome<Option<RecordBatch>> {
        let end = loop {
            let end = open.iter().map(|cursor| cursor.last_time).min();
            // A file is opened when its first row could come before the end of what is about to be taken.
            match waiting.front() {
                Some(next) if end.is_none_or(|end| micros(next.min_time) <= end) => {
                    let file = waiting.pop_front().ok_or("just seen")?;
                    open.extend(Cursor::open(self.table, file)?);
                }
                _ => break end,
            }
        };
        let Some(end) = end else { return Ok(None) };
        let parts: Vec<_> = open.iter_mut().map(|cursor| cursor.take_through(end)).collect();
        let mut left = Vec::with_capacity(open.len());
        for cursor in open.drain(..) {
            left.extend(cursor.refilled()?);
        }
        *open = left;
        in_order(self.table, &parts).map(Some)
    }
}

/// One input, a batch at a time.
#[derive(Debug)]
struct Cursor {
    table: Table,
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    /// What is left of the batch.
    batch: RecordBatch,
    last_time: i64,
}

impl Cursor {
    fn open(table: Table, file: &DataFile) -> Outcome<Option<Self>> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.path.display());
        let reader = File::open(&file.path).map_err(|error| named(&error))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(reader).map_err(|error| named(&error))?;
        let reader = builder.with_batch_size(READ_ROWS).build().map_err(|error| named(&error))?;
        let batch = RecordBatch::new_empty(crate::physical_schema(table));
        Self { table, path: file.path.clone(), reader, batch, last_time: 0 }.refilled()
    }

    /// With rows, or `None` at the end of the file.
    fn refilled(mut self) -> Outcome<Option<Self>> {
        while self.batch.num_rows() == 0 {
            let Some(batch) = self.reader.next() else { return Ok(None) };
            let batch = batch.map_err(|error| format!("{}: {error}", self.path.display()))?;
            self.batch = fitted_physical(self.table, &batch)?;
            self.last_time = times(&self.batch).last().copied().unwrap_or_default();
        }
        Ok(Some(self))
    }

    /// Takes the rows up to `end`. All that is left goes when its last row does, also should a foreign file be unsorted.
    fn take_through(&mut self, end: i64) -> RecordBatch {
        let rows = if self.last_time <= end {
            self.batch.num_rows()
        } else {
            times(&self.batch).partition_point(|time| *time <= end)
        };
        let taken = self.batch.slice(0, rows);
        self.batch = self.batch.slice(rows, self.batch.num_rows() - rows);
        taken
    }
}

fn in_order(table: Table, parts: &[RecordBatch]) -> Outcome<RecordBatch> {
    let rows = concat_batches(&crate::physical_schema(table), parts)?;
    if parts.iter().filter(|part| part.num_rows() > 0).count() < 2 {
        return Ok(rows);
    }
    let by = [TIME, TIME_NANOS].map(|name| SortColumn { values: Arc::clone(&rows[name]), options: None });
    let order = lexsort_to_indices(&by, None)?;
    let places: Vec<_> = order.values().iter().map(|row| Place { part: 0, row: *row as usize }).collect();
    Ok(gather(&[rows], &places)?)
}

#[derive(Debug)]
struct Outputs {
    table: Table,
    folder: PathBuf,
    version: u64,
    target_bytes: u64,
    is_split_by_day: bool,
    expected_rows: usize,
    added: Timestamp,
    current: Option<(i64, DataFileWriter)>,
    done: Vec<DataFile>,
}

impl Outputs {
    fn of(merge: &Merge<'_>) -> Self {
        let rows: u64 = merge.inputs.iter().map(|file| file.rows).sum();
        Self {
            table: merge.table,
            folder: merge.folder.to_path_buf(),
            version: merge.version,
            target_bytes: merge.target_bytes,
            is_split_by_day: merge.is_split_by_day,
            expected_rows: usize::try_from(rows).unwrap_or(usize::MAX),
            added: merge.inputs.iter().map(|file| file.added).max().unwrap_or_default(),
            current: None,
            done: Vec::new(),
        }
    }

    fn write(&mut self, rows: &RecordBatch) -> Outcome<()> {
        let mut start = 0;
        while start < rows.num_rows() {
            let times = &times(rows)[start..];
            let day = if self.is_split_by_day { times[0].div_euclid(MICROS_PER_DAY) } else { 0 };
            let of_day = |time: &i64| !self.is_split_by_day || time.div_euclid(MICROS_PER_DAY) == day;
            // At least one, should the rows of a foreign file be unsorted.
            let length = times.partition_point(of_day).max(1);
            self.writer(day)?.write(&rows.slice(start, length))?;
            start += length;
        }
        Ok(())
    }

    fn writer(&mut self, day: i64) -> Outcome<&mut DataFileWriter> {
        let is_open = |(of, writer): &(i64, DataFileWriter)| *of == day && writer.bytes() < self.target_bytes;
        if !self.current.as_ref().is_some_and(is_open) {
            self.finish()?;
            let path = self.free_path();
            let writer = DataFileWriter::new(path, self.table, self.expected_rows)?;
            self.current = Some((day, writer));
        }
        let (_, writer) = self.current.as_mut().ok_or("just set")?;
        Ok(writer)
    }

    fn finish(&mut self) -> Outcome<()> {
        if let Some((_, writer)) = self.current.take() {
            self.done.push(writer.finish(self.added)?);
        }
        Ok(())
    }

    /// Only one merge of a table runs at a time, so what is free stays free.
    fn free_path(&self) -> PathBuf {
        let name = |number: u32| self.folder.join(format!("merged-{number:05}-{:020}.parquet", self.version));
        (0..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0))
    }

    fn discard(&mut self) {
        self.current = None;
        for file in std::mem::take(&mut self.done) {
            if let Err(error) = fs::remove_file(&file.path) {
                tracing::warn!(%error, file = %file.path.display(), "an unused file could not be removed");
            }
        }
    }
}

fn times(batch: &RecordBatch) -> &[i64] {
    batch[TIME].as_primitive::<TimestampMicrosecondType>().values()
}

fn micros(time: Timestamp) -> i64 {
    time.nanos().div_euclid(NANOS_PER_MICRO)
}
