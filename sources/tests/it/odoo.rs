//! An Odoo at work while it is read: transactions of every length, rollbacks, idle sessions, a server that goes away, and
//! a reader that is killed. What the database says in the end is what the door has, each once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use plimsoll_model::{Clock, SourceState};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::harness::{Change, Odoo, Postgres, Reader, WallClock, eventually, odoo_settings};

/// What happened according to the database itself: every state change that was committed.
const TRUTH: &str = "SELECT format('%s:%s:%s:%s:%s', current_database(), m.model, m.res_id, \
     CASE s.value WHEN 'sale' THEN 'confirmed' WHEN 'cancel' THEN 'cancelled' ELSE s.value END, \
     (extract(epoch FROM m.create_date) * 1000000)::int8) \
     FROM mail_tracking_value v JOIN mail_message m ON m.id = v.mail_message_id \
     JOIN ir_model_fields_selection s ON s.field_id = v.field_id AND s.name->>'de_DE' = v.new_value_char";

async fn truth(client: &Client) -> BTreeSet<String> {
    let rows = client.query(TRUTH, &[]).await.expect("the truth");
    rows.iter().map(|row| row.get(0)).collect()
}

fn told(reader: &Reader) -> BTreeSet<String> {
    let names = ["odoo.sale.order.confirmed", "odoo.sale.order.cancelled"];
    names.iter().flat_map(|name| reader.door.events(name)).map(|event| event.id().to_owned()).collect()
}

/// Orders, one after the other: some take long, some are rolled back, some confirm many at once.
async fn work(odoo: Odoo, mut client: Client, worker: u64, orders: u64) {
    let mut chance = worker.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = |of: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (chance >> 33) % of
    };
    for i in 0..orders {
        let transaction = client.transaction().await.expect("begun");
        for n in 0..=draw(4) {
            let id = odoo.quote(&transaction, &format!("S{worker}-{i}-{n}")).await;
            WallClock.sleep(Duration::from_millis(draw(30))).await;
            let new = if draw(5) == 0 { "cancel" } else { "sale" };
            odoo.change(&transaction, Change { model: "sale.order", id, old: "draft", new }).await;
        }
        if draw(10) == 0 {
            WallClock.sleep(Duration::from_millis(draw(900))).await;
        }
        if draw(6) == 0 {
            transaction.rollback().await.expect("rolled back");
        } else {
            transaction.commit().await.expect("committed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_whatever_the_order_of_commits_and_however_the_reader_ends() {
    let postgres = Postgres::start().await;
    let odoo = Odoo::create(&postgres, 18).await;
    odoo.let_in_the_reader(&postgres);
    let mut reader = Reader::start(odoo_settings(&postgres, &odoo.database, "plimsoll"));
    let is_well = async || (reader.status().state == SourceState::Ok).then_some(());
    eventually("the reader is well", is_well).await;

    // One that inserts first and commits last.
    let mut idle = odoo.connect(&postgres).await;
    let held = idle.transaction().await.expect("begun");
    let id = odoo.quote(&held, "S-held").await;
    odoo.change(&held, Change { model: "sale.order", id, old: "draft", new: "sale" }).await;

    let mut workers = JoinSet::new();
    for worker in 0..8 {
        workers.spawn(work(odoo.clone(), odoo.connect(&postgres).await, worker, 25));
    }
    for round in 0..12 {
        WallClock.sleep(Duration::from_millis(150 + round * 23)).await;
        reader.door.is_closed.store(round % 4 == 3, Relaxed);
        if round % 2 == 0 {
            reader.kill().await;
        } else {
            reader.stop().await;
        }
        reader.door.is_closed.store(false, Relaxed);
        reader.resume();
    }
    while let Some(worker) = workers.join_next().await {
        worker.expect("it worked");
    }
    held.commit().await.expect("committed at last");

    let client = odoo.connect(&postgres).await;
    let truth = truth(&client).await;
    assert!(truth.len() > 300, "{}", truth.len());
    let missing = || truth.difference(&told(&reader)).cloned().collect::<Vec<_>>();
    eventually("everything is told", async || missing().is_empty().then_some(())).await;
    assert_eq!(told(&reader), truth, "and nothing that was rolled back");
    let quoted: i64 = client.query_one("SELECT count(*) FROM sale_order", &[]).await.expect("a count").get(0);
    eventually("every quotation is told", async || {
        (reader.door.events("odoo.sale.order.quoted").len() as i64 == quoted).then_some(())
    })
    .await;

    // With nothing left running, the cursor comes to the end, and a new start has nothing to say.
    let before = reader.door.records().len();
    reader.stop().await;
    reader.resume();
    eventually("it looked again", async || reader.status().last_success).await;
    let again = reader.door.records().len() - before;
    assert!(again < 200, "{again} records were read again after an orderly stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_transaction_holds_up_nobody_and_its_own_rows_come_when_it_ends() {
    let postgres = Postgres::start().await;
    let odoo = Odoo::create(&postgres, 17).await;
    odoo.let_in_the_reader(&postgres);
    let mut settings = odoo_settings(&postgres, &odoo.database, "plimsoll");
    if let plimsoll_sources::KindSettings::Odoo(config) = &mut settings.kind {
        config.longest_transaction = Duration::from_secs(1);
    }
    let reader = Reader::start(settings);
    eventually("the reader is well", async || reader.status().last_success).await;
    let (mut idle, mut busy) = (odoo.connect(&postgres).await, odoo.connect(&postgres).await);
    let held = idle.transaction().await.expect("begun");
    let first = odoo.quote(&held, "S-held").await;
    odoo.change(&held, Change { model: "sale.order", id: first, old: "draft", new: "sale" }).await;
    let work = busy.transaction().await.expect("begun");
    let second = odoo.quote(&work, "S-quick").await;
    odoo.change(&work, Change { model: "sale.order", id: second, old: "draft", new: "sale" }).await;
    work.commit().await.expect("committed");

    eventually("the other order is told", async || (told(&reader).len() == 1).then_some(())).await;
    eventually("and the status says who holds it up", async || {
        reader.status().lacks.iter().any(|lack| lack.contains("pg_stat_activity")).then_some(())
    })
    .await;
    let status = reader.status();
    assert_eq!(status.state, SourceState::Ok, "{status:?}");
    let behind = WallClock.now().since(status.watermark.expect("a watermark"));
    assert!(behind < Duration::from_secs(5), "{behind:?}");
    held.commit().await.expect("committed");
    eventually("its own rows come too", async || (told(&reader).len() == 2).then_some(())).await;
    eventually("and the complaint goes", async || {
        reader.status().lacks.iter().all(|lack| !lack.contains("pg_stat_activity")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_is_failing_until_it_is_back() {
    let mut postgres = Postgres::start().await;
    let odoo = Odoo::create(&postgres, 19).await;
    odoo.let_in_the_reader(&postgres);
    let reader = Reader::start(odoo_settings(&postgres, &odoo.database, "plimsoll"));
    eventually("the reader is well", async || reader.status().last_success).await;
    postgres.stop();
    eventually("it is failing", async || (reader.status().state == SourceState::Failing).then_some(())).await;
    let status = reader.status();
    assert!(status.last_error.expect("a reason").contains("onnect"), "{:?}", reader.status().last_error);
    postgres.resume().await;
    let mut client = odoo.connect(&postgres).await;
    let work = client.transaction().await.expect("begun");
    let id = odoo.quote(&work, "S1").await;
    odoo.change(&work, Change { model: "sale.order", id, old: "draft", new: "sale" }).await;
    work.commit().await.expect("committed");
    eventually("it is well again", async || (reader.status().state == SourceState::Ok).then_some(())).await;
    eventually("and tells", async || (told(&reader).len() == 1).then_some(())).await;
}

/// What we cost the server, by its own books.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_look_costs_is_known() {
    let postgres = Postgres::start().await;
    let odoo = Odoo::create(&postgres, 18).await;
    odoo.let_in_the_reader(&postgres);
    let client = Arc::new(odoo.connect(&postgres).await);
    client.batch_execute(include_str!("harness/bulk.sql")).await.expect("rows in their hundred thousands");
    let reader = Reader::start(odoo_settings(&postgres, &odoo.database, "plimsoll"));
    eventually("the reader is well", async || reader.status().last_success).await;
    client
        .batch_execute("CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()")
        .await
        .expect("counted");
    let looks = reader.looks();
    eventually("it looked thirty times", async || (reader.looks() >= looks + 30).then_some(())).await;
    let asked = "SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 90), calls, total_exec_time / calls AS mean_ms, \
         (shared_blks_hit + shared_blks_read) / calls FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid \
         WHERE r.rolname = 'plimsoll' ORDER BY total_exec_time DESC";
    let rows = client.query(asked, &[]).await.expect("statistics");
    let looked = reader.looks() - looks;
    let mut total = 0.0;
    println!("of {looked} looks, 60,000 orders, 100,000 tracked changes, 200,000 jobs:");
    for row in &rows {
        let (query, calls, mean, blocks): (String, i64, f64, i64) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let calls_f = calls as f64;
        total += mean * calls_f;
        if mean > 0.01 {
            println!("{mean:8.2} ms {blocks:7} blocks {calls:5} x  {query}");
        }
        assert!(mean < 5_000.0, "{query}: {mean} ms");
    }
    println!("{total:.0} ms in all");
    assert!(rows.len() > 20, "the role's statements are counted: {}", rows.len());
}
