use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use plimsoll_model::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::super::NOW;
use super::model::{
    Attributes, Model, Reason, attributes, id, joined, moment, nanos, non_empty, origin, scoped, text,
};
use crate::config::Config;

pub(super) fn rows(request: &ExportLogsServiceRequest, config: &Config, model: &mut Model) {
    for group in &request.resource_logs {
        let resource = origin(group.resource.as_ref(), &group.schema_url, config);
        for list in &group.scope_logs {
            let count = list.log_records.len() as u64;
            model.received += count;
            let scope = resource
                .clone()
                .and_then(|columns| scoped(columns, list.scope.as_ref(), &list.schema_url, config));
            match scope {
                Err(reason) => model.refuse(reason, count),
                Ok(scope) => list.log_records.iter().for_each(|item| {
                    if let Err(reason) = record(item, &scope, config, model) {
                        model.refuse(reason, 1);
                    }
                }),
            }
        }
    }
}

fn record(
    record: &LogRecord,
    scope: &Map<String, Json>,
    config: &Config,
    model: &mut Model,
) -> Result<(), Reason> {
    let known = |time| Some(time).filter(|time| *time != 0);
    let observed = known(nanos(record.observed_time_unix_nano)?);
    let time = known(nanos(record.time_unix_nano)?).or(observed).unwrap_or(NOW.nanos());
    let (map, duplicates) = attributes(&record.attributes, config)?;
    model.duplicate_keys += duplicates;
    let both = json!({
        "time": moment(time), "ingest_time": moment(NOW.nanos()), "body": record.body.as_ref().and_then(text),
        "event_name": non_empty(&record.event_name), "trace_id": id(&record.trace_id, 16),
        "span_id": id(&record.span_id, 8), "error_type": map.get("error.type"), "attributes": map,
    });
    let both = joined(scope, both);
    let log = json!({
        "observed_time": observed.map(moment), "severity": severity(record),
        "severity_number": record.severity_number, "flags": record.flags,
        "dropped_attributes_count": record.dropped_attributes_count,
    });
    model.push("logs", joined(both.as_object().expect("an object"), log));
    let is_technical = ["db.server.", "redis."].iter().any(|prefix| record.event_name.starts_with(prefix));
    if !record.event_name.is_empty() && !is_technical {
        model.push("business_events", joined(both.as_object().expect("an object"), business(&map)));
    }
    Ok(())
}

fn business(map: &Attributes) -> Json {
    let typed = |key: &str| map.get(key).cloned().flatten();
    let number =
        |key: &str| typed(key).and_then(|text| text.trim().parse::<f64>().ok()).filter(|n| n.is_finite());
    let due = typed("business.due").and_then(|due| match due.trim().parse::<f64>() {
        Ok(seconds) if seconds.abs() < 1e11 => format!("{:.0}", seconds * 1e9).parse().ok().map(moment),
        Ok(_) => due.trim().parse().ok().map(moment),
        Err(_) => Timestamp::parse_rfc3339(&due).map(|due| moment(due.nanos())),
    });
    json!({
        "event_id": typed("event.id"), "amount": number("business.amount"),
        "duration_ms": number("business.duration").map(|seconds| seconds * 1_000.0), "due": due,
        "odoo_res_id": typed("odoo.res_id").and_then(|id| id.trim().parse::<i64>().ok()),
    })
}

fn severity(record: &LogRecord) -> Json {
    if !record.severity_text.is_empty() {
        return json!(record.severity_text);
    }
    match record.severity_number {
        number @ 1..=24 => {
            let name = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
                [usize::try_from((number - 1) / 4).expect("small")];
            let step = (number - 1) % 4 + 1;
            if step == 1 { json!(name) } else { json!(format!("{name}{step}")) }
        }
        _ => Json::Null,
    }
}
