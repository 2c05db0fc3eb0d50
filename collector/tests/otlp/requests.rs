//! Bodies to send, in protobuf; what JSON looks like is derived from the same message.

use std::io::Write;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use plimsoll_collector::Signal;
use prost::Message;

/// One request in both encodings.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) signal: Signal,
    pub(crate) protobuf: Vec<u8>,
    pub(crate) json: Vec<u8>,
}

impl Request {
    pub(crate) fn new(signal: Signal, message: &(impl Message + serde::Serialize)) -> Self {
        let json = serde_json::to_vec(message).expect("serialises");
        Self { signal, protobuf: message.encode_to_vec(), json }
    }

    /// The same bytes, whatever encoding they are announced in.
    pub(crate) fn raw(bytes: &[u8]) -> Self {
        Self { signal: Signal::Logs, protobuf: bytes.to_vec(), json: bytes.to_vec() }
    }
}

pub(crate) fn span(trace_id: &[u8]) -> Span {
    Span {
        trace_id: trace_id.to_vec(),
        span_id: vec![2; 8],
        name: "post".to_owned(),
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_500_000_000,
        ..Span::default()
    }
}

pub(crate) fn spans(spans: Vec<Span>) -> Request {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    Request::new(Signal::Traces, &ExportTraceServiceRequest { resource_spans })
}

pub(crate) fn logs(log_records: Vec<LogRecord>) -> Request {
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    Request::new(Signal::Logs, &ExportLogsServiceRequest { resource_logs })
}

pub(crate) fn log(body: AnyValue) -> Request {
    logs(vec![LogRecord { body: Some(body), time_unix_nano: 1, ..LogRecord::default() }])
}

pub(crate) fn text(text: impl Into<String>) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(text.into())) }
}

pub(crate) fn event(name: &str) -> Request {
    logs(vec![LogRecord { event_name: name.to_owned(), time_unix_nano: 1, ..LogRecord::default() }])
}

pub(crate) fn gauge(value: f64) -> Request {
    let point =
        NumberDataPoint { value: Some(Number::AsDouble(value)), time_unix_nano: 1, ..Default::default() };
    let data = Some(metric::Data::Gauge(Gauge { data_points: vec![point] }));
    let metrics = vec![Metric { name: "locks".to_owned(), data, ..Metric::default() }];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    Request::new(Signal::Metrics, &ExportMetricsServiceRequest { resource_metrics })
}

/// A log body of lists in lists, written by hand: serialisers give up long before 200,000.
pub(crate) fn nested(levels: usize) -> Request {
    const VALUES: u8 = 0x0a;
    const ARRAY_VALUE: u8 = 0x2a;
    // resourceLogs, scopeLogs, logRecords, body: the outermost last.
    const ENVELOPE: [u8; 4] = [0x2a, 0x12, 0x12, 0x0a];
    let mut backwards = Vec::new();
    let lists = std::iter::repeat_n([VALUES, ARRAY_VALUE], levels).flatten();
    for tag in [ARRAY_VALUE].into_iter().chain(lists).chain(ENVELOPE) {
        enclose(tag, &mut backwards);
    }
    let protobuf = backwards.into_iter().rev().collect();
    let (open, close) = (r#"{"arrayValue":{"values":["#, "]}}");
    let value = open.repeat(levels) + "{}" + &close.repeat(levels);
    let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{value}}}]}}]}}]}}"#);
    Request { signal: Signal::Logs, protobuf, json: json.into_bytes() }
}

/// Puts what is there into one field. Written from its end, a message of any depth is never copied.
fn enclose(tag: u8, backwards: &mut Vec<u8>) {
    let mut header = vec![tag];
    prost::encoding::encode_varint(backwards.len() as u64, &mut header);
    backwards.extend(header.into_iter().rev());
}

pub(crate) fn compressed(bytes: &[u8], encoding: &str) -> Vec<u8> {
    match encoding {
        "identity" => bytes.to_vec(),
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).expect("writes to memory");
            encoder.finish().expect("writes to memory")
        }
        "zstd" => zstd::encode_all(bytes, 3).expect("writes to memory"),
        other => panic!("no client compresses with {other}"),
    }
}
