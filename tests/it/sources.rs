//! An Odoo read by the real binary, which is killed now and then: what the database says happened is what SQL shows, each
//! once.

mod harness;

use std::collections::BTreeSet;
use std::time::Duration;

use plimsoll_model::Clock;
use tokio_postgres::Client;

pub(crate) use self::harness::{Change, Odoo, Postgres, WallClock};
use crate::harness::{Plimsoll, Setup, eventually};

const WITHIN: Duration = Duration::from_secs(60);

fn setup(postgres: &Postgres, odoo: &Odoo) -> Setup {
    let source: toml::Value = toml::toml! {
        name = "odoo-main"
        host = "127.0.0.1"
        interval = "1s"
        gauges_interval = "10s"
    }
    .into();
    let mut source = source;
    let table = source.as_table_mut().expect("a table");
    table.insert("port".into(), i64::from(postgres.port).into());
    table.insert("database".into(), odoo.database.clone().into());
    Setup::default().set("sources.odoo", vec![source])
}

/// Confirms orders, several at a time, some in transactions that take a while; the truth in the end.
async fn confirm(odoo: &Odoo, client: &mut Client, orders: std::ops::Range<u32>) {
    for i in orders {
        let work = client.transaction().await.expect("begun");
        for n in 0..3 {
            let id = odoo.quote(&work, &format!("S{i}-{n}")).await;
            odoo.change(&work, Change { model: "sale.order", id, old: "draft", new: "sale" }).await;
            WallClock.sleep(Duration::from_millis(u64::from(i % 7) * 10)).await;
        }
        if i % 5 == 0 {
            work.rollback().await.expect("rolled back");
        } else {
            work.commit().await.expect("committed");
        }
    }
}

async fn truth(client: &Client) -> BTreeSet<i64> {
    let rows =
        client.query("SELECT id::int8 FROM sale_order WHERE state = 'sale'", &[]).await.expect("orders");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_an_odoo_are_rows_each_once_though_we_are_killed() {
    let postgres = Postgres::start().await;
    let odoo = Odoo::create(&postgres, 18).await;
    odoo.let_in_the_reader(&postgres);
    let mut plimsoll = Plimsoll::start_with(setup(&postgres, &odoo)).await;

    let (mut one, mut two) = (odoo.connect(&postgres).await, odoo.connect(&postgres).await);
    let first = odoo.clone();
    let beside = tokio::spawn(async move { confirm(&first, &mut one, 100..160).await });
    for round in 0..5 {
        confirm(&odoo, &mut two, round * 10..round * 10 + 10).await;
        plimsoll.kill();
        plimsoll.resume().await;
    }
    beside.await.expect("it worked");

    let truth = truth(&two).await;
    assert!(truth.len() > 200, "{}", truth.len());
    let confirmed =
        "FROM business_events WHERE event_name = 'odoo.sale.order.confirmed' AND service_name = 'odoo-main'";
    let shown = eventually("every order is a row", WITHIN, async || {
        let rows = plimsoll.sql(&format!("SELECT odoo_res_id AS id {confirmed}")).await;
        let ids: Vec<i64> = rows.iter().filter_map(|row| row["id"].as_i64()).collect();
        truth.iter().all(|id| ids.contains(id)).then_some(ids)
    })
    .await;
    assert_eq!(shown.len(), truth.len(), "each once");
    assert_eq!(shown.into_iter().collect::<BTreeSet<_>>(), truth, "and nothing that was rolled back");
    let rows = plimsoll
        .sql(&format!("SELECT DISTINCT company, warehouse, currency, outcome, odoo_db {confirmed}"))
        .await;
    let row = serde_json::json!({"company": "Nordwind GmbH", "warehouse": "HAM", "currency": "EUR", "outcome": "ok", "odoo_db": "o18"});
    assert_eq!(rows, [row]);
    eventually("backlogs are metrics", WITHIN, async || {
        let level = "SELECT value FROM metrics WHERE name = 'odoo.module.count' LIMIT 1";
        plimsoll.sql(level).await.pop().filter(|row| row["value"] == 1.0)
    })
    .await;
    plimsoll.stop().await;
}
