//! The tables of the lake.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::{SchemaRef, TimestampNanosecondType};

use crate::{Timestamp, schema};

/// A table whose rows live in the lake. Its name, columns and types are the stable interface (SQL), not this enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Spans,
    Logs,
    Metrics,
    BusinessEvents,
    /// As they were told; the view `changes` has each change once.
    ChangeRecords,
    SliSlices,
    Decisions,
    IngestLedger,
}

impl Table {
    pub const ALL: [Self; 8] = [
        Self::Spans,
        Self::Logs,
        Self::Metrics,
        Self::BusinessEvents,
        Self::ChangeRecords,
        Self::SliSlices,
        Self::Decisions,
        Self::IngestLedger,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::BusinessEvents => "business_events",
            Self::ChangeRecords => "change_records",
            Self::SliSlices => "sli_slices",
            Self::Decisions => "decisions",
            Self::IngestLedger => "ingest_ledger",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The columns as SQL shows them. Every table begins with `time` and `ingest_time`, both UTC nanoseconds.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; Table::ALL.len()]> = LazyLock::new(|| {
            [
                schema::spans(),
                schema::logs(),
                schema::metrics(),
                schema::business_events(),
                schema::change_records(),
                schema::sli_slices(),
                schema::decisions(),
                schema::ingest_ledger(),
            ]
        });
        Arc::clone(&SCHEMAS[self as usize])
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Rows on their way into a table, in exactly `table.schema()`.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalBatch {
    pub table: Table,
    pub batch: RecordBatch,
}

impl SignalBatch {
    /// The earliest and latest event time; `None` for a batch without rows.
    #[must_use]
    pub fn time_range(&self) -> Option<(Timestamp, Timestamp)> {
        let times = self.batch.column_by_name("time")?;
        let times = times.as_primitive_opt::<TimestampNanosecondType>()?;
        Some((Timestamp::from_nanos(min(times)?), Timestamp::from_nanos(max(times)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_its_own_schema_and_begins_with_its_two_times() {
        for table in Table::ALL {
            let schema = table.schema();
            assert_eq!(Table::from_name(table.name()), Some(table));
            assert_eq!(schema.field(0).name(), "time", "{table}");
            assert_eq!(schema.field(1).name(), "ingest_time", "{table}");
        }
        assert!(Table::BusinessEvents.schema().field_with_name("process_id").is_ok());
        assert!(Table::SliSlices.schema().field_with_name("generation").is_ok());
    }
}
