//! Logs: one row a record in `logs`; a record with an event name is a business event too.

use arrow::array::{Int32Builder, Int64Builder, StringBuilder, TimestampNanosecondBuilder};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use plimsoll_model::{SignalBatch, Table};

use super::attributes::{AttributeMap, any_value_text};
use super::business::BusinessColumns;
use super::columns::{batch, done, times};
use super::items::{known_nanos, non_empty, span_id, trace_id};
use super::origin::{Origin, OriginColumns, resource_map};
use super::rejections::ItemReason;
use super::{Context, Converted};
use crate::refusal::Refusal;

pub(super) fn convert(
    request: ExportLogsServiceRequest,
    mut context: Context<'_>,
) -> Result<Converted, Refusal> {
    let (mut logs, mut events) = (LogColumns::new(), BusinessColumns::new());
    for (r, group) in request.resource_logs.into_iter().enumerate() {
        let count: usize = group.scope_logs.iter().map(|scope| scope.log_records.len()).sum();
        context.converted.received += count as u64;
        let resource = match resource_map(group.resource, context.config) {
            Ok(resource) => resource,
            Err(reason) => {
                context.reject(reason, count as u64, || format!("resourceLogs[{r}].resource"));
                continue;
            }
        };
        for (s, scope) in group.scope_logs.into_iter().enumerate() {
            let urls = [scope.schema_url.as_str(), group.schema_url.as_str()];
            let origin = Origin::new(&resource, scope.scope.as_ref(), urls);
            let named = scope.log_records.iter().filter(|record| !record.event_name.is_empty()).count();
            context.repeat(scope.log_records.len() + named, origin.text_bytes())?;
            for (i, record) in scope.log_records.into_iter().enumerate() {
                match CheckedLog::new(record, &mut context) {
                    Ok(log) => {
                        logs.push(&log, &origin);
                        events.push(&log, &origin);
                    }
                    Err(reason) => {
                        let place = || format!("resourceLogs[{r}].scopeLogs[{s}].logRecords[{i}]");
                        context.reject(reason, 1, place);
                    }
                }
            }
        }
    }
    Ok(context.finish([logs.finish(), events.finish()]))
}

/// A record whose every part has been found good.
#[derive(Debug)]
pub(super) struct CheckedLog {
    pub(super) time: i64,
    pub(super) ingest_time: i64,
    observed_time: Option<i64>,
    severity: Option<String>,
    severity_number: i32,
    pub(super) body: Option<String>,
    pub(super) event_name: Option<String>,
    /// An id that is no id means "not part of a trace", says the protocol; the record is kept.
    pub(super) trace_id: Option<String>,
    pub(super) span_id: Option<String>,
    flags: u32,
    dropped_attributes_count: u32,
    pub(super) attributes: AttributeMap,
}

impl CheckedLog {
    fn new(record: LogRecord, context: &mut Context<'_>) -> Result<Self, ItemReason> {
        let observed_time = known_nanos(record.observed_time_unix_nano)?;
        let time = known_nanos(record.time_unix_nano)?.or(observed_time).unwrap_or(context.now);
        let attributes = AttributeMap::read(record.attributes, context.config)?;
        context.converted.duplicate_keys += attributes.duplicate_keys;
        Ok(Self {
            time,
            ingest_time: context.now,
            observed_time,
            severity: severity(record.severity_text, record.severity_number),
            severity_number: record.severity_number,
            body: record.body.and_then(any_value_text),
            event_name: Some(record.event_name).filter(|name| !name.is_empty()),
            trace_id: trace_id(&record.trace_id),
            span_id: span_id(&record.span_id),
            flags: record.flags,
            dropped_attributes_count: record.dropped_attributes_count,
            attributes,
        })
    }
}

/// The sender's own word, else the standard name of its number: `INFO`, `INFO2`, ...
fn severity(text: String, number: i32) -> Option<String> {
    const NAMES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    if non_empty(&text).is_some() {
        return Some(text);
    }
    let position = usize::try_from(number).ok()?.checked_sub(1)?;
    let name = NAMES.get(position / 4)?;
    Some(match position % 4 {
        0 => (*name).to_owned(),
        step => format!("{name}{}", step + 1),
    })
}

struct LogColumns {
    time: TimestampNanosecondBuilder,
    ingest_time: TimestampNanosecondBuilder,
    observed_time: TimestampNanosecondBuilder,
    severity: StringBuilder,
    severity_number: Int32Builder,
    body: StringBuilder,
    event_name: StringBuilder,
    trace_id: StringBuilder,
    span_id: StringBuilder,
    flags: Int64Builder,
    error_type: StringBuilder,
    dropped_attributes_count: Int64Builder,
    origin: OriginColumns,
}

impl LogColumns {
    fn new() -> Self {
        Self {
            time: times(),
            ingest_time: times(),
            observed_time: times(),
            severity: StringBuilder::new(),
            severity_number: Int32Builder::new(),
            body: StringBuilder::new(),
            event_name: StringBuilder::new(),
            trace_id: StringBuilder::new(),
            span_id: StringBuilder::new(),
            flags: Int64Builder::new(),
            error_type: StringBuilder::new(),
            dropped_attributes_count: Int64Builder::new(),
            origin: OriginColumns::new(),
        }
    }

    fn push(&mut self, log: &CheckedLog, origin: &Origin<'_>) {
        self.time.append_value(log.time);
        self.ingest_time.append_value(log.ingest_time);
        self.observed_time.append_option(log.observed_time);
        self.severity.append_option(log.severity.as_deref());
        self.severity_number.append_value(log.severity_number);
        self.body.append_option(log.body.as_deref());
        self.event_name.append_option(log.event_name.as_deref());
        self.trace_id.append_option(log.trace_id.as_deref());
        self.span_id.append_option(log.span_id.as_deref());
        self.flags.append_value(log.flags.into());
        self.error_type.append_option(log.attributes.get("error.type"));
        self.dropped_attributes_count.append_value(log.dropped_attributes_count.into());
        self.origin.push(origin, &log.attributes);
    }

    fn finish(self) -> SignalBatch {
        let mut columns = vec![
            ("time", done(self.time)),
            ("ingest_time", done(self.ingest_time)),
            ("observed_time", done(self.observed_time)),
            ("severity", done(self.severity)),
            ("severity_number", done(self.severity_number)),
            ("body", done(self.body)),
            ("event_name", done(self.event_name)),
            ("trace_id", done(self.trace_id)),
            ("span_id", done(self.span_id)),
            ("flags", done(self.flags)),
            ("error_type", done(self.error_type)),
            ("dropped_attributes_count", done(self.dropped_attributes_count)),
        ];
        columns.extend(self.origin.finish());
        batch(Table::Logs, &columns)
    }
}
