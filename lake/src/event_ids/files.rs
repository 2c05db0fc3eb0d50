//! The ids of the events that lie in files, read once at the start.

use std::fs::File;
use std::time::Duration;

use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::{EVENT_ID, EventIds, INGEST_TIME, nanos};
use crate::DataFile;

/// A part of a file whose newest event came then, in microseconds.
#[derive(Debug)]
struct Part<'a> {
    file: &'a DataFile,
    row_group: usize,
    newest_micros: i64,
    rows: usize,
}

impl EventIds {
    /// Learns the newest ids there are, as far as the window and the number go. A file that can't be read is told and
    /// stepped over: its events may then come twice, which is no reason not to start.
    pub(crate) fn learn(&mut self, files: &[DataFile]) {
        let mut parts = Vec::new();
        for file in files {
            match parts_of(file) {
                Ok(found) => parts.extend(found),
                Err(error) => unreadable(file, &error),
            }
        }
        parts.sort_by_key(|part| part.newest_micros);
        let newest = parts.last().map_or(i64::MIN, |part| part.newest_micros);
        let since = newest.saturating_sub(self.window_nanos / nanos(Duration::from_micros(1)));
        let mut rows = 0;
        let wanted = parts.iter().rev().take_while(|part| {
            let is_wanted = part.newest_micros >= since && rows < self.capacity;
            rows += part.rows;
            is_wanted
        });
        let wanted = wanted.count();
        // In the order in which they came, so that the oldest are the first to be forgotten.
        for part in &parts[parts.len() - wanted..] {
            if let Err(error) = self.learn_part(part) {
                unreadable(part.file, &error);
            }
        }
    }

    fn learn_part(&mut self, part: &Part<'_>) -> Result<(), ParquetError> {
        let file = File::open(&part.file.path)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let columns = ProjectionMask::columns(builder.parquet_schema(), [EVENT_ID, INGEST_TIME]);
        let reader = builder.with_projection(columns).with_row_groups(vec![part.row_group]).build()?;
        for batch in reader {
            let batch = batch.map_err(|error: ArrowError| ParquetError::General(error.to_string()))?;
            let (Some(ids), Some(times)) =
                (batch.column_by_name(EVENT_ID), batch.column_by_name(INGEST_TIME))
            else {
                return Err(ParquetError::General("it lacks event_id or ingest_time".into()));
            };
            drop(self.is_first(ids, times));
        }
        Ok(())
    }
}

fn parts_of(file: &DataFile) -> Result<Vec<Part<'_>>, ParquetError> {
    let metadata = ArrowReaderMetadata::load(&File::open(&file.path)?, Default::default())?;
    let groups = metadata.metadata().row_groups().iter().enumerate();
    let part = |(row_group, group): (usize, &RowGroupMetaData)| Part {
        file,
        row_group,
        newest_micros: newest_ingest(group),
        rows: usize::try_from(group.num_rows()).unwrap_or(0),
    };
    Ok(groups.map(part).collect())
}

/// Without statistics it may be as new as anything.
fn newest_ingest(group: &RowGroupMetaData) -> i64 {
    let column = group.columns().iter().find(|column| column.column_path().string() == INGEST_TIME);
    match column.and_then(|column| column.statistics()) {
        Some(Statistics::Int64(values)) => values.max_opt().copied().unwrap_or(i64::MAX),
        _ => i64::MAX,
    }
}

fn unreadable(file: &DataFile, error: &ParquetError) {
    tracing::error!(file = %file.path.display(), %error, "events in a data file can't be read, they may be stored again when they are sent again");
}
