//! The OpenTelemetry SDKs of Python and Node as senders. Each prints what its exporters were given; SQL must answer the
//! same, field by field: from memory at once, and from Delta after a restart.

mod expected;
mod same;

use std::process::Command;

use serde_json::Value;

use crate::harness::{Plimsoll, finish, node, python};
use same::assert_same_rows;
pub(crate) use same::is_same;

// `time` is exact everywhere. Other moments lose their last three digits in Delta, which knows microseconds, so they are
// compared in microseconds: a row must not differ before and after a flush.
const SPANS: &str = "SELECT CAST(time AS BIGINT) AS time_ns, duration_ms, trace_id, span_id, parent_span_id, name, kind, \
    status, status_message, trace_state, flags, dropped_attributes_count, \
    dropped_events_count, dropped_links_count, http_request_method, http_route, http_response_status_code, db_system_name, db_namespace, \
    db_collection_name, db_operation_name, error_type, events, links, service_name, service_version, scope_name, \
    scope_version, schema_url, scope_attributes, resource, attributes FROM spans";
const LOGS: &str = "SELECT CAST(time AS BIGINT) AS time_ns, CAST(observed_time AS BIGINT) / 1000 AS observed_us, severity, \
    severity_number, body, event_name, trace_id, span_id, flags, dropped_attributes_count, error_type, service_name, service_version, scope_name, \
    scope_version, schema_url, scope_attributes, resource, attributes FROM logs";
const EVENTS: &str = "SELECT CAST(time AS BIGINT) AS time_ns, CAST(due AS BIGINT) AS due_ns, event_name, event_id, outcome, \
    duration_ms, process_id, company, warehouse, channel, carrier, product, user_group, customer, amount, currency, \
    workload, error_type, odoo_model, odoo_res_id, odoo_method, odoo_db, body, trace_id, span_id, service_name, \
    service_version, scope_name, scope_version, schema_url, scope_attributes, resource, attributes FROM business_events";
const METRICS: &str = "SELECT CAST(time AS BIGINT) AS time_ns, CAST(start_time AS BIGINT) / 1000 AS start_us, name, description, \
    unit, kind, temporality, monotonic, value, count, sum, min, max, bucket_bounds, bucket_counts, scale, zero_count, \
    positive_offset, positive_counts, negative_offset, negative_counts, exemplars, service_name, service_version, \
    scope_name, scope_version, schema_url, scope_attributes, resource, attributes FROM metrics";

/// Both compressions of one protocol, then a restart.
async fn check(program: fn(&str) -> Command, script: &str, protocol: &str) {
    let mut plimsoll = Plimsoll::start().await;
    let mut sent = Vec::new();
    for compression in ["none", "gzip"] {
        let service = format!("{protocol} {compression}");
        let endpoint = if protocol == "grpc" { plimsoll.grpc() } else { plimsoll.otlp_http("") };
        let mut client = program(script);
        client.args(["--protocol", protocol, "--endpoint", &endpoint]);
        client.args(["--compression", compression, "--service", &service]);
        let said: Value = serde_json::from_str(&finish(client).await).expect("the client prints JSON");
        assert_stored(&plimsoll, &service, &said).await;
        sent.push((service, said));
    }

    plimsoll.stop().await;
    plimsoll.resume().await;
    for (service, said) in &sent {
        assert_stored(&plimsoll, service, said).await;
    }
}

async fn assert_stored(plimsoll: &Plimsoll, service: &str, sent: &Value) {
    let of_service = |columns: &str| format!("{columns} WHERE service_name = '{service}'");
    let rows = |signal: &str, row: fn(&Value) -> Value| -> Vec<Value> {
        sent[signal].as_array().expect("a list of what was sent").iter().map(row).collect()
    };
    let spans = rows("spans", expected::span);
    assert_eq!(spans.len(), 2, "the client played its request");
    assert_same_rows("spans", plimsoll.sql(&of_service(SPANS)).await, spans);

    let logs = rows("logs", expected::log);
    let is_event = |row: &&Value| !row["event_name"].is_null();
    let events: Vec<Value> = sent["logs"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(is_event)
        .map(expected::business_event)
        .collect();
    assert_eq!(events.len(), 1, "one of {} log records has an event name", logs.len());
    assert_same_rows("logs", plimsoll.sql(&of_service(LOGS)).await, logs);
    assert_same_rows("business_events", plimsoll.sql(&of_service(EVENTS)).await, events);

    let metrics = rows("metrics", expected::metric);
    assert_eq!(metrics.len(), 5, "a counter, an up-down counter, a gauge and two histograms");
    assert_same_rows("metrics", plimsoll.sql(&of_service(METRICS)).await, metrics);
}

#[tokio::test(flavor = "multi_thread")]
async fn python_over_grpc_is_stored_field_by_field() {
    check(python, "otel_client.py", "grpc").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_over_http_protobuf_is_stored_field_by_field() {
    check(python, "otel_client.py", "http/protobuf").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_over_grpc_is_stored_field_by_field() {
    check(node, "otel_client.mjs", "grpc").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_over_http_protobuf_is_stored_field_by_field() {
    check(node, "otel_client.mjs", "http/protobuf").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_over_http_json_is_stored_field_by_field() {
    check(node, "otel_client.mjs", "http/json").await;
}
