//! Changes: log records with an event name of their own, so that whoever can send OTLP can tell of a deployment. They
//! are business events too, and rows of a table that is small enough to be looked through at every incident.

use plimsoll_model::{SignalBatch, Table, Timestamp};

use super::attributes::Attributes;
use super::business::moment;
use super::columns::{Items, TextColumn, Times, batch, finish_times};
use super::logs::{CheckedLog, TYPED};
use super::origin::OriginColumns;

pub(super) const EVENT_NAME: &[u8] = b"change.recorded";

/// Where the typed columns begin: the id, six texts, two moments.
const CHANGE_ID: usize = 20;
const TEXTS: std::ops::Range<usize> = 21..27;
const STARTED: usize = 27;
const ENDED: usize = 28;
const EVENT_ID: usize = 0;
const OUTCOME: usize = 1;
const ODOO_DB: usize = 15;

#[derive(Default)]
pub(super) struct ChangeColumns {
    time: Times,
    change_id: TextColumn,
    texts: [TextColumn; TEXTS.end - TEXTS.start],
    started: Times,
    ended: Times,
    outcome: TextColumn,
    odoo_db: TextColumn,
    trace_id: TextColumn,
    span_id: TextColumn,
    pub(super) origin: OriginColumns,
}

impl ChangeColumns {
    /// A change without an id is known by its event's, and without that by its moment: it stands alone then.
    pub(super) fn push(&mut self, log: &CheckedLog<'_>, attributes: &Attributes<'_>) {
        let moment_of = |column| {
            let text = attributes.typed(column).and_then(|text| str::from_utf8(text).ok());
            text.and_then(moment).map(Timestamp::nanos)
        };
        self.time.push(log.time);
        match attributes.typed(CHANGE_ID).or_else(|| attributes.typed(EVENT_ID)) {
            Some(id) => self.change_id.push(id),
            None => self.change_id.push(log.time.to_string().as_bytes()),
        }
        for (column, texts) in TEXTS.zip(&mut self.texts) {
            texts.push_option(attributes.typed(column));
        }
        self.started.push_option(moment_of(STARTED));
        self.ended.push_option(moment_of(ENDED));
        self.outcome.push_option(attributes.typed(OUTCOME));
        self.odoo_db.push_option(attributes.typed(ODOO_DB));
        self.trace_id.push_hex(log.trace_id);
        self.span_id.push_hex(log.span_id);
        self.origin.push(attributes);
    }

    pub(super) fn finish(self, ingest_time: i64) -> SignalBatch {
        let mut ingest_times = Times::default();
        ingest_times.repeat(Some(ingest_time), self.time.len());
        let mut columns = vec![
            ("time", finish_times(self.time)),
            ("ingest_time", finish_times(ingest_times)),
            ("change_id", self.change_id.finish()),
            ("started", finish_times(self.started)),
            ("ended", finish_times(self.ended)),
            ("outcome", self.outcome.finish()),
            ("odoo_db", self.odoo_db.finish()),
            ("trace_id", self.trace_id.finish()),
            ("span_id", self.span_id.finish()),
        ];
        let names = TYPED[TEXTS].iter().map(|(name, _)| *name);
        columns.extend(names.zip(self.texts.map(Items::finish)));
        columns.extend(self.origin.finish());
        batch(Table::ChangeRecords, &columns)
    }
}
