//! How a table lies in Parquet.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, Int16Array, RecordBatch, TimestampMicrosecondArray, new_null_array};
use arrow::datatypes::{
    DataType, Field, Int16Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
    TimestampNanosecondType,
};
use arrow::error::ArrowError;
use plimsoll_model::Table;

pub(crate) const TIME: &str = "time";
pub(crate) const TIME_NANOS: &str = "time_nanos";

pub(crate) const NANOS_PER_MICRO: i64 = 1000;

/// The columns as they lie in Parquet. Delta knows timestamps of microseconds only, so each UTC-nanosecond column is
/// stored in microseconds, rounded down, and `time` is followed by a companion `time_nanos` (Int16, 0..=999):
/// `time = time_us * 1000 + time_nanos`.
#[must_use]
pub fn physical_schema(table: Table) -> SchemaRef {
    static SCHEMAS: LazyLock<[SchemaRef; Table::ALL.len()]> =
        LazyLock::new(|| Table::ALL.map(|table| physical_of(&table.schema())));
    Arc::clone(&SCHEMAS[table as usize])
}

fn physical_of(schema: &SchemaRef) -> SchemaRef {
    let mut fields = Vec::with_capacity(schema.fields().len() + 1);
    for field in schema.fields() {
        if is_nanoseconds(field.data_type()) {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            fields.push(Arc::new(field.as_ref().clone().with_data_type(micros)));
        } else {
            fields.push(Arc::clone(field));
        }
        if field.name() == TIME {
            fields.push(Arc::new(Field::new(TIME_NANOS, DataType::Int16, false)));
        }
    }
    Arc::new(Schema::new(fields))
}

/// Rows of `table.schema()` as they are written.
pub fn to_physical(table: Table, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut columns = Vec::with_capacity(batch.num_columns() + 1);
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if is_nanoseconds(field.data_type()) {
            columns.push(micros(column));
        } else {
            columns.push(Arc::clone(column));
        }
        if field.name() == TIME {
            columns.push(nanos(column));
        }
    }
    RecordBatch::try_new(physical_schema(table), columns)
}

/// Rows of a data file as SQL shows them. A column that came later than the file is null.
pub fn from_physical(table: Table, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = table.schema();
    let columns = schema.fields().iter().map(|field| {
        if field.name() != TIME {
            return column_of(batch, field);
        }
        let part = |name| {
            let column = batch.column_by_name(name);
            column.ok_or_else(|| ArrowError::SchemaError(format!("the file lacks column {name}")))
        };
        whole(part(TIME)?, part(TIME_NANOS)?)
    });
    let columns = columns.collect::<Result<_, _>>()?;
    RecordBatch::try_new(schema, columns)
}

/// Rows of an older data file as they would be written today.
pub(crate) fn fitted_physical(table: Table, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = physical_schema(table);
    if batch.schema_ref().fields() == schema.fields() {
        return RecordBatch::try_new(schema, batch.columns().to_vec());
    }
    let columns = schema.fields().iter().map(|field| column_of(batch, field)).collect::<Result<_, _>>()?;
    RecordBatch::try_new(schema, columns)
}

fn column_of(batch: &RecordBatch, field: &Field) -> Result<ArrayRef, ArrowError> {
    match batch.column_by_name(field.name()) {
        // Lists are named differently inside (`item`, `element`); a cast renames without copying.
        Some(column) => arrow::compute::cast(column, field.data_type()),
        None if field.is_nullable() => Ok(new_null_array(field.data_type(), batch.num_rows())),
        None => Err(ArrowError::SchemaError(format!("the file lacks column {}", field.name()))),
    }
}

fn is_nanoseconds(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(TimeUnit::Nanosecond, _))
}

fn micros(column: &ArrayRef) -> ArrayRef {
    let times = column.as_primitive::<TimestampNanosecondType>();
    let micros: TimestampMicrosecondArray = times.unary(|time| time.div_euclid(NANOS_PER_MICRO));
    Arc::new(micros.with_timezone("UTC"))
}

fn nanos(column: &ArrayRef) -> ArrayRef {
    let times = column.as_primitive::<TimestampNanosecondType>();
    let nanos: Int16Array =
        times.unary(|time| i16::try_from(time.rem_euclid(NANOS_PER_MICRO)).expect("less than a thousand"));
    Arc::new(nanos)
}

fn whole(micros: &ArrayRef, nanos: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let micros = micros.as_primitive::<TimestampMicrosecondType>();
    let nanos = nanos.as_primitive::<Int16Type>();
    let times =
        arrow::compute::binary::<_, _, _, TimestampNanosecondType>(micros, nanos, |micros, nanos| {
            micros.saturating_mul(NANOS_PER_MICRO).saturating_add(i64::from(nanos))
        })?;
    Ok(Arc::new(times.with_timezone("UTC")))
}

#[cfg(test)]
mod tests {
    use plimsoll_model::batch_from_rows;

    use super::*;

    #[test]
    fn every_nanosecond_comes_back_on_both_sides_of_the_epoch() {
        let times = [0, 1, 999, 1000, -1, -999, -1001, 1_763_719_028_123_456_789, i64::MAX, i64::MIN + 1000];
        let rows: Vec<_> = times
            .iter()
            .map(|time| serde_json::json!({"time": time, "ingest_time": 5000, "stage": "rule"}))
            .collect();
        let batch = batch_from_rows(&Table::Decisions.schema(), &rows).expect("fits");

        let physical = to_physical(Table::Decisions, &batch).expect("converts");
        let nanos = physical["time_nanos"].as_primitive::<Int16Type>();
        assert!(nanos.values().iter().all(|nanos| (0..1000).contains(nanos)), "{nanos:?}");
        assert_eq!(from_physical(Table::Decisions, &physical).expect("converts"), batch);
    }

    #[test]
    fn no_table_keeps_a_nanosecond_column_and_each_has_one_companion() {
        for table in Table::ALL {
            let schema = physical_schema(table);
            assert!(schema.fields().iter().all(|field| !is_nanoseconds(field.data_type())), "{table}");
            assert_eq!(schema.field(1).name(), TIME_NANOS, "{table}");
            assert_eq!(schema.fields().len(), table.schema().fields().len() + 1, "{table}");
        }
    }
}
