//! The lists within a span's row: its events and its links.

use arrow::array::ArrayRef;
use arrow::datatypes::Int64Type;

use super::attributes::Attributes;
use super::columns::{Items, MapColumn, NumberColumn, TextColumn, nullable_structs};
use super::items::{nanos, span_id, trace_id};
use super::rejections::ItemReason;
use crate::wire::Fields;

#[derive(Debug, Default)]
pub(super) struct EventColumns {
    time_unix_nano: NumberColumn<Int64Type>,
    name: TextColumn,
    attributes: MapColumn,
    dropped_attributes_count: NumberColumn<Int64Type>,
}

impl EventColumns {
    pub(super) fn push<'a>(
        &mut self,
        event: &'a [u8],
        attributes: &mut Attributes<'a>,
    ) -> Result<(), ItemReason> {
        let (mut time, mut name, mut dropped) = (0, [].as_slice(), 0);
        attributes.clear();
        for part in Fields::of(event) {
            match part.number {
                1 => time = part.value,
                2 => name = part.bytes,
                3 => attributes.add(part.bytes),
                4 => dropped = part.uint32(),
                _ => {}
            }
        }
        attributes.close()?;
        self.time_unix_nano.push(nanos(time)?);
        self.name.push(name);
        self.attributes.push(attributes);
        self.dropped_attributes_count.push(dropped.into());
        Ok(())
    }
}

impl Items for EventColumns {
    fn len(&self) -> usize {
        self.time_unix_nano.len()
    }

    fn truncate(&mut self, len: usize) {
        self.time_unix_nano.truncate(len);
        self.name.truncate(len);
        self.attributes.truncate(len);
        self.dropped_attributes_count.truncate(len);
    }

    fn finish(self) -> ArrayRef {
        nullable_structs([
            ("time_unix_nano", self.time_unix_nano.finish()),
            ("name", self.name.finish()),
            ("attributes", self.attributes.finish()),
            ("dropped_attributes_count", self.dropped_attributes_count.finish()),
        ])
    }
}

#[derive(Debug, Default)]
pub(super) struct LinkColumns {
    trace_id: TextColumn,
    span_id: TextColumn,
    trace_state: TextColumn,
    flags: NumberColumn<Int64Type>,
    attributes: MapColumn,
    dropped_attributes_count: NumberColumn<Int64Type>,
}

impl LinkColumns {
    /// A link whose ids are none is kept: its attributes may say why.
    pub(super) fn push<'a>(
        &mut self,
        link: &'a [u8],
        attributes: &mut Attributes<'a>,
    ) -> Result<(), ItemReason> {
        let (mut trace, mut span, mut trace_state) = ([].as_slice(), [].as_slice(), [].as_slice());
        let (mut dropped, mut flags) = (0, 0);
        attributes.clear();
        for part in Fields::of(link) {
            match part.number {
                1 => trace = part.bytes,
                2 => span = part.bytes,
                3 => trace_state = part.bytes,
                4 => attributes.add(part.bytes),
                5 => dropped = part.uint32(),
                6 => flags = part.uint32(),
                _ => {}
            }
        }
        attributes.close()?;
        self.trace_id.push_hex(trace_id(trace));
        self.span_id.push_hex(span_id(span));
        self.trace_state.push_non_empty(trace_state);
        self.flags.push(flags.into());
        self.attributes.push(attributes);
        self.dropped_attributes_count.push(dropped.into());
        Ok(())
    }
}

impl Items for LinkColumns {
    fn len(&self) -> usize {
        self.trace_id.len()
    }

    fn truncate(&mut self, len: usize) {
        self.trace_id.truncate(len);
        self.span_id.truncate(len);
        self.trace_state.truncate(len);
        self.flags.truncate(len);
        self.attributes.truncate(len);
        self.dropped_attributes_count.truncate(len);
    }

    fn finish(self) -> ArrayRef {
        nullable_structs([
            ("trace_id", self.trace_id.finish()),
            ("span_id", self.span_id.finish()),
            ("trace_state", self.trace_state.finish()),
            ("flags", self.flags.finish()),
            ("attributes", self.attributes.finish()),
            ("dropped_attributes_count", self.dropped_attributes_count.finish()),
        ])
    }
}
