//! A door that keeps what it takes, as the collector would, and can be told to refuse.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use plimsoll_model::{Intake, IntakeError, Signal, Taken, Taking};
use prost::Message;

#[derive(Debug, Default)]
pub(crate) struct Door {
    pub(crate) is_closed: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    records: Vec<Event>,
    points: Vec<Point>,
    spans: usize,
}

/// A log record, attributes as text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) time: u64,
    pub(crate) severity: String,
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Event {
    pub(crate) fn get(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    pub(crate) fn id(&self) -> &str {
        self.get("event.id")
    }
}

impl Intake for Door {
    fn take(&self, signal: Signal, request: Bytes) -> Taking<'_> {
        Box::pin(async move {
            if self.is_closed.load(Relaxed) {
                let retry_after = Some(Duration::from_millis(100));
                return Err(IntakeError { message: "closed".into(), retry_after });
            }
            let mut kept = self.kept.lock().expect("not poisoned");
            match signal {
                Signal::Logs => kept.records.extend(records(request)),
                Signal::Metrics => kept.points.extend(points(request)),
                Signal::Traces => kept.spans += spans(request),
            }
            Ok(Taken::default())
        })
    }
}

impl Door {
    pub(crate) fn records(&self) -> Vec<Event> {
        self.kept.lock().expect("not poisoned").records.clone()
    }

    /// Those with this name, each once, as the lake keeps them.
    pub(crate) fn events(&self, name: &str) -> Vec<Event> {
        let mut known = std::collections::HashSet::new();
        let mut events = self.records();
        events.retain(|event| event.name == name && known.insert(event.id().to_owned()));
        events
    }

    pub(crate) fn spans(&self) -> usize {
        self.kept.lock().expect("not poisoned").spans
    }

    pub(crate) fn points(&self, name: &str) -> Vec<Point> {
        let kept = self.kept.lock().expect("not poisoned");
        kept.points.iter().filter(|point| point.name == name).cloned().collect()
    }

    /// The level that was read last.
    pub(crate) fn level(&self, name: &str, attributes: &[(&str, &str)]) -> Option<f64> {
        let is_meant = |point: &Point| {
            attributes
                .iter()
                .all(|(key, value)| point.attributes.get(*key).map(String::as_str) == Some(value))
        };
        self.points(name).into_iter().rfind(is_meant).map(|point| point.value)
    }
}

fn records(request: Bytes) -> Vec<Event> {
    let request = ExportLogsServiceRequest::decode(request).expect("OTLP");
    let scopes = request.resource_logs.into_iter().flat_map(|logs| logs.scope_logs);
    let records = scopes.flat_map(|scope| scope.log_records).map(|record| Event {
        name: record.event_name,
        time: record.time_unix_nano,
        severity: record.severity_text,
        body: record.body.map(text).unwrap_or_default(),
        attributes: texts(record.attributes),
    });
    records.collect()
}

fn spans(request: Bytes) -> usize {
    let request = ExportTraceServiceRequest::decode(request).expect("OTLP");
    let scopes = request.resource_spans.into_iter().flat_map(|spans| spans.scope_spans);
    scopes.map(|scope| scope.spans.len()).sum()
}

fn points(request: Bytes) -> Vec<Point> {
    let request = ExportMetricsServiceRequest::decode(request).expect("OTLP");
    let scopes = request.resource_metrics.into_iter().flat_map(|metrics| metrics.scope_metrics);
    let mut points = Vec::new();
    for metric in scopes.flat_map(|scope| scope.metrics) {
        let numbers = match metric.data.expect("a metric has data") {
            Data::Gauge(gauge) => gauge.data_points,
            Data::Sum(sum) => sum.data_points,
            _ => Vec::new(),
        };
        points.extend(numbers.into_iter().map(|point| Point {
            name: metric.name.clone(),
            unit: metric.unit.clone(),
            attributes: texts(point.attributes),
            value: match point.value.expect("a point has a value") {
                number_data_point::Value::AsDouble(value) => value,
                #[expect(clippy::cast_precision_loss, reason = "small numbers of a test")]
                number_data_point::Value::AsInt(value) => value as f64,
            },
        }));
    }
    points
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text_of = |attribute: KeyValue| (attribute.key, attribute.value.map(text).unwrap_or_default());
    attributes.into_iter().map(text_of).collect()
}

fn text(value: AnyValue) -> String {
    match value.value {
        Some(Value::StringValue(value)) => value,
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        Some(Value::BoolValue(value)) => value.to_string(),
        other => format!("{other:?}"),
    }
}
