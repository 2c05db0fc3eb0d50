use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::admission::Admission;
use crate::config::Config;
use crate::refusal::RequestReason;

const MAX_DEPTH: usize = 32;

fn check_bytes(bytes: &[u8], encoding: Encoding, root: &'static Message) -> Result<Vec<u8>, Refusal> {
    let lease = Admission::new(&Config::default()).lease();
    check(Received { bytes: bytes.to_vec(), lease }, encoding, root, MAX_DEPTH).map(|checked| checked.bytes)
}

/// The oracle's reading of bytes that have passed.
fn decode<M: prost::Message + Default>(bytes: &[u8]) -> Result<M, prost::DecodeError> {
    M::decode(bytes)
}

fn from_json<M: prost::Message + Default>(json: &str, root: &'static Message) -> Result<M, String> {
    let bytes = check_bytes(json.as_bytes(), Encoding::Json, root).map_err(|refusal| refusal.message)?;
    Ok(decode(&bytes).expect("what passes the check decodes"))
}

fn logs_json(json: &str) -> Result<LogRecord, String> {
    let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{json}]}}]}}]}}"#);
    let mut request: ExportLogsServiceRequest = from_json(&json, &LOGS_REQUEST)?;
    Ok(request.resource_logs.remove(0).scope_logs.remove(0).log_records.remove(0))
}

/// The value of a record's body, or why there is none.
fn body_json(json: &str) -> Result<Option<Value>, String> {
    Ok(logs_json(&format!(r#"{{"body":{json}}}"#))?.body.and_then(|body| body.value))
}

fn log_of(body: AnyValue) -> ExportLogsServiceRequest {
    let log_records = vec![LogRecord { body: Some(body), ..LogRecord::default() }];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

fn leaf() -> AnyValue {
    AnyValue { value: Some(Value::StringValue("leaf".to_owned())) }
}

fn in_lists(levels: usize) -> AnyValue {
    (0..levels).fold(leaf(), |inner, _| AnyValue {
        value: Some(Value::ArrayValue(ArrayValue { values: vec![inner] })),
    })
}

fn in_maps(levels: usize) -> AnyValue {
    (0..levels).fold(leaf(), |inner, _| {
        let entry = KeyValue { key: "k".to_owned(), value: Some(inner), ..KeyValue::default() };
        AnyValue { value: Some(Value::KvlistValue(KeyValueList { values: vec![entry] })) }
    })
}

#[test]
fn thirty_levels_pass_in_both_encodings_and_come_out_the_same() {
    for body in [in_lists(30), in_maps(30)] {
        let request = log_of(body);
        let bytes = check_bytes(&request.encode_to_vec(), Encoding::Protobuf, &LOGS_REQUEST).expect("fits");
        assert_eq!(decode::<ExportLogsServiceRequest>(&bytes).expect("decodes"), request);
        let json = serde_json::to_string(&request).expect("serialises");
        assert_eq!(from_json::<ExportLogsServiceRequest>(&json, &LOGS_REQUEST), Ok(request));
    }
}

#[test]
fn deeper_values_are_refused_with_the_limit() {
    for levels in [32, 90, 150] {
        for body in [in_lists(levels), in_maps(levels)] {
            let request = log_of(body);
            let json = serde_json::to_string(&request).expect("serialises").into_bytes();
            for (bytes, encoding) in [(request.encode_to_vec(), Encoding::Protobuf), (json, Encoding::Json)] {
                let refusal = check_bytes(&bytes, encoding, &LOGS_REQUEST).expect_err("too deep");
                assert_eq!(refusal.reason, RequestReason::TooDeep, "{levels} {encoding:?}");
                assert!(refusal.message.contains("32 levels"), "{}", refusal.message);
            }
        }
    }
}

#[test]
fn json_brackets_are_counted_wherever_they_stand_but_not_in_text() {
    let unknown = format!(r#"{{"unknown":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    let refusal = check_bytes(unknown.as_bytes(), Encoding::Json, &LOGS_REQUEST).expect_err("too deep");
    assert_eq!(refusal.reason, RequestReason::TooDeep);
    let text = format!(r#"{{"stringValue":"\"{}"}}"#, "[".repeat(200_000));
    assert!(body_json(&text).is_ok());
}

#[test]
fn a_declared_length_is_checked_and_never_allocated() {
    let four_gib = [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f];
    let refusal = check_bytes(&four_gib, Encoding::Protobuf, &TRACES_REQUEST).expect_err("truncated");
    assert_eq!(refusal.reason, RequestReason::Malformed);
    assert!(refusal.message.starts_with("resourceSpans[0]: declares 4294967295 bytes where 0 are left"));
}

#[test]
fn text_that_is_not_utf8_is_named_by_its_path() {
    let mut bytes = log_of(leaf()).encode_to_vec();
    let position = bytes.windows(4).position(|window| window == b"leaf").expect("is there");
    bytes[position] = 0xff;
    let refusal = check_bytes(&bytes, Encoding::Protobuf, &LOGS_REQUEST).expect_err("not UTF-8");
    let path = "resourceLogs[0].scopeLogs[0].logRecords[0].body.stringValue";
    assert_eq!(refusal.field.as_deref(), Some(path));
}

#[test]
fn many_empty_messages_are_paid_for_at_their_decoded_size() {
    // Two bytes each: an empty span in an empty scope's list.
    let spans = [0x12, 0x00].repeat(1_000_000);
    let mut scope = vec![0x12];
    prost::encoding::encode_varint(spans.len() as u64, &mut scope);
    scope.extend(spans);
    let mut group = vec![0x0a];
    prost::encoding::encode_varint(scope.len() as u64, &mut group);
    group.extend(scope);
    let config = Config { max_inflight_bytes: 100 * 1024 * 1024, ..Config::default() };
    let received = Received { bytes: group, lease: Admission::new(&config).lease() };
    let refusal = check(received, Encoding::Protobuf, &TRACES_REQUEST, MAX_DEPTH).expect_err("too much");
    assert_eq!(refusal.reason, RequestReason::TooLarge);
}

#[test]
fn groups_and_unknown_wire_types_are_refused_and_unknown_fields_skipped() {
    for tag in [0x7b, 0x7c, 0x7e, 0x00] {
        let refusal = check_bytes(&[tag, 0x00], Encoding::Protobuf, &LOGS_REQUEST).expect_err("not OTLP");
        assert_eq!(refusal.reason, RequestReason::Malformed, "{tag:#x}");
    }
    assert!(check_bytes(&[0x7a, 0x01, 0xff, 0x78, 0x05], Encoding::Protobuf, &LOGS_REQUEST).is_ok());
}

#[test]
fn an_empty_body_is_an_empty_request() {
    for encoding in [Encoding::Protobuf, Encoding::Json] {
        assert_eq!(check_bytes(b"", encoding, &LOGS_REQUEST), Ok(Vec::new()));
    }
    assert_eq!(check_bytes(b" {} ", Encoding::Json, &LOGS_REQUEST), Ok(Vec::new()));
}

#[test]
fn integers_come_quoted_or_plain_and_enums_only_plain() {
    for (json, expected) in [(r#""9007199254740993""#, 9_007_199_254_740_993), ("-7", -7), ("3.0", 3)] {
        assert_eq!(body_json(&format!(r#"{{"intValue":{json}}}"#)), Ok(Some(Value::IntValue(expected))));
    }
    let record = logs_json(r#"{"severityNumber":9,"timeUnixNano":"1700000000000000000"}"#).expect("valid");
    assert_eq!((record.severity_number, record.time_unix_nano), (9, 1_700_000_000_000_000_000));
    let error = logs_json(r#"{"severityNumber":"SEVERITY_NUMBER_INFO"}"#).expect_err("a name");
    assert_eq!(
        error,
        "resourceLogs[0].scopeLogs[0].logRecords[0].severityNumber: \
         enums are integers in OTLP/JSON; send the number, not the name"
    );
    assert!(logs_json(r#"{"timeUnixNano":-1}"#).expect_err("negative").contains("out of the field's range"));
    assert!(body_json(r#"{"intValue":1.5}"#).is_err());
}

#[test]
fn ids_are_hex_in_either_case_and_bytes_are_base64() {
    let record = logs_json(r#"{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174"}"#);
    let record = record.expect("valid");
    assert_eq!(hex::encode(&record.trace_id), "5b8efff798038103d269b633813fc60c");
    assert_eq!(hex::encode(&record.span_id), "eee19b7ec3c1b174");
    assert!(
        logs_json(r#"{"traceId":"W47/95gDgQPSabYzgT/GDA=="}"#).expect_err("base64").contains("hexadecimal")
    );
    for spelling in ["+/8=", "+/8", "-_8"] {
        let value = body_json(&format!(r#"{{"bytesValue":"{spelling}"}}"#));
        assert_eq!(value, Ok(Some(Value::BytesValue(vec![0xfb, 0xff]))), "{spelling}");
    }
}

#[test]
fn null_and_unknown_and_snake_case_keys_count_as_absent() {
    let record = logs_json(
        r#"{"time_unix_nano":"5","severityText":null,"attributes":null,"unknown":[{"a":[1,"]"]}],"body":{}}"#,
    );
    let expected = LogRecord { body: Some(AnyValue::default()), ..LogRecord::default() };
    assert_eq!(record, Ok(expected));
}

#[test]
fn special_doubles_and_quoted_points_keep_their_values() {
    let json = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[
        {"asInt":"0"},{"asDouble":"-Infinity"},{"asDouble":2}]}}]}]}]}"#;
    let mut request: ExportMetricsServiceRequest = from_json(json, &METRICS_REQUEST).expect("valid");
    let metric = request.resource_metrics.remove(0).scope_metrics.remove(0).metrics.remove(0);
    let Some(metric::Data::Gauge(gauge)) = metric.data else { panic!("a gauge") };
    let values: Vec<_> = gauge.data_points.iter().map(|point| point.value).collect();
    let double = |value| Some(number_data_point::Value::AsDouble(value));
    assert_eq!(values, [Some(number_data_point::Value::AsInt(0)), double(f64::NEG_INFINITY), double(2.0)]);
}

#[test]
fn json_that_is_not_json_is_named_by_its_byte() {
    for json in ["{", "[]", "{\"resourceLogs\":[}", "{}x", "{\"a\":1,}", "{\"a\" 1}", "\u{feff}{}", "nul"] {
        let error = from_json::<ExportLogsServiceRequest>(json, &LOGS_REQUEST).expect_err(json);
        assert!(error.contains("expected"), "{json}: {error}");
    }
}

#[test]
fn the_tables_name_every_field_that_prost_writes() {
    let json = include_str!("tests/every_field.json");
    let value: serde_json::Value = serde_json::from_str(json).expect("valid JSON");
    let metrics = value["metrics"].to_string();
    let expected: ExportMetricsServiceRequest = serde_json::from_str(&metrics).expect("the crate's reading");
    assert_eq!(from_json(&metrics, &METRICS_REQUEST), Ok(expected));
    let traces = value["traces"].to_string();
    let expected: ExportTraceServiceRequest = serde_json::from_str(&traces).expect("the crate's reading");
    assert_eq!(from_json(&traces, &TRACES_REQUEST), Ok(expected));
    let logs = value["logs"].to_string();
    let expected: ExportLogsServiceRequest = serde_json::from_str(&logs).expect("the crate's reading");
    assert_eq!(from_json(&logs, &LOGS_REQUEST), Ok(expected));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for root in [&TRACES_REQUEST, &LOGS_REQUEST, &METRICS_REQUEST] {
            drop(check_bytes(&bytes, Encoding::Protobuf, root));
            drop(check_bytes(&bytes, Encoding::Json, root));
        }
    }

    /// A good body with a few bytes overwritten reaches further than noise does.
    #[test]
    fn whatever_the_scan_accepts_prost_decodes_or_refuses_without_a_panic(
        levels in 0_usize..40,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = log_of(in_maps(levels)).encode_to_vec();
        for (index, byte) in &damage {
            *index.get_mut(&mut bytes) = *byte;
        }
        if let Ok(checked) = check_bytes(&bytes, Encoding::Protobuf, &LOGS_REQUEST) {
            let decoded = decode::<ExportLogsServiceRequest>(&checked);
            prop_assert!(decoded.is_ok() || !damage.is_empty());
        }
    }
}
