//! Business events: log records with an event name, their business attributes in columns of their own. A malformed
//! attribute leaves its column null and stays readable in the map; it never costs the event.

use arrow::datatypes::{Float64Type, Int64Type};
use plimsoll_model::{SignalBatch, Table, Timestamp};

use super::attributes::Attributes;
use super::columns::{Items, NumberColumn, TextColumn, Times, batch, finish_times};
use super::logs::{CheckedLog, TYPED};
use super::origin::OriginColumns;

/// Of the typed columns, the texts; then those that are read further.
const TEXTS: usize = 16;
const DURATION: usize = 16;
const DUE: usize = 17;
const AMOUNT: usize = 18;
const RES_ID: usize = 19;

#[derive(Default)]
pub(super) struct BusinessColumns {
    time: Times,
    event_name: TextColumn,
    duration_ms: NumberColumn<Float64Type>,
    due: Times,
    amount: NumberColumn<Float64Type>,
    odoo_res_id: NumberColumn<Int64Type>,
    body: TextColumn,
    trace_id: TextColumn,
    span_id: TextColumn,
    typed: [TextColumn; TEXTS],
    pub(super) origin: OriginColumns,
}

impl BusinessColumns {
    pub(super) fn push(&mut self, event_name: &[u8], log: &CheckedLog<'_>, attributes: &Attributes<'_>) {
        let text = |column| attributes.typed(column).and_then(|text| str::from_utf8(text).ok());
        self.time.push(log.time);
        self.event_name.push(event_name);
        // Seconds on the wire, milliseconds in SQL.
        self.duration_ms.push_option(text(DURATION).and_then(number).map(|seconds| seconds * 1_000.0));
        self.due.push_option(text(DUE).and_then(moment).map(Timestamp::nanos));
        self.amount.push_option(text(AMOUNT).and_then(number));
        self.odoo_res_id.push_option(text(RES_ID).and_then(|id| id.trim().parse().ok()));
        self.body.push_option(log.body);
        self.trace_id.push_hex(log.trace_id);
        self.span_id.push_hex(log.span_id);
        for (column, texts) in self.typed.iter_mut().enumerate() {
            texts.push_option(attributes.typed(column));
        }
        self.origin.push(attributes);
    }

    pub(super) fn finish(self, ingest_time: i64) -> SignalBatch {
        let mut ingest_times = Times::default();
        ingest_times.repeat(Some(ingest_time), self.time.len());
        let mut columns = vec![
            ("time", finish_times(self.time)),
            ("ingest_time", finish_times(ingest_times)),
            ("event_name", self.event_name.finish()),
            ("duration_ms", self.duration_ms.finish()),
            ("due", finish_times(self.due)),
            ("amount", self.amount.finish()),
            ("odoo_res_id", self.odoo_res_id.finish()),
            ("body", self.body.finish()),
            ("trace_id", self.trace_id.finish()),
            ("span_id", self.span_id.finish()),
        ];
        columns.extend(TYPED.iter().zip(self.typed).map(|((name, _), texts)| (*name, texts.finish())));
        columns.extend(self.origin.finish());
        batch(Table::BusinessEvents, &columns)
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// RFC 3339, or Unix time as a number whose size tells its unit: seconds until the year 5138, and nanoseconds.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    const LATEST_SECONDS: i64 = 100_000_000_000;
    let text = text.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Some(match whole.abs() < LATEST_SECONDS {
            true => Timestamp::from_nanos(whole.checked_mul(1_000_000_000)?),
            false => Timestamp::from_nanos(whole),
        });
    }
    number(text).map_or_else(|| Timestamp::parse_rfc3339(text), from_seconds)
}

#[expect(clippy::cast_possible_truncation, reason = "checked against the range of i64 first")]
fn from_seconds(seconds: f64) -> Option<Timestamp> {
    let nanos = (seconds * 1e9).round();
    // 2^63 is the first double that i64 does not hold.
    let fits = nanos.abs() < 9_223_372_036_854_775_808.0;
    fits.then(|| Timestamp::from_nanos(nanos as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_due_moment_is_read_in_each_of_its_spellings() {
        let expected = Timestamp::from_secs(1_795_600_000);
        for text in ["1795600000", "1795600000.0", "1795600000000000000", "2026-11-25T09:46:40Z"] {
            assert_eq!(moment(text), Some(expected), "{text}");
        }
        assert_eq!(moment("0.5"), Some(Timestamp::from_nanos(500_000_000)));
    }

    #[test]
    fn a_due_moment_that_is_none_is_null() {
        for text in ["", "tomorrow", "NaN", "1e300", "99999999999", "9999-01-01T00:00:00Z"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
