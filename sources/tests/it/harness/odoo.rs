//! A database with the tables of a real Odoo, and somebody who works in it as Odoo does: ids from sequences, times of the
//! transaction's start, state changes tracked by their labels in a user's language.

use std::path::{Path, PathBuf};

use tokio_postgres::{Client, Transaction};

use super::Postgres;

/// What the dumps leave out, and rows that every Odoo has.
const BASE: &str = include_str!("odoo.sql");

#[derive(Debug, Clone)]
pub(crate) struct Odoo {
    pub(crate) database: String,
    version: u32,
}

/// Who changes a record's state, and in which words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    pub(crate) model: &'a str,
    pub(crate) id: i32,
    pub(crate) old: &'a str,
    pub(crate) new: &'a str,
}

impl Odoo {
    pub(crate) async fn create(postgres: &Postgres, version: u32) -> Self {
        let database = format!("o{version}");
        let admin = postgres.connect("postgres").await;
        admin.batch_execute(&format!("CREATE DATABASE {database}")).await.expect("created");
        postgres.psql(&database, &data(&format!("schema-{version}.sql")));
        let client = postgres.connect(&database).await;
        client.batch_execute(BASE).await.expect("the base rows fit every version");
        let stamp = format!("{version}.0.1.3");
        let base =
            "INSERT INTO ir_module_module (name, state, latest_version) VALUES ('base', 'installed', $1)";
        client.execute(base, &[&stamp]).await.expect("inserted");
        Self { database, version }
    }

    /// The script that we ship makes the role.
    pub(crate) fn let_in_the_reader(&self, postgres: &Postgres) {
        let script = root().join("docs/sources/odoo-reader.sql");
        postgres.psql(&self.database, &script);
    }

    pub(crate) async fn connect(&self, postgres: &Postgres) -> Client {
        postgres.connect(&self.database).await
    }

    /// A quotation; its id.
    pub(crate) async fn quote(&self, work: &Transaction<'_>, name: &str) -> i32 {
        let row = work
            .query_one(
                "INSERT INTO sale_order (name, state, company_id, warehouse_id, currency_id, partner_id, amount_untaxed, \
                 create_date, write_date, date_order) VALUES ($1, 'draft', 1, 1, 1, 42, 100.5, now() AT TIME ZONE 'UTC', \
                 now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC') RETURNING id",
                &[&name],
            )
            .await
            .expect("a quotation");
        row.get(0)
    }

    /// Writes the state and what Odoo's tracking writes about it.
    pub(crate) async fn change(&self, work: &Transaction<'_>, change: Change<'_>) {
        let table = change.model.replace('.', "_");
        let write = format!("UPDATE {table} SET state = $1 WHERE id = $2");
        work.execute(&write, &[&change.new, &change.id]).await.expect("written");
        let field = if self.version == 16 { "field" } else { "field_id" };
        let more = if self.version == 16 { (", field_desc", ", 'Status'") } else { ("", "") };
        let track = format!(
            "WITH m AS (INSERT INTO mail_message (model, res_id, message_type, create_date, date, body) VALUES ($1, $2, 'notification', \
               now() AT TIME ZONE 'UTC', date_trunc('second', clock_timestamp() AT TIME ZONE 'UTC'), 'secret of a customer') RETURNING id), \
             labels AS (SELECT s.value, s.name->>'de_DE' AS label, f.id FROM ir_model_fields f \
               JOIN ir_model_fields_selection s ON s.field_id = f.id WHERE f.model = $1 AND f.name = 'state') \
             INSERT INTO mail_tracking_value (mail_message_id, {field}, old_value_char, new_value_char, create_date{}) \
             SELECT m.id, n.id, o.label, n.label, now() AT TIME ZONE 'UTC'{} FROM m, labels n LEFT JOIN labels o ON o.value = $3 WHERE n.value = $4",
            more.0, more.1
        );
        let written = work.execute(&track, &[&change.model, &change.id, &change.old, &change.new]).await;
        assert_eq!(written.expect("tracked"), 1, "{change:?}");
    }
}

pub(crate) fn data(name: &str) -> PathBuf {
    root().join("tests/data/odoo").join(name)
}

/// Of the repository: the product's own tests stand on this file too.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    if own.join("Cargo.lock").exists() { own.to_owned() } else { own.join("..") }
}
