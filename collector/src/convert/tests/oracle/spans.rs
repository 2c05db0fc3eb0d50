use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Map, Value as Json, json};

use super::super::NOW;
use super::model::{Model, Reason, attributes, id, joined, moment, nanos, non_empty, origin, scoped};
use crate::config::Config;

pub(super) fn rows(request: &ExportTraceServiceRequest, config: &Config, model: &mut Model) {
    for group in &request.resource_spans {
        let resource = origin(group.resource.as_ref(), &group.schema_url, config);
        for list in &group.scope_spans {
            let count = list.spans.len() as u64;
            model.received += count;
            let scope = resource
                .clone()
                .and_then(|columns| scoped(columns, list.scope.as_ref(), &list.schema_url, config));
            match scope {
                Err(reason) => model.refuse(reason, count),
                Ok(scope) => list.spans.iter().for_each(|item| match span(item, &scope, config) {
                    Err(reason) => model.refuse(reason, 1),
                    Ok((row, duplicates)) => {
                        model.push("spans", row);
                        model.duplicate_keys += duplicates;
                    }
                }),
            }
        }
    }
}

fn span(span: &Span, scope: &Map<String, Json>, config: &Config) -> Result<(Json, u64), Reason> {
    let parent = id(&span.parent_span_id, 8);
    if parent.is_none() && !span.parent_span_id.is_empty() && span.parent_span_id.len() != 8 {
        return Err("invalid_span_id");
    }
    let trace_id = id(&span.trace_id, 16).ok_or("invalid_trace_id")?;
    let span_id = id(&span.span_id, 8).ok_or("invalid_span_id")?;
    let start = nanos(span.start_time_unix_nano)?;
    let end = nanos(span.end_time_unix_nano)?;
    let (map, duplicates) = attributes(&span.attributes, config)?;
    let mut events = Vec::new();
    for event in &span.events {
        let (map, _) = attributes(&event.attributes, config)?;
        events.push(json!({
            "time_unix_nano": nanos(event.time_unix_nano)?, "name": event.name, "attributes": map,
            "dropped_attributes_count": event.dropped_attributes_count,
        }));
    }
    let mut links = Vec::new();
    for link in &span.links {
        links.push(json!({
            "trace_id": id(&link.trace_id, 16), "span_id": id(&link.span_id, 8),
            "trace_state": non_empty(&link.trace_state), "flags": link.flags,
            "attributes": attributes(&link.attributes, config)?.0,
            "dropped_attributes_count": link.dropped_attributes_count,
        }));
    }
    let status = span.status.clone().unwrap_or_default();
    let kind = match span.kind {
        number @ 0..=5 => ["unspecified", "internal", "server", "client", "producer", "consumer"]
            [usize::try_from(number).expect("small")]
        .to_owned(),
        number => number.to_string(),
    };
    let code = match status.code {
        0 => "unset".to_owned(),
        1 => "ok".to_owned(),
        2 => "error".to_owned(),
        number => number.to_string(),
    };
    let typed = |key: &str| map.get(key).cloned().flatten();
    let status_code: Option<i32> = typed("http.response.status_code").and_then(|code| code.parse().ok());
    let known = |time| Some(time).filter(|time| *time != 0);
    let duration = known(start).zip(known(end)).map(|(start, end)| (end - start) as f64 / 1e6);
    let more = json!({
        "time": moment(known(start).or(known(end)).unwrap_or(NOW.nanos())), "ingest_time": moment(NOW.nanos()),
        "trace_id": trace_id, "span_id": span_id, "parent_span_id": parent,
        "trace_state": non_empty(&span.trace_state), "flags": span.flags, "name": span.name, "kind": kind,
        "status": code, "status_message": non_empty(&status.message), "duration_ms": duration,
        "http_request_method": typed("http.request.method"), "http_response_status_code": status_code,
        "db_system_name": typed("db.system.name"), "db_collection_name": typed("db.collection.name"),
        "error_type": typed("error.type"), "events": events, "links": links, "attributes": map,
        "dropped_attributes_count": span.dropped_attributes_count,
        "dropped_events_count": span.dropped_events_count, "dropped_links_count": span.dropped_links_count,
    });
    Ok((joined(scope, more), duplicates))
}
