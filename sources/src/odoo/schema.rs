//! Which tables and columns are there, and which of them we may read: the one thing that decides what is asked.
//!
//! Odoo's versions and modules differ in columns, and what a column probe says is true whatever the version claims.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::types::Type;

use crate::postgres::{Connection, Trouble};

/// The tables that any statement of ours names, and the modules that bring them.
const TABLES: &[(&str, &str)] = &[
    ("account_edi_document", "account_edi"),
    ("account_edi_format", "account_edi"),
    ("account_journal", "account"),
    ("account_move", "account"),
    ("account_move_line", "account"),
    ("crm_team", "sales_team"),
    ("delivery_carrier", "delivery"),
    ("edi_backend", "edi_core_oca"),
    ("edi_exchange_record", "edi_core_oca"),
    ("edi_exchange_type", "edi_core_oca"),
    ("ir_cron", "base"),
    ("ir_cron_progress", "base"),
    ("ir_cron_trigger", "base"),
    ("ir_logging", "base"),
    ("ir_model_fields", "base"),
    ("ir_model_fields_selection", "base"),
    ("ir_module_module", "base"),
    ("mail_mail", "mail"),
    ("mail_message", "mail"),
    ("mail_notification", "mail"),
    ("mail_tracking_value", "mail"),
    ("payment_provider", "payment"),
    ("payment_transaction", "payment"),
    ("product_pricelist_item", "product"),
    ("product_product", "product"),
    ("product_template", "product"),
    ("purchase_order", "purchase"),
    ("purchase_order_line", "purchase"),
    ("queue_job", "queue_job"),
    ("res_company", "base"),
    ("res_currency", "base"),
    ("res_partner", "base"),
    ("sale_order", "sale"),
    ("sale_order_line", "sale"),
    ("stock_location", "stock"),
    ("stock_move", "stock"),
    ("stock_move_line", "stock"),
    ("stock_move_move_rel", "stock"),
    ("stock_picking", "stock"),
    ("stock_picking_batch", "stock_picking_batch"),
    ("stock_picking_type", "stock"),
    ("stock_quant", "stock"),
    ("stock_valuation_layer", "stock_account"),
    ("stock_warehouse", "stock"),
];

const PROBE: &str = "SELECT c.relname::text, a.attname::text, t.typname::text, \
     has_column_privilege(c.oid, a.attnum, 'SELECT') \
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
     JOIN pg_type t ON t.oid = a.atttypid \
     WHERE c.relname::text = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_table_is_visible(c.oid)";

/// What a statement needs: a table and its columns.
pub(crate) type Need = (&'static str, &'static [&'static str]);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schema {
    tables: BTreeMap<String, BTreeMap<String, Column>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    type_name: String,
    is_readable: bool,
}

/// Why a statement can't be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The module isn't installed, or the version has it no more.
    Structure,
    /// Columns of a table that the role may not read.
    Rights(Vec<(&'static str, Vec<&'static str>)>),
}

impl Schema {
    pub(crate) async fn probe(connection: &Connection) -> Result<Self, Trouble> {
        let names: Vec<&str> = TABLES.iter().map(|(table, _)| *table).collect();
        let reading = connection.begin(connection.statement_timeout()).await?;
        let rows = reading.ask(PROBE, &[(&names, Type::TEXT_ARRAY)]).await?;
        reading.end().await?;
        let mut schema = Self::default();
        for row in rows {
            let column = Column { type_name: row.get(2)?, is_readable: row.get(3)? };
            schema.tables.entry(row.get(0)?).or_default().insert(row.get(1)?, column);
        }
        Ok(schema)
    }

    pub(crate) fn has_table(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// There, and ours to read.
    pub(crate) fn has(&self, table: &str, column: &str) -> bool {
        self.column(table, column).is_some_and(|column| column.is_readable)
    }

    pub(crate) fn has_all(&self, needs: &[Need]) -> bool {
        self.missing(needs).is_none()
    }

    pub(crate) fn is_json(&self, table: &str, column: &str) -> bool {
        self.column(table, column).is_some_and(|column| column.type_name == "jsonb")
    }

    fn column(&self, table: &str, column: &str) -> Option<&Column> {
        self.tables.get(table)?.get(column)
    }

    pub(crate) fn missing(&self, needs: &[Need]) -> Option<Missing> {
        for (table, columns) in needs {
            if columns.iter().any(|column| self.column(table, column).is_none()) {
                return Some(Missing::Structure);
            }
        }
        let closed = needs.iter().map(|(table, columns)| {
            let closed: Vec<_> = columns.iter().copied().filter(|column| !self.has(table, column)).collect();
            (*table, closed)
        });
        let closed: Vec<_> = closed.filter(|(_, columns)| !columns.is_empty()).collect();
        (!closed.is_empty()).then_some(Missing::Rights(closed))
    }

    /// `alias.column`, or NULL of that type where there is none.
    pub(crate) fn or_null(&self, alias: &str, table: &str, column: &str, type_name: &str) -> String {
        if self.has(table, column) {
            format!("{alias}.{column}::{type_name}")
        } else {
            format!("NULL::{type_name}")
        }
    }

    /// A name that some versions translate: English, else any language.
    pub(crate) fn label(&self, alias: &str, table: &str, column: &str) -> String {
        let name = format!("{alias}.{column}");
        if !self.has(table, column) {
            return "NULL::text".to_owned();
        }
        if self.is_json(table, column) {
            return format!(
                "coalesce({name}->>'en_US', (SELECT value FROM jsonb_each_text({name}) LIMIT 1))::text"
            );
        }
        format!("{name}::text")
    }

    /// A left join to another table's name by key, if both sides can be read; the name is NULL otherwise.
    pub(crate) fn joined(&self, join: Join<'_>) -> (String, String) {
        let Join { from, from_table, key, table, alias, column } = join;
        if !(self.has(from_table, key) && self.has_all_of(table, &["id", column])) {
            return (String::new(), "NULL::text".to_owned());
        }
        (format!(" LEFT JOIN {table} {alias} ON {alias}.id = {from}.{key}"), self.label(alias, table, column))
    }

    pub(crate) fn has_all_of(&self, table: &str, columns: &[&str]) -> bool {
        columns.iter().all(|column| self.has(table, column))
    }

    /// Tables without which an Odoo says nothing; each is told once.
    pub(crate) fn absent(&self) -> impl Iterator<Item = String> {
        let core = ["sale_order", "stock_picking", "account_move", "mail_tracking_value", "ir_cron"];
        let absent = core.into_iter().filter(|table| !self.has_table(table));
        absent.map(|table| {
            let module = TABLES.iter().find(|(name, _)| *name == table).map_or("", |(_, module)| module);
            format!(
                "there is no table {table}: the module {module} is not installed, so nothing comes from it"
            )
        })
    }
}

/// A name by key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Join<'a> {
    pub(crate) from: &'a str,
    pub(crate) from_table: &'a str,
    pub(crate) key: &'a str,
    pub(crate) table: &'a str,
    pub(crate) alias: &'a str,
    pub(crate) column: &'a str,
}

/// Rights that statements wanted and the role hasn't, gathered for one GRANT a table.
#[derive(Debug, Default)]
pub(crate) struct Rights(BTreeMap<&'static str, (BTreeSet<&'static str>, BTreeSet<&'static str>)>);

impl Rights {
    pub(crate) fn want(&mut self, what: &'static str, missing: Missing) {
        let Missing::Rights(tables) = missing else { return };
        for (table, columns) in tables {
            let (wanted, by) = self.0.entry(table).or_default();
            wanted.extend(columns);
            by.insert(what);
        }
    }

    pub(crate) fn cures(self, role: &str) -> Vec<String> {
        let cure = |(table, (columns, by)): (&str, (BTreeSet<&str>, BTreeSet<&str>))| {
            let columns: Vec<_> = columns.into_iter().collect();
            let by: Vec<_> = by.into_iter().collect();
            format!(
                "no right for {}: GRANT SELECT ({}) ON {table} TO {role}",
                by.join(", "),
                columns.join(", ")
            )
        };
        self.0.into_iter().map(cure).collect()
    }
}

#[cfg(test)]
impl Schema {
    /// As a probe would find it.
    pub(crate) fn of(columns: &[(&str, &str, &str, bool)]) -> Self {
        let mut schema = Self::default();
        for (table, column, type_name, is_readable) in columns {
            let column_of = Column { type_name: (*type_name).to_owned(), is_readable: *is_readable };
            schema.tables.entry((*table).to_owned()).or_default().insert((*column).to_owned(), column_of);
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_is_told_with_its_grant_and_a_missing_module_is_not() {
        let schema =
            Schema::of(&[("mail_mail", "id", "int4", true), ("mail_mail", "state", "varchar", false)]);
        let mut rights = Rights::default();
        let missing = schema.missing(&[("mail_mail", &["id", "state"])]).expect("no right");
        rights.want("e-mails", missing);
        assert_eq!(schema.missing(&[("queue_job", &["id"])]), Some(Missing::Structure));
        rights.want("jobs", Missing::Structure);
        assert_eq!(
            rights.cures("plimsoll"),
            ["no right for e-mails: GRANT SELECT (state) ON mail_mail TO plimsoll"]
        );
    }

    #[test]
    fn a_name_is_read_whether_it_is_translated_or_not() {
        let schema =
            Schema::of(&[("ir_cron", "cron_name", "jsonb", true), ("res_company", "name", "varchar", true)]);
        assert!(schema.label("c", "ir_cron", "cron_name").contains("en_US"));
        assert_eq!(schema.label("c", "res_company", "name"), "c.name::text");
        assert_eq!(schema.label("c", "crm_team", "name"), "NULL::text");
    }
}
