//! The levels that are measured: names and units as in `docs/signals.yaml`, statements from what Odoo's tables mean.
//!
//! Each finds its rows by an indexed state where Odoo has one; what has to read whole tables is asked seldom. Times of Odoo's
//! are UTC without saying so.

use super::super::schema::{Join, Need, Schema};
use super::Gauge;

mod accounting;
mod jobs;
mod messages;
mod sales;
mod stock;
mod supply;

/// In the order in which they are asked.
pub(super) fn all() -> impl Iterator<Item = &'static Gauge> {
    let areas =
        [sales::GAUGES, stock::GAUGES, accounting::GAUGES, supply::GAUGES, jobs::GAUGES, messages::GAUGES];
    areas.into_iter().flatten()
}

const NOW: &str = "(now() AT TIME ZONE 'UTC')";
const ORDER: &str = "{order}";
const TYPES: Need = ("stock_picking_type", &["id", "code", "warehouse_id"]);
const WAREHOUSES: Need = ("stock_warehouse", &["id", "code"]);
const JOURNALS: Need = ("account_journal", &["id", "code"]);

fn age(since: &str) -> String {
    format!("extract(epoch FROM {NOW} - {since})")
}

/// Joins to the company and the warehouse of `d`, and their names.
fn company_and_warehouse(schema: &Schema, table: &str) -> (String, String, String) {
    let join = |key, of, alias, column| {
        schema.joined(Join { from: "d", from_table: table, key, table: of, alias, column })
    };
    let (to_company, company) = join("company_id", "res_company", "co", "name");
    let (to_warehouse, warehouse) = join("warehouse_id", "stock_warehouse", "w", "code");
    (format!("{to_company}{to_warehouse}"), company, warehouse)
}

/// A join to the currency of `d`, and its code.
fn currency(schema: &Schema, table: &str) -> (String, String) {
    let key = "currency_id";
    let join = Join { from: "d", from_table: table, key, table: "res_currency", alias: "cu", column: "name" };
    schema.joined(join)
}
