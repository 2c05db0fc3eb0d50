//! Writes the rows of a flush as one Parquet file, durable when it returns, laid out for reading: sorted by time, small
//! row groups, no dictionary on ids, a bloom filter for the trace id.

use std::fs::File;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use plimsoll_model::{SignalBatch, Table, Timestamp};
use plimsoll_wal::Sequence;

use crate::physical::{TIME, TIME_NANOS, to_physical};
use crate::{DataFile, LakeError};

const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Sorted and converted at a time, to bound what a flush takes on top of the rows.
const WRITE_ROWS: usize = 16 * 1024;
const ID_COLUMNS: [&str; 3] = ["trace_id", "span_id", "parent_span_id"];

/// The name of the file that holds rows through `through`. A flush that is repeated writes the same name again, which
/// no commit refers to yet.
pub(crate) fn name(through: Sequence) -> String {
    format!("part-00000-{:020}.parquet", through.0)
}

pub(crate) fn write(
    table: Table,
    batches: &[RecordBatch],
    folder: &Path,
    through: Sequence,
) -> Result<DataFile, LakeError> {
    let path = folder.join(name(through));
    let failed = |error: &dyn std::fmt::Display| LakeError::Other(format!("{}: {error}", path.display()));

    let batch = concat_batches(&table.schema(), batches).map_err(|error| failed(&error))?;
    let rows = SignalBatch { table, batch };
    let (min_time, max_time) = rows.time_range().ok_or_else(|| failed(&"no rows to write"))?;
    let size_bytes = write_sorted(&rows, &path).map_err(|error| failed(&error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(&error))?;
    let (min_time, max_time) = to_the_microsecond(min_time, max_time);
    Ok(DataFile { path, size_bytes, rows: rows.batch.num_rows() as u64, min_time, max_time })
}

/// What the statistics of a commit can say: outwards to the next microsecond.
pub(crate) fn to_the_microsecond(min: Timestamp, max: Timestamp) -> (Timestamp, Timestamp) {
    let floor = |time: Timestamp| time.nanos().saturating_sub(time.nanos().rem_euclid(1000));
    (Timestamp::from_nanos(floor(min)), Timestamp::from_nanos(floor(max).saturating_add(999)))
}

fn write_sorted(rows: &SignalBatch, path: &Path) -> Result<u64, Box<dyn std::error::Error>> {
    let SignalBatch { table, batch } = rows;
    let order = sort_to_indices(&batch[TIME], None, None)?;
    let file = File::create(path)?;
    let schema = crate::physical_schema(*table);
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties(batch.num_rows())))?;
    for start in (0..batch.num_rows()).step_by(WRITE_ROWS) {
        let part = order.slice(start, WRITE_ROWS.min(batch.num_rows() - start));
        writer.write(&to_physical(*table, &take_record_batch(batch, &part)?)?)?;
    }
    let file = writer.into_inner()?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

fn properties(rows: usize) -> WriterProperties {
    let trace_id = ColumnPath::from("trace_id");
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("plimsoll ", env!("CARGO_PKG_VERSION")).into())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(Some(vec![SortingColumn {
            column_idx: 0,
            descending: false,
            nulls_first: false,
        }]))
        // The names that Parquet gives to lists and maps, which other readers of Delta expect.
        .set_coerce_types(true)
        .set_column_bloom_filter_enabled(trace_id.clone(), true)
        .set_column_bloom_filter_max_ndv(trace_id, rows.min(ROW_GROUP_ROWS) as u64);
    for id in ID_COLUMNS {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(id), false);
    }
    for time in [TIME, "ingest_time"] {
        let time = ColumnPath::from(time);
        properties = properties
            .set_column_dictionary_enabled(time.clone(), false)
            .set_column_encoding(time, Encoding::DELTA_BINARY_PACKED);
    }
    properties.set_column_dictionary_enabled(ColumnPath::from(TIME_NANOS), false).build()
}
