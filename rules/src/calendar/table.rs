//! `calendar_windows` as SQL sees it: every window and every cut-off from 35 days ago to 35 days ahead.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono_tz::Tz;
use plimsoll_model::{Clock, Labels, StateTable, Timestamp, batch_from_rows};
use serde::Serialize;

use super::{Calendar, CalendarBook, Calendars, Kind, Span};

const HORIZON: Duration = Duration::from_secs(35 * 86_400);
/// A window that reaches beyond the horizon is shown with its true edges, as far as a year away.
const BEYOND: Duration = Duration::from_secs(370 * 86_400);
/// More windows than this are cut: calendars are for people.
const MOST_ROWS: usize = 20_000;

#[derive(Clone, Debug)]
pub struct CalendarTable {
    book: CalendarBook,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    time: i64,
    started: i64,
    ended: i64,
    calendar: &'a str,
    kind: &'static str,
    warehouse: Option<String>,
    carrier: Option<String>,
    time_zone: &'static str,
    reason: Option<&'a str>,
    is_active: bool,
}

impl CalendarTable {
    #[must_use]
    pub fn new(book: CalendarBook, clock: Arc<dyn Clock>) -> Self {
        Self { book, clock }
    }
}

impl StateTable for CalendarTable {
    fn name(&self) -> &'static str {
        "calendar_windows"
    }

    fn schema(&self) -> SchemaRef {
        static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(schema);
        SCHEMA.clone()
    }

    fn rows(&self) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
        let (calendars, now) = (self.book.in_force(), self.clock.now());
        let mut rows = Vec::new();
        for calendar in &calendars.calendars {
            rows.extend(windows(calendar, now));
        }
        rows.extend(cut_offs(&calendars, now));
        rows.truncate(MOST_ROWS);
        Ok(batch_from_rows(&self.schema(), &rows)?)
    }
}

/// Entries that say the same of the same people are one.
fn windows(calendar: &Calendar, now: Timestamp) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut told: BTreeSet<(&Labels, Option<&str>, &'static str)> = BTreeSet::new();
    for entry in &calendar.entries {
        let (reason, zone) = (entry.reason.as_deref(), entry.zone());
        if !told.insert((&entry.scope, reason, zone.name())) {
            continue;
        }
        for span in alike(calendar, &entry.scope, reason, zone, now) {
            rows.push(Row {
                time: span.from.nanos(),
                started: span.from.nanos(),
                ended: span.to.nanos(),
                calendar: &calendar.name,
                kind: calendar.kind.as_str(),
                warehouse: of_label(&entry.scope, "warehouse"),
                carrier: of_label(&entry.scope, "carrier"),
                time_zone: zone.name(),
                reason: reason.or(calendar.reason.as_deref()),
                is_active: span.from <= now && now < span.to,
            });
        }
    }
    rows
}

fn of_label(scope: &Labels, name: &str) -> Option<String> {
    Some(scope.get(name).to_owned()).filter(|value| !value.is_empty())
}

fn alike(calendar: &Calendar, scope: &Labels, reason: Option<&str>, zone: Tz, now: Timestamp) -> Vec<Span> {
    let spans = |from: Timestamp, to: Timestamp| {
        let mut found = Vec::new();
        let same = |entry: &&super::Entry| {
            entry.scope == *scope && entry.reason.as_deref() == reason && entry.zone() == zone
        };
        for entry in calendar.entries.iter().filter(same) {
            entry.spans((from, to), &mut found);
        }
        calendar.less(found, scope, (from, to))
    };
    let (from, to) = (now - HORIZON, now + HORIZON);
    let mut shown = spans(from, to);
    if let Some(first) = shown.first_mut().filter(|first| first.from == from) {
        let before = spans(from - BEYOND, from);
        first.from = before.last().filter(|last| last.to == from).map_or(from, |last| last.from);
    }
    if let Some(last) = shown.last_mut().filter(|last| last.to == to) {
        let after = spans(to, to + BEYOND);
        last.to = after.first().filter(|next| next.from == to).map_or(to, |next| next.to);
    }
    shown
}

fn cut_offs(calendars: &Calendars, now: Timestamp) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for cut_off in &calendars.cut_offs {
        let mut at = now - HORIZON;
        while let Some(moment) = cut_off.after(at).filter(|moment| *moment < now + HORIZON) {
            rows.push(Row {
                time: moment.nanos(),
                started: moment.nanos(),
                ended: moment.nanos(),
                calendar: &cut_off.name,
                kind: Kind::CutOff.as_str(),
                warehouse: cut_off.warehouse.clone(),
                carrier: cut_off.carrier.clone(),
                time_zone: cut_off.zone.name(),
                reason: cut_off.reason.as_deref(),
                is_active: false,
            });
            at = moment;
        }
    }
    rows
}

fn schema() -> SchemaRef {
    let moment =
        |name: &str| Field::new(name, DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false);
    let text = |name: &str, may_be_null: bool| Field::new(name, DataType::Utf8, may_be_null);
    let fields = vec![
        moment("time"),
        moment("started"),
        moment("ended"),
        text("calendar", false),
        text("kind", false),
        text("warehouse", true),
        text("carrier", true),
        text("time_zone", false),
        text("reason", true),
        Field::new("is_active", DataType::Boolean, false),
    ];
    Arc::new(Schema::new(fields))
}
