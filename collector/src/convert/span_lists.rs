//! The lists within a span's row: its events and its links.

use arrow::array::{ArrayRef, Int64Builder, StringBuilder};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};

use super::attributes::AttributeMap;
use super::columns::{Maps, done, nullable_structs};
use super::items::{nanos, span_id, trace_id};
use super::rejections::ItemReason;
use crate::config::Config;

pub(super) struct CheckedEvent {
    time_unix_nano: i64,
    name: String,
    attributes: AttributeMap,
}

pub(super) struct CheckedLink {
    trace_id: Option<String>,
    span_id: Option<String>,
    attributes: AttributeMap,
}

impl CheckedEvent {
    pub(super) fn new(event: Event, config: &Config) -> Result<Self, ItemReason> {
        let attributes = AttributeMap::read(event.attributes, config)?;
        Ok(Self { time_unix_nano: nanos(event.time_unix_nano)?, name: event.name, attributes })
    }
}

impl CheckedLink {
    pub(super) fn new(link: Link, config: &Config) -> Result<Self, ItemReason> {
        let attributes = AttributeMap::read(link.attributes, config)?;
        Ok(Self { trace_id: trace_id(&link.trace_id), span_id: span_id(&link.span_id), attributes })
    }
}

pub(super) struct EventColumns {
    time_unix_nano: Int64Builder,
    name: StringBuilder,
    attributes: Maps,
}

impl EventColumns {
    pub(super) fn new() -> Self {
        Self { time_unix_nano: Int64Builder::new(), name: StringBuilder::new(), attributes: Maps::new() }
    }

    pub(super) fn push(&mut self, event: &CheckedEvent) {
        self.time_unix_nano.append_value(event.time_unix_nano);
        self.name.append_value(&event.name);
        self.attributes.push(&event.attributes);
    }

    pub(super) fn finish(self) -> ArrayRef {
        nullable_structs([
            ("time_unix_nano", done(self.time_unix_nano)),
            ("name", done(self.name)),
            ("attributes", self.attributes.finish()),
        ])
    }
}

pub(super) struct LinkColumns {
    trace_id: StringBuilder,
    span_id: StringBuilder,
    attributes: Maps,
}

impl LinkColumns {
    pub(super) fn new() -> Self {
        Self { trace_id: StringBuilder::new(), span_id: StringBuilder::new(), attributes: Maps::new() }
    }

    pub(super) fn push(&mut self, link: &CheckedLink) {
        self.trace_id.append_option(link.trace_id.as_deref());
        self.span_id.append_option(link.span_id.as_deref());
        self.attributes.push(&link.attributes);
    }

    pub(super) fn finish(self) -> ArrayRef {
        nullable_structs([
            ("trace_id", done(self.trace_id)),
            ("span_id", done(self.span_id)),
            ("attributes", self.attributes.finish()),
        ])
    }
}
