//! A sender of ours for load and for rows that a test chooses: business events by OTLP/gRPC, on one connection.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use tonic::transport::{Channel, Endpoint};

use super::now_unix_nanos;

/// A business event: a log record with a name and attributes, as of now.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    name: String,
    attributes: Vec<KeyValue>,
}

impl Event {
    pub(crate) fn new(name: &str, id: &str) -> Self {
        Self { name: name.to_owned(), attributes: Vec::new() }.text("event.id", id)
    }

    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        self.with(key, Value::StringValue(value.to_owned()))
    }

    pub(crate) fn number(self, key: &str, value: f64) -> Self {
        self.with(key, Value::DoubleValue(value))
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.attributes.push(attribute(key, value));
        self
    }

    fn into_record(self) -> LogRecord {
        let now = now_unix_nanos();
        LogRecord {
            time_unix_nano: now,
            observed_time_unix_nano: now,
            event_name: self.name,
            attributes: self.attributes,
            ..LogRecord::default()
        }
    }
}

/// The request that holds these events.
pub(crate) fn request(events: Vec<Event>) -> ExportLogsServiceRequest {
    let log_records = events.into_iter().map(Event::into_record).collect();
    let resource = Resource {
        attributes: vec![attribute("service.name", Value::StringValue("odoo".into()))],
        ..Resource::default()
    };
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs =
        vec![ResourceLogs { resource: Some(resource), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

/// One connection; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    client: LogsServiceClient<Channel>,
}

impl Sender {
    /// Connects when it first sends, and again after the other side was away.
    pub(crate) fn to(endpoint: &str) -> Self {
        let endpoint = Endpoint::from_shared(endpoint.to_owned()).expect("the harness's own address");
        Self { client: LogsServiceClient::new(endpoint.connect_lazy()) }
    }

    /// Ok: every event was acknowledged, none rejected.
    pub(crate) async fn try_send(&mut self, events: Vec<Event>) -> Result<(), String> {
        let answer = self.client.export(request(events)).await.map_err(|status| status.to_string())?;
        answer.into_inner().partial_success.map_or(Ok(()), |partial| Err(partial.error_message))
    }

    pub(crate) async fn send(&mut self, events: Vec<Event>) {
        self.try_send(events).await.expect("acknowledged");
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
