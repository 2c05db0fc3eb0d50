//! Batches on their way in: checked, slimmed, and fitted to today's schema when they were written in an older one.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::SchemaRef;
use plimsoll_model::SignalBatch;

use crate::LakeError;

/// Those with rows, in exactly their table's schema, without the spare room of their builders.
pub(crate) fn admissible(batches: Vec<SignalBatch>) -> Result<Vec<SignalBatch>, LakeError> {
    let mut admissible = Vec::with_capacity(batches.len());
    for SignalBatch { table, batch } in batches {
        if batch.schema() != table.schema() {
            return Err(LakeError::Other(format!("a batch is not in the schema of table {table}")));
        }
        if batch.num_rows() > 0 {
            let batch = shrunk(batch).map_err(|error| LakeError::Other(error.to_string()))?;
            admissible.push(SignalBatch { table, batch });
        }
    }
    Ok(admissible)
}

fn shrunk(batch: RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let (schema, mut columns, _) = batch.into_parts();
    for column in &mut columns {
        column.shrink_to_fit();
    }
    RecordBatch::try_new(schema, columns)
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
    RecordBatch::try_new(schema.clone(), columns).map_err(|error| LakeError::Other(error.to_string()))
}
