//! OTLP, as far as readers write it: attributes, events, and metrics gathered by name.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use plimsoll_model::{SourceKind, Timestamp};
use prost::Message;

use crate::source::Batch;

mod readings;

pub(crate) use readings::Readings;

/// Who says it: the source's name as the service, the reader as the scope.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) service: String,
    pub(crate) kind: SourceKind,
}

/// Records in one request: what the door takes at once, whatever a look brought.
const ITEMS_A_REQUEST: usize = 1000;

impl Origin {
    /// The requests that carry a batch, each with its number of records.
    pub(crate) fn requests(&self, batch: Batch) -> Vec<(Bytes, u64)> {
        match batch {
            Batch::Events(records) | Batch::Logs(records) => {
                in_parts(records).map(|part| (self.logs(&part), part.len() as u64)).collect()
            }
            Batch::Spans(spans) => {
                in_parts(spans).map(|part| (self.spans(&part), part.len() as u64)).collect()
            }
            Batch::Metrics(metrics) => {
                in_parts(metrics).map(|part| (self.metrics(&part), readings::points(&part))).collect()
            }
        }
    }

    fn logs(&self, records: &[LogRecord]) -> Bytes {
        let scope_logs = vec![ScopeLogs {
            scope: Some(self.scope()),
            log_records: records.to_vec(),
            ..ScopeLogs::default()
        }];
        let logs = ResourceLogs { resource: Some(self.resource()), scope_logs, ..ResourceLogs::default() };
        ExportLogsServiceRequest { resource_logs: vec![logs] }.encode_to_vec().into()
    }

    fn metrics(&self, metrics: &[Metric]) -> Bytes {
        let scope_metrics = vec![ScopeMetrics {
            scope: Some(self.scope()),
            metrics: metrics.to_vec(),
            ..ScopeMetrics::default()
        }];
        let metrics =
            ResourceMetrics { resource: Some(self.resource()), scope_metrics, ..ResourceMetrics::default() };
        ExportMetricsServiceRequest { resource_metrics: vec![metrics] }.encode_to_vec().into()
    }

    fn spans(&self, spans: &[Span]) -> Bytes {
        let scope_spans =
            vec![ScopeSpans { scope: Some(self.scope()), spans: spans.to_vec(), ..ScopeSpans::default() }];
        let spans =
            ResourceSpans { resource: Some(self.resource()), scope_spans, ..ResourceSpans::default() };
        ExportTraceServiceRequest { resource_spans: vec![spans] }.encode_to_vec().into()
    }

    fn resource(&self) -> Resource {
        Resource { attributes: vec![text("service.name", &self.service)], ..Resource::default() }
    }

    fn scope(&self) -> InstrumentationScope {
        InstrumentationScope {
            name: format!("plimsoll.sources.{}", self.kind.as_str()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        }
    }
}

fn in_parts<T>(mut items: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || {
        let rest = items.split_off(items.len().min(ITEMS_A_REQUEST));
        let part = std::mem::replace(&mut items, rest);
        (!part.is_empty()).then_some(part)
    })
}

pub(crate) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

pub(crate) fn integer(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

pub(crate) fn number(key: &str, value: f64) -> KeyValue {
    attribute(key, Value::DoubleValue(value))
}

pub(crate) fn flag(key: &str, value: bool) -> KeyValue {
    attribute(key, Value::BoolValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// OTLP counts from 1970 and has no sign.
pub(crate) fn unix_nanos(time: Timestamp) -> u64 {
    u64::try_from(time.nanos()).unwrap_or_default()
}

/// A record under construction; what is `None` leaves no attribute.
#[derive(Debug)]
pub(crate) struct Record(LogRecord);

impl Record {
    pub(crate) fn at(time: Timestamp, observed: Timestamp) -> Self {
        Self(LogRecord {
            time_unix_nano: unix_nanos(time),
            observed_time_unix_nano: unix_nanos(observed),
            ..LogRecord::default()
        })
    }

    pub(crate) fn named(mut self, event_name: &str) -> Self {
        event_name.clone_into(&mut self.0.event_name);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<String>) -> Self {
        self.0.body = Some(AnyValue { value: Some(Value::StringValue(body.into())) });
        self
    }

    /// Number and text of OpenTelemetry's log data model.
    pub(crate) fn severity(mut self, number: i32, text: &str) -> Self {
        self.0.severity_number = number;
        text.clone_into(&mut self.0.severity_text);
        self
    }

    pub(crate) fn text(self, key: &str, value: impl Into<String>) -> Self {
        self.with(text(key, value))
    }

    pub(crate) fn some_text(self, key: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    pub(crate) fn integer(self, key: &str, value: i64) -> Self {
        self.with(integer(key, value))
    }

    pub(crate) fn some_integer(self, key: &str, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.integer(key, value),
            None => self,
        }
    }

    pub(crate) fn some_number(self, key: &str, value: Option<f64>) -> Self {
        match value {
            Some(value) => self.with(number(key, value)),
            None => self,
        }
    }

    pub(crate) fn with(mut self, attribute: KeyValue) -> Self {
        self.0.attributes.push(attribute);
        self
    }

    pub(crate) fn with_all(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.0.attributes.extend(attributes);
        self
    }

    pub(crate) fn build(self) -> LogRecord {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_batch_goes_in_parts_and_nothing_of_it_is_lost() {
        let origin = Origin { service: "odoo".into(), kind: SourceKind::Odoo };
        let record = |i| Record::at(Timestamp::from_secs(i), Timestamp::from_secs(i)).build();
        let parts = origin.requests(Batch::Logs((0..2_500).map(record).collect()));
        assert_eq!(parts.iter().map(|(_, items)| *items).collect::<Vec<_>>(), [1000, 1000, 500]);
        let last = ExportLogsServiceRequest::decode(parts[2].0.clone()).expect("OTLP");
        let logs = &last.resource_logs[0];
        assert_eq!(logs.scope_logs[0].log_records.last(), Some(&record(2_499)));
        assert_eq!(logs.resource.as_ref().expect("a resource").attributes, [text("service.name", "odoo")]);
        assert_eq!(logs.scope_logs[0].scope.as_ref().expect("a scope").name, "plimsoll.sources.odoo");
        assert!(origin.requests(Batch::Logs(Vec::new())).is_empty());
    }
}
