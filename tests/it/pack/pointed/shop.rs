//! An Odoo at work in its tables, and what can go wrong with it.

use std::time::Duration;

use plimsoll_model::Timestamp;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::sources::{Change, Odoo, Postgres};

/// `now()` as the test says it, for whoever looks for functions here first. A session may say something else of itself.
const CLOCK: &str = "
    CREATE SCHEMA shifted;
    CREATE TABLE shifted.clock (at timestamptz);
    INSERT INTO shifted.clock VALUES (now());
    CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT at FROM shifted.clock';
    CREATE FUNCTION shifted.now() RETURNS timestamptz STABLE LANGUAGE sql AS
      $$ SELECT coalesce(nullif(current_setting('shifted.now', true), '')::timestamptz, (SELECT at FROM shifted.clock)) $$;
    GRANT USAGE ON SCHEMA shifted TO plimsoll; GRANT SELECT ON shifted.clock TO plimsoll;
    ALTER ROLE plimsoll SET search_path = shifted, pg_catalog, public;
    CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher;
    SET search_path = shifted, pg_catalog, public";

const STOCK: &str = "
    INSERT INTO stock_location (name, usage) VALUES ('Stock', 'internal');
    INSERT INTO stock_quant (product_id, location_id, quantity, reserved_quantity, in_date) VALUES (1, 1, 500, 0, now());
    INSERT INTO edi_backend (name) VALUES ('Retailer');
    INSERT INTO ir_cron (cron_name, active, nextcall, interval_number, interval_type, priority)
      VALUES ('Procurement: run scheduler', true, now() AT TIME ZONE 'UTC' + interval '5 minutes', 5, 'minutes', 5)";

/// What a while brings besides orders: transfers that leave in time, jobs and messages that are done, mails that leave.
const WORK: &str = "
    INSERT INTO queue_job (uuid, state, channel, method_name, model_name, date_created, date_started, date_done, exec_time, retry)
      SELECT md5(random()::text), 'done', 'root', 'run', 'sale.order', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', 1, 1
      FROM generate_series(1, 2);
    INSERT INTO mail_mail (state, create_date, write_date) VALUES ('sent', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC');
    INSERT INTO stock_picking (name, state, company_id, picking_type_id, date_deadline, scheduled_date, create_date)
      VALUES ('OUT', 'assigned', 1, 3, now() AT TIME ZONE 'UTC' + interval '4 hours', now() AT TIME ZONE 'UTC' + interval '3 hours', now() AT TIME ZONE 'UTC')";

const TAKE: &str = "UPDATE stock_quant SET quantity = quantity WHERE id = 1";

pub(super) struct Shop {
    postgres: Postgres,
    odoo: Odoo,
    client: Client,
    turns: u32,
    invoices: i32,
    /// Messages arrive and nobody takes them up.
    pub(super) imports_stop: bool,
    /// Its time comes and nothing begins.
    pub(super) cron_dies: bool,
    /// Confirmations wait for a row that somebody holds.
    is_locked: bool,
}

/// Whoever holds the row, and whoever waits for it.
pub(super) struct Storm {
    holder: Client,
    waiting: Vec<JoinHandle<()>>,
}

impl Shop {
    pub(super) async fn open() -> Self {
        let postgres = Postgres::start().await;
        let odoo = Odoo::create(&postgres, 18).await;
        odoo.let_in_the_reader(&postgres);
        let client = odoo.connect(&postgres).await;
        client.batch_execute(CLOCK).await.expect("a clock of ours");
        Self {
            postgres,
            odoo,
            client,
            turns: 0,
            invoices: 0,
            imports_stop: false,
            cron_dies: false,
            is_locked: false,
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.postgres.port
    }

    pub(super) fn database(&self) -> &str {
        &self.odoo.database
    }

    pub(super) async fn set_clock(&self, now: Timestamp) {
        let set = format!("UPDATE shifted.clock SET at = '{}'", now.to_rfc3339());
        self.client.batch_execute(&set).await.expect("set");
    }

    /// What people and machines do in a while.
    pub(super) async fn work(&mut self) {
        if self.turns == 0 {
            self.client.batch_execute(STOCK).await.expect("a shop");
        }
        self.turns += 1;
        self.orders().await;
        self.client.batch_execute(WORK).await.expect("work");
        self.ship().await;
        self.invoice().await;
        self.messages().await;
        if !self.cron_dies {
            let run = "UPDATE ir_cron SET lastcall = nextcall, nextcall = nextcall + interval '5 minutes' WHERE nextcall <= now() AT TIME ZONE 'UTC'";
            self.client.batch_execute(run).await.expect("it ran");
        }
    }

    /// Three orders, each confirmed at once; behind a lock, after 15 seconds: their transactions began before the last sample.
    async fn orders(&mut self) {
        for n in 0..3 {
            let ago = |seconds: u32| {
                format!(
                    "SELECT set_config('shifted.now', (shifted.clock_timestamp() - interval '{seconds} s')::text, true)"
                )
            };
            let work = self.client.transaction().await.expect("begun");
            work.batch_execute(&ago(119)).await.expect("set");
            let id = self.odoo.quote(&work, &format!("S{:05}", self.turns * 10 + n)).await;
            work.batch_execute(&ago(if self.is_locked { 125 } else { 110 })).await.expect("set");
            self.odoo.change(&work, Change { model: "sale.order", id, old: "draft", new: "sale" }).await;
            let done = "UPDATE mail_message SET date = date_trunc('second', shifted.clock_timestamp() AT TIME ZONE 'UTC' - interval '110 s') \
                        WHERE id = (SELECT max(id) FROM mail_message)";
            work.batch_execute(done).await.expect("stamped");
            work.commit().await.expect("committed");
        }
    }

    async fn ship(&mut self) {
        let work = self.client.transaction().await.expect("begun");
        let next = "SELECT id FROM stock_picking WHERE state = 'assigned' ORDER BY id LIMIT 1";
        let id: i32 = work.query_one(next, &[]).await.expect("a transfer").get(0);
        self.odoo.change(&work, Change { model: "stock.picking", id, old: "assigned", new: "done" }).await;
        work.commit().await.expect("committed");
    }

    async fn invoice(&mut self) {
        self.invoices += 1;
        let work = self.client.transaction().await.expect("begun");
        let draft = "INSERT INTO account_move (name, state, move_type, journal_id, company_id, currency_id, amount_untaxed, auto_post, date, invoice_date, \
                     posted_before, sequence_prefix, sequence_number, create_date) VALUES ('INV/2026/' || $1::int, 'draft', 'out_invoice', 1, 1, 1, 9, 'no', \
                     (now() AT TIME ZONE 'UTC')::date, (now() AT TIME ZONE 'UTC')::date, true, 'INV/2026/', $1::int, now() AT TIME ZONE 'UTC') RETURNING id";
        let id: i32 = work.query_one(draft, &[&self.invoices]).await.expect("an invoice").get(0);
        self.odoo.change(&work, Change { model: "account.move", id, old: "draft", new: "posted" }).await;
        work.commit().await.expect("committed");
    }

    async fn messages(&self) {
        let state = if self.imports_stop { "input_received" } else { "input_processed" };
        let arrive = format!(
            "INSERT INTO edi_exchange_record (edi_exchange_state, backend_id, create_date, write_date) \
             SELECT '{state}', 1, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC' FROM generate_series(1, 2)"
        );
        self.client.batch_execute(&arrive).await.expect("messages");
        if !self.imports_stop {
            let catch_up = "UPDATE edi_exchange_record SET edi_exchange_state = 'input_processed', write_date = now() AT TIME ZONE 'UTC' \
                            WHERE edi_exchange_state = 'input_received'";
            self.client.batch_execute(catch_up).await.expect("taken up");
        }
    }

    /// A report takes a row and keeps it; three workers wait for it, and orders with them.
    pub(super) async fn lock_storm(&mut self) -> Storm {
        self.is_locked = true;
        let holder = self.odoo.connect(&self.postgres).await;
        for statement in ["SET application_name = 'odoo-report'", "BEGIN", TAKE] {
            holder.batch_execute(statement).await.expect("held");
        }
        let mut waiting = Vec::new();
        for _ in 0..3 {
            let client = self.odoo.connect(&self.postgres).await;
            waiting.push(tokio::spawn(async move { client.batch_execute(TAKE).await.expect("after all") }));
        }
        let asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        crate::harness::eventually("they wait", Duration::from_secs(20), async || {
            let waiting: i64 = self.client.query_one(asked, &[]).await.expect("a count").get(0);
            (waiting >= 3).then_some(())
        })
        .await;
        Storm { holder, waiting }
    }

    pub(super) async fn calm(&mut self, storm: Storm) {
        self.is_locked = false;
        storm.holder.batch_execute("COMMIT").await.expect("let go");
        for worker in storm.waiting {
            worker.await.expect("it ran");
        }
    }

    /// Seven jobs that nobody has taken up for half an hour.
    pub(super) async fn queue_backlog(&self) {
        let jobs = "INSERT INTO queue_job (uuid, state, channel, method_name, model_name, date_created, retry) \
                    SELECT md5(random()::text), 'pending', 'root.export', 'run', 'sale.order', now() AT TIME ZONE 'UTC' - interval '31 minutes', 0 \
                    FROM generate_series(1, 7)";
        self.client.batch_execute(jobs).await.expect("jobs");
    }

    /// Two invoices are gone, numbers and all.
    pub(super) async fn lose_a_number(&self) {
        let lost = "DELETE FROM account_move WHERE sequence_number IN (17, 18)";
        self.client.batch_execute(lost).await.expect("deleted");
    }
}
