//! Levels and masses that no other test asks for, on the tables of all four versions: each counts what it says and nothing
//! beside it.

use plimsoll_model::SourceState;
use tokio_postgres::Client;

use crate::harness::{Odoo, Postgres, Reader, eventually, odoo_settings};

const VERSIONS: &[u32] = &[16, 17, 18, 19];

#[tokio::test(flavor = "multi_thread")]
async fn every_level_counts_what_it_says() {
    let postgres = Postgres::start().await;
    for &version in VERSIONS {
        let odoo = Odoo::create(&postgres, version).await;
        odoo.let_in_the_reader(&postgres);
        let client = odoo.connect(&postgres).await;
        fill(&client, version).await;
        let reader = Reader::start(odoo_settings(&postgres, &odoo.database, "plimsoll"));
        eventually("the reader is well", async || (reader.status().state == SourceState::Ok).then_some(()))
            .await;
        levels(&reader, version).await;
        masses(&reader, &odoo.database).await;
        let status = reader.status();
        assert!(status.lacks.iter().all(|lack| !lack.contains("no right")), "{version}: {:?}", status.lacks);
        assert_eq!(status.last_error, None, "{version}");
    }
}

/// What an hour ago was meant for, in each version's own columns.
async fn fill(client: &Client, version: u32) {
    client.batch_execute(include_str!("harness/kpis.sql")).await.expect("rows that fit every version");
    let own = match version {
        16 => "",
        17 => "UPDATE account_move SET send_and_print_values = '{}' WHERE name = 'INV/9'",
        _ => {
            "UPDATE account_move SET sending_data = '{}' WHERE name = 'INV/9'; \
             INSERT INTO ir_cron_progress (cron_id, done, remaining, timed_out_counter) VALUES (1, 1, 900, 0), (1, 9, 40, 2)"
        }
    };
    client.batch_execute(own).await.expect("rows of this version");
    let cron = if version == 16 { "'{\"en_US\": \"Invoices: send\"}'" } else { "'Invoices: send'" };
    let cron = format!("UPDATE ir_cron SET cron_name = {cron}");
    client.batch_execute(&cron).await.expect("a name");
    if version < 18 {
        client.batch_execute("UPDATE ir_cron SET numbercall = -1").await.expect("it has calls left");
    }
    let valued = match version {
        16 | 17 => "UPDATE product_template SET type = 'product'",
        18 => "UPDATE product_template SET is_storable = true",
        _ => "UPDATE stock_move SET is_out = true, value = CASE WHEN origin = 'valued' THEN 5 END",
    };
    client.batch_execute(valued).await.expect("stock with a value");
    if version < 19 {
        let layers = "INSERT INTO stock_valuation_layer (stock_move_id, company_id, product_id) SELECT id, 1, 1 FROM stock_move WHERE origin = 'valued'";
        client.batch_execute(layers).await.expect("layers");
    }
}

/// A level's name, whose it is, and what it must be.
type Count<'a> = (&'a str, &'a [(&'a str, &'a str)], f64);

const HOUR: f64 = 3_600.0;

async fn levels(reader: &Reader, version: u32) {
    let ham = [("business.warehouse", "HAM")];
    let ship = [("business.warehouse", "HAM"), ("odoo.picking.step", "ship")];
    let eur = [("business.currency", "EUR")];
    let inv = [("odoo.journal", "INV")];
    let counts: &[Count<'_>] = &[
        ("odoo.sale.order.unconfirmed", &ham, 1.0),
        ("odoo.sale.order.draft", &ham, 2.0),
        ("odoo.sale.order.expired", &ham, 1.0),
        ("odoo.sale.order.to_invoice", &eur, 2.0),
        ("odoo.sale.order.to_invoice.amount", &eur, 300.0),
        ("odoo.stock.picking.delayed", &ship, 2.0),
        ("odoo.stock.picking.deadline_issue", &ship, 1.0),
        ("odoo.stock.picking.stalled", &ship, 1.0),
        ("odoo.stock.picking.batch.late", &[("odoo.picking.wave", "true")], 1.0),
        ("odoo.stock.picking.batch.pickings", &[("odoo.picking.wave", "true")], 3.0),
        ("odoo.stock.picking.batch.pickings_done", &[("odoo.picking.wave", "true")], 1.0),
        ("odoo.stock.quant.over_reserved", &[], 1.0),
        ("odoo.stock.quant.negative_reserved", &[], 1.0),
        ("odoo.stock.move.unvalued", &[], 1.0),
        ("odoo.account.move.draft", &inv, 3.0),
        ("odoo.account.move.draft_overdue", &inv, 2.0),
        ("odoo.account.move.draft_again", &inv, 1.0),
        ("odoo.account.move.auto_post_missed", &inv, 1.0),
        ("odoo.account.edi.document.pending", &[("integration.name", "ubl_21")], 2.0),
        ("odoo.account.edi.document.failed", &[("integration.name", "ubl_21")], 1.0),
        (
            "odoo.mail.notification.failed",
            &[("odoo.notification.type", "sms"), ("error.type", "sms_credit")],
            2.0,
        ),
        (
            "odoo.mail.notification.failed",
            &[("odoo.notification.type", "email"), ("error.type", "bounce")],
            1.0,
        ),
        ("odoo.purchase.order.unconfirmed", &[], 2.0),
        ("odoo.purchase.order.receipt_late", &[], 1.0),
        ("odoo.ir.logging.recent", &[("odoo.logger", "odoo.http"), ("odoo.log.level", "ERROR")], 2.0),
    ];
    for (name, attributes, expected) in counts {
        comes_to(reader, version, name, attributes, |level| (level - expected).abs() < 1e-9).await;
    }
    let of_cron = [("odoo.cron.name", "Invoices: send")];
    let since_17: &[Count<'_>] = &[("odoo.account.move.send_pending", &[], 1.0)];
    let since_18: &[Count<'_>] =
        &[("odoo.ir.cron.timeouts", &of_cron, 2.0), ("odoo.ir.cron.remaining", &of_cron, 40.0)];
    for (first, counts) in [(17, since_17), (18, since_18)] {
        for (name, attributes, expected) in counts {
            if version >= first {
                comes_to(reader, version, name, attributes, |level| (level - expected).abs() < 1e-9).await;
            } else {
                assert_eq!(reader.door.level(name, attributes), None, "{version} can't know {name}");
            }
        }
    }
    for (name, attributes, hours) in [
        ("odoo.sale.order.unconfirmed.age", &ham[..], 30.0),
        ("odoo.sale.order.to_invoice.age", &eur, 4.0),
        ("odoo.stock.picking.stalled.age", &ship, 3.0),
        ("odoo.account.move.draft.age", &inv, 50.0),
        ("odoo.purchase.order.unconfirmed.age", &[], 20.0),
        ("odoo.queue.job.running.age", &[("odoo.queue.channel", "root")], 5.0),
    ] {
        let is_so_old = |level: f64| (hours * HOUR..hours * HOUR + 120.0).contains(&level);
        comes_to(reader, version, name, attributes, is_so_old).await;
    }
}

async fn comes_to(
    reader: &Reader,
    version: u32,
    name: &str,
    attributes: &[(&str, &str)],
    is_right: impl Fn(f64) -> bool,
) {
    let level = || reader.door.level(name, attributes);
    let what = format!("{version}: {name} {attributes:?}; it is {:?}; {:?}", level(), reader.status());
    eventually(&what, async || level().filter(|level| is_right(*level))).await;
}

async fn masses(reader: &Reader, database: &str) {
    for (name, records, identity) in [
        ("odoo.purchase.order.line.created", "12", "purchase.order.line"),
        ("odoo.product.price.updated", "3", "product.price"),
        ("odoo.product.template.updated", "11", "product.template"),
    ] {
        let told = eventually(name, async || {
            let told = reader.door.events(name);
            (!told.is_empty()).then_some(told)
        })
        .await;
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        assert_eq!((told[0].get("odoo.records"), told[0].get("business.workload")), (records, "bulk"));
        let transition = name.rsplit('.').next().expect("a name has parts");
        let id = format!("{database}:{identity}:{database}:{transition}:");
        assert!(told[0].id().strip_prefix(&id).is_some_and(|start| start.len() == 16), "{}", told[0].id());
    }
}
