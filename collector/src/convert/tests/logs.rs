use super::*;

fn request(records: &[Value]) -> Value {
    json!({"resourceLogs": [{
        "resource": {"attributes": attributes(&[("service.name", text("odoo"))])},
        "scopeLogs": [{"logRecords": records}],
    }]})
}

fn converted_record(record: Value) -> Converted {
    converted(Signal::Logs, &request(&[record]))
}

fn log(record: Value) -> Value {
    rows(&converted_record(record), Table::Logs).remove(0)
}

fn event(pairs: &[(&str, Value)]) -> Value {
    let record = json!({"eventName": "odoo.sale.order.confirmed", "timeUnixNano": "1700000000000000000",
        "attributes": attributes(pairs)});
    rows(&converted_record(record), Table::BusinessEvents).remove(0)
}

#[test]
fn a_record_fills_its_columns_and_is_no_event_without_a_name() {
    let record = json!({
        "timeUnixNano": "1699999999500000000", "observedTimeUnixNano": "1699999999600000000",
        "severityNumber": 17, "severityText": "Error", "body": text("could not lock"), "traceId": TRACE_ID,
        "spanId": SPAN_ID, "flags": 1, "droppedAttributesCount": 4,
        "attributes": attributes(&[("error.type", text("LockNotAvailable"))]),
    });
    let converted = converted_record(record);
    assert_columns(
        &rows(&converted, Table::Logs)[0],
        &json!({
            "time": "2023-11-14T22:13:19.500Z", "ingest_time": NOW_TEXT, "observed_time": "2023-11-14T22:13:19.600Z",
            "severity": "Error", "severity_number": 17, "body": "could not lock", "event_name": null,
            "trace_id": TRACE_ID, "span_id": SPAN_ID, "flags": 1, "error_type": "LockNotAvailable",
            "dropped_attributes_count": 4, "service_name": "odoo", "resource": {"service.name": "odoo"},
            "attributes": {"error.type": "LockNotAvailable"},
        }),
    );
    assert!(rows(&converted, Table::BusinessEvents).is_empty());
}

#[test]
fn a_severity_without_text_has_its_standard_name() {
    let names = [
        (0, None),
        (1, Some("TRACE")),
        (4, Some("TRACE4")),
        (9, Some("INFO")),
        (10, Some("INFO2")),
        (24, Some("FATAL4")),
        (25, None),
        (-1, None),
    ];
    for (number, name) in names {
        assert_eq!(log(json!({"severityNumber": number}))["severity"].as_str(), name, "{number}");
    }
}

#[test]
fn a_record_that_does_not_know_its_time_has_the_observed_one_or_ours() {
    assert_eq!(log(json!({"observedTimeUnixNano": "1699999999000000000"}))["time"], "2023-11-14T22:13:19Z");
    assert_columns(&log(json!({})), &json!({"time": NOW_TEXT, "observed_time": null}));
}

#[test]
fn a_bad_id_costs_the_trace_and_not_the_record() {
    let row = log(json!({"traceId": "abcd", "spanId": "0000000000000000", "body": text("kept")}));
    assert_columns(&row, &json!({"trace_id": null, "span_id": null, "body": "kept"}));
}

#[test]
fn a_structured_body_is_json() {
    let body = json!({"kvlistValue": {"values": [{"key": "order", "value": {"intValue": "7"}}]}});
    assert_eq!(log(json!({"body": body}))["body"], r#"{"order":7}"#);
}

#[test]
fn a_record_with_an_event_name_is_in_both_tables() {
    let record = json!({"eventName": "anything.happened", "body": text("display"), "traceId": TRACE_ID,
        "spanId": SPAN_ID, "timeUnixNano": "1700000000000000000"});
    let converted = converted_record(record);
    assert_eq!(converted.received, 1);
    assert_eq!(rows(&converted, Table::Logs)[0]["event_name"], "anything.happened");
    assert_columns(
        &rows(&converted, Table::BusinessEvents)[0],
        &json!({
            "event_name": "anything.happened", "body": "display", "trace_id": TRACE_ID, "span_id": SPAN_ID,
            "time": NOW_TEXT, "ingest_time": NOW_TEXT, "service_name": "odoo", "outcome": null, "amount": null,
        }),
    );
}

#[test]
fn business_attributes_fill_the_columns_of_the_design() {
    let texts = [
        ("event.id", "event_id"),
        ("business.outcome", "outcome"),
        ("business.process_id", "process_id"),
        ("business.company", "company"),
        ("business.warehouse", "warehouse"),
        ("business.channel", "channel"),
        ("business.carrier", "carrier"),
        ("business.product", "product"),
        ("business.user_group", "user_group"),
        ("business.customer", "customer"),
        ("business.currency", "currency"),
        ("business.workload", "workload"),
        ("error.type", "error_type"),
        ("odoo.model", "odoo_model"),
        ("odoo.method", "odoo_method"),
        ("odoo.db", "odoo_db"),
    ];
    for (attribute, column) in texts {
        assert_eq!(event(&[(attribute, text("v"))])[column], "v", "{attribute}");
    }
    let row = event(&[
        ("business.duration", json!({"doubleValue": 1.5})),
        ("business.amount", json!({"doubleValue": 249.9})),
        ("odoo.res_id", json!({"intValue": "42"})),
        ("business.due", text("2023-11-14T23:00:00+01:00")),
    ]);
    assert_columns(
        &row,
        &json!({
            "duration_ms": 1500.0, "amount": 249.9, "odoo_res_id": 42, "due": "2023-11-14T22:00:00Z",
        }),
    );
}

#[test]
fn a_malformed_business_attribute_is_null_and_readable_in_the_map() {
    let row = event(&[
        ("business.amount", text("abc")),
        ("business.duration", json!({"doubleValue": "NaN"})),
        ("business.due", text("soon")),
        ("odoo.res_id", text("x")),
        ("business.outcome", text("ok")),
    ]);
    assert_columns(
        &row,
        &json!({
            "amount": null, "duration_ms": null, "due": null, "odoo_res_id": null, "outcome": "ok",
        }),
    );
    assert_eq!(row["attributes"]["business.amount"], "abc");
    assert_eq!(event(&[("business.amount", text(" 12.50 "))])["amount"], json!(12.5));
}

#[test]
fn what_a_database_says_of_itself_is_a_log_record_and_no_business_event() {
    let named = |name: &str| {
        let converted = converted_record(json!({"eventName": name, "timeUnixNano": "1700000000000000000"}));
        converted.batches.iter().map(|rows| rows.table).collect::<Vec<_>>()
    };
    assert_eq!(named("db.server.query_sample"), [Table::Logs]);
    assert_eq!(named("redis.role_changed"), [Table::Logs]);
    assert_eq!(named("db.serverless.deployed"), [Table::Logs, Table::BusinessEvents]);
    assert_eq!(named("change.recorded"), [Table::Logs, Table::BusinessEvents, Table::ChangeRecords]);
}
