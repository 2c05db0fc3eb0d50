//! What should have happened and did not: deadlines that passed, drafts that stayed drafts, jobs that never began, numbers
//! that are missing. No module can tell these, because nothing runs when nothing happens.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_model::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::types::Type;

use super::documents::Document;
use super::feeds::Feeds;
use super::fields::{attributes, micros};
use super::schema::{Join, Need, Schema};
use crate::otlp::Record;
use crate::postgres::{Reading, Trouble};

/// Told in one look at most; a migration that moves a million deadlines is one fact, not a million.
const MOST_AT_ONCE: usize = 10_000;
/// Gaps and crons that are remembered as told.
const MOST_REMEMBERED: usize = 10_000;
/// Deadlines that passed before their transfer was seen: it was planned for the past, or its transaction took long.
const OVERLAP: i64 = 3_600_000_000;
/// Odoo gives a scheduled action up after this many failures in a row (and a week).
const FAILURES_BEFORE_THE_END: i64 = 4;

/// What was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Missed {
    /// Deadlines of transfers up to here.
    pickings: Option<i64>,
    /// Of those within [`OVERLAP`] before that: `id:deadline`, with the deadline.
    #[serde(default)]
    recent: BTreeMap<String, i64>,
    /// Dates of drafts up to here.
    drafts: Option<String>,
    /// The due time for which a scheduled action was last told to be missing.
    crons: BTreeMap<i64, i64>,
    /// Failures in a row of active actions, when last seen.
    failing: BTreeMap<i64, i64>,
    gaps: BTreeSet<String>,
}

const PICKINGS: &[Need] = &[("stock_picking", &["id", "state", "date_deadline"])];
const DRAFTS: &[Need] = &[("account_move", &["id", "state", "auto_post", "date", "invoice_date"])];
const CRONS: &[Need] =
    &[("ir_cron", &["id", "cron_name", "active", "nextcall", "interval_number", "interval_type"])];
const GAPS: &[Need] = &[
    ("account_move", &["id", "journal_id", "sequence_prefix", "sequence_number", "posted_before"]),
    ("account_journal", &["id", "code"]),
];

impl Feeds<'_> {
    pub(crate) async fn look_for_missed(&mut self, missed: &mut Missed) -> Result<(), Trouble> {
        let looked = self.missed_pickings(missed).await;
        self.settle("transfers past their deadline", looked)?;
        let looked = self.missed_drafts(missed).await;
        self.settle("drafts past their date", looked)?;
        let looked = self.missed_crons(missed).await;
        self.settle("scheduled actions", looked)
    }

    /// Slow on large books: asked with the gauge of the same thing.
    pub(crate) async fn look_for_gaps(&mut self, missed: &mut Missed) -> Result<(), Trouble> {
        if let Some(trouble) = self.schema.missing(GAPS) {
            self.found.rights.want("sequence gaps", trouble);
            return Ok(());
        }
        let (to_company, company) = self.schema.joined(Join {
            from: "j",
            from_table: "account_journal",
            key: "company_id",
            table: "res_company",
            alias: "co",
            column: "name",
        });
        let sql = format!(
            "SELECT g.journal_id::int8, j.code::text, g.sequence_prefix::text, g.first::int8, g.last::int8, {company} \
             FROM ({}) g JOIN account_journal j ON j.id = g.journal_id{to_company} ORDER BY 1, 3, 4 DESC LIMIT {MOST_AT_ONCE}",
            gaps()
        );
        let reading = self.connection.begin(self.config.server.statement_timeout).await?;
        let rows = reading.ask(&sql, &[]).await?;
        reading.end().await?;
        for row in rows {
            let (journal, prefix, first): (i64, String, i64) =
                (row.get(0)?, row.get::<Option<String>>(2)?.unwrap_or_default(), row.get(3)?);
            let id = format!("account.journal:{journal}:gap_found:{prefix}{first}");
            if missed.gaps.len() >= MOST_REMEMBERED || !missed.gaps.insert(id.clone()) {
                continue;
            }
            let record = self
                .failed("odoo.account.journal.gap_found", "account.journal", &id, self.now)
                .integer("odoo.res_id", journal)
                .some_text("odoo.journal", row.get::<Option<String>>(1)?)
                .some_text("business.company", row.get::<Option<String>>(5)?)
                .text("odoo.sequence.prefix", prefix)
                .integer("odoo.sequence.first_missing", first)
                .integer("odoo.sequence.last_missing", row.get(4)?);
            self.found.events.push(record.build());
        }
        Ok(())
    }

    async fn missed_pickings(&mut self, missed: &mut Missed) -> Result<(), Trouble> {
        if let Some(trouble) = self.schema.missing(PICKINGS) {
            self.found.rights.want("transfers past their deadline", trouble);
            return Ok(());
        }
        let Some(document) = Document::of("stock.picking", self.schema) else { return Ok(()) };
        let now = self.found.server_now.unwrap_or(self.now).nanos() / 1_000;
        let since = missed.pickings.map_or(now - micros_of(self.config.backfill), |until| until - OVERLAP);
        let sql = dated(
            &document,
            "d.date_deadline",
            "d.state IN ('waiting', 'confirmed', 'assigned') \
             AND d.date_deadline > to_timestamp($1::float8 / 1000000) AT TIME ZONE 'UTC' \
             AND d.date_deadline <= to_timestamp($2::float8 / 1000000) AT TIME ZONE 'UTC'",
        );
        let reading = self.connection.begin(self.config.server.statement_timeout).await?;
        #[expect(clippy::cast_precision_loss, reason = "microseconds of this century fit a double")]
        let bounds = [since as f64, now as f64];
        let rows = reading.ask(&sql, &[(&bounds[0], Type::FLOAT8), (&bounds[1], Type::FLOAT8)]).await?;
        reading.end().await?;
        for row in rows {
            let (id, due): (i64, i64) = (row.get(0)?, row.get(1)?);
            if missed.recent.insert(format!("{id}:{due}"), due).is_some() {
                continue;
            }
            let at = crate::postgres::from_micros(due);
            let event = format!("stock.picking:{id}:missed:{due}");
            let known = attributes(&row, 3, &document.fields)?;
            let record = self.failed("odoo.stock.picking.missed", "stock.picking", &event, at);
            self.found.events.push(record.integer("odoo.res_id", id).with_all(known).build());
        }
        missed.recent.retain(|_, due| *due > now - OVERLAP);
        missed.pickings = Some(now);
        Ok(())
    }

    /// A day's drafts become late at midnight, so they are looked for once a day.
    async fn missed_drafts(&mut self, missed: &mut Missed) -> Result<(), Trouble> {
        let today = self.found.server_now.unwrap_or(self.now).to_utc().date_naive();
        if missed.drafts.as_deref() == Some(today.to_string().as_str()) {
            return Ok(());
        }
        if let Some(trouble) = self.schema.missing(DRAFTS) {
            self.found.rights.want("drafts past their date", trouble);
            return Ok(());
        }
        let Some(document) = Document::of("account.move", self.schema) else { return Ok(()) };
        let yesterday = today.pred_opt().unwrap_or(today);
        let since = missed.drafts.clone().unwrap_or_else(|| yesterday.to_string());
        let due = "CASE WHEN d.auto_post <> 'no' THEN d.date ELSE d.invoice_date END";
        let sql = dated(
            &document,
            due,
            &format!("d.state = 'draft' AND {due} >= $1::text::date AND {due} < $2::text::date"),
        );
        let reading = self.connection.begin(self.config.server.statement_timeout).await?;
        let today = today.to_string();
        let rows = reading.ask(&sql, &[(&since, Type::TEXT), (&today, Type::TEXT)]).await?;
        reading.end().await?;
        for row in rows {
            let (id, due): (i64, i64) = (row.get(0)?, row.get(1)?);
            let due = crate::postgres::from_micros(due);
            let day = due.to_utc().date_naive();
            let known = attributes(&row, 3, &document.fields)?;
            let record = self
                .failed(
                    "odoo.account.move.missed",
                    "account.move",
                    &format!("account.move:{id}:missed:{day}"),
                    due,
                )
                .integer("odoo.res_id", id)
                .text("business.due", due.to_rfc3339());
            self.found.events.push(record.with_all(known).build());
        }
        missed.drafts = Some(today);
        Ok(())
    }

    async fn missed_crons(&mut self, missed: &mut Missed) -> Result<(), Trouble> {
        if let Some(trouble) = self.schema.missing(CRONS) {
            self.found.rights.want("scheduled actions", trouble);
            return Ok(());
        }
        let reading = self.connection.begin(self.config.server.statement_timeout).await?;
        let crons = crons(&reading, self.schema).await?;
        reading.end().await?;
        for cron in crons {
            let told = missed.crons.get(&cron.id);
            if cron.is_active && cron.is_overdue && told != Some(&cron.due) {
                let at = crate::postgres::from_micros(cron.due);
                let id = format!("ir.cron:{}:missed:{}", cron.id, cron.due);
                let record = self.failed("odoo.ir.cron.missed", "ir.cron", &id, self.now);
                self.found.events.push(cron.about(record).text("business.due", at.to_rfc3339()).build());
                missed.crons.insert(cron.id, cron.due);
            }
            let failures = missed.failing.get(&cron.id).copied().unwrap_or_default();
            if !cron.is_active && failures >= FAILURES_BEFORE_THE_END {
                let id = format!("ir.cron:{}:deactivated:{}", cron.id, cron.written);
                let record = self.failed(
                    "odoo.ir.cron.deactivated",
                    "ir.cron",
                    &id,
                    crate::postgres::from_micros(cron.written),
                );
                self.found.events.push(cron.about(record).build());
            }
            if cron.is_active && cron.failures > 0 {
                missed.failing.insert(cron.id, cron.failures);
            } else {
                missed.failing.remove(&cron.id);
            }
        }
        Ok(())
    }

    fn failed(&self, name: &str, model: &str, id: &str, at: Timestamp) -> Record {
        let database = &self.connection.server.database;
        Record::at(at, self.now)
            .named(name)
            .text("event.id", format!("{database}:{id}"))
            .text("business.outcome", "failed")
            .text("odoo.db", database)
            .text("odoo.model", model)
    }
}

/// A scheduled action.
struct Cron {
    id: i64,
    name: Option<String>,
    is_active: bool,
    failures: i64,
    written: i64,
    due: i64,
    is_overdue: bool,
}

impl Cron {
    fn about(&self, record: Record) -> Record {
        record
            .integer("odoo.res_id", self.id)
            .text("business.workload", "scheduled")
            .some_text("odoo.cron.name", self.name.clone())
    }
}

/// When an action should have begun: by its plan, or by a trigger that is due.
pub(crate) fn cron_due(schema: &Schema) -> String {
    if schema.has_all_of("ir_cron_trigger", &["cron_id", "call_at"]) {
        "least(c.nextcall, (SELECT min(g.call_at) FROM ir_cron_trigger g WHERE g.cron_id = c.id))".to_owned()
    } else {
        "c.nextcall".to_owned()
    }
}

/// 16 and 17 count calls down; what has none left is not due.
pub(crate) fn cron_runs(schema: &Schema) -> &'static str {
    if schema.has("ir_cron", "numbercall") { "c.active AND c.numbercall <> 0" } else { "c.active" }
}

async fn crons(reading: &Reading<'_>, schema: &Schema) -> Result<Vec<Cron>, Trouble> {
    let due = cron_due(schema);
    let sql = format!(
        "SELECT c.id::int8, {}, ({}), coalesce({}, 0)::int8, coalesce({}, 0)::int8, {}, \
         {due} < (now() AT TIME ZONE 'UTC') - least((c.interval_number || ' ' || c.interval_type)::interval, interval '10 minutes') \
         FROM ir_cron c",
        schema.label("c", "ir_cron", "cron_name"),
        cron_runs(schema),
        schema.or_null("c", "ir_cron", "failure_count", "int8"),
        micros(&schema.or_null("c", "ir_cron", "write_date", "timestamp")),
        micros(&due),
    );
    let mut crons = Vec::new();
    for row in reading.ask(&sql, &[]).await? {
        crons.push(Cron {
            id: row.get(0)?,
            name: row.get(1)?,
            is_active: row.get::<Option<bool>>(2)?.unwrap_or_default(),
            failures: row.get(3)?,
            written: row.get(4)?,
            due: row.get::<Option<i64>>(5)?.unwrap_or_default(),
            is_overdue: row.get::<Option<bool>>(6)?.unwrap_or_default(),
        });
    }
    Ok(crons)
}

/// Numbers that are missing between two that were given, for each journal and prefix.
pub(crate) fn gaps() -> String {
    "SELECT journal_id, sequence_prefix, before + 1 AS first, sequence_number - 1 AS last FROM \
     (SELECT journal_id, sequence_prefix, sequence_number, lag(sequence_number) OVER \
       (PARTITION BY journal_id, sequence_prefix ORDER BY sequence_number) AS before \
      FROM account_move WHERE posted_before AND sequence_number > 0) numbered \
     WHERE sequence_number > before + 1"
        .to_owned()
}

/// The due time stands behind the id, before the time of creation.
fn dated(document: &Document, due: &str, condition: &str) -> String {
    let select =
        document.sql.replacen("SELECT d.id::int8", &format!("SELECT d.id::int8, {}", micros(due)), 1);
    select.replacen("WHERE d.id = ANY($1)", &format!("WHERE {condition} LIMIT {MOST_AT_ONCE}"), 1)
}

fn micros_of(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
