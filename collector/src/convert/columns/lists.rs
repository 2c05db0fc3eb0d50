//! Columns of lists and of maps.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, ListArray, MapArray, NullBufferBuilder, StructArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Fields};

use super::{Items, NumberColumn, TextColumn};
use crate::convert::attributes::Attributes;
use crate::convert::origin::RepeatedMap;

/// Lists over any items: push the items, then close the row.
#[derive(Debug)]
pub(in crate::convert) struct ListColumn<B> {
    pub(in crate::convert) items: B,
    /// One more than there are lists; the first is zero.
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl<B: Items + Default> Default for ListColumn<B> {
    fn default() -> Self {
        Self { items: B::default(), ends: vec![0], nulls: NullBufferBuilder::new(0) }
    }
}

impl<B: Items> ListColumn<B> {
    /// The row's list is what was pushed since the last row.
    #[inline]
    pub(in crate::convert) fn close(&mut self) {
        self.ends.push(end_at(self.items.len()));
        self.nulls.append_non_null();
    }

    fn null(&mut self) {
        self.ends.push(end_at(self.items.len()));
        self.nulls.append_null();
    }

    /// Forgets items that were pushed and not closed.
    pub(in crate::convert) fn reopen(&mut self) {
        let end = self.ends.last().and_then(|end| usize::try_from(*end).ok());
        self.items.truncate(end.unwrap_or(0));
    }

    pub(in crate::convert) fn finish(mut self) -> ArrayRef {
        let items = self.items.finish();
        let field = Field::new_list_field(items.data_type().clone(), true);
        let ends = OffsetBuffer::new(ScalarBuffer::from(self.ends));
        Arc::new(ListArray::new(Arc::new(field), ends, items, self.nulls.finish()))
    }
}

impl<T: ArrowPrimitiveType> ListColumn<NumberColumn<T>> {
    pub(in crate::convert) fn push_option(&mut self, numbers: Option<&Vec<T::Native>>) {
        let Some(numbers) = numbers else { return self.null() };
        self.items.extend(numbers);
        self.close();
    }
}

/// Maps from text to text, with the entry names of the model's schemas.
#[derive(Debug)]
pub(in crate::convert) struct MapColumn {
    keys: TextColumn,
    values: TextColumn,
    ends: Vec<i32>,
}

impl Default for MapColumn {
    fn default() -> Self {
        Self { keys: TextColumn::default(), values: TextColumn::default(), ends: vec![0] }
    }
}

impl MapColumn {
    #[inline]
    pub(in crate::convert) fn push(&mut self, attributes: &Attributes<'_>) {
        self.keys.push_block(attributes.key_block());
        attributes.values().for_each(|value| self.values.push_option(value));
        self.ends.push(end_at(self.values.len()));
    }

    /// The same map on each of the next rows.
    pub(in crate::convert) fn repeat(&mut self, map: &RepeatedMap, times: usize) {
        let RepeatedMap { keys, values } = map;
        self.reserve(times);
        self.keys.reserve_blocks(keys, times);
        self.values.reserve_blocks(values, times);
        for _ in 0..times {
            self.keys.push_block(keys);
            self.values.push_block(values);
            self.ends.push(end_at(self.values.len()));
        }
    }

    pub(in crate::convert) fn reserve(&mut self, rows: usize) {
        self.ends.reserve(rows);
    }
}

impl Items for MapColumn {
    fn len(&self) -> usize {
        self.ends.len() - 1
    }

    fn truncate(&mut self, len: usize) {
        self.ends.truncate(len + 1);
        let end = self.ends.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0);
        self.keys.truncate(end);
        self.values.truncate(end);
    }

    fn finish(self) -> ArrayRef {
        let fields = Fields::from(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("value", DataType::Utf8, true),
        ]);
        let entries = StructArray::new(fields, vec![self.keys.finish(), self.values.finish()], None);
        let field = Field::new("key_value", entries.data_type().clone(), false);
        let ends = OffsetBuffer::new(ScalarBuffer::from(self.ends));
        Arc::new(MapArray::new(Arc::new(field), ends, entries, None, false))
    }
}

#[inline]
fn end_at(len: usize) -> i32 {
    i32::try_from(len).expect("the memory of all requests together is less than 2 GiB")
}
