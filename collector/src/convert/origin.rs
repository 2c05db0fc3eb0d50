//! Who sent it: the columns that every signal of OpenTelemetry has.

use arrow::array::StringBuilder;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::attributes::AttributeMap;
use super::columns::{Column, Maps, done};
use super::items::{UNKNOWN_SERVICE, non_empty};
use super::rejections::ItemReason;
use crate::config::Config;

/// A resource and one scope within it.
#[derive(Debug)]
pub(super) struct Origin<'a> {
    pub(super) resource: &'a AttributeMap,
    scope_name: &'a str,
    scope_version: &'a str,
    schema_url: &'a str,
}

pub(super) fn resource_map(resource: Option<Resource>, config: &Config) -> Result<AttributeMap, ItemReason> {
    AttributeMap::read(resource.unwrap_or_default().attributes, config)
}

impl<'a> Origin<'a> {
    /// The scope's schema is about the items, so it goes before the resource's.
    pub(super) fn new(
        resource: &'a AttributeMap,
        scope: Option<&'a InstrumentationScope>,
        schema_urls: [&'a str; 2],
    ) -> Self {
        let [scope_url, resource_url] = schema_urls;
        Self {
            resource,
            scope_name: scope.map_or("", |scope| &scope.name),
            scope_version: scope.map_or("", |scope| &scope.version),
            schema_url: if scope_url.is_empty() { resource_url } else { scope_url },
        }
    }

    /// What each row repeats; the service's name and version stand in columns of their own as well.
    pub(super) fn text_bytes(&self) -> usize {
        let service = self.resource.get("service.name").map_or(0, str::len)
            + self.resource.get("service.version").map_or(0, str::len);
        let scope = self.scope_name.len() + self.scope_version.len() + self.schema_url.len();
        self.resource.text_bytes() + service + scope
    }
}

pub(super) struct OriginColumns {
    service_name: StringBuilder,
    service_version: StringBuilder,
    scope_name: StringBuilder,
    scope_version: StringBuilder,
    schema_url: StringBuilder,
    resource: Maps,
    attributes: Maps,
}

impl OriginColumns {
    pub(super) fn new() -> Self {
        Self {
            service_name: StringBuilder::new(),
            service_version: StringBuilder::new(),
            scope_name: StringBuilder::new(),
            scope_version: StringBuilder::new(),
            schema_url: StringBuilder::new(),
            resource: Maps::new(),
            attributes: Maps::new(),
        }
    }

    pub(super) fn push(&mut self, origin: &Origin<'_>, attributes: &AttributeMap) {
        let service_name = origin.resource.get("service.name").and_then(non_empty);
        self.service_name.append_value(service_name.unwrap_or(UNKNOWN_SERVICE));
        self.service_version.append_option(origin.resource.get("service.version"));
        self.scope_name.append_option(non_empty(origin.scope_name));
        self.scope_version.append_option(non_empty(origin.scope_version));
        self.schema_url.append_option(non_empty(origin.schema_url));
        self.resource.push(origin.resource);
        self.attributes.push(attributes);
    }

    pub(super) fn finish(self) -> [Column; 7] {
        [
            ("service_name", done(self.service_name)),
            ("service_version", done(self.service_version)),
            ("scope_name", done(self.scope_name)),
            ("scope_version", done(self.scope_version)),
            ("schema_url", done(self.schema_url)),
            ("resource", self.resource.finish()),
            ("attributes", self.attributes.finish()),
        ]
    }
}
