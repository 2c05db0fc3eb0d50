//! Bodies that are too long or too deep to be written down.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde::{Deserialize, Serialize};

/// Two generators and a seed: long enough not to be found again by a compressor's window, and the same each time.
const NOISE_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Make {
    /// A log record with the attribute `deep`, whose value is so many values deep, each a list of the next.
    Lists { levels: usize },
    /// The same with maps.
    Maps { levels: usize },
    /// A log record with a body so long that the request has exactly so many bytes.
    Filled { bytes: usize },
    /// So many zero bytes: no request at all, but it compresses well.
    Zeros { bytes: usize },
    /// Spans `name-0`, `name-1`, ... with the attribute `number` = `value-0`, ...
    Spans { count: usize },
    /// A log record with the attributes `key-0`, `key-1`, ...
    Keys { count: usize },
    /// A log record whose attribute `long` has a value of so many bytes.
    Value { bytes: usize },
}

impl Make {
    /// Megabytes.
    pub(super) fn is_large(&self) -> bool {
        match *self {
            Self::Filled { bytes } | Self::Zeros { bytes } | Self::Value { bytes } => bytes > 1 << 20,
            Self::Lists { levels: count } | Self::Maps { levels: count } => count > 50_000,
            Self::Spans { count } | Self::Keys { count } => count > 10_000,
        }
    }

    pub(crate) fn bytes(&self, is_json: bool, service: &str) -> Vec<u8> {
        match *self {
            Self::Lists { levels } | Self::Maps { levels } => {
                let is_map = matches!(self, Self::Maps { .. });
                if is_json { nested_json(levels, is_map, service) } else { nested(levels, is_map, service) }
            }
            Self::Filled { bytes } => filled(bytes, is_json, service),
            Self::Zeros { bytes } => vec![0; bytes],
            Self::Spans { count } => encoded(&spans(count, service), is_json),
            Self::Keys { count } => {
                let attributes = (0..count).map(|number| text(&format!("key-{number}"), "value")).collect();
                encoded(&log(attributes, None, service), is_json)
            }
            Self::Value { bytes } => {
                encoded(&log(vec![text("long", &"x".repeat(bytes))], None, service), is_json)
            }
        }
    }
}

fn encoded<M: Message + Serialize>(request: &M, is_json: bool) -> Vec<u8> {
    if is_json { serde_json::to_vec(request).expect("OTLP/JSON") } else { request.encode_to_vec() }
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn resource(service: &str) -> Option<Resource> {
    Some(Resource { attributes: vec![text("service.name", service)], ..Resource::default() })
}

fn log(attributes: Vec<KeyValue>, body: Option<String>, service: &str) -> ExportLogsServiceRequest {
    let body = body.map(|body| AnyValue { value: Some(Value::StringValue(body)) });
    let log_records = vec![LogRecord {
        time_unix_nano: 1_790_000_000_000_000_000,
        attributes,
        body,
        ..LogRecord::default()
    }];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let logs = ResourceLogs { resource: resource(service), scope_logs, ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![logs] }
}

fn spans(count: usize, service: &str) -> ExportTraceServiceRequest {
    let span = |number: usize| Span {
        trace_id: (number as u128 + 1).to_be_bytes().to_vec(),
        span_id: (number as u64 + 1).to_be_bytes().to_vec(),
        name: format!("name-{number}"),
        start_time_unix_nano: 1_790_000_000_000_000_000,
        end_time_unix_nano: 1_790_000_000_001_000_000,
        attributes: vec![text("number", &format!("value-{number}"))],
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: (0..count).map(span).collect(), ..ScopeSpans::default() }];
    let spans = ResourceSpans { resource: resource(service), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![spans] }
}

fn filled(bytes: usize, is_json: bool, service: &str) -> Vec<u8> {
    let of = |length: usize| encoded(&log(Vec::new(), Some(noise(length)), service), is_json);
    // Lengths are varints: how many bytes they take depends on what they count, so it is found by trying.
    let mut length = bytes;
    loop {
        let request = of(length);
        match request.len() {
            size if size == bytes => return request,
            size if size > bytes => length -= size - bytes,
            size => length += bytes - size,
        }
    }
}

/// Hexadecimal digits that repeat after a mebibyte.
fn noise(length: usize) -> String {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut block = String::with_capacity(NOISE_BYTES);
    while block.len() < NOISE_BYTES.min(length) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        block.push_str(&format!("{state:016x}"));
    }
    let mut noise = block.repeat(length / NOISE_BYTES + 1);
    noise.truncate(length);
    noise
}

/// From the outermost length inwards, so that 200,000 levels take no more than their bytes.
fn nested(levels: usize, is_map: bool, service: &str) -> Vec<u8> {
    let outside = |inside: usize| {
        let entry = delimited(inside);
        let list = delimited(if is_map { delimited(entry + 3) } else { entry });
        (entry, list)
    };
    let mut lengths = vec![0];
    for _ in 1..levels {
        let inside = *lengths.last().expect("begins with one");
        lengths.push(outside(inside).1);
    }
    let mut value = Vec::new();
    for inside in lengths.iter().rev().skip(1) {
        let (entry, _) = outside(*inside);
        if is_map {
            // AnyValue { kvlist_value = 6: { values = 1: { key = 1: "k", value = 2: AnyValue } } }
            header(6, delimited(entry + 3), &mut value);
            header(1, entry + 3, &mut value);
            value.extend(b"\x0A\x01k");
            header(2, *inside, &mut value);
        } else {
            // AnyValue { array_value = 5: { values = 1: AnyValue } }
            header(5, entry, &mut value);
            header(1, *inside, &mut value);
        }
    }
    let mut attribute = b"\x0A\x04deep".to_vec();
    header(2, value.len(), &mut attribute);
    attribute.extend(value);
    let mut record = Vec::new();
    header(6, attribute.len(), &mut record);
    record.extend(attribute);
    let resource = resource(service).expect("always there").encode_to_vec();
    let scope = wrapped(2, &wrapped(2, &record));
    wrapped(1, &[wrapped(1, &resource), scope].concat())
}

fn nested_json(levels: usize, is_map: bool, service: &str) -> Vec<u8> {
    let (open, close) = if is_map {
        (r#"{"kvlistValue":{"values":[{"key":"k","value":"#, "}]}}")
    } else {
        (r#"{"arrayValue":{"values":["#, "]}}")
    };
    let value = [open.repeat(levels - 1).as_str(), "{}", &close.repeat(levels - 1)].concat();
    let service =
        format!(r#"{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}}"#);
    let record = format!(r#"{{"attributes":[{{"key":"deep","value":{value}}}]}}"#);
    format!(r#"{{"resourceLogs":[{{"resource":{service},"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#)
        .into()
}

/// What a field of fifteen or less with `length` bytes of content takes.
fn delimited(length: usize) -> usize {
    1 + prost::encoding::encoded_len_varint(length as u64) + length
}

fn header(number: u8, length: usize, bytes: &mut Vec<u8>) {
    bytes.push(number << 3 | 2);
    prost::encoding::encode_varint(length as u64, bytes);
}

fn wrapped(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 8);
    header(number, content.len(), &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

#[test]
fn nested_bodies_are_what_prost_reads() {
    for make in [Make::Lists { levels: 5 }, Make::Maps { levels: 5 }] {
        let protobuf = make.bytes(false, "s");
        let protobuf = ExportLogsServiceRequest::decode(protobuf.as_slice()).expect("protobuf");
        let json: ExportLogsServiceRequest =
            serde_json::from_slice(&make.bytes(true, "s")).expect("OTLP/JSON");
        assert_eq!(protobuf, json, "{make:?}");
    }
}

#[test]
fn a_filled_body_has_exactly_its_size() {
    for is_json in [false, true] {
        assert_eq!(Make::Filled { bytes: 70_001 }.bytes(is_json, "s").len(), 70_001);
    }
}
