//! Traces: one row a span, its events and links as lists.

use arrow::array::{Float64Builder, Int32Builder, Int64Builder, StringBuilder, TimestampNanosecondBuilder};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use plimsoll_model::{SignalBatch, Table};

use super::attributes::AttributeMap;
use super::columns::{Lists, TypedText, batch, done, times};
use super::items::{known_nanos, non_empty, span_id, trace_id};
use super::origin::{Origin, OriginColumns, resource_map};
use super::rejections::ItemReason;
use super::span_lists::{CheckedEvent, CheckedLink, EventColumns, LinkColumns};
use super::{Context, Converted};
use crate::config::Config;
use crate::refusal::Refusal;

/// The current spelling of the conventions, then those that still arrive.
const TYPED: &[(&str, &[&str])] = &[
    ("http_request_method", &["http.request.method", "http.method"]),
    ("http_route", &["http.route"]),
    ("db_system_name", &["db.system.name", "db.system"]),
    ("db_namespace", &["db.namespace", "db.name", "db.redis.database_index"]),
    (
        "db_collection_name",
        &["db.collection.name", "db.sql.table", "db.mongodb.collection", "db.cassandra.table"],
    ),
    ("db_operation_name", &["db.operation.name", "db.operation"]),
    ("error_type", &["error.type"]),
];
const STATUS_CODE: &[&str] = &["http.response.status_code", "http.status_code"];

pub(super) fn convert(
    request: ExportTraceServiceRequest,
    mut context: Context<'_>,
) -> Result<Converted, Refusal> {
    let mut columns = SpanColumns::new();
    for (r, group) in request.resource_spans.into_iter().enumerate() {
        let count: usize = group.scope_spans.iter().map(|scope| scope.spans.len()).sum();
        context.converted.received += count as u64;
        let resource = match resource_map(group.resource, context.config) {
            Ok(resource) => resource,
            Err(reason) => {
                context.reject(reason, count as u64, || format!("resourceSpans[{r}].resource"));
                continue;
            }
        };
        for (s, scope) in group.scope_spans.into_iter().enumerate() {
            let urls = [scope.schema_url.as_str(), group.schema_url.as_str()];
            let origin = Origin::new(&resource, scope.scope.as_ref(), urls);
            context.repeat(scope.spans.len(), origin.text_bytes())?;
            for (i, span) in scope.spans.into_iter().enumerate() {
                if let Err(reason) = columns.push(span, &origin, &mut context) {
                    let place = || format!("resourceSpans[{r}].scopeSpans[{s}].spans[{i}]");
                    context.reject(reason, 1, place);
                }
            }
        }
    }
    Ok(context.finish([columns.finish()]))
}

/// A span whose every part has been found good: nothing fails while its columns are filled.
struct CheckedSpan {
    trace_id: String,
    span_id: String,
    parent_span_id: Option<String>,
    start: Option<i64>,
    end: Option<i64>,
    attributes: AttributeMap,
    events: Vec<CheckedEvent>,
    links: Vec<CheckedLink>,
}

impl CheckedSpan {
    /// Takes what it checks out of `span`; the plain fields stay there.
    fn new(span: &mut Span, config: &Config) -> Result<Self, ItemReason> {
        let parent = span_id(&span.parent_span_id);
        // All zero is how some senders write "no parent".
        if parent.is_none() && !matches!(span.parent_span_id.len(), 0 | 8) {
            return Err(ItemReason::InvalidSpanId);
        }
        let events = std::mem::take(&mut span.events);
        let links = std::mem::take(&mut span.links);
        Ok(Self {
            trace_id: trace_id(&span.trace_id).ok_or(ItemReason::InvalidTraceId)?,
            span_id: span_id(&span.span_id).ok_or(ItemReason::InvalidSpanId)?,
            parent_span_id: parent,
            start: known_nanos(span.start_time_unix_nano)?,
            end: known_nanos(span.end_time_unix_nano)?,
            attributes: AttributeMap::read(std::mem::take(&mut span.attributes), config)?,
            events: events
                .into_iter()
                .map(|event| CheckedEvent::new(event, config))
                .collect::<Result<_, _>>()?,
            links: links.into_iter().map(|link| CheckedLink::new(link, config)).collect::<Result<_, _>>()?,
        })
    }

    /// Negative when the sender's clock went back: kept, for SQL to see.
    fn duration_ms(&self) -> Option<f64> {
        Some((self.end? - self.start?) as f64 / 1e6)
    }
}

struct SpanColumns {
    time: TimestampNanosecondBuilder,
    ingest_time: TimestampNanosecondBuilder,
    trace_id: StringBuilder,
    span_id: StringBuilder,
    parent_span_id: StringBuilder,
    trace_state: StringBuilder,
    flags: Int64Builder,
    name: StringBuilder,
    kind: StringBuilder,
    status: StringBuilder,
    status_message: StringBuilder,
    duration_ms: Float64Builder,
    http_response_status_code: Int32Builder,
    typed: TypedText,
    events: Lists<EventColumns>,
    links: Lists<LinkColumns>,
    dropped_attributes_count: Int64Builder,
    dropped_events_count: Int64Builder,
    dropped_links_count: Int64Builder,
    origin: OriginColumns,
}

impl SpanColumns {
    fn new() -> Self {
        Self {
            time: times(),
            ingest_time: times(),
            trace_id: StringBuilder::new(),
            span_id: StringBuilder::new(),
            parent_span_id: StringBuilder::new(),
            trace_state: StringBuilder::new(),
            flags: Int64Builder::new(),
            name: StringBuilder::new(),
            kind: StringBuilder::new(),
            status: StringBuilder::new(),
            status_message: StringBuilder::new(),
            duration_ms: Float64Builder::new(),
            http_response_status_code: Int32Builder::new(),
            typed: TypedText::new(TYPED),
            events: Lists::new(EventColumns::new()),
            links: Lists::new(LinkColumns::new()),
            dropped_attributes_count: Int64Builder::new(),
            dropped_events_count: Int64Builder::new(),
            dropped_links_count: Int64Builder::new(),
            origin: OriginColumns::new(),
        }
    }

    fn push(
        &mut self,
        mut span: Span,
        origin: &Origin<'_>,
        context: &mut Context<'_>,
    ) -> Result<(), ItemReason> {
        let checked = CheckedSpan::new(&mut span, context.config)?;
        context.converted.duplicate_keys += checked.attributes.duplicate_keys;
        // A span without a start is put where it ended, or where we saw it.
        self.time.append_value(checked.start.or(checked.end).unwrap_or(context.now));
        self.ingest_time.append_value(context.now);
        self.push_plain(&span);
        self.push_checked(&checked);
        self.origin.push(origin, &checked.attributes);
        Ok(())
    }

    fn push_plain(&mut self, span: &Span) {
        let status = span.status.as_ref();
        self.trace_state.append_option(non_empty(&span.trace_state));
        self.flags.append_value(span.flags.into());
        self.name.append_value(&span.name);
        self.kind.append_value(kind_name(span.kind));
        self.status.append_value(status_name(status.map_or(0, |status| status.code)));
        self.status_message.append_option(status.and_then(|status| non_empty(&status.message)));
        self.dropped_attributes_count.append_value(span.dropped_attributes_count.into());
        self.dropped_events_count.append_value(span.dropped_events_count.into());
        self.dropped_links_count.append_value(span.dropped_links_count.into());
    }

    fn push_checked(&mut self, span: &CheckedSpan) {
        self.trace_id.append_value(&span.trace_id);
        self.span_id.append_value(&span.span_id);
        self.parent_span_id.append_option(span.parent_span_id.as_deref());
        self.duration_ms.append_option(span.duration_ms());
        let status_code = span.attributes.first(STATUS_CODE).and_then(|code| code.parse().ok());
        self.http_response_status_code.append_option(status_code);
        self.typed.push(&span.attributes);
        for event in &span.events {
            self.events.items.push(event);
        }
        self.events.close(span.events.len());
        for link in &span.links {
            self.links.items.push(link);
        }
        self.links.close(span.links.len());
    }

    fn finish(self) -> SignalBatch {
        let mut columns = vec![
            ("time", done(self.time)),
            ("ingest_time", done(self.ingest_time)),
            ("trace_id", done(self.trace_id)),
            ("span_id", done(self.span_id)),
            ("parent_span_id", done(self.parent_span_id)),
            ("trace_state", done(self.trace_state)),
            ("flags", done(self.flags)),
            ("name", done(self.name)),
            ("kind", done(self.kind)),
            ("status", done(self.status)),
            ("status_message", done(self.status_message)),
            ("duration_ms", done(self.duration_ms)),
            ("http_response_status_code", done(self.http_response_status_code)),
            ("events", self.events.finish(EventColumns::finish)),
            ("links", self.links.finish(LinkColumns::finish)),
            ("dropped_attributes_count", done(self.dropped_attributes_count)),
            ("dropped_events_count", done(self.dropped_events_count)),
            ("dropped_links_count", done(self.dropped_links_count)),
        ];
        columns.extend(self.typed.finish());
        columns.extend(self.origin.finish());
        batch(Table::Spans, &columns)
    }
}

/// An enum value that we do not know keeps its number.
fn kind_name(kind: i32) -> String {
    match kind {
        0 => "unspecified".to_owned(),
        1 => "internal".to_owned(),
        2 => "server".to_owned(),
        3 => "client".to_owned(),
        4 => "producer".to_owned(),
        5 => "consumer".to_owned(),
        other => other.to_string(),
    }
}

fn status_name(code: i32) -> String {
    match code {
        0 => "unset".to_owned(),
        1 => "ok".to_owned(),
        2 => "error".to_owned(),
        other => other.to_string(),
    }
}
