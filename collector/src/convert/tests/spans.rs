use super::*;

fn request(spans: &[Value]) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": attributes(&[
            ("service.name", text("odoo")), ("service.version", text("17.0")), ("host.name", text("erp-1")),
        ])},
        "scopeSpans": [{"scope": {"name": "odoo.http", "version": "2"}, "spans": spans, "schemaUrl": "https://s"}],
    }]})
}

fn span(more: Value) -> Value {
    let mut span = json!({"traceId": TRACE_ID, "spanId": SPAN_ID, "name": "GET /orders",
        "startTimeUnixNano": "1700000000000000001", "endTimeUnixNano": "1700000000012500001"});
    let fields = span.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    span
}

fn row(more: Value) -> Value {
    rows(&converted(Signal::Traces, &request(&[span(more)])), Table::Spans).remove(0)
}

#[test]
fn a_span_fills_its_columns() {
    let row = row(json!({"kind": 2, "parentSpanId": "00f067aa0ba902b7", "traceState": "a=b", "flags": 257,
    "status": {"code": 2, "message": "deadlock"}, "droppedAttributesCount": 1, "droppedEventsCount": 2,
    "droppedLinksCount": 3, "attributes": attributes(&[
        ("http.request.method", text("GET")), ("http.route", text("/orders")),
        ("http.response.status_code", json!({"intValue": "503"})), ("error.type", text("LockNotAvailable")),
    ])}));
    assert_columns(
        &row,
        &json!({
            "time": "2023-11-14T22:13:20.000000001Z", "ingest_time": NOW_TEXT, "trace_id": TRACE_ID,
            "span_id": SPAN_ID, "parent_span_id": "00f067aa0ba902b7", "trace_state": "a=b", "flags": 257,
            "name": "GET /orders", "kind": "server", "status": "error", "status_message": "deadlock",
            "duration_ms": 12.5, "http_request_method": "GET", "http_route": "/orders",
            "http_response_status_code": 503, "error_type": "LockNotAvailable", "db_system_name": null,
            "dropped_attributes_count": 1, "dropped_events_count": 2, "dropped_links_count": 3,
            "service_name": "odoo", "service_version": "17.0", "scope_name": "odoo.http", "scope_version": "2",
            "schema_url": "https://s",
            "resource": {"host.name": "erp-1", "service.name": "odoo", "service.version": "17.0"},
        }),
    );
    assert_eq!(row["attributes"]["http.response.status_code"], "503");
}

#[test]
fn old_spellings_fill_the_columns_and_stay_as_they_came() {
    let row = row(json!({"attributes": attributes(&[
        ("http.method", text("POST")), ("http.status_code", json!({"intValue": 200})),
        ("db.system", text("postgresql")), ("db.name", text("erp")), ("db.sql.table", text("stock_move")),
        ("db.operation", text("SELECT")), ("db.connection_string", text("password=secret")),
    ])}));
    assert_columns(
        &row,
        &json!({
            "http_request_method": "POST", "http_response_status_code": 200, "db_system_name": "postgresql",
            "db_namespace": "erp", "db_collection_name": "stock_move", "db_operation_name": "SELECT",
        }),
    );
    assert_eq!(row["attributes"]["http.method"], "POST");
    assert_eq!(row["attributes"]["http.request.method"], "POST");
    assert!(!row.to_string().contains("secret"), "a connection string is never stored");
}

#[test]
fn a_current_spelling_that_was_sent_is_not_overruled_and_a_target_is_taken_apart() {
    let row = row(json!({"attributes": attributes(&[
        ("http.method", text("OLD")), ("http.request.method", text("NEW")), ("http.target", text("/a?b=c?d")),
        ("db.cassandra.table", text("last")), ("db.sql.table", text("first")),
    ])}));
    assert_columns(&row, &json!({"http_request_method": "NEW", "db_collection_name": "first"}));
    assert_eq!(
        row["attributes"],
        json!({
            "http.method": "OLD", "http.request.method": "NEW", "http.target": "/a?b=c?d", "url.path": "/a",
            "url.query": "b=c?d", "db.cassandra.table": "last", "db.sql.table": "first", "db.collection.name": "first",
        })
    );
}

#[test]
fn a_resource_and_a_scope_keep_all_they_say() {
    let request = json!({"resourceSpans": [{
        "resource": {"attributes": attributes(&[("k", text("r"))]), "droppedAttributesCount": 1},
        "schemaUrl": "https://r",
        "scopeSpans": [{"spans": [span(json!({}))], "schemaUrl": "https://s", "scope": {
            "name": "n", "version": "v", "attributes": attributes(&[("k", json!({"boolValue": true}))]),
            "droppedAttributesCount": 2,
        }}, {"spans": [span(json!({}))]}],
    }]});
    let rows = rows(&converted(Signal::Traces, &request), Table::Spans);
    assert_columns(
        &rows[0],
        &json!({
            "scope_attributes": {"k": "true"}, "scope_dropped_attributes_count": 2, "schema_url": "https://s",
            "resource": {"k": "r"}, "resource_dropped_attributes_count": 1, "resource_schema_url": "https://r",
        }),
    );
    assert_columns(
        &rows[1],
        &json!({
            "scope_name": null, "scope_attributes": {}, "scope_dropped_attributes_count": 0, "schema_url": "https://r",
            "resource": {"k": "r"}, "resource_schema_url": "https://r",
        }),
    );
}

#[test]
fn every_value_becomes_text_and_the_last_of_a_key_rules() {
    let nested = json!({"kvlistValue": {"values": [
        {"key": "list", "value": {"arrayValue": {"values": [{"boolValue": true}, {"doubleValue": 1.5}, {}]}}},
        {"key": "raw", "value": {"bytesValue": "AQID"}},
    ]}});
    let span = span(json!({"attributes": attributes(&[
        ("text", text("as it \"is\"")), ("yes", json!({"boolValue": true})), ("int", json!({"intValue": "-3"})),
        ("double", json!({"doubleValue": 0.25})), ("nan", json!({"doubleValue": "NaN"})),
        ("raw", json!({"bytesValue": "AQID"})), ("nested", nested), ("empty", json!({})),
        ("twice", text("first")), ("twice", text("last")),
    ])}));
    let converted = converted(Signal::Traces, &request(&[span]));
    assert_eq!(converted.duplicate_keys, 1);
    let expected = json!({
        "text": "as it \"is\"", "yes": "true", "int": "-3", "double": "0.25", "nan": "NaN", "raw": "AQID",
        "nested": r#"{"list":[true,1.5,null],"raw":"AQID"}"#, "twice": "last",
    });
    let row = rows(&converted, Table::Spans).remove(0);
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&row["attributes"][key], value, "{key}");
    }
    assert!(row["attributes"].get("empty").is_none_or(Value::is_null));
}

#[test]
fn events_and_links_are_lists_and_a_lists_row_without_any_is_empty() {
    let with = span(json!({
        "events": [{"timeUnixNano": "5", "name": "exception", "attributes": attributes(&[("k", text("v"))]),
            "droppedAttributesCount": 3}],
        "links": [{"traceId": TRACE_ID, "spanId": SPAN_ID, "traceState": "a=b", "flags": 257,
            "droppedAttributesCount": 4}, {"traceId": "00", "spanId": ""}],
    }));
    let rows = rows(&converted(Signal::Traces, &request(&[with, span(json!({}))])), Table::Spans);
    assert_eq!(
        rows[0]["events"],
        json!([{
            "time_unix_nano": 5, "name": "exception", "attributes": {"k": "v"}, "dropped_attributes_count": 3,
        }])
    );
    assert_eq!(
        rows[0]["links"][0],
        json!({
            "trace_id": TRACE_ID, "span_id": SPAN_ID, "trace_state": "a=b", "flags": 257, "attributes": {},
            "dropped_attributes_count": 4,
        })
    );
    assert_eq!(rows[0]["links"][1]["trace_id"], Value::Null);
    assert_columns(&rows[1], &json!({"events": [], "links": []}));
}

#[test]
fn kinds_and_states_are_words_and_unknown_ones_keep_their_number() {
    let kinds = ["unspecified", "internal", "server", "client", "producer", "consumer", "6"];
    for (number, word) in kinds.iter().enumerate() {
        assert_eq!(row(json!({"kind": number}))["kind"], *word);
    }
    for (number, word) in ["unset", "ok", "error", "3"].iter().enumerate() {
        assert_eq!(row(json!({"status": {"code": number}}))["status"], *word);
    }
    assert_eq!(row(json!({}))["status"], "unset");
}

#[test]
fn a_clock_that_went_back_shows_and_an_unknown_time_is_not_1970() {
    assert_eq!(row(json!({"endTimeUnixNano": "1699999999999000001"}))["duration_ms"], json!(-1.0));
    let endless = row(json!({"endTimeUnixNano": "0"}));
    assert_columns(&endless, &json!({"duration_ms": null, "time": "2023-11-14T22:13:20.000000001Z"}));
    let timeless = row(json!({"startTimeUnixNano": "0", "endTimeUnixNano": null}));
    assert_columns(&timeless, &json!({"duration_ms": null, "time": NOW_TEXT}));
}

#[test]
fn a_bad_span_is_counted_with_its_reason_and_its_neighbours_stay() {
    let spans = [
        span(json!({})),
        span(json!({"traceId": "00000000000000000000000000000000"})),
        span(json!({"traceId": "abcd"})),
        span(json!({"spanId": ""})),
        span(json!({"parentSpanId": "abcd"})),
        span(json!({"endTimeUnixNano": "18446744073709551615"})),
    ];
    let converted = converted(Signal::Traces, &request(&spans));
    let (reasons, message) = rejected(Signal::Traces, &converted);
    assert_eq!(reasons, [("invalid_trace_id", 2), ("invalid_span_id", 2), ("time_out_of_range", 1)]);
    assert!(message.starts_with("5 of 6 spans were refused; 2 invalid_trace_id: "), "{message}");
    assert!(message.ends_with("first at resourceSpans[0].scopeSpans[0].spans[1]"), "{message}");
    assert_eq!(rows(&converted, Table::Spans).len(), 1);
}

#[test]
fn limits_on_attributes_refuse_the_item_or_what_stands_under_the_resource() {
    let config = Config { max_attributes: 3, max_attribute_bytes: 10, ..Config::default() };
    let many: Vec<(&str, Value)> = ["a", "b", "c", "d"].map(|key| (key, text("v"))).into();
    let spans = [
        span(json!({"attributes": attributes(&many)})),
        span(json!({"attributes": attributes(&[("a", text("eleven char"))])})),
        span(json!({"events": [{"attributes": attributes(&many)}]})),
        span(json!({})),
    ];
    let converted = convert_json(Signal::Traces, &request(&spans), &config).expect("a good request");
    let (reasons, _) = rejected(Signal::Traces, &converted);
    // The resource's own "service.version" is longer than ten bytes: nothing under it can be kept.
    assert_eq!(reasons, [("attribute_too_long", 4)]);
    let config = Config { max_attribute_bytes: 15, ..config };
    let long = span(json!({"attributes": attributes(&[("a", text("sixteen letters."))])}));
    let spans = [spans[0].clone(), long, spans[2].clone(), spans[3].clone()];
    let converted = convert_json(Signal::Traces, &request(&spans), &config).expect("a good request");
    let (reasons, _) = rejected(Signal::Traces, &converted);
    assert_eq!(reasons, [("too_many_attributes", 2), ("attribute_too_long", 1)]);
    assert_eq!(rows(&converted, Table::Spans).len(), 1);
}

#[test]
fn a_large_resource_over_many_spans_is_refused_before_it_is_multiplied() {
    let config = Config { max_inflight_bytes: 4 * 1024 * 1024, ..Config::default() };
    let mut request = request(&vec![span(json!({})); 1_000]);
    request["resourceSpans"][0]["resource"] =
        json!({"attributes": attributes(&[("k", text(&"x".repeat(10_000)))])});
    let refusal = convert_json(Signal::Traces, &request, &config).expect_err("ten megabytes of rows");
    assert!(refusal.message.contains("send fewer records a request"), "{}", refusal.message);
}

#[test]
fn a_sender_without_a_name_is_an_unknown_service() {
    let bare =
        json!({"resourceSpans": [{"scopeSpans": [{"spans": [span(json!({}))]}], "schemaUrl": "https://r"}]});
    let row = rows(&converted(Signal::Traces, &bare), Table::Spans).remove(0);
    assert_columns(
        &row,
        &json!({"service_name": "unknown_service", "service_version": null, "scope_name": null,
        "schema_url": "https://r", "resource": {}, "attributes": {}}),
    );
}

#[test]
fn a_request_without_spans_has_no_batches() {
    let converted = converted(Signal::Traces, &request(&[]));
    assert_eq!((converted.received, converted.batches.len(), converted.rejections.total()), (0, 0, 0));
}
