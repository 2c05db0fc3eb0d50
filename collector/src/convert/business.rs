//! Business events: log records with an event name, their business attributes in columns of their own. A malformed
//! attribute leaves its column null and stays readable in the map; it never costs the event.

use arrow::array::{Float64Builder, Int64Builder, StringBuilder, TimestampNanosecondBuilder};
use plimsoll_model::{SignalBatch, Table, Timestamp};

use super::columns::{TypedText, batch, done, times};
use super::logs::CheckedLog;
use super::origin::{Origin, OriginColumns};

const TYPED: &[(&str, &[&str])] = &[
    ("event_id", &["event.id"]),
    ("outcome", &["business.outcome"]),
    ("process_id", &["business.process_id"]),
    ("company", &["business.company"]),
    ("warehouse", &["business.warehouse"]),
    ("channel", &["business.channel"]),
    ("carrier", &["business.carrier"]),
    ("product", &["business.product"]),
    ("user_group", &["business.user_group"]),
    ("customer", &["business.customer"]),
    ("currency", &["business.currency"]),
    ("workload", &["business.workload"]),
    ("error_type", &["error.type"]),
    ("odoo_model", &["odoo.model"]),
    ("odoo_method", &["odoo.method"]),
    ("odoo_db", &["odoo.db"]),
];

pub(super) struct BusinessColumns {
    time: TimestampNanosecondBuilder,
    ingest_time: TimestampNanosecondBuilder,
    event_name: StringBuilder,
    duration_ms: Float64Builder,
    due: TimestampNanosecondBuilder,
    amount: Float64Builder,
    odoo_res_id: Int64Builder,
    body: StringBuilder,
    trace_id: StringBuilder,
    span_id: StringBuilder,
    typed: TypedText,
    origin: OriginColumns,
}

impl BusinessColumns {
    pub(super) fn new() -> Self {
        Self {
            time: times(),
            ingest_time: times(),
            event_name: StringBuilder::new(),
            duration_ms: Float64Builder::new(),
            due: times(),
            amount: Float64Builder::new(),
            odoo_res_id: Int64Builder::new(),
            body: StringBuilder::new(),
            trace_id: StringBuilder::new(),
            span_id: StringBuilder::new(),
            typed: TypedText::new(TYPED),
            origin: OriginColumns::new(),
        }
    }

    /// Takes the record if it is an event.
    pub(super) fn push(&mut self, log: &CheckedLog, origin: &Origin<'_>) {
        let Some(event_name) = &log.event_name else { return };
        let attribute = |key| log.attributes.get(key);
        self.time.append_value(log.time);
        self.ingest_time.append_value(log.ingest_time);
        self.event_name.append_value(event_name);
        // Seconds on the wire, milliseconds in SQL.
        self.duration_ms.append_option(attribute("business.duration").and_then(number).map(|s| s * 1_000.0));
        self.due.append_option(attribute("business.due").and_then(moment).map(Timestamp::nanos));
        self.amount.append_option(attribute("business.amount").and_then(number));
        self.odoo_res_id.append_option(attribute("odoo.res_id").and_then(|id| id.trim().parse().ok()));
        self.body.append_option(log.body.as_deref());
        self.trace_id.append_option(log.trace_id.as_deref());
        self.span_id.append_option(log.span_id.as_deref());
        self.typed.push(&log.attributes);
        self.origin.push(origin, &log.attributes);
    }

    pub(super) fn finish(self) -> SignalBatch {
        let mut columns = vec![
            ("time", done(self.time)),
            ("ingest_time", done(self.ingest_time)),
            ("event_name", done(self.event_name)),
            ("duration_ms", done(self.duration_ms)),
            ("due", done(self.due)),
            ("amount", done(self.amount)),
            ("odoo_res_id", done(self.odoo_res_id)),
            ("body", done(self.body)),
            ("trace_id", done(self.trace_id)),
            ("span_id", done(self.span_id)),
        ];
        columns.extend(self.typed.finish());
        columns.extend(self.origin.finish());
        batch(Table::BusinessEvents, &columns)
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// RFC 3339, or Unix time as a number whose size tells its unit: seconds until the year 5138, and nanoseconds.
fn moment(text: &str) -> Option<Timestamp> {
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
