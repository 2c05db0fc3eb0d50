//! Rows to Arrow for tables that see few of them. Telemetry has builders of its own in `collector`.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::ReaderBuilder;
use serde::Serialize;

#[derive(Debug, thiserror::Error)]
#[error("rows do not fit their schema: {0}")]
pub struct RowsError(#[from] arrow::error::ArrowError);

/// One batch of `rows`, whose fields are found by name; what a row lacks is null. Timestamps are RFC 3339 text or
/// whole nanoseconds. No rows give an empty batch.
pub fn batch_from_rows<R: Serialize>(schema: &SchemaRef, rows: &[R]) -> Result<RecordBatch, RowsError> {
    let mut decoder =
        ReaderBuilder::new(Arc::clone(schema)).with_batch_size(rows.len().max(1)).build_decoder()?;
    decoder.serialize(rows)?;
    Ok(decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(schema))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;

    #[test]
    fn a_slice_row_becomes_arrow_with_its_map() {
        let row = serde_json::json!({
            "time": 10_000_000_000_i64, "ingest_time": 11_000_000_000_i64, "slo": "order-posting", "generation": 1,
            "groups": {"warehouse": "WH1"}, "slice_start": 10_000_000_000_i64, "good": 3, "total": 4,
        });
        let batch = batch_from_rows(&Table::SliSlices.schema(), &[row]).expect("fits");
        assert_eq!(batch.num_rows(), 1);
        assert_eq!(batch.schema(), Table::SliSlices.schema());
    }

    #[test]
    fn a_value_of_the_wrong_type_is_an_error_not_a_null() {
        let row = serde_json::json!({"time": 0, "ingest_time": 0, "slo": "x", "good": "three"});
        assert!(batch_from_rows(&Table::SliSlices.schema(), &[row]).is_err());
    }
}
