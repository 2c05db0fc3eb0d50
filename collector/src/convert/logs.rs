//! Logs: one row a record in `logs`; a record with an event name is a business event too.

use arrow::datatypes::{Int32Type, Int64Type};
use plimsoll_model::{SignalBatch, Table};

use super::attributes::{Attributes, Typed};
use super::business::BusinessColumns;
use super::changes;
use super::changes::ChangeColumns;
use super::columns::{Items, NumberColumn, TextColumn, Times, batch, finish_times};
use super::envelope::{ItemRows, walk};
use super::flags::Flags;
use super::items::{known_nanos, span_id, trace_id};
use super::origin::{Origin, OriginColumns, non_empty};
use super::rejections::ItemReason;
use super::values::{AnyValue, Text};
use super::{Context, Converted};
use crate::config::Config;
use crate::redact::Redactor;
use crate::refusal::Refusal;
use crate::wire::Fields;

/// The columns of all three tables; `business.rs` and `changes.rs` say which are where.
pub(super) const TYPED: &[Typed] = &[
    ("event_id", "event.id"),
    ("outcome", "business.outcome"),
    ("process_id", "business.process_id"),
    ("company", "business.company"),
    ("warehouse", "business.warehouse"),
    ("channel", "business.channel"),
    ("carrier", "business.carrier"),
    ("product", "business.product"),
    ("user_group", "business.user_group"),
    ("customer", "business.customer"),
    ("currency", "business.currency"),
    ("workload", "business.workload"),
    ("error_type", "error.type"),
    ("odoo_model", "odoo.model"),
    ("odoo_method", "odoo.method"),
    ("odoo_db", "odoo.db"),
    ("duration_ms", "business.duration"),
    ("due", "business.due"),
    ("amount", "business.amount"),
    ("odoo_res_id", "odoo.res_id"),
    ("change_id", "change.id"),
    ("kind", "change.kind"),
    ("entity", "change.entity"),
    ("version", "change.version"),
    ("summary", "change.summary"),
    ("url", "change.url"),
    ("author", "change.author"),
    ("started", "change.started"),
    ("ended", "change.ended"),
];
const ERROR_TYPE: usize = 12;

pub(super) fn convert(body: &[u8], mut context: Context<'_>) -> Result<Converted, Refusal> {
    let mut rows = LogRows::new(context.config);
    walk(body, &mut rows, &mut context)?;
    let ingest_time = context.now;
    let LogRows { logs, events, changes, .. } = rows;
    context.finish([logs.finish(ingest_time), events.finish(ingest_time), changes.finish(ingest_time)])
}

/// Samples that databases give of themselves, some each second, have event names as well. They are evidence, and stay in
/// `logs`: beside business events they would be kept for a year.
const TECHNICAL: [&[u8]; 2] = [b"db.server.", b"redis."];

fn is_business(event_name: &[u8]) -> bool {
    TECHNICAL.iter().all(|prefix| !event_name.starts_with(prefix))
}

struct LogRows<'a> {
    logs: LogColumns,
    events: BusinessColumns,
    changes: ChangeColumns,
    attributes: Attributes<'a>,
    /// A body that is not text, as text.
    rendered: Vec<u8>,
    redactor: Redactor,
    redacted_bodies: u64,
}

/// A record as it was sent, without its attributes.
#[derive(Default)]
struct Sent<'a> {
    time: u64,
    observed_time: u64,
    severity_number: i32,
    severity_text: &'a [u8],
    body: Option<&'a [u8]>,
    dropped_attributes_count: u32,
    flags: u32,
    trace_id: &'a [u8],
    span_id: &'a [u8],
    event_name: &'a [u8],
}

/// A record whose every part has been found good.
pub(super) struct CheckedLog<'a> {
    pub(super) time: i64,
    observed_time: Option<i64>,
    pub(super) body: Option<&'a [u8]>,
    pub(super) event_name: Option<&'a [u8]>,
    /// An id that is no id means "not part of a trace", says the protocol; the record is kept.
    pub(super) trace_id: Option<&'a [u8; 16]>,
    pub(super) span_id: Option<&'a [u8; 8]>,
}

impl<'a> ItemRows<'a> for LogRows<'a> {
    const LISTS: [&'static str; 3] = ["resourceLogs", "scopeLogs", "logRecords"];

    fn count(_: &'a [u8]) -> usize {
        1
    }

    fn reserve(&mut self, rows: usize) {
        self.logs.time.reserve(rows);
        self.logs.body.reserve(rows);
        self.logs.origin.reserve(rows);
    }

    fn take(
        &mut self,
        record: &'a [u8],
        origin: &Origin<'_>,
        context: &mut Context<'_>,
        place: impl Fn() -> String,
    ) -> Result<(), Refusal> {
        match self.push(record, context.now, &mut context.converted.flags) {
            Ok(is_event) => {
                context.converted.duplicate_keys += self.attributes.duplicate_keys();
                // An event is written twice.
                context.pay(if is_event { record.len() + origin.row_bytes() } else { 0 })?;
            }
            Err(reason) => context.reject(reason, 1, place),
        }
        Ok(())
    }

    fn close_scope(&mut self, origin: &Origin<'_>) {
        self.logs.origin.close_scope(origin);
        self.events.origin.close_scope(origin);
        self.changes.origin.close_scope(origin);
    }

    fn redacted_values(&self) -> u64 {
        self.attributes.redacted_values() + self.redacted_bodies
    }
}

impl<'a> LogRows<'a> {
    fn new(config: &Config) -> Self {
        Self {
            logs: LogColumns::default(),
            events: BusinessColumns::default(),
            changes: ChangeColumns::default(),
            attributes: Attributes::new(TYPED, config),
            rendered: Vec::new(),
            redactor: config.redactor.clone(),
            redacted_bodies: 0,
        }
    }

    /// As it may be kept.
    fn body(&mut self, body: &'a [u8]) -> Text<'a> {
        let text = AnyValue::read(body).text(&mut self.rendered);
        let kept = text.get(&self.rendered).and_then(|body| self.redactor.body(body));
        let Some(kept) = kept else { return text };
        self.redacted_bodies += 1;
        Text::rendered(&kept, &mut self.rendered)
    }

    /// True when it is an event. Nothing is written when it fails.
    fn push(&mut self, record: &'a [u8], now: i64, flags: &mut Flags) -> Result<bool, ItemReason> {
        let sent = Sent::read(record, &mut self.attributes);
        let observed_time = known_nanos(sent.observed_time)?;
        let time = known_nanos(sent.time)?;
        self.attributes.close()?;
        flags.look_at(time, now);
        self.rendered.clear();
        let body = sent.body.map(|body| self.body(body));
        let checked = CheckedLog {
            time: time.or(observed_time).unwrap_or(now),
            observed_time,
            body: body.and_then(|body| body.get(&self.rendered)),
            event_name: non_empty(sent.event_name),
            trace_id: trace_id(sent.trace_id),
            span_id: span_id(sent.span_id),
        };
        self.logs.push(&sent, &checked, &self.attributes);
        let business = checked.event_name.filter(|name| is_business(name));
        if let Some(event_name) = business {
            self.events.push(event_name, &checked, &self.attributes);
            if event_name == changes::EVENT_NAME {
                self.changes.push(&checked, &self.attributes);
            }
        }
        Ok(business.is_some())
    }
}

impl<'a> Sent<'a> {
    fn read(record: &'a [u8], attributes: &mut Attributes<'a>) -> Self {
        let mut sent = Self::default();
        attributes.clear();
        for part in Fields::of(record) {
            match part.number {
                1 => sent.time = part.value,
                2 => sent.severity_number = part.int32(),
                3 => sent.severity_text = part.bytes,
                5 => sent.body = Some(part.bytes),
                6 => attributes.add(part.bytes),
                7 => sent.dropped_attributes_count = part.uint32(),
                8 => sent.flags = part.uint32(),
                9 => sent.trace_id = part.bytes,
                10 => sent.span_id = part.bytes,
                11 => sent.observed_time = part.value,
                12 => sent.event_name = part.bytes,
                _ => {}
            }
        }
        sent
    }

    /// The sender's own word, else the standard name of its number: `INFO`, `INFO2`, ...
    fn severity(&self) -> Option<&'a [u8]> {
        const NAMES: [&str; 24] = [
            "TRACE", "TRACE2", "TRACE3", "TRACE4", "DEBUG", "DEBUG2", "DEBUG3", "DEBUG4", "INFO", "INFO2",
            "INFO3", "INFO4", "WARN", "WARN2", "WARN3", "WARN4", "ERROR", "ERROR2", "ERROR3", "ERROR4",
            "FATAL", "FATAL2", "FATAL3", "FATAL4",
        ];
        let standard = || {
            let position = usize::try_from(self.severity_number).ok()?.checked_sub(1)?;
            NAMES.get(position).map(|name| name.as_bytes())
        };
        non_empty(self.severity_text).or_else(standard)
    }
}

#[derive(Default)]
struct LogColumns {
    time: Times,
    observed_time: Times,
    severity: TextColumn,
    severity_number: NumberColumn<Int32Type>,
    body: TextColumn,
    event_name: TextColumn,
    trace_id: TextColumn,
    span_id: TextColumn,
    flags: NumberColumn<Int64Type>,
    error_type: TextColumn,
    dropped_attributes_count: NumberColumn<Int64Type>,
    origin: OriginColumns,
}

impl LogColumns {
    fn push(&mut self, sent: &Sent<'_>, log: &CheckedLog<'_>, attributes: &Attributes<'_>) {
        self.time.push(log.time);
        self.observed_time.push_option(log.observed_time);
        self.severity.push_option(sent.severity());
        self.severity_number.push(sent.severity_number);
        self.body.push_option(log.body);
        self.event_name.push_option(log.event_name);
        self.trace_id.push_hex(log.trace_id);
        self.span_id.push_hex(log.span_id);
        self.flags.push(sent.flags.into());
        self.error_type.push_option(attributes.typed(ERROR_TYPE));
        self.dropped_attributes_count.push(sent.dropped_attributes_count.into());
        self.origin.push(attributes);
    }

    fn finish(self, ingest_time: i64) -> SignalBatch {
        let mut ingest_times = Times::default();
        ingest_times.repeat(Some(ingest_time), self.time.len());
        let mut columns = vec![
            ("time", finish_times(self.time)),
            ("ingest_time", finish_times(ingest_times)),
            ("observed_time", finish_times(self.observed_time)),
            ("severity", self.severity.finish()),
            ("severity_number", self.severity_number.finish()),
            ("body", self.body.finish()),
            ("event_name", self.event_name.finish()),
            ("trace_id", self.trace_id.finish()),
            ("span_id", self.span_id.finish()),
            ("flags", self.flags.finish()),
            ("error_type", self.error_type.finish()),
            ("dropped_attributes_count", self.dropped_attributes_count.finish()),
        ];
        columns.extend(self.origin.finish());
        batch(Table::Logs, &columns)
    }
}
