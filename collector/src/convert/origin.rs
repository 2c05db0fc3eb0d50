//! Who sent it: the columns that every signal of OpenTelemetry has.

use std::hash::Hasher;

use arrow::datatypes::Int64Type;

use super::attributes::{Attributes, Typed};
use super::columns::{Column, Items, MapColumn, NumberColumn, TextBlock, TextColumn};
use super::envelope::elements;
use super::rejections::ItemReason;
use crate::config::Config;
use crate::wire::Fields;

/// What a sender without a name is called.
const UNKNOWN_SERVICE: &[u8] = b"unknown_service";

const TYPED: &[Typed] = &[("service_name", "service.name"), ("service_version", "service.version")];
const SERVICE_NAME: usize = 0;
const SERVICE_VERSION: usize = 1;

/// A resource and one scope within it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'r> {
    pub(super) resource: &'r Resource<'r>,
    pub(super) scope: &'r Scope<'r>,
}

#[derive(Debug)]
pub(super) struct Resource<'a> {
    attributes: Attributes<'a>,
    map: RepeatedMap,
    dropped_attributes_count: u32,
    schema_url: &'a [u8],
}

#[derive(Debug)]
pub(super) struct Scope<'a> {
    name: &'a [u8],
    version: &'a [u8],
    attributes: Attributes<'a>,
    map: RepeatedMap,
    dropped_attributes_count: u32,
    schema_url: &'a [u8],
}

/// A map that many rows have.
#[derive(Debug, Default)]
pub(super) struct RepeatedMap {
    pub(super) keys: TextBlock,
    pub(super) values: TextBlock,
}

impl RepeatedMap {
    pub(super) fn fill(&mut self, attributes: &Attributes<'_>) {
        self.keys.clone_from(attributes.key_block());
        self.values.clear();
        attributes.values().for_each(|value| self.values.push(value));
    }

    pub(super) fn row_bytes(&self) -> usize {
        const ENDS: usize = 2 * size_of::<i32>();
        self.keys.text_bytes() + self.values.text_bytes() + ENDS * self.keys.len()
    }
}

impl<'a> Resource<'a> {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            attributes: Attributes::new(TYPED, config),
            map: RepeatedMap::default(),
            dropped_attributes_count: 0,
            schema_url: &[],
        }
    }

    /// Of a `ResourceSpans` or its like. `entityRefs` says which of the attributes identify the resource: they stay what
    /// they are in the map, and no question has needed the difference yet.
    pub(super) fn read(&mut self, group: &'a [u8]) -> Result<(), ItemReason> {
        self.attributes.clear();
        self.dropped_attributes_count = 0;
        self.schema_url = elements(group, 3).last().unwrap_or_default();
        for part in elements(group, 1).flat_map(Fields::of) {
            match part.number {
                1 => self.attributes.add(part.bytes),
                2 => self.dropped_attributes_count = part.uint32(),
                _ => {}
            }
        }
        self.attributes.close()?;
        self.map.fill(&self.attributes);
        Ok(())
    }
}

impl Resource<'_> {
    /// The name in the ingest ledger. Of a resource that was refused there may be none.
    pub(super) fn source(&self) -> String {
        String::from_utf8_lossy(self.service_name()).into_owned()
    }

    fn service_name(&self) -> &[u8] {
        let name = self.attributes.typed(SERVICE_NAME);
        name.filter(|name| !name.is_empty()).unwrap_or(UNKNOWN_SERVICE)
    }

    pub(super) fn identify(&self, hasher: &mut impl Hasher) {
        self.attributes.identify(hasher);
    }

    pub(super) fn redacted_values(&self) -> u64 {
        self.attributes.redacted_values()
    }
}

impl<'a> Scope<'a> {
    pub(super) fn redacted_values(&self) -> u64 {
        self.attributes.redacted_values()
    }

    pub(super) fn new(config: &Config) -> Self {
        Self {
            name: &[],
            version: &[],
            attributes: Attributes::new(&[], config),
            map: RepeatedMap::default(),
            dropped_attributes_count: 0,
            schema_url: &[],
        }
    }

    /// Of a `ScopeSpans` or its like.
    pub(super) fn read(&mut self, list: &'a [u8]) -> Result<(), ItemReason> {
        self.attributes.clear();
        (self.name, self.version, self.dropped_attributes_count) = (&[], &[], 0);
        self.schema_url = elements(list, 3).last().unwrap_or_default();
        for part in elements(list, 1).flat_map(Fields::of) {
            match part.number {
                1 => self.name = part.bytes,
                2 => self.version = part.bytes,
                3 => self.attributes.add(part.bytes),
                4 => self.dropped_attributes_count = part.uint32(),
                _ => {}
            }
        }
        self.attributes.close()?;
        self.map.fill(&self.attributes);
        Ok(())
    }
}

impl Origin<'_> {
    /// What each row repeats; the service's name and version stand in columns of their own as well.
    pub(super) fn row_bytes(&self) -> usize {
        let service = [self.service_name(), self.service_version().unwrap_or_default()];
        let texts = [self.scope.name, self.scope.version, self.schema_url(), self.resource.schema_url];
        let texts: usize = texts.iter().chain(&service).map(|text| text.len()).sum();
        texts + self.resource.map.row_bytes() + self.scope.map.row_bytes()
    }

    fn service_name(&self) -> &[u8] {
        self.resource.service_name()
    }

    fn service_version(&self) -> Option<&[u8]> {
        self.resource.attributes.typed(SERVICE_VERSION)
    }

    /// The scope's schema is about the items, so it goes before the resource's.
    fn schema_url(&self) -> &[u8] {
        if self.scope.schema_url.is_empty() { self.resource.schema_url } else { self.scope.schema_url }
    }
}

/// The attributes row by row, all else scope by scope.
#[derive(Debug, Default)]
pub(super) struct OriginColumns {
    service_name: TextColumn,
    service_version: TextColumn,
    scope_name: TextColumn,
    scope_version: TextColumn,
    scope_attributes: MapColumn,
    scope_dropped_attributes_count: NumberColumn<Int64Type>,
    schema_url: TextColumn,
    resource: MapColumn,
    resource_dropped_attributes_count: NumberColumn<Int64Type>,
    resource_schema_url: TextColumn,
    attributes: MapColumn,
}

impl OriginColumns {
    #[inline]
    pub(super) fn push(&mut self, attributes: &Attributes<'_>) {
        self.attributes.push(attributes);
    }

    pub(super) fn reserve(&mut self, rows: usize) {
        self.attributes.reserve(rows);
    }

    /// The rows that were pushed since the last scope are from here.
    pub(super) fn close_scope(&mut self, origin: &Origin<'_>) {
        let rows = self.attributes.len() - self.resource.len();
        let Origin { resource, scope } = origin;
        self.service_name.repeat(Some(origin.service_name()), rows);
        self.service_version.repeat(origin.service_version(), rows);
        self.scope_name.repeat(non_empty(scope.name), rows);
        self.scope_version.repeat(non_empty(scope.version), rows);
        self.scope_attributes.repeat(&scope.map, rows);
        self.scope_dropped_attributes_count.repeat(Some(scope.dropped_attributes_count.into()), rows);
        self.schema_url.repeat(non_empty(origin.schema_url()), rows);
        self.resource.repeat(&resource.map, rows);
        self.resource_dropped_attributes_count.repeat(Some(resource.dropped_attributes_count.into()), rows);
        self.resource_schema_url.repeat(non_empty(resource.schema_url), rows);
    }

    pub(super) fn finish(self) -> [Column; 11] {
        [
            ("service_name", self.service_name.finish()),
            ("service_version", self.service_version.finish()),
            ("scope_name", self.scope_name.finish()),
            ("scope_version", self.scope_version.finish()),
            ("scope_attributes", self.scope_attributes.finish()),
            ("scope_dropped_attributes_count", self.scope_dropped_attributes_count.finish()),
            ("schema_url", self.schema_url.finish()),
            ("resource", self.resource.finish()),
            ("resource_dropped_attributes_count", self.resource_dropped_attributes_count.finish()),
            ("resource_schema_url", self.resource_schema_url.finish()),
            ("attributes", self.attributes.finish()),
        ]
    }
}

/// Proto3 cannot tell an empty text from none.
pub(super) fn non_empty(text: &[u8]) -> Option<&[u8]> {
    Some(text).filter(|text| !text.is_empty())
}
