//! The feed of state changes: `mail_tracking_value`, which Odoo only ever appends to, tells who went from which state to
//! which, in the transaction that did it.

use std::collections::{BTreeMap, HashMap};

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use plimsoll_model::Timestamp;
use tokio_postgres::types::Type;

use super::documents::Document;
use super::fields::attributes;
use super::labels::Labels;
use super::low_water::Range;
use super::schema::{Need, Schema};
use crate::otlp::Record;
use crate::postgres::{Reading, Trouble};

pub(crate) const NEEDS_17: &[Need] = &[
    TRACKED,
    ("mail_tracking_value", &["id", "mail_message_id", "field_id", "old_value_char", "new_value_char"]),
];
pub(crate) const NEEDS_16: &[Need] = &[
    TRACKED,
    ("mail_tracking_value", &["id", "mail_message_id", "field", "old_value_char", "new_value_char"]),
];
const TRACKED: Need = ("mail_message", &["id", "model", "res_id", "create_date", "date"]);

/// A row of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    id: i64,
    field: i32,
    model: String,
    res_id: i64,
    /// When its transaction began, in microseconds.
    txn: i64,
    /// When it was written.
    at: i64,
    old: Option<String>,
    new: Option<String>,
    /// Odoo's own user did it: a scheduled action.
    is_robot: bool,
}

/// What is known of a record beside its change.
#[derive(Clone, Debug, Default)]
struct Details {
    created: Option<i64>,
    attributes: Vec<KeyValue>,
    is_bulk: bool,
}

/// From so many records in one transaction on, nobody waits for each of them. The module draws the same line.
const BULK: usize = 100;

/// What one look found.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Of every row that was read, whether or not it became an event.
    pub(crate) ids: Vec<i64>,
    pub(crate) events: Vec<LogRecord>,
    /// A label that no selection knows: the labels are out of date.
    pub(crate) has_unknown_label: bool,
}

/// 16 calls the column `field`, later versions `field_id`.
pub(crate) fn needs(schema: &Schema) -> &'static [Need] {
    if schema.has_all(NEEDS_16) { NEEDS_16 } else { NEEDS_17 }
}

pub(crate) async fn read(
    reading: &Reading<'_>,
    schema: &Schema,
    labels: &Labels,
    range: &Range,
    database: &str,
    now: Timestamp,
) -> Result<Changes, Trouble> {
    let rows = rows(reading, schema, labels, range).await?;
    let mut changes = Changes { ids: rows.iter().map(|row| row.id).collect(), ..Changes::default() };
    let mut wanted: BTreeMap<&str, Vec<(&Change, &'static str)>> = BTreeMap::new();
    for row in &rows {
        match event_name(row, labels) {
            Ok(Some(name)) => wanted.entry(&row.model).or_default().push((row, name)),
            Ok(None) => {}
            Err(UnknownLabel) => changes.has_unknown_label = true,
        }
    }
    for (model, rows) in wanted {
        let Some(document) = Document::of(model, schema) else { continue };
        let details = details(reading, &document, &rows).await?;
        let mut together: HashMap<(i64, &str), usize> = HashMap::new();
        rows.iter().for_each(|(row, name)| *together.entry((row.txn, name)).or_default() += 1);
        for (row, name) in rows {
            let mut known = details.get(&row.res_id).cloned().unwrap_or_default();
            known.is_bulk = together[&(row.txn, name)] >= BULK;
            changes.events.push(event(row, name, document.model, known, database, now));
        }
    }
    Ok(changes)
}

async fn rows(
    reading: &Reading<'_>,
    schema: &Schema,
    labels: &Labels,
    range: &Range,
) -> Result<Vec<Change>, Trouble> {
    let field = if schema.has("mail_tracking_value", "field_id") { "field_id" } else { "field" };
    let sql = format!(
        "SELECT tv.id::int8, tv.{field}::int4, m.model::text, m.res_id::int8, {}, {}, \
         tv.old_value_char::text, tv.new_value_char::text, coalesce({} = 1, false) \
         FROM mail_tracking_value tv JOIN mail_message m ON m.id = tv.mail_message_id \
         WHERE tv.id > $1 AND tv.id <= $2 AND tv.id <> ALL($3) AND tv.{field} = ANY($4) \
         AND m.model IS NOT NULL AND m.res_id IS NOT NULL ORDER BY tv.id",
        super::fields::micros("m.create_date"),
        super::fields::micros("greatest(m.date, m.create_date)"),
        schema.or_null("m", "mail_message", "create_uid", "int8"),
    );
    let fields = labels.field_ids();
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 4] = [
        (&range.low, Type::INT8),
        (&range.upper, Type::INT8),
        (&range.seen, Type::INT8_ARRAY),
        (&fields, Type::INT4_ARRAY),
    ];
    let mut changes = Vec::new();
    for row in reading.ask(&sql, &parameters).await? {
        changes.push(Change {
            id: row.get(0)?,
            field: row.get(1)?,
            model: row.get(2)?,
            res_id: row.get(3)?,
            txn: row.get::<Option<i64>>(4)?.unwrap_or_default(),
            at: row.get::<Option<i64>>(5)?.unwrap_or_default(),
            old: row.get(6)?,
            new: row.get(7)?,
            is_robot: row.get(8)?,
        });
    }
    Ok(changes)
}

struct UnknownLabel;

/// What the change is called, if it is one that people wait for.
fn event_name(change: &Change, labels: &Labels) -> Result<Option<&'static str>, UnknownLabel> {
    let Some(new) = &change.new else { return Ok(None) };
    let new = labels.code(change.field, new).ok_or(UnknownLabel)?;
    let old = change.old.as_ref().and_then(|old| labels.code(change.field, old)).unwrap_or_default();
    Ok(match (change.model.as_str(), old, new) {
        // 16 locks an order as "done" and unlocks it again: that is no confirmation.
        ("sale.order", "done", "sale") | ("purchase.order", "done", "purchase") => None,
        ("sale.order", _, "sale") => Some("odoo.sale.order.confirmed"),
        ("sale.order", _, "cancel") => Some("odoo.sale.order.cancelled"),
        ("stock.picking", _, "assigned") => Some("odoo.stock.picking.assigned"),
        ("stock.picking", _, "done") => Some("odoo.stock.picking.done"),
        ("stock.picking", _, "cancel") => Some("odoo.stock.picking.cancelled"),
        ("stock.picking.batch", _, "done") => Some("odoo.stock.picking.batch.done"),
        ("account.move", _, "posted") => Some("odoo.account.move.posted"),
        ("account.move", "posted", "draft") => Some("odoo.account.move.reset"),
        ("purchase.order", _, "purchase") => Some("odoo.purchase.order.confirmed"),
        _ => None,
    })
}

async fn details(
    reading: &Reading<'_>,
    document: &Document,
    rows: &[(&Change, &'static str)],
) -> Result<HashMap<i64, Details>, Trouble> {
    let ids: Vec<i64> = rows.iter().map(|(row, _)| row.res_id).collect();
    let mut details = HashMap::with_capacity(ids.len());
    for row in reading.ask(&document.sql, &[(&ids, Type::INT8_ARRAY)]).await? {
        let known = Details {
            created: row.get(1)?,
            attributes: attributes(&row, 2, &document.fields)?,
            ..Details::default()
        };
        details.insert(row.get::<i64>(0)?, known);
    }
    Ok(details)
}

fn event(
    change: &Change,
    name: &'static str,
    model: &str,
    details: Details,
    database: &str,
    now: Timestamp,
) -> LogRecord {
    let transition = name.rsplit('.').next().unwrap_or(name);
    let has_age = matches!(transition, "confirmed" | "posted" | "done");
    let age = details.created.filter(|_| has_age).map(|created| seconds(change.txn - created));
    // Who else waits for it, a person or another system, no row tells.
    let workload = if details.is_bulk { Some("bulk") } else { change.is_robot.then_some("scheduled") };
    Record::at(Timestamp::from_nanos(change.at.saturating_mul(1_000)), now)
        .named(name)
        .text("event.id", format!("{database}:{model}:{}:{transition}:{}", change.res_id, change.txn))
        .text("business.outcome", "ok")
        .text("odoo.db", database)
        .text("odoo.model", model)
        .integer("odoo.res_id", change.res_id)
        .some_text("business.workload", workload)
        .some_number("odoo.record.age", age)
        .some_number("odoo.transaction.duration", has_age.then(|| seconds(change.at - change.txn)))
        .with_all(details.attributes)
        .build()
}

/// Odoo cuts some times to whole seconds and others not, so that a difference may seem negative.
fn seconds(micros: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an age in microseconds")]
    let micros = micros.max(0) as f64;
    micros / 1e6
}
