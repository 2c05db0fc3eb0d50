//! Batches on their way in: checked, slimmed, and fitted to today's schema when they were written in an older one.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, TimestampNanosecondArray, new_null_array,
};
use arrow::datatypes::{SchemaRef, TimestampNanosecondType};
use plimsoll_model::SignalBatch;

use crate::LakeError;
use crate::physical::{NANOS_PER_MICRO, TIME};

/// Those with rows, in exactly their table's schema, with moments as they will be kept.
pub(crate) fn admissible(batches: Vec<SignalBatch>) -> Result<Vec<SignalBatch>, LakeError> {
    let mut admissible = Vec::with_capacity(batches.len());
    for SignalBatch { table, batch } in batches {
        if batch.schema() != table.schema() {
            return Err(LakeError::Other(format!("a batch is not in the schema of table {table}")));
        }
        if batch.num_rows() > 0 {
            let batch = settled(batch).map_err(|error| LakeError::Other(error.to_string()))?;
            admissible.push(SignalBatch { table, batch });
        }
    }
    Ok(admissible)
}

fn settled(batch: RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let (schema, mut columns, _) = batch.into_parts();
    for (field, column) in schema.fields().iter().zip(&mut columns) {
        if field.name() != TIME
            && let Some(times) = column.as_primitive_opt::<TimestampNanosecondType>()
        {
            *column = in_whole_micros(times);
        }
    }
    RecordBatch::try_new(schema, columns)
}

/// Without the spare room of their builders: for rows that stay in memory.
pub(crate) fn slimmed(batch: RecordBatch) -> RecordBatch {
    let (schema, mut columns, row_count) = batch.into_parts();
    columns.iter_mut().for_each(Array::shrink_to_fit);
    let options = RecordBatchOptions::new().with_row_count(Some(row_count));
    RecordBatch::try_new_with_options(schema, columns, &options).expect("the same rows")
}

pub(crate) fn all_slimmed(batches: Vec<SignalBatch>) -> Vec<SignalBatch> {
    batches.into_iter().map(|rows| SignalBatch { batch: slimmed(rows.batch), ..rows }).collect()
}

/// Delta keeps microseconds and only `time` has a companion for the rest: what a question answers must not change
/// when its rows are flushed, so the rest goes before anyone has seen it.
fn in_whole_micros(times: &TimestampNanosecondArray) -> ArrayRef {
    let whole: TimestampNanosecondArray =
        times.unary(|time| time.div_euclid(NANOS_PER_MICRO).saturating_mul(NANOS_PER_MICRO));
    Arc::new(whole.with_timezone_opt(times.timezone()))
}

/// What the rows themselves take: buffers shared with other batches are counted once.
pub(crate) fn memory_bytes(batch: &RecordBatch) -> usize {
    let column_bytes = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or(0);
    batch.columns().iter().map(column_bytes).sum()
}

/// Columns are found by name; new nullable ones are null, dropped ones are left out.
pub(crate) fn fitted(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, LakeError> {
    if batch.schema() == *schema {
        return Ok(batch.clone());
    }
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
        None if field.is_nullable() => Ok(new_null_array(field.data_type(), batch.num_rows())),
        _ => Err(LakeError::Other(format!(
            "column {} was of another type or is new and required",
            field.name()
        ))),
    });
    let columns = columns.collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(|error| LakeError::Other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use plimsoll_model::{Table, batch_from_rows};

    use super::*;

    #[test]
    fn a_row_says_the_same_before_and_after_it_was_a_file() {
        let rows = [
            serde_json::json!({"time": 1_001_i64, "ingest_time": 2_002_i64, "slo": "a", "slice_start": -1_i64}),
            serde_json::json!({"time": -1_i64, "ingest_time": 0_i64, "slo": "b", "slice_start": null}),
        ];
        let table = Table::SliSlices;
        let batch = batch_from_rows(&table.schema(), &rows).expect("fits");
        let admitted = admissible(vec![SignalBatch { table, batch }]).expect("admissible").remove(0).batch;
        let stored = crate::physical::to_physical(table, &admitted).expect("writable");
        assert_eq!(crate::physical::from_physical(table, &stored).expect("readable"), admitted);
        let times = admitted.column(0).as_primitive::<TimestampNanosecondType>();
        assert_eq!(times.values().as_ref(), [1_001, -1], "`time` keeps every nanosecond");
    }
}
