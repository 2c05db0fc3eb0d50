//! A reader without rights, without tables, behind a lock, before a strange database: the status says what to do about it.

use std::sync::atomic::Ordering::Relaxed;

use plimsoll_model::SourceState;

use crate::harness::{Change, Odoo, Postgres, Reader, eventually, odoo_settings};

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_told_as_the_grants_that_cure_them() {
    let postgres = Postgres::start().await;
    let odoo = Odoo::create(&postgres, 18).await;
    let client = odoo.connect(&postgres).await;
    client
        .batch_execute("CREATE ROLE reader LOGIN; GRANT SELECT ON ir_module_module TO reader")
        .await
        .expect("a role");
    let mut reader = Reader::start(odoo_settings(&postgres, &odoo.database, "reader"));
    eventually("the status names the rights", async || {
        (reader.status().lacks.len() > 10 && reader.status().state == SourceState::Ok).then_some(())
    })
    .await;
    let lacks = reader.status().lacks;
    let cures: Vec<&str> =
        lacks.iter().filter_map(|lack| lack.split_once("GRANT ")).map(|(_, cure)| cure).collect();
    assert!(cures.iter().any(|cure| cure.contains("ON mail_tracking_value TO reader")), "{lacks:?}");
    eventually("what can be read is read", async || reader.door.level("odoo.module.count", &[])).await;

    // Who does what the status says is rid of it, in a few rounds: a cure may show what else is missing.
    for _ in 0..4 {
        let lacks = reader.status().lacks;
        for cure in lacks.iter().filter_map(|lack| lack.split_once("GRANT ")).map(|(_, cure)| cure) {
            client.batch_execute(&format!("GRANT {cure}")).await.expect("the cure is a statement");
        }
        reader.stop().await;
        reader.resume();
        eventually("it looked", async || reader.status().last_success).await;
    }
    assert!(reader.status().lacks.iter().all(|lack| !lack.contains("GRANT")), "{:?}", reader.status().lacks);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_locked_delays_its_own_feed_and_no_other() {
    let postgres = Postgres::start().await;
    let odoo = Odoo::create(&postgres, 16).await;
    odoo.let_in_the_reader(&postgres);
    let reader = Reader::start(odoo_settings(&postgres, &odoo.database, "plimsoll"));
    eventually("the reader is well", async || reader.status().last_success).await;
    let (mut migration, mut work) = (odoo.connect(&postgres).await, odoo.connect(&postgres).await);
    let migrating = migration.transaction().await.expect("begun");
    migrating.batch_execute("LOCK TABLE queue_job IN ACCESS EXCLUSIVE MODE").await.expect("locked");
    eventually("the status says so", async || {
        let status = reader.status();
        (status.state == SourceState::Late && status.last_error.is_some_and(|error| error.contains("55P03")))
            .then_some(())
    })
    .await;
    let order = work.transaction().await.expect("begun");
    let id = odoo.quote(&order, "S1").await;
    odoo.change(&order, Change { model: "sale.order", id, old: "draft", new: "sale" }).await;
    order.commit().await.expect("committed");
    eventually("orders are told meanwhile", async || reader.door.events("odoo.sale.order.confirmed").pop())
        .await;
    migrating.rollback().await.expect("unlocked");
    eventually("it is well again", async || (reader.status().state == SourceState::Ok).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_no_odoo_and_a_role_that_is_nobody_are_told() {
    let postgres = Postgres::start().await;
    for (database, user, told) in [
        ("postgres", "postgres", "no Odoo's"),
        ("postgres", "nobody", "\"nobody\" does not exist"),
        ("absent", "postgres", "check the name of the database"),
    ] {
        let reader = Reader::start(odoo_settings(&postgres, database, user));
        eventually("it is failing", async || (reader.status().state == SourceState::Failing).then_some(()))
            .await;
        let error = reader.status().last_error.expect("a reason");
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_is_installed_or_removed_is_noticed() {
    let postgres = Postgres::start().await;
    let odoo = Odoo::create(&postgres, 19).await;
    let client = odoo.connect(&postgres).await;
    client
        .batch_execute(
            "ALTER TABLE queue_job RENAME TO queue_job_kept; ALTER TABLE stock_picking RENAME TO kept",
        )
        .await
        .expect("gone");
    odoo.let_in_the_reader(&postgres);
    let mut reader = Reader::start(odoo_settings(&postgres, &odoo.database, "plimsoll"));
    eventually("what the system lacks is told", async || {
        reader
            .status()
            .lacks
            .iter()
            .any(|lack| lack.contains("there is no table stock_picking"))
            .then_some(())
    })
    .await;
    eventually("and nothing fails for it", async || (reader.status().state == SourceState::Ok).then_some(()))
        .await;
    client
        .batch_execute(
            "ALTER TABLE queue_job_kept RENAME TO queue_job; ALTER TABLE kept RENAME TO stock_picking",
        )
        .await
        .expect("back");
    odoo.let_in_the_reader(&postgres);
    reader.stop().await;
    reader.resume();
    eventually("and no more", async || {
        (reader.status().state == SourceState::Ok && reader.status().lacks.is_empty()).then_some(())
    })
    .await;
    client.batch_execute("INSERT INTO queue_job (uuid, state, channel, date_created) VALUES ('u', 'done', 'root', now() AT TIME ZONE 'UTC')").await.expect("a job");
    eventually("jobs are told", async || reader.door.events("odoo.queue.job.done").pop()).await;
    assert!(!reader.door.is_closed.load(Relaxed));
}
