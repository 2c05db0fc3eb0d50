//! From what a client says it sent to the row that SQL must answer. Written from the contract of the tables, not from
//! the collector's code.

use serde_json::{Map, Value, json};

pub(super) fn span(sent: &Value) -> Value {
    let (start, end) = (nanos(&sent["start_ns"]), nanos(&sent["end_ns"]));
    let attribute = |key: &str| text(&sent["attributes"][key]);
    let event = |event: &Value| {
        json!({
            "time_unix_nano": nanos(&event["time_ns"]),
            "name": event["name"],
            "attributes": texts(&event["attributes"]),
            "dropped_attributes_count": event["dropped"],
        })
    };
    let link = |link: &Value| {
        json!({
            "trace_id": link["trace_id"],
            "span_id": link["span_id"],
            "trace_state": link["trace_state"],
            "flags": link["flags"],
            "attributes": texts(&link["attributes"]),
            "dropped_attributes_count": link["dropped"],
        })
    };
    with_origin(
        sent,
        json!({
            "time_ns": start,
            "duration_ms": (end - start) as f64 / 1e6,
            "trace_id": sent["trace_id"],
            "span_id": sent["span_id"],
            "parent_span_id": sent["parent_span_id"],
            "name": sent["name"],
            "kind": sent["kind"],
            "status": sent["status"],
            "status_message": sent["status_message"],
            "trace_state": sent["trace_state"],
            "flags": sent["flags"],
            "dropped_attributes_count": sent["dropped"]["attributes"],
            "dropped_events_count": sent["dropped"]["events"],
            "dropped_links_count": sent["dropped"]["links"],
            "http_request_method": attribute("http.request.method"),
            "http_route": attribute("http.route"),
            "http_response_status_code": sent["attributes"]["http.response.status_code"],
            "db_system_name": attribute("db.system.name"),
            "db_namespace": attribute("db.namespace"),
            "db_collection_name": attribute("db.collection.name"),
            "db_operation_name": attribute("db.operation.name"),
            "error_type": attribute("error.type"),
            "events": list(&sent["events"], event),
            "links": list(&sent["links"], link),
        }),
    )
}

pub(super) fn log(sent: &Value) -> Value {
    let number = sent["severity_number"].as_i64().unwrap_or(0);
    let severity = match (&sent["severity_text"], number) {
        (Value::Null, 0) => Value::Null,
        (Value::Null, 9) => "INFO".into(),
        (Value::Null, other) => panic!("the clients send a text with severity {other}"),
        (text, _) => text.clone(),
    };
    with_origin(
        sent,
        json!({
            "time_ns": nanos(&sent["time_ns"]),
            "observed_us": nanos(&sent["observed_ns"]) / 1000,
            "severity": severity,
            "severity_number": number,
            "body": text(&sent["body"]),
            "event_name": sent["event_name"],
            "trace_id": sent["trace_id"],
            "span_id": sent["span_id"],
            "flags": sent["flags"],
            "dropped_attributes_count": sent["dropped"],
            "error_type": text(&sent["attributes"]["error.type"]),
        }),
    )
}

pub(super) fn business_event(sent: &Value) -> Value {
    let attributes = &sent["attributes"];
    let attribute = |key: &str| attributes[key].clone();
    let duration = attributes["business.duration"].as_f64().expect("both clients send a duration");
    let due = attributes["business.due"].as_str().map(|due| {
        let due = chrono::DateTime::parse_from_rfc3339(due).expect("clients send RFC 3339");
        due.timestamp_nanos_opt().expect("in this century")
    });
    with_origin(
        sent,
        json!({
            "time_ns": nanos(&sent["time_ns"]),
            "due_ns": due,
            "event_name": sent["event_name"],
            "event_id": attribute("event.id"),
            "outcome": attribute("business.outcome"),
            "duration_ms": duration * 1000.0,
            "process_id": attribute("business.process_id"),
            "company": attribute("business.company"),
            "warehouse": attribute("business.warehouse"),
            "channel": attribute("business.channel"),
            "carrier": attribute("business.carrier"),
            "product": attribute("business.product"),
            "user_group": attribute("business.user_group"),
            "customer": attribute("business.customer"),
            "amount": attribute("business.amount"),
            "currency": attribute("business.currency"),
            "workload": attribute("business.workload"),
            "error_type": attribute("error.type"),
            "odoo_model": attribute("odoo.model"),
            "odoo_res_id": attribute("odoo.res_id"),
            "odoo_method": attribute("odoo.method"),
            "odoo_db": attribute("odoo.db"),
            "body": text(&sent["body"]),
            "trace_id": sent["trace_id"],
            "span_id": sent["span_id"],
        }),
    )
}

pub(super) fn metric(sent: &Value) -> Value {
    let exemplar = |exemplar: &Value| {
        json!({
            "time_unix_nano": nanos(&exemplar["time_ns"]),
            "value": exemplar["value"],
            "trace_id": exemplar["trace_id"],
            "span_id": exemplar["span_id"],
            "filtered_attributes": texts(&exemplar["filtered"]),
        })
    };
    with_origin(
        sent,
        json!({
            "time_ns": nanos(&sent["time_ns"]),
            "start_us": sent["start_ns"].as_str().map(|_| nanos(&sent["start_ns"]) / 1000),
            "name": sent["name"],
            "description": sent["description"],
            "unit": sent["unit"],
            "kind": sent["kind"],
            "temporality": sent["temporality"],
            "monotonic": sent["monotonic"],
            "value": sent["value"],
            "count": sent["count"],
            "sum": sent["sum"],
            "min": sent["min"],
            "max": sent["max"],
            "bucket_bounds": sent["bounds"],
            "bucket_counts": sent["counts"],
            "scale": sent["scale"],
            "zero_count": sent["zero_count"],
            "positive_offset": sent["positive"]["offset"],
            "positive_counts": sent["positive"]["counts"],
            "negative_offset": sent["negative"]["offset"],
            "negative_counts": sent["negative"]["counts"],
            "exemplars": list(&sent["exemplars"], exemplar),
        }),
    )
}

/// The columns that every signal of OpenTelemetry has.
fn with_origin(sent: &Value, mut row: Value) -> Value {
    let columns = row.as_object_mut().expect("a row is an object");
    columns.insert("service_name".into(), sent["resource"]["service.name"].clone());
    columns.insert("service_version".into(), sent["resource"]["service.version"].clone());
    columns.insert("scope_name".into(), sent["scope"]["name"].clone());
    columns.insert("scope_version".into(), sent["scope"]["version"].clone());
    columns.insert("schema_url".into(), sent["scope"]["schema_url"].clone());
    columns.insert("scope_attributes".into(), texts(&sent["scope"]["attributes"]));
    columns.insert("resource".into(), texts(&sent["resource"]));
    columns.insert("attributes".into(), texts(&sent["attributes"]));
    row
}

/// In a map every value is text: strings as they are, everything else in its JSON form.
fn text(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::String(text) => text.clone().into(),
        other => other.to_string().into(),
    }
}

fn texts(map: &Value) -> Value {
    let map = map.as_object().expect("attributes are an object");
    Value::Object(map.iter().map(|(key, value)| (key.clone(), text(value))).collect::<Map<_, _>>())
}

fn list(items: &Value, item: impl Fn(&Value) -> Value) -> Value {
    items.as_array().expect("a list").iter().map(item).collect()
}

/// Clients write nanoseconds as text: they are more than a number of JavaScript holds.
fn nanos(text: &Value) -> i64 {
    text.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{text} is not nanoseconds"))
}
