//! What the simulated servers say, in OTLP's own messages: the demo is an ordinary OpenTelemetry client.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use plimsoll_model::Timestamp;

/// One item on its way to the OTLP port.
#[derive(Clone, Debug, PartialEq)]
pub enum Telemetry {
    Span(Source, Span),
    Log(Source, LogRecord),
    Metric(Source, Metric),
}

/// The process that says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Traefik,
    /// A prefork worker, by its process id.
    Odoo {
        pid: u32,
    },
    Postgresql,
    Redis,
}

impl Source {
    #[must_use]
    pub const fn service(self) -> &'static str {
        match self {
            Self::Traefik => "traefik",
            Self::Odoo { .. } => "odoo",
            Self::Postgresql => "postgresql",
            Self::Redis => "redis",
        }
    }

    const fn version(self) -> &'static str {
        match self {
            Self::Traefik => "3.7.1",
            Self::Odoo { .. } => "18.0",
            Self::Postgresql => "16.9",
            Self::Redis => "7.2.5",
        }
    }

    #[must_use]
    pub fn resource(self) -> Resource {
        let mut attributes = vec![
            text("service.name", self.service()),
            text("service.version", self.version()),
            text("service.namespace", "erp"),
            text("deployment.environment.name", "demo"),
            text("host.name", format!("{}-1", self.service())),
        ];
        if let Self::Odoo { pid } = self {
            attributes.push(text("service.instance.id", format!("odoo-1-{pid}")));
            attributes.push(int("process.pid", i64::from(pid)));
        }
        Resource { attributes, ..Resource::default() }
    }

    /// Who measured it inside that process.
    #[must_use]
    pub fn scope(self) -> InstrumentationScope {
        InstrumentationScope {
            name: format!("plimsoll.demo.{}", self.service()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        }
    }
}

pub(super) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

pub(super) fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

pub(super) fn float(key: &str, value: f64) -> KeyValue {
    attribute(key, Value::DoubleValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// A plain log line; trace context and event name are the caller's to add.
pub(super) fn log(
    at: Timestamp,
    severity: SeverityNumber,
    body: impl Into<String>,
    attributes: Vec<KeyValue>,
) -> LogRecord {
    LogRecord {
        time_unix_nano: unix_nanos(at),
        observed_time_unix_nano: unix_nanos(at),
        severity_number: severity.into(),
        severity_text: severity_text(severity).to_owned(),
        body: Some(AnyValue { value: Some(Value::StringValue(body.into())) }),
        attributes,
        ..LogRecord::default()
    }
}

fn severity_text(severity: SeverityNumber) -> &'static str {
    match severity {
        SeverityNumber::Error => "ERROR",
        SeverityNumber::Warn => "WARNING",
        _ => "INFO",
    }
}

/// OTLP's clock; what lies before 1970 does not occur here.
pub(super) fn unix_nanos(at: Timestamp) -> u64 {
    u64::try_from(at.nanos()).unwrap_or_default()
}

pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
