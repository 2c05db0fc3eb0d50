//! A short day in an Odoo: each step a transaction in PostgreSQL, and a call of the method that Odoo would have called.

use serde_json::{Value, json};
use tokio_postgres::{Client, Transaction};

use crate::sources::{Change, Odoo, Postgres};

/// Tables that the samples leave out, and what the story is about. Odoo cuts its times to seconds, but for `create_date`.
const BEFORE: &str = "
    CREATE TABLE IF NOT EXISTS crm_team (id serial PRIMARY KEY, name jsonb);
    CREATE TABLE delivery_carrier (id serial PRIMARY KEY, name jsonb);
    ALTER TABLE stock_picking ADD COLUMN IF NOT EXISTS carrier_id integer;
    CREATE FUNCTION ago(text) RETURNS timestamp LANGUAGE sql AS $$ SELECT date_trunc('second', now() AT TIME ZONE 'UTC' - $1::interval) $$;
    INSERT INTO crm_team (name) VALUES ('{\"en_US\": \"Wholesale\", \"de_DE\": \"Handel\"}');
    INSERT INTO delivery_carrier (name) VALUES ('{\"en_US\": \"Post\", \"de_DE\": \"Die Post\"}');
    INSERT INTO payment_provider (code, name, state) VALUES ('adyen', '{\"en_US\": \"Adyen\"}', 'enabled');
    INSERT INTO sale_order (name, state, company_id, warehouse_id, currency_id, partner_id, team_id, amount_untaxed, commitment_date, create_date, date_order)
      VALUES ('S00001', 'sent', 1, 1, 1, 42, 1, 100.5, ago('-2 days'), now() AT TIME ZONE 'UTC' - interval '40 minutes', ago('40 minutes')),
             ('S00002', 'draft', 1, 1, 1, 41, NULL, 7, NULL, now() AT TIME ZONE 'UTC' - interval '30 minutes', ago('30 minutes'));
    INSERT INTO stock_picking_batch (name, state, company_id, is_wave, picking_type_id, create_date)
      VALUES ('WAVE/1', 'in_progress', 1, true, 1, now() AT TIME ZONE 'UTC' - interval '20 minutes');
    INSERT INTO stock_picking (name, state, company_id, picking_type_id, sale_id, carrier_id, batch_id, origin, date_deadline, scheduled_date, create_date) VALUES
      ('HAM/OUT/1', 'assigned', 1, 3, 1, 1, NULL, 'S00001', ago('-3 hours'), ago('-2 hours'), now() AT TIME ZONE 'UTC' - interval '20 minutes'),
      ('HAM/IN/2', 'assigned', 1, 4, NULL, NULL, NULL, 'P00001', NULL, ago('-2 hours'), now() AT TIME ZONE 'UTC' - interval '20 minutes'),
      ('HAM/PICK/3', 'assigned', 1, 1, NULL, NULL, 1, NULL, ago('-3 hours'), ago('-2 hours'), now() AT TIME ZONE 'UTC' - interval '20 minutes');
    INSERT INTO account_move (name, state, move_type, journal_id, company_id, currency_id, amount_untaxed, partner_id, commercial_partner_id, invoice_origin,
        auto_post, date, posted_before, create_date) VALUES
      ('/', 'draft', 'out_invoice', 1, 1, 1, 100.5, 42, 41, 'S00001', 'no', current_date, false, now() AT TIME ZONE 'UTC' - interval '10 minutes'),
      ('INV/2026/00001', 'posted', 'out_refund', 1, 1, 1, 9, 41, 41, NULL, 'no', current_date, true, now() AT TIME ZONE 'UTC' - interval '10 minutes');
    INSERT INTO purchase_order (name, state, company_id, currency_id, amount_untaxed, picking_type_id, date_planned, create_date)
      VALUES ('P00001', 'draft', 1, 1, 55, 4, ago('-9 days'), now() AT TIME ZONE 'UTC' - interval '9 minutes');
    INSERT INTO payment_transaction (reference, state, provider_id, company_id, currency_id, partner_id, payment_method_id, amount, create_date, write_date)
      VALUES ('S00001-1', 'pending', 1, 1, 1, 42, 1, 100.5, now() AT TIME ZONE 'UTC' - interval '9 minutes', now() AT TIME ZONE 'UTC' - interval '9 minutes');
    INSERT INTO product_pricelist_item (pricelist_id, applied_on, base, compute_price, fixed_price, write_date)
      SELECT 1, '3_global', 'list_price', 'fixed', 3, ago('2 days') FROM generate_series(1, 3);
";

/// Models and their tables' columns, as the module looks at them.
const ROWS: &[(&str, &str)] = &[
    ("res.company", "id, name"),
    ("res.currency", "id, name"),
    ("res.partner", "id, name, commercial_partner_id"),
    ("crm.team", "id, name"),
    ("delivery.carrier", "id, name"),
    ("stock.warehouse", "id, code, pick_type_id, pack_type_id"),
    ("stock.picking.type", "id, code, warehouse_id"),
    ("account.journal", "id, code"),
    ("payment.provider", "id, code"),
    ("product.pricelist.item", "id, fixed_price"),
    (
        "sale.order",
        "id, name, state, company_id, warehouse_id, currency_id, partner_id, team_id, amount_untaxed, commitment_date, create_date",
    ),
    (
        "stock.picking",
        "id, name, state, company_id, picking_type_id, sale_id, carrier_id, batch_id, origin, date_deadline, scheduled_date, create_date",
    ),
    (
        "stock.picking.batch",
        "id, name, state, company_id, is_wave, picking_type_id, create_date, ARRAY[3] AS picking_ids",
    ),
    (
        "account.move",
        "id, name, state, move_type, journal_id, company_id, currency_id, amount_untaxed, partner_id, invoice_origin, create_date",
    ),
    (
        "purchase.order",
        "id, name, state, company_id, currency_id, amount_untaxed, picking_type_id, date_planned, create_date",
    ),
    (
        "payment.transaction",
        "id, reference, state, provider_id, company_id, currency_id, amount, create_date",
    ),
];

pub(super) struct Story {
    /// As the module's twin reads it.
    pub(super) told: Value,
    /// How many facts it has.
    pub(super) facts: usize,
}

struct Teller {
    odoo: Odoo,
    client: Client,
    calls: Vec<Value>,
}

impl Story {
    pub(super) async fn play(odoo: &Odoo, postgres: &Postgres) -> Self {
        let client = odoo.connect(postgres).await;
        client.batch_execute(BEFORE).await.expect("rows as they were");
        let mut tables = serde_json::Map::new();
        for (model, columns) in ROWS {
            tables.insert((*model).to_owned(), rows(&client, model, columns).await);
        }
        let mut teller = Teller { odoo: odoo.clone(), client, calls: Vec::new() };
        teller.tell().await;
        let calls = teller.calls;
        let told =
            json!({"database": odoo.database, "tables": tables, "calls": calls, "crons": [], "logins": []});
        // Each call is one fact, but for the batch's, which finishes its transfer as well.
        Self { facts: calls_of(&told) + 1, told }
    }
}

fn calls_of(story: &Value) -> usize {
    story["calls"].as_array().map_or(0, Vec::len)
}

async fn rows(client: &Client, model: &str, columns: &str) -> Value {
    let table = model.replace('.', "_");
    let sql = format!(
        "SELECT coalesce(json_agg(t ORDER BY id), '[]')::text FROM (SELECT {columns} FROM {table}) t"
    );
    let text: String = client.query_one(&sql, &[]).await.expect("rows").get(0);
    serde_json::from_str(&text).expect("JSON")
}

impl Teller {
    async fn tell(&mut self) {
        self.quoted().await;
        for (model, method, id, old, new) in [
            ("sale.order", "action_confirm", 1, "sent", "sale"),
            ("sale.order", "_action_cancel", 2, "draft", "cancel"),
            ("stock.picking", "_action_done", 1, "assigned", "done"),
            ("stock.picking", "action_cancel", 2, "assigned", "cancel"),
            ("account.move", "_post", 1, "draft", "posted"),
            ("account.move", "button_draft", 2, "posted", "draft"),
            ("purchase.order", "button_confirm", 1, "draft", "purchase"),
        ] {
            self.changed(model, method, &[Change { model, id, old, new }]).await;
        }
        let (transfer, batch) = ("stock.picking", "stock.picking.batch");
        let both = [
            Change { model: transfer, id: 3, old: "assigned", new: "done" },
            Change { model: batch, id: 1, old: "in_progress", new: "done" },
        ];
        self.changed(batch, "action_done", &both).await;
        let paid = "UPDATE payment_transaction SET state = 'done', write_date = now() AT TIME ZONE 'UTC'";
        self.written("payment.transaction", "_set_done", &[1], paid, json!([])).await;
        let prices = "UPDATE product_pricelist_item SET fixed_price = 4, write_date = now() AT TIME ZONE 'UTC' WHERE id < 3";
        self.written("product.pricelist.item", "write", &[1, 2], prices, json!([{"fixed_price": 4}])).await;
    }

    async fn quoted(&mut self) {
        let work = self.client.transaction().await.expect("begun");
        let now = now(&work).await;
        let id = self.odoo.quote(&work, "S00003").await;
        work.commit().await.expect("committed");
        let columns = ROWS.iter().find(|(model, _)| *model == "sale.order").expect("listed").1;
        let orders = rows(&self.client, "sale.order", columns).await;
        let order = orders.as_array().expect("rows").iter().find(|row| row["id"] == id).expect("it is there");
        self.calls.push(json!({"model": "sale.order", "method": "create", "values": order, "now": now}));
    }

    async fn changed(&mut self, model: &str, method: &str, changes: &[Change<'_>]) {
        let work = self.client.transaction().await.expect("begun");
        let now = now(&work).await;
        for change in changes {
            self.odoo.change(&work, *change).await;
        }
        work.commit().await.expect("committed");
        let id = changes.last().expect("a change").id;
        self.calls.push(json!({"model": model, "method": method, "ids": [id], "now": now}));
    }

    async fn written(&mut self, model: &str, method: &str, ids: &[i32], sql: &str, arguments: Value) {
        let work = self.client.transaction().await.expect("begun");
        let now = now(&work).await;
        work.batch_execute(sql).await.expect("written");
        work.commit().await.expect("committed");
        self.calls
            .push(json!({"model": model, "method": method, "ids": ids, "arguments": arguments, "now": now}));
    }
}

/// The transaction's start, in microseconds: what Odoo's `cr.now()` says.
async fn now(work: &Transaction<'_>) -> i64 {
    let sql = "SELECT round(extract(epoch FROM now()) * 1000000)::int8";
    work.query_one(sql, &[]).await.expect("the server knows").get(0)
}
