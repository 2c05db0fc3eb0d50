//! The four versions, each with the tables that its own servers have: the same events and the same levels come from all.

use std::collections::BTreeMap;

use plimsoll_model::SourceState;

use crate::harness::{Change, Odoo, Postgres, Reader, eventually, odoo_settings};

const VERSIONS: &[u32] = &[16, 17, 18, 19];

#[tokio::test(flavor = "multi_thread")]
async fn all_four_versions_tell_the_same_story() {
    let postgres = Postgres::start().await;
    for &version in VERSIONS {
        let odoo = Odoo::create(&postgres, version).await;
        odoo.let_in_the_reader(&postgres);
        let reader = Reader::start(odoo_settings(&postgres, &odoo.database, "plimsoll"));
        eventually("the reader is well", async || (reader.status().state == SourceState::Ok).then_some(()))
            .await;
        tell(&odoo, &postgres).await;
        check(&odoo, &reader, version).await;
    }
}

/// An order's whole way, and what stands around it.
async fn tell(odoo: &Odoo, postgres: &Postgres) {
    let mut client = odoo.connect(postgres).await;
    let work = client.transaction().await.expect("begun");
    let order = odoo.quote(&work, "S00001").await;
    work.commit().await.expect("committed");

    let work = client.transaction().await.expect("begun");
    odoo.change(&work, Change { model: "sale.order", id: order, old: "draft", new: "sale" }).await;
    let deadline = "now() AT TIME ZONE 'UTC' - interval '10 minutes'";
    for (name, kind) in [("HAM/PICK/1", 1), ("HAM/OUT/1", 3), ("HAM/OUT/2", 3)] {
        let insert = format!(
            "INSERT INTO stock_picking (name, state, company_id, picking_type_id, sale_id, date_deadline, scheduled_date, create_date) \
             VALUES ($1, 'assigned', 1, $2, $3, {deadline}, {deadline}, now() AT TIME ZONE 'UTC')"
        );
        work.execute(&insert, &[&name, &kind, &order]).await.expect("a transfer");
    }
    work.batch_execute(
        "INSERT INTO account_move (name, state, move_type, journal_id, company_id, currency_id, amount_untaxed, auto_post, date, \
           invoice_date, posted_before, sequence_prefix, sequence_number, commercial_partner_id, invoice_origin) VALUES \
           ('INV/1', 'draft', 'out_invoice', 1, 1, 1, 100.5, 'no', current_date, current_date - 1, true, 'INV/2026/', 1, 42, 'S00001'), \
           ('INV/4', 'posted', 'out_invoice', 1, 1, 1, 9, 'no', current_date, current_date, true, 'INV/2026/', 4, 42, NULL); \
         INSERT INTO purchase_order (name, state, company_id, currency_id, amount_untaxed, picking_type_id) VALUES ('P1', 'draft', 1, 1, 7, 4); \
         INSERT INTO stock_picking_batch (name, state, company_id, is_wave, picking_type_id, create_date) VALUES \
           ('WAVE/1', 'in_progress', 1, true, 1, now() AT TIME ZONE 'UTC'); \
         INSERT INTO queue_job (uuid, state, channel, method_name, model_name, date_created, retry, exec_time, date_done) VALUES \
           ('11111111-1111-1111-1111-111111111111', 'done', 'root.import', 'run', 'sale.order', now() AT TIME ZONE 'UTC', 0, 1.5, now() AT TIME ZONE 'UTC'), \
           ('22222222-2222-2222-2222-222222222222', 'pending', 'root.import', 'run', 'sale.order', now() AT TIME ZONE 'UTC', 0, NULL, NULL); \
         INSERT INTO mail_mail (state, create_date, write_date) VALUES ('outgoing', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'); \
         INSERT INTO stock_location (name, usage) VALUES ('Stock', 'internal'); \
         INSERT INTO stock_quant (product_id, location_id, quantity, reserved_quantity, in_date) VALUES (1, 1, -2, 0, now() AT TIME ZONE 'UTC')",
    )
    .await
    .expect("the rows fit every version");
    let cron = if is_json("ir_cron", "cron_name", &work).await {
        "'{\"en_US\": \"Mail: Email Queue Manager\"}'"
    } else {
        "'Mail: Email Queue Manager'"
    };
    let cron = format!(
        "INSERT INTO ir_cron (cron_name, active, nextcall, interval_number, interval_type, priority) VALUES \
         ({cron}, true, now() AT TIME ZONE 'UTC' - interval '30 minutes', 1, 'hours', 5)"
    );
    work.batch_execute(&cron).await.expect("a cron");
    work.batch_execute(
        "DO $$ BEGIN UPDATE ir_cron SET numbercall = -1; EXCEPTION WHEN undefined_column THEN NULL; END $$",
    )
    .await
    .expect("set");
    work.commit().await.expect("committed");

    for (model, old, new) in [
        ("stock.picking", "assigned", "done"),
        ("account.move", "draft", "posted"),
        ("purchase.order", "draft", "purchase"),
        ("stock.picking.batch", "in_progress", "done"),
    ] {
        let work = client.transaction().await.expect("begun");
        let id = if model == "stock.picking" { 2 } else { 1 };
        odoo.change(&work, Change { model, id, old, new }).await;
        work.commit().await.expect("committed");
    }
    client
        .batch_execute("UPDATE queue_job SET state = 'failed', exc_name = 'odoo.exceptions.UserError', retry = 1 WHERE uuid LIKE '2%'; \
             UPDATE mail_mail SET state = 'exception', failure_type = 'mail_smtp'")
        .await
        .expect("failed");
}

#[expect(clippy::too_many_lines, reason = "one list of what must be there")]
async fn check(odoo: &Odoo, reader: &Reader, version: u32) {
    let database = &odoo.database;
    let one = async |name: &str, is_meant: &dyn Fn(&crate::harness::Event) -> bool| {
        eventually(&format!("{version}: {name}; the status is {:?}", reader.status()), async || {
            reader.door.events(name).into_iter().find(|event| is_meant(event))
        })
        .await
    };
    let any = |_: &crate::harness::Event| true;
    let of = |event: &crate::harness::Event, keys: &[&str]| -> BTreeMap<String, String> {
        keys.iter().map(|key| ((*key).to_owned(), event.get(key).to_owned())).collect()
    };
    let same = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };

    let quoted = one("odoo.sale.order.quoted", &any).await;
    assert_eq!(quoted.id(), format!("{database}:sale.order:1:quoted"));
    let confirmed = one("odoo.sale.order.confirmed", &any).await;
    assert!(
        confirmed.id().starts_with(&format!("{database}:sale.order:1:confirmed:1")),
        "{}",
        confirmed.id()
    );
    let keys = [
        "business.process_id",
        "business.warehouse",
        "business.company",
        "business.amount",
        "business.currency",
        "business.customer",
        "business.workload",
        "odoo.res_id",
    ];
    let known = [
        ("business.process_id", "S00001"),
        ("business.warehouse", "HAM"),
        ("business.company", "Nordwind GmbH"),
        ("business.amount", "100.5"),
        ("business.currency", "EUR"),
        // The company of the contact who ordered.
        ("business.customer", "partner-41"),
        ("business.workload", ""),
        ("odoo.res_id", "1"),
    ];
    assert_eq!(of(&confirmed, &keys), same(&known), "{version}");
    let seconds = |event: &crate::harness::Event, key: &str| -> f64 {
        event.get(key).parse().unwrap_or_else(|_| panic!("{version}: {key} of {event:?}"))
    };
    assert!((0.0..60.0).contains(&seconds(&confirmed, "odoo.record.age")), "{confirmed:?}");
    assert!((0.0..60.0).contains(&seconds(&confirmed, "odoo.transaction.duration")), "{confirmed:?}");

    let done = one("odoo.stock.picking.done", &any).await;
    let keys = ["business.process_id", "odoo.picking.step", "business.warehouse", "business.outcome"];
    let known = [
        ("business.process_id", "S00001"),
        ("odoo.picking.step", "ship"),
        ("business.warehouse", "HAM"),
        ("business.outcome", "ok"),
    ];
    assert_eq!(of(&done, &keys), same(&known), "{version}");
    assert!(done.get("business.due").ends_with('Z'), "{done:?}");
    let posted = one("odoo.account.move.posted", &any).await;
    assert_eq!(
        (posted.get("odoo.move.type"), posted.get("odoo.journal"), posted.get("business.customer")),
        ("invoice", "INV", "partner-42")
    );
    assert_eq!(one("odoo.purchase.order.confirmed", &any).await.get("business.warehouse"), "HAM");
    let batch = one("odoo.stock.picking.batch.done", &any).await;
    assert_eq!((batch.get("odoo.picking.wave"), batch.get("odoo.picking.step")), ("true", "pick"));

    let job = one("odoo.queue.job.done", &|event| event.get("business.outcome") == "ok").await;
    assert_eq!((job.get("business.duration"), job.get("odoo.queue.channel")), ("1.5", "root.import"));
    assert_eq!((job.get("business.workload"), job.get("odoo.retries")), ("scheduled", ""));
    let job = one("odoo.queue.job.done", &|event| event.get("business.outcome") == "failed").await;
    assert_eq!(job.get("error.type"), "UserError");
    assert_eq!(reader.door.events("odoo.queue.job.enqueued").len(), 2);
    assert_eq!(one("odoo.mail.mail.sent", &any).await.get("error.type"), "mail_smtp");

    let missed = one("odoo.stock.picking.missed", &|event| event.get("odoo.res_id") == "3").await;
    assert_eq!(missed.get("business.outcome"), "failed");
    assert_eq!(one("odoo.ir.cron.missed", &any).await.get("odoo.cron.name"), "Mail: Email Queue Manager");
    let gap = one("odoo.account.journal.gap_found", &any).await;
    assert_eq!((gap.get("odoo.sequence.first_missing"), gap.get("odoo.sequence.last_missing")), ("2", "3"));
    assert_eq!(gap.get("business.company"), "Nordwind GmbH");

    let ship = [("business.warehouse", "HAM"), ("odoo.picking.step", "ship")];
    for (name, attributes, expected) in [
        ("odoo.stock.picking.late", &ship[..], 1.0),
        ("odoo.stock.quant.negative", &[], 1.0),
        ("odoo.account.move.sequence_gaps", &[("odoo.journal", "INV")], 1.0),
        ("odoo.mail.mail.failed", &[], 1.0),
        ("odoo.queue.job.count", &[("odoo.queue.job.state", "failed")], 1.0),
        ("odoo.module.count", &[], 1.0),
    ] {
        eventually(
            &format!(
                "{version}: {name} is {expected}, not {:?}; {:?}",
                reader.door.level(name, attributes),
                reader.status()
            ),
            async || (reader.door.level(name, attributes) == Some(expected)).then_some(()),
        )
        .await;
    }
    let lag = reader
        .door
        .level("odoo.ir.cron.lag", &[("odoo.cron.name", "Mail: Email Queue Manager")])
        .expect("a lag");
    assert!((1_790.0..1_900.0).contains(&lag), "{lag}");
    let status = reader.status();
    assert_eq!((status.state, status.last_error.as_deref()), (SourceState::Ok, None), "{version}");
    assert!(status.lacks.iter().all(|lack| !lack.contains("no right")), "{version}: {:?}", status.lacks);
    let secret =
        reader.door.records().iter().any(|event| format!("{event:?}").contains("secret of a customer"));
    assert!(!secret, "bodies of messages stay where they are");
}

async fn is_json(table: &str, column: &str, work: &tokio_postgres::Transaction<'_>) -> bool {
    let asked = "SELECT data_type = 'jsonb' FROM information_schema.columns WHERE table_name = $1 AND column_name = $2";
    work.query_one(asked, &[&table, &column]).await.expect("a column").get(0)
}
