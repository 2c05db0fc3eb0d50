//! Small builders for the shapes that the tables share. A finished batch is put together by column name, so that the
//! order of a schema is written in one place only.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, ListArray, MapBuilder, MapFieldNames, RecordBatch, StringBuilder, StructArray,
    TimestampNanosecondBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Field, Fields};
use plimsoll_model::{SignalBatch, Table};

use super::attributes::AttributeMap;

pub(super) type Column = (&'static str, ArrayRef);

pub(super) fn times() -> TimestampNanosecondBuilder {
    TimestampNanosecondBuilder::new().with_timezone("UTC")
}

/// Panics when a builder and the schema disagree: a bug that the first test of the table shows.
pub(super) fn batch(table: Table, columns: &[Column]) -> SignalBatch {
    let schema = table.schema();
    assert_eq!(columns.len(), schema.fields().len(), "{table} has other columns than its builder");
    let arrays = schema.fields().iter().map(|field| named(columns, field.name())).collect();
    let batch = RecordBatch::try_new(schema, arrays).expect("builders follow the table's schema");
    SignalBatch { table, batch }
}

/// Items of a list that has several fields, each of which may be null.
pub(super) fn nullable_structs<const N: usize>(columns: [Column; N]) -> ArrayRef {
    let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let fields: Fields = fields.collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Arc::new(StructArray::new(fields, arrays, None))
}

pub(super) fn done(mut builder: impl ArrayBuilder) -> ArrayRef {
    builder.finish()
}

fn named(columns: &[Column], name: &str) -> ArrayRef {
    let found = columns.iter().find(|(column, _)| *column == name);
    let (_, array) = found.unwrap_or_else(|| panic!("no builder makes the column {name}"));
    Arc::clone(array)
}

/// Text columns that are each filled from the first attribute present among a few spellings.
pub(super) struct TypedText {
    sources: &'static [(&'static str, &'static [&'static str])],
    builders: Vec<StringBuilder>,
}

impl TypedText {
    pub(super) fn new(sources: &'static [(&'static str, &'static [&'static str])]) -> Self {
        Self { sources, builders: sources.iter().map(|_| StringBuilder::new()).collect() }
    }

    pub(super) fn push(&mut self, attributes: &AttributeMap) {
        for ((_, keys), builder) in self.sources.iter().zip(&mut self.builders) {
            builder.append_option(attributes.first(keys));
        }
    }

    pub(super) fn finish(self) -> impl Iterator<Item = Column> {
        self.sources.iter().zip(self.builders).map(|((name, _), builder)| (*name, done(builder)))
    }
}

/// A column of text maps, with the entry names of the model's schemas.
pub(super) struct Maps(MapBuilder<StringBuilder, StringBuilder>);

impl Maps {
    pub(super) fn new() -> Self {
        let names =
            MapFieldNames { entry: "key_value".to_owned(), key: "key".to_owned(), value: "value".to_owned() };
        Self(MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new()))
    }

    pub(super) fn push(&mut self, attributes: &AttributeMap) {
        for (key, value) in attributes.iter() {
            self.0.keys().append_value(key);
            self.0.values().append_option(value);
        }
        self.0.append(true).expect("keys and values are appended in pairs");
    }

    pub(super) fn finish(self) -> ArrayRef {
        done(self.0)
    }
}

/// A column of lists over any builder of items: append the items, then close the row.
pub(super) struct Lists<B> {
    pub(super) items: B,
    item_count: usize,
    lengths: Vec<usize>,
    valid: Vec<bool>,
}

impl<B> Lists<B> {
    pub(super) fn new(items: B) -> Self {
        Self { items, item_count: 0, lengths: Vec::new(), valid: Vec::new() }
    }

    /// The row's list is the `length` items that were appended since the last one.
    pub(super) fn close(&mut self, length: usize) {
        self.item_count += length;
        self.lengths.push(length);
        self.valid.push(true);
    }

    pub(super) fn null(&mut self) {
        self.lengths.push(0);
        self.valid.push(false);
    }

    pub(super) fn finish(self, finish_items: impl FnOnce(B) -> ArrayRef) -> ArrayRef {
        let items = finish_items(self.items);
        assert_eq!(items.len(), self.item_count, "every item belongs to a row");
        let field = Field::new_list_field(items.data_type().clone(), true);
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        Arc::new(ListArray::new(Arc::new(field), offsets, items, Some(NullBuffer::from(self.valid))))
    }
}
