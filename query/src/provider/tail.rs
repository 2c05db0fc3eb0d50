//! A table of the lake whose newest rows are still being counted: they come from memory until they lie in the lake.

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, max};
use arrow::datatypes::TimestampNanosecondType;
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use plimsoll_lake::TableSnapshot;
use plimsoll_model::StateTable;

/// The snapshot and, of the tail, what is newer than everything in it. The snapshot was taken first, and the owner of the tail keeps
/// rows for a while after the lake has them, so each row is there exactly once.
pub(super) fn joined(mut snapshot: TableSnapshot, tail: &dyn StateTable) -> Result<TableSnapshot> {
    let rows = tail.rows().map_err(DataFusionError::External)?;
    let newest = newest(&snapshot)?;
    let is_newer: BooleanArray =
        times(&rows)?.iter().map(|time| Some(newest.is_none_or(|newest| time > Some(newest)))).collect();
    snapshot.hot.push(filter_record_batch(&rows, &is_newer)?);
    Ok(snapshot)
}

fn newest(snapshot: &TableSnapshot) -> Result<Option<i64>> {
    let mut newest = snapshot.cold.iter().map(|file| file.max_time.nanos()).max();
    for batch in &snapshot.hot {
        newest = newest.max(max(times(batch)?));
    }
    newest = newest.max(snapshot.late.iter().map(|rows| rows.outline().latest.nanos()).max());
    Ok(newest)
}

fn times(rows: &RecordBatch) -> Result<&arrow::array::TimestampNanosecondArray> {
    let times =
        rows.column_by_name("time").and_then(|times| times.as_primitive_opt::<TimestampNanosecondType>());
    times.ok_or_else(|| internal_datafusion_err!("a table of the lake begins with its time"))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::SchemaRef;
    use plimsoll_model::{Table, batch_from_rows};
    use serde_json::json;

    use super::*;

    /// Minutes as their owner still has them.
    #[derive(Debug)]
    struct Minutes(Vec<i64>);

    impl StateTable for Minutes {
        fn name(&self) -> &'static str {
            Table::Decisions.name()
        }

        fn schema(&self) -> SchemaRef {
            Table::Decisions.schema()
        }

        fn rows(&self) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
            Ok(batch(&self.0))
        }
    }

    fn batch(minutes: &[i64]) -> RecordBatch {
        let rows: Vec<_> =
            minutes.iter().map(|time| json!({"time": time, "ingest_time": 0, "stage": "rule"})).collect();
        batch_from_rows(&Table::Decisions.schema(), &rows).expect("fits")
    }

    fn seen(hot: &[&[i64]], cold: &[i64], tail: &[i64]) -> Vec<i64> {
        let file = |newest: &i64| plimsoll_lake::DataFile {
            path: "part.parquet".into(),
            size_bytes: 1,
            rows: 1,
            min_time: plimsoll_model::Timestamp::from_nanos(0),
            max_time: plimsoll_model::Timestamp::from_nanos(*newest),
            added: plimsoll_model::Timestamp::from_nanos(*newest),
        };
        let snapshot = TableSnapshot {
            table: Table::Decisions,
            hot: hot.iter().map(|minutes| batch(minutes)).collect(),
            late: Vec::new(),
            cold: cold.iter().map(file).collect(),
        };
        let joined = joined(snapshot, &Minutes(tail.to_vec())).expect("joins");
        joined.hot.iter().flat_map(|rows| times(rows).expect("has a time").values().to_vec()).collect()
    }

    #[test]
    fn each_minute_is_seen_once_wherever_it_lies() {
        assert_eq!(seen(&[], &[], &[60, 120]), [60, 120]);
        assert_eq!(seen(&[&[60]], &[], &[60, 120]), [60, 120]);
        assert_eq!(seen(&[], &[60], &[60, 120]), [120], "the file's own row is read from the file");
        assert_eq!(seen(&[&[120]], &[60], &[60, 120]), [120]);
        assert!(seen(&[], &[], &[]).is_empty());
    }
}
