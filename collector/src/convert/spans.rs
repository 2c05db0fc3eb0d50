//! Traces: one row a span, its events and links as lists.

use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use plimsoll_model::{RowsOutline, SignalBatch, Table, Timestamp};

use super::attributes::{Attributes, Typed};
use super::columns::{Items, ListColumn, NumberColumn, TextColumn, Times, batch, finish_times};
use super::envelope::{ItemRows, elements, walk};
use super::flags::{Flags, ItemFlag};
use super::items::{known_nanos, span_id, trace_id};
use super::origin::{Origin, OriginColumns};
use super::rejections::ItemReason;
use super::span_lists::{EventColumns, LinkColumns};
use super::{Context, Converted};
use crate::config::Config;
use crate::refusal::Refusal;
use crate::wire::Fields;

const TYPED: &[Typed] = &[
    ("http_request_method", "http.request.method"),
    ("http_route", "http.route"),
    ("db_system_name", "db.system.name"),
    ("db_namespace", "db.namespace"),
    ("db_collection_name", "db.collection.name"),
    ("db_operation_name", "db.operation.name"),
    ("error_type", "error.type"),
    ("http_response_status_code", "http.response.status_code"),
];
/// Of those, the texts; the last one is a number.
const TEXTS: usize = 7;
const STATUS_CODE: usize = 7;

pub(super) fn convert(body: &[u8], mut context: Context<'_>) -> Result<Converted, Refusal> {
    let mut rows = SpanRows::new(context.config);
    walk(body, &mut rows, &mut context)?;
    let ingest_time = context.now;
    context.finish([rows.columns.finish(ingest_time)])
}

/// Below this a request costs more to be kept apart than it saves.
const OUTLINED_ROWS: usize = 256;
/// Above this its rows would be too much to be made at once by somebody who only asks.
const OUTLINED_BYTES: usize = 16 * 1024 * 1024;
const HOUR: i64 = 3_600 * 1_000_000_000;

/// What [`super::outline`] promises. The checks are those of `convert`, in the same code.
pub(super) fn outline(body: &[u8], mut context: Context<'_>) -> Result<Option<Converted>, Refusal> {
    // Counted first: a small request would be read to its end only to be read once more for its columns.
    let scopes = elements(body, 1).flat_map(|group| elements(group, 2));
    let count: usize = scopes.map(|scope| elements(scope, 2).count()).sum();
    if count < OUTLINED_ROWS {
        return Ok(None);
    }
    let mut rows = SpanRows { outline: Some(TimeRange::EMPTY), ..SpanRows::new(context.config) };
    walk(body, &mut rows, &mut context)?;
    let (Some(times), now) = (rows.outline, context.now) else { return Ok(None) };
    let mut converted = context.converted;
    let is_all_kept = converted.rejections.total() == 0 && converted.redacted_values == 0;
    let is_of_today = times.earliest > now - 24 * HOUR && times.latest < now + HOUR;
    let bytes = (context.lease.held_bytes() + context.owed).saturating_sub(body.len());
    if !is_all_kept || !is_of_today || bytes > OUTLINED_BYTES {
        return Ok(None);
    }
    context.lease.grow(context.owed)?;
    let [earliest, latest] = [times.earliest, times.latest].map(Timestamp::from_nanos);
    converted.outline = Some(RowsOutline { table: Table::Spans, rows: count, earliest, latest, bytes });
    Ok(Some(converted))
}

/// The columns, and room for the parts of one span that is reused by the next.
struct SpanRows<'a> {
    columns: SpanColumns,
    attributes: Attributes<'a>,
    /// Of an event or a link.
    nested: Attributes<'a>,
    events: Vec<&'a [u8]>,
    links: Vec<&'a [u8]>,
    /// In place of rows that are written.
    outline: Option<TimeRange>,
}

#[derive(Clone, Copy, Debug)]
struct TimeRange {
    earliest: i64,
    latest: i64,
}

impl TimeRange {
    const EMPTY: Self = Self { earliest: i64::MAX, latest: i64::MIN };

    fn with(self, time: i64) -> Self {
        Self { earliest: self.earliest.min(time), latest: self.latest.max(time) }
    }
}

/// The fields of a span that are not lists, as they were sent.
#[derive(Default)]
struct Sent<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_span_id: &'a [u8],
    trace_state: &'a [u8],
    name: &'a [u8],
    kind: i32,
    start: u64,
    end: u64,
    status_code: i32,
    status_message: &'a [u8],
    dropped_attributes_count: u32,
    dropped_events_count: u32,
    dropped_links_count: u32,
    flags: u32,
}

/// What the checks made of some of them.
struct Checked<'a> {
    trace_id: &'a [u8; 16],
    span_id: &'a [u8; 8],
    parent_span_id: Option<&'a [u8; 8]>,
    start: Option<i64>,
    end: Option<i64>,
}

impl<'a> ItemRows<'a> for SpanRows<'a> {
    const LISTS: [&'static str; 3] = ["resourceSpans", "scopeSpans", "spans"];

    fn count(_: &'a [u8]) -> usize {
        1
    }

    fn reserve(&mut self, rows: usize) {
        if self.outline.is_none() {
            self.columns.reserve(rows);
        }
    }

    fn take(
        &mut self,
        span: &'a [u8],
        _: &Origin<'_>,
        context: &mut Context<'_>,
        place: impl Fn() -> String,
    ) -> Result<(), Refusal> {
        match self.push(span, context.now, &mut context.converted.flags) {
            Ok(()) => context.converted.duplicate_keys += self.attributes.duplicate_keys(),
            Err(reason) => {
                self.columns.events.reopen();
                self.columns.links.reopen();
                context.reject(reason, 1, place);
            }
        }
        Ok(())
    }

    fn close_scope(&mut self, origin: &Origin<'_>) {
        if self.outline.is_some() {
            return;
        }
        self.columns.origin.close_scope(origin);
    }

    fn redacted_values(&self) -> u64 {
        self.attributes.redacted_values() + self.nested.redacted_values()
    }
}

impl<'a> SpanRows<'a> {
    fn new(config: &Config) -> Self {
        Self {
            columns: SpanColumns::default(),
            attributes: Attributes::new(TYPED, config),
            nested: Attributes::new(&[], config),
            events: Vec::new(),
            links: Vec::new(),
            outline: None,
        }
    }

    /// When it fails, only the lists have to be reopened.
    fn push(&mut self, span: &'a [u8], now: i64, flags: &mut Flags) -> Result<(), ItemReason> {
        let sent = self.read(span);
        let checked = Checked::of(&sent)?;
        self.attributes.close()?;
        for event in self.events.drain(..) {
            self.columns.events.items.push(event, &mut self.nested)?;
        }
        for link in self.links.drain(..) {
            self.columns.links.items.push(link, &mut self.nested)?;
        }
        flags.look_at(checked.time(), now);
        if checked.duration().is_some_and(|duration| duration < 0) {
            flags.add(ItemFlag::EndBeforeStart);
        }
        match &mut self.outline {
            None => self.columns.push(&sent, &checked, &self.attributes, now),
            Some(times) => {
                *times = times.with(checked.time().unwrap_or(now));
                self.columns.events.reopen();
                self.columns.links.reopen();
            }
        }
        Ok(())
    }

    fn read(&mut self, span: &'a [u8]) -> Sent<'a> {
        let mut sent = Sent::default();
        self.attributes.clear();
        self.events.clear();
        self.links.clear();
        for part in Fields::of(span) {
            match part.number {
                1 => sent.trace_id = part.bytes,
                2 => sent.span_id = part.bytes,
                3 => sent.trace_state = part.bytes,
                4 => sent.parent_span_id = part.bytes,
                5 => sent.name = part.bytes,
                6 => sent.kind = part.int32(),
                7 => sent.start = part.value,
                8 => sent.end = part.value,
                9 => self.attributes.add(part.bytes),
                10 => sent.dropped_attributes_count = part.uint32(),
                11 => self.events.push(part.bytes),
                12 => sent.dropped_events_count = part.uint32(),
                13 => self.links.push(part.bytes),
                14 => sent.dropped_links_count = part.uint32(),
                15 => sent.read_status(part.bytes),
                16 => sent.flags = part.uint32(),
                _ => {}
            }
        }
        sent
    }
}

impl<'a> Sent<'a> {
    fn read_status(&mut self, status: &'a [u8]) {
        for part in Fields::of(status) {
            match part.number {
                2 => self.status_message = part.bytes,
                3 => self.status_code = part.int32(),
                _ => {}
            }
        }
    }
}

impl<'a> Checked<'a> {
    fn of(sent: &Sent<'a>) -> Result<Self, ItemReason> {
        let parent_span_id = span_id(sent.parent_span_id);
        // All zero is how some senders write "no parent".
        if parent_span_id.is_none() && !matches!(sent.parent_span_id.len(), 0 | 8) {
            return Err(ItemReason::InvalidSpanId);
        }
        Ok(Self {
            trace_id: trace_id(sent.trace_id).ok_or(ItemReason::InvalidTraceId)?,
            span_id: span_id(sent.span_id).ok_or(ItemReason::InvalidSpanId)?,
            parent_span_id,
            start: known_nanos(sent.start)?,
            end: known_nanos(sent.end)?,
        })
    }

    /// A span without a start is put where it ended.
    fn time(&self) -> Option<i64> {
        self.start.or(self.end)
    }

    /// In nanoseconds; negative when the sender's clock went back: kept, for SQL to see.
    fn duration(&self) -> Option<i64> {
        Some(self.end? - self.start?)
    }
}

#[derive(Default)]
struct SpanColumns {
    time: Times,
    trace_id: TextColumn,
    span_id: TextColumn,
    parent_span_id: TextColumn,
    trace_state: TextColumn,
    flags: NumberColumn<Int64Type>,
    name: TextColumn,
    kind: TextColumn,
    status: TextColumn,
    status_message: TextColumn,
    duration_ms: NumberColumn<Float64Type>,
    http_response_status_code: NumberColumn<Int32Type>,
    typed: [TextColumn; TEXTS],
    events: ListColumn<EventColumns>,
    links: ListColumn<LinkColumns>,
    dropped_attributes_count: NumberColumn<Int64Type>,
    dropped_events_count: NumberColumn<Int64Type>,
    dropped_links_count: NumberColumn<Int64Type>,
    origin: OriginColumns,
}

impl SpanColumns {
    fn reserve(&mut self, rows: usize) {
        self.time.reserve(rows);
        self.trace_id.reserve(rows);
        self.span_id.reserve(rows);
        self.name.reserve(rows);
        self.duration_ms.reserve(rows);
        self.origin.reserve(rows);
    }

    fn push(&mut self, sent: &Sent<'_>, checked: &Checked<'_>, attributes: &Attributes<'_>, now: i64) {
        // Without any time, where we saw it.
        self.time.push(checked.time().unwrap_or(now));
        self.trace_id.push_hex(Some(checked.trace_id));
        self.span_id.push_hex(Some(checked.span_id));
        self.parent_span_id.push_hex(checked.parent_span_id);
        self.trace_state.push_non_empty(sent.trace_state);
        self.flags.push(sent.flags.into());
        self.name.push(sent.name);
        push_word(&mut self.kind, &KINDS, sent.kind);
        push_word(&mut self.status, &STATUSES, sent.status_code);
        self.status_message.push_non_empty(sent.status_message);
        self.duration_ms.push_option(checked.duration().map(|nanos| nanos as f64 / 1e6));
        for (column, texts) in self.typed.iter_mut().enumerate() {
            texts.push_option(attributes.typed(column));
        }
        let status_code =
            attributes.typed(STATUS_CODE).and_then(|code| str::from_utf8(code).ok()?.parse().ok());
        self.http_response_status_code.push_option(status_code);
        self.events.close();
        self.links.close();
        self.dropped_attributes_count.push(sent.dropped_attributes_count.into());
        self.dropped_events_count.push(sent.dropped_events_count.into());
        self.dropped_links_count.push(sent.dropped_links_count.into());
        self.origin.push(attributes);
    }

    fn finish(self, ingest_time: i64) -> SignalBatch {
        let mut ingest_times = Times::default();
        ingest_times.repeat(Some(ingest_time), self.trace_id.len());
        let mut columns = vec![
            ("time", finish_times(self.time)),
            ("ingest_time", finish_times(ingest_times)),
            ("trace_id", self.trace_id.finish()),
            ("span_id", self.span_id.finish()),
            ("parent_span_id", self.parent_span_id.finish()),
            ("trace_state", self.trace_state.finish()),
            ("flags", self.flags.finish()),
            ("name", self.name.finish()),
            ("kind", self.kind.finish()),
            ("status", self.status.finish()),
            ("status_message", self.status_message.finish()),
            ("duration_ms", self.duration_ms.finish()),
            ("http_response_status_code", self.http_response_status_code.finish()),
            ("events", self.events.finish()),
            ("links", self.links.finish()),
            ("dropped_attributes_count", self.dropped_attributes_count.finish()),
            ("dropped_events_count", self.dropped_events_count.finish()),
            ("dropped_links_count", self.dropped_links_count.finish()),
        ];
        columns.extend(TYPED.iter().zip(self.typed).map(|((name, _), texts)| (*name, texts.finish())));
        columns.extend(self.origin.finish());
        batch(Table::Spans, &columns)
    }
}

const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const STATUSES: [&str; 3] = ["unset", "ok", "error"];

/// An enum value that we do not know keeps its number.
fn push_word(column: &mut TextColumn, words: &[&str], number: i32) {
    match usize::try_from(number).ok().and_then(|number| words.get(number)) {
        Some(word) => column.push(word.as_bytes()),
        None => column.push(number.to_string().as_bytes()),
    }
}
