//! Columns as they are being filled: plain vectors, of which Arrow's buffers are made without copying, and which can be
//! cut back to where an item began that turned out to be bad. A finished batch is put together by column name, so that
//! the order of a schema is written in one place only.

mod lists;
mod text;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, NullBufferBuilder, PrimitiveArray, RecordBatch, StructArray,
};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{Field, Fields, TimestampNanosecondType};
use plimsoll_model::{SignalBatch, Table};

pub(super) use lists::{ListColumn, MapColumn};
pub(super) use text::{TextBlock, TextColumn};

pub(super) type Column = (&'static str, ArrayRef);

/// Panics when a builder and the schema disagree: a bug that the first test of the table shows.
pub(super) fn batch(table: Table, columns: &[Column]) -> SignalBatch {
    let schema = table.schema();
    assert_eq!(columns.len(), schema.fields().len(), "{table} has other columns than its builder");
    let arrays = schema.fields().iter().map(|field| named(columns, field.name())).collect();
    let batch = RecordBatch::try_new(schema, arrays).expect("builders follow the table's schema");
    SignalBatch { table, batch }
}

fn named(columns: &[Column], name: &str) -> ArrayRef {
    let found = columns.iter().find(|(column, _)| *column == name);
    let (_, array) = found.unwrap_or_else(|| panic!("no builder makes the column {name}"));
    Arc::clone(array)
}

/// Items of a list that has several fields, each of which may be null.
pub(super) fn nullable_structs<const N: usize>(columns: [Column; N]) -> ArrayRef {
    let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let fields: Fields = fields.collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Arc::new(StructArray::new(fields, arrays, None))
}

/// What a list can be of.
pub(super) trait Items {
    fn len(&self) -> usize;

    /// Forgets what was pushed since there were `len`.
    fn truncate(&mut self, len: usize);

    fn finish(self) -> ArrayRef;
}

/// Numbers, each of which may be null.
#[derive(Debug)]
pub(super) struct NumberColumn<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
}

pub(super) type Times = NumberColumn<TimestampNanosecondType>;

impl<T: ArrowPrimitiveType> Default for NumberColumn<T> {
    fn default() -> Self {
        Self { values: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }
}

impl<T: ArrowPrimitiveType> NumberColumn<T> {
    #[inline]
    pub(super) fn push(&mut self, value: T::Native) {
        self.values.push(value);
        self.nulls.append_non_null();
    }

    #[inline]
    pub(super) fn push_option(&mut self, value: Option<T::Native>) {
        self.values.push(value.unwrap_or_default());
        self.nulls.append(value.is_some());
    }

    pub(super) fn repeat(&mut self, value: Option<T::Native>, times: usize) {
        self.values.resize(self.values.len() + times, value.unwrap_or_default());
        match value {
            Some(_) => self.nulls.append_n_non_nulls(times),
            None => self.nulls.append_n_nulls(times),
        }
    }

    pub(super) fn reserve(&mut self, rows: usize) {
        self.values.reserve(rows);
    }

    pub(super) fn extend(&mut self, values: &[T::Native]) {
        self.values.extend_from_slice(values);
        self.nulls.append_n_non_nulls(values.len());
    }

    fn array(mut self) -> PrimitiveArray<T> {
        PrimitiveArray::new(ScalarBuffer::from(self.values), self.nulls.finish())
    }
}

impl<T: ArrowPrimitiveType> Items for NumberColumn<T> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.nulls.truncate(len);
    }

    fn finish(self) -> ArrayRef {
        Arc::new(self.array())
    }
}

/// In UTC by name, as every moment of the tables.
pub(super) fn finish_times(times: Times) -> ArrayRef {
    Arc::new(times.array().with_timezone("UTC"))
}
