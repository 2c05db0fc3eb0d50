//! How the columns of a data file are encoded. `benches/layout.rs` measures what each choice costs and saves.

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use plimsoll_model::Table;

use crate::physical::TIME;

/// "Latest N" stops after a few of them, and a writer holds one in memory.
pub(crate) const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Random, and as many as rows: a dictionary would only be given up.
const ID_COLUMNS: [&str; 4] = ["trace_id", "span_id", "parent_span_id", "event_id"];

/// The same few words on every page: to compare each of them with the least and the greatest is a waste.
const UNORDERED_COLUMNS: [&str; 7] = [
    "trace_state",
    "http_request_method",
    "scope_name",
    "scope_version",
    "service_version",
    "schema_url",
    "resource_schema_url",
];

/// For files of about `rows` rows of a table.
#[must_use]
pub fn properties(table: Table, rows: usize) -> WriterProperties {
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
        .set_coerce_types(true);
    for id in ID_COLUMNS {
        // Lengths apart from the text: what is left is hex, which zstd packs into four bits a digit. The ids then take as
        // many bytes as in binary, and every engine still reads text.
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(id), false)
            .set_column_encoding(ColumnPath::from(id), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    for looked_up in looked_up(table) {
        let column = ColumnPath::from(*looked_up);
        properties = properties
            .set_column_bloom_filter_enabled(column.clone(), true)
            .set_column_bloom_filter_max_ndv(column, rows.clamp(1, ROW_GROUP_ROWS) as u64);
    }
    for time in [TIME, "ingest_time"] {
        let time = ColumnPath::from(time);
        properties = properties
            .set_column_dictionary_enabled(time.clone(), false)
            .set_column_encoding(time, Encoding::DELTA_BINARY_PACKED);
    }
    let unordered = ID_COLUMNS.into_iter().chain(UNORDERED_COLUMNS).map(ColumnPath::from);
    for column in unordered.chain(map_columns()) {
        // The least and the greatest of a page say nothing about what is in it.
        properties = properties.set_column_statistics_enabled(column, EnabledStatistics::None);
    }
    properties.set_column_dictionary_enabled(ColumnPath::from("duration_ms"), false).build()
}

fn map_columns() -> impl Iterator<Item = ColumnPath> {
    let leaves = ["key", "value"].map(|leaf| ["resource", "attributes"].map(|map| [map, "key_value", leaf]));
    leaves.into_iter().flatten().map(|path| ColumnPath::new(path.map(str::to_owned).to_vec()))
}

/// What people ask for by its exact value.
fn looked_up(table: Table) -> &'static [&'static str] {
    match table {
        Table::Spans | Table::Logs => &["trace_id"],
        Table::BusinessEvents => &["event_id", "trace_id"],
        Table::ChangeRecords | Table::Metrics | Table::SliSlices | Table::Decisions | Table::IngestLedger => {
            &[]
        }
    }
}
