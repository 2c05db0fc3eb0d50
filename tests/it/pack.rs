//! The pack `odoo-distribution` on injected time: nothing on a healthy day, and on a bad one each of its alerts, in words that hold.

mod house;
mod pointed;
pub(crate) mod runbooks;
mod tests_of_rules;

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_rules::Pack;
use serde_json::{Value, json};

use house::House;

const MINUTE: Duration = Duration::from_secs(60);

/// Levels as they are on a good day.
fn healthy_levels() -> Vec<(&'static str, f64, Value)> {
    let rot = json!({"business.warehouse": "ROT"});
    let ship = json!({"business.warehouse": "ROT", "odoo.picking.step": "ship"});
    let database = json!({"postgresql.database.name": "o18"});
    let north = json!({"business.company": "North"});
    let orders_in = json!({"integration.name": "Retailer", "integration.direction": "in"});
    let replica = json!({"replication_client": "replica-1", "operation": "replay"});
    vec![
        ("odoo.stock.picking.waiting", 40.0, ship.clone()),
        ("odoo.stock.picking.stalled", 2.0, ship),
        ("odoo.stock.quant.negative", 3.0, rot),
        ("odoo.queue.job.age", 20.0, json!({"odoo.queue.channel": "root"})),
        (
            "odoo.queue.job.count",
            4.0,
            json!({"odoo.queue.channel": "root", "odoo.queue.job.state": "pending"}),
        ),
        ("odoo.queue.job.stuck", 0.0, json!({"odoo.queue.channel": "root"})),
        ("odoo.mail.mail.pending.age", 30.0, json!({})),
        (
            "odoo.mail.notification.failed",
            7.0,
            json!({"odoo.notification.type": "sms", "error.type": "sms_credit"}),
        ),
        ("odoo.stock.move.unvalued", 0.0, north.clone()),
        ("odoo.account.move.send_pending", 3.0, north.clone()),
        ("odoo.account.move.send_pending.age", 40_000.0, north),
        ("odoo.edi.exchange.record.pending", 2.0, orders_in.clone()),
        ("odoo.edi.exchange.record.age", 60.0, orders_in.clone()),
        ("odoo.edi.exchange.record.failed", 0.0, orders_in),
        ("postgresql.backends", 40.0, database.clone()),
        ("postgresql.connection.max", 100.0, json!({})),
        ("postgresql.blocked", 1.0, database.clone()),
        ("postgresql.blocked.age", 0.4, database),
        ("postgresql.transaction.age", 60.0, json!({"postgresql.state": "active"})),
        ("postgresql.wal.lag", 0.2, replica),
        ("redis.keys.evicted", 7.0, json!({})),
        ("traefik_tls_certs_not_after", 1_900_000_000.0, json!({"cn": "erp.example.com"})),
    ]
}

/// The same when everything is wrong.
fn sick_levels(minute: u32) -> Vec<(&'static str, f64, Value)> {
    let sick = |name: &str, usual: f64| match name {
        "odoo.stock.picking.stalled" => 30.0,
        "odoo.stock.picking.waiting" => 40.0 + 20.0 * f64::from(minute),
        "odoo.stock.quant.negative" => 25.0,
        "odoo.queue.job.age" => 2_400.0,
        "odoo.queue.job.stuck" => 2.0,
        "odoo.mail.mail.pending.age" => 5_400.0,
        "odoo.mail.notification.failed" => 60.0,
        "odoo.stock.move.unvalued" => 9.0,
        "odoo.account.move.send_pending.age" => 172_800.0,
        "odoo.edi.exchange.record.pending" => 12.0,
        "odoo.edi.exchange.record.age" => 3_600.0,
        "odoo.edi.exchange.record.failed" => 4.0,
        "postgresql.backends" => 95.0,
        "postgresql.blocked" => 9.0,
        "postgresql.blocked.age" => 75.0,
        "postgresql.transaction.age" => 9_000.0,
        "postgresql.wal.lag" => 600.0,
        "redis.keys.evicted" => 100.0 + f64::from(minute),
        "traefik_tls_certs_not_after" => 1_795_500_000.0,
        _ => usual,
    };
    healthy_levels().into_iter().map(|(name, usual, by)| (name, sick(name, usual), by)).collect()
}

/// What happens in one minute of a good day: each kind of work, done well.
async fn work(house: &mut House, took: f64, outcome: &str) {
    let order = json!({"business.warehouse": "ROT", "business.company": "North", "business.amount": 600.0, "business.currency": "EUR",
                       "business.duration": took, "business.outcome": outcome, "business.workload": "interactive"});
    let due = json!({"business.due": "2026-11-24T18:00:00Z", "odoo.picking.step": "ship"});
    for name in [
        "odoo.sale.order.confirmed",
        "odoo.stock.move.done",
        "odoo.account.move.posted",
        "integration.call.done",
    ] {
        for _ in 0..4 {
            house.event(name, &order).await;
        }
    }
    house.event("odoo.stock.picking.done", &merged(&order, &due)).await;
    let nightly = json!({"odoo.cron.name": "Nightly", "business.outcome": "ok"});
    house.event("odoo.ir.cron.started", &nightly).await;
    house.event("odoo.ir.cron.done", &nightly).await;
    house.request("/web/dataset/call_kw/sale.order/web_read", took).await;
}

fn merged(left: &Value, right: &Value) -> Value {
    let mut merged = left.as_object().expect("an object").clone();
    merged.extend(right.as_object().expect("an object").clone());
    merged.into()
}

/// One of each thing that goes wrong by itself.
async fn faults(house: &mut House) {
    let failed =
        json!({"business.outcome": "failed", "business.warehouse": "ROT", "business.company": "North"});
    let with = |more: Value| merged(&failed, &more);
    let due = house.ago(5);
    for order in 0..12 {
        let step = json!({"odoo.picking.step": "ship", "business.due": due, "odoo.res_id": order, "business.process_id": "S00017"});
        house.event("odoo.stock.picking.missed", &with(step)).await;
        house
            .event("odoo.worker.killed", &json!({"odoo.worker.type": "http", "odoo.worker.reason": "time"}))
            .await;
        let draft = json!({"business.due": due, "business.amount": 100.0, "business.currency": "EUR"});
        house.event("odoo.account.move.missed", &with(draft)).await;
    }
    let gap = json!({"odoo.journal": "INV", "odoo.sequence.prefix": "INV/2026/", "odoo.sequence.first_missing": 18,
                     "odoo.sequence.last_missing": 19});
    house.event("odoo.account.journal.gap_found", &with(gap)).await;
    for _ in 0..3 {
        let import = json!({"odoo.import.model": "sale.order", "error.type": "serialization"});
        house.event("odoo.base.import.done", &with(import)).await;
    }
    house
        .event("odoo.ir.cron.missed", &with(json!({"odoo.cron.name": "Fetch mail", "business.due": due})))
        .await;
    house.event("odoo.ir.cron.deactivated", &with(json!({"odoo.cron.name": "Sync"}))).await;
    house.event("odoo.ir.cron.started", &json!({"odoo.cron.name": "Reorder"})).await;
    house.event("backup.taken", &with(json!({"backup.target": "o18", "error.type": "timeout"}))).await;
    for _ in 0..120 {
        house
            .event("odoo.worker.ended", &json!({"odoo.worker.type": "http", "odoo.worker.reason": "memory"}))
            .await;
    }
    let change = |id: &str, kind: &str, summary: &str| json!({"change.id": id, "change.kind": kind, "change.entity": "odoo", "change.author": "ci", "change.summary": summary});
    house.event("change.recorded", &change("freeze", "freeze", "peak season")).await;
    house.pass(MINUTE).await;
    house.event("change.recorded", &change("d-1", "deployment", "hot fix")).await;
}

async fn a_late_order_behind_a_lock(house: &mut House) {
    let trace = house.trace();
    let order = json!({"business.warehouse": "ROT", "business.amount": 600.0, "business.currency": "EUR", "business.duration": 9.0,
                       "business.outcome": "ok", "business.process_id": trace});
    house.traced_event("odoo.sale.order.confirmed", &order, &trace).await;
    let wait = json!({"postgresql.lock.wait_ms": 8_000.0, "postgresql.blocking.pid": 4321, "postgresql.pid": 99,
                      "postgresql.blocking.application_name": "odoo-report", "postgresql.wait_event_type": "Lock",
                      "postgresql.blocking.query.summary": "UPDATE stock_quant", "db.namespace": "o18"});
    house.traced_event("db.server.query_sample", &wait, &trace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_day_wakes_nobody_and_every_view_answers() {
    let mut house = House::open().await;
    for (view, answer) in house.views().await {
        assert_eq!(answer, json!([]), "{view} of an empty house");
    }
    for _ in 0..20 {
        work(&mut house, 0.2, "ok").await;
        house.levels(&healthy_levels()).await;
        house.pass(MINUTE).await;
    }
    assert_eq!(house.firing().await, BTreeMap::new());

    let views: BTreeMap<_, _> = house.views().await.into_iter().collect();
    assert_eq!(views["slow_where"][0]["verdict"], "as usual", "{views:#?}");
    let rot = &views["backing_up"][0];
    assert_eq!((&rot["warehouse"], &rot["backing_up"]), (&json!("ROT"), &json!(false)), "{rot}");
    assert_eq!(views["imports_delayed"][0]["delayed"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_bad_day_each_alert_says_what_broke() {
    let mut house = House::open().await;
    for _ in 0..8 {
        work(&mut house, 0.2, "ok").await;
        house.levels(&healthy_levels()).await;
        house.pass(MINUTE).await;
    }
    faults(&mut house).await;
    let mut seen = BTreeMap::new();
    for minute in 0..34 {
        work(&mut house, 20.0, "failed").await;
        a_late_order_behind_a_lock(&mut house).await;
        house.levels(&sick_levels(minute)).await;
        house.heartbeat_failed("nightly-backup", "no space left").await;
        house.pass(MINUTE).await;
        seen.extend(house.firing().await);
    }

    let says = [
        ("OrdersLateOnLocks", "orders of warehouse ROT posted late"),
        ("SequenceGap", "journal INV of North: INV/2026/ 18 to 19"),
        ("DraftsPastDue", "12 invoices of North are drafts past their date, 1200 EUR"),
        ("MovesUnvalued", "9 stock moves of North"),
        ("InvoicesNotSent", "3 invoices of North were to be sent and were not, the oldest for 2d"),
        ("ImportsStopped", "Imports from Retailer have stopped: 12 messages wait, the oldest for 1h"),
        ("ImportFailed", "3 imports of sale.order failed"),
        ("ShippingBehind", "12 deliveries of warehouse ROT missed their cut-off"),
        ("PickPackShipStalled", "30 transfers of warehouse ROT wait at step ship"),
        ("NegativeStockGrows", "25 places of warehouse ROT, 3 a day ago"),
        ("QueueBacklog", "channel root wait for 40m"),
        ("QueueJobsStuck", "2 jobs in channel root"),
        ("NotificationsFail", "53 more messages by sms reached nobody within a day (sms_credit)"),
        ("CronMissed", "scheduled action Fetch mail was due"),
        ("CronKilled", "Reorder began at"),
        ("CronDeactivated", "given up the scheduled action Sync"),
        ("MailBacklog", "have waited for 1h 30m"),
        ("ConnectionsNearMaximum", "95% of the connections"),
        ("DatabaseBlocked", "9 connections of"),
        ("TransactionTooOld", "open for 2h 30m"),
        ("ReplicaBehind", "replica-1 is 10m"),
        ("SessionsEvicted", "within ten minutes"),
        ("CertificateExpires", "erp.example.com expires in"),
        ("WorkersKilled", "12 http workers"),
        ("WorkersRecycledInALoop", "replaced 120 workers"),
        ("HeartbeatMissed", "nightly-backup is failing since"),
        ("BackupFailed", "backup.taken failed for o18 (timeout)"),
        ("ChangeDuringFreeze", "deployment of odoo during a change freeze, by ci"),
    ];
    for (alert, words) in says {
        let summary = seen.get(alert).map(String::as_str).unwrap_or_default();
        assert!(summary.contains(words), "{alert}: {summary:?}\n{seen:#?}");
    }
    let slos = house.ask("SELECT DISTINCT slo FROM slos WHERE state = 'firing' ORDER BY slo").await;
    let burning: Vec<&str> = slos.iter().filter_map(|row| row["slo"].as_str()).collect();
    for slo in ["integrations", "invoice-posting", "order-posting", "stock-updates"] {
        assert!(burning.contains(&slo), "{slo} burns: {burning:?}");
    }

    let views: BTreeMap<_, _> = house.views().await.into_iter().collect();
    let change =
        views["changes_and_latency"].as_array().expect("rows").iter().find(|row| row["kind"] == "deployment");
    assert_eq!(change.map(|row| &row["author"]), Some(&json!("ci")));
    let worst =
        views["slow_where"].as_array().expect("rows").iter().filter(|row| row["verdict"] == "locks").count();
    assert!(worst > 0, "{:#?}", views["slow_where"]);
    assert_eq!(views["backing_up"][0]["backing_up"], true, "{:#?}", views["backing_up"]);
    assert_eq!(views["database_load_by_application"][0]["waiting_for_locks"], 34);
}

/// An own file takes the place of what the pack calls the same, and what is skipped is not there.
#[tokio::test(flavor = "multi_thread")]
async fn ones_own_words_come_before_the_packs() {
    let own = "slo: order-posting\nservice: sales\nobjective: 90\nwindow: 7d\nevents: |\n  SELECT time, outcome = 'ok' AS good \
               FROM business_events WHERE event_name = 'odoo.sale.order.confirmed'\n";
    let mut house = House::open_with(&[("slos/own.yaml", own)], &["invoice-posting", "CronMissed"]).await;
    house.event("odoo.sale.order.confirmed", &json!({"business.outcome": "ok"})).await;
    house.event("odoo.account.move.posted", &json!({"business.outcome": "ok"})).await;
    house.event("odoo.ir.cron.missed", &json!({"odoo.cron.name": "Fetch mail"})).await;
    house.pass(2 * MINUTE).await;
    let slos = house
        .ask("SELECT DISTINCT slo, objective FROM slos WHERE slo IN ('order-posting', 'invoice-posting')")
        .await;
    assert_eq!(slos, [json!({"slo": "order-posting", "objective": 90.0})]);
    assert_eq!(house.firing().await, BTreeMap::new());
}

#[test]
fn a_pack_has_a_view_for_each_question_of_the_operators() {
    let pack = Pack::named("odoo-distribution").expect("it is embedded");
    assert_eq!(pack.views().count(), 6);
}
