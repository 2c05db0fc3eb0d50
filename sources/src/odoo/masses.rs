//! Masses of rows that one transaction wrote: an import, a procurement run, a new price list. Rows of one transaction share its
//! start to the microsecond, so they are counted by it. Only the last write survives in a row: a mass is told as it is first seen.

use std::collections::BTreeMap;

use plimsoll_model::Clock;
use serde::{Deserialize, Serialize};
use tokio_postgres::types::Type;

use super::feeds::Feeds;
use super::fields::micros;
use super::schema::Need;
use crate::otlp::Record;
use crate::postgres::{Kind, Pace, Trouble, from_micros};

/// Told in one look at most.
const MOST_AT_ONCE: usize = 1_000;

/// A table, and from how many rows on a transaction's writing to it is told.
#[derive(Debug)]
struct Mass {
    what: &'static str,
    needs: &'static [Need],
    table: &'static str,
    /// The column with the transaction's start.
    stamp: &'static str,
    least: i64,
    event: &'static str,
    model: &'static str,
    /// What stands for the model in `event.id`.
    identity: &'static str,
    /// In intervals: no index knows these times, so a look reads the whole table.
    every: u32,
}

const MASSES: &[Mass] = &[
    Mass {
        what: "masses of purchase order lines",
        needs: &[("purchase_order_line", &["id", "create_date"])],
        table: "purchase_order_line",
        stamp: "create_date",
        least: 10,
        event: "odoo.purchase.order.line.created",
        model: "purchase.order.line",
        identity: "purchase.order.line",
        every: 5,
    },
    Mass {
        what: "changes of price lists",
        needs: &[("product_pricelist_item", &["id", "write_date"])],
        table: "product_pricelist_item",
        stamp: "write_date",
        least: 1,
        event: "odoo.product.price.updated",
        model: "product.pricelist.item",
        identity: "product.price",
        every: 5,
    },
    Mass {
        what: "masses of changed products",
        needs: &[("product_template", &["id", "write_date"])],
        table: "product_template",
        stamp: "write_date",
        least: 11,
        event: "odoo.product.template.updated",
        model: "product.template",
        identity: "product.template",
        every: 5,
    },
];

/// What was told, by table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told(BTreeMap<String, OfTable>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OfTable {
    /// Transactions that began before this were looked for, but for those that were still open.
    until: i64,
    /// The starts of those that were told and may be met again.
    starts: Vec<i64>,
}

/// When each table is due; not remembered.
#[derive(Debug, Default)]
pub(super) struct Paces(BTreeMap<&'static str, Pace>);

impl Feeds<'_> {
    /// Those that are due. Only what ends the connection ends the look.
    pub(super) async fn look_for_masses(
        &mut self,
        told: &mut Told,
        paces: &mut Paces,
        clock: &dyn Clock,
    ) -> Result<(), Trouble> {
        for mass in MASSES {
            if let Some(missing) = self.schema.missing(mass.needs) {
                self.found.rights.want(mass.what, missing);
                continue;
            }
            let pace = paces.0.entry(mass.table).or_default();
            let (began, every) = (clock.now(), self.config.gauges_interval * mass.every);
            if pace.is_due(began) {
                let outcome = self.masses_of(mass, told.0.entry(mass.table.to_owned()).or_default()).await;
                let is_over = outcome.as_ref().is_err_and(|trouble| trouble.kind == Kind::Timeout);
                let limit = self.connection.statement_timeout();
                pace.asked(began, clock.now().since(began), limit, is_over, every);
                self.settle(mass.what, outcome)?;
            }
            self.found.notes.extend(pace.note(mass.what, every));
        }
        Ok(())
    }

    async fn masses_of(&mut self, mass: &Mass, told: &mut OfTable) -> Result<(), Trouble> {
        let now = self.found.server_now.unwrap_or(self.now);
        let first = (now - self.config.backfill).nanos() / 1_000;
        let open = i64::try_from(self.config.longest_transaction.as_micros()).unwrap_or(i64::MAX);
        let since = first.max(told.until.saturating_sub(open));
        let (stamp, start) = (mass.stamp, micros(mass.stamp));
        let sql = format!(
            "SELECT {start}, count(*)::int8 FROM {} WHERE {stamp} >= to_timestamp($1::float8 / 1000000) AT TIME ZONE 'UTC' \
             GROUP BY {stamp} HAVING count(*) >= {} ORDER BY 1 LIMIT {MOST_AT_ONCE}",
            mass.table, mass.least
        );
        let reading = self.connection.begin(self.config.server.statement_timeout).await?;
        #[expect(clippy::cast_precision_loss, reason = "microseconds of this century fit a double")]
        let bound = since as f64;
        let rows = reading.ask(&sql, &[(&bound, Type::FLOAT8)]).await?;
        reading.end().await?;
        for row in rows {
            let (start, count): (i64, i64) = (row.get(0)?, row.get(1)?);
            if !told.starts.contains(&start) {
                told.starts.push(start);
                self.found.events.push(self.mass(mass, start, count).build());
            }
        }
        told.starts.retain(|start| *start >= since);
        told.until = now.nanos() / 1_000;
        Ok(())
    }

    fn mass(&self, mass: &Mass, start: i64, count: i64) -> Record {
        let database = &self.connection.server.database;
        let transition = mass.event.rsplit('.').next().unwrap_or_default();
        Record::at(from_micros(start), self.now)
            .named(mass.event)
            .text("event.id", format!("{database}:{}:{database}:{transition}:{start}", mass.identity))
            .text("business.outcome", "ok")
            .text("business.workload", "bulk")
            .text("odoo.db", database)
            .text("odoo.model", mass.model)
            .integer("odoo.records", count)
    }
}
