//! PostgreSQL as a platform: somebody who waits, whom he waits for, what costs the most, and what a role without rights
//! can't see.

use std::time::Duration;

use plimsoll_model::{SourceState, TenantName};
use plimsoll_sources::{KindSettings, PostgresConfig, Settings};

use crate::harness::{Postgres, Reader, eventually, server};

fn settings(postgres: &Postgres, user: &str) -> Settings {
    let config = PostgresConfig {
        server: server(postgres, "postgres", user),
        interval: Duration::from_millis(100),
        levels_interval: Duration::from_millis(300),
        queries_interval: Duration::from_millis(500),
    };
    Settings {
        name: "postgres-main".into(),
        tenant: TenantName::default(),
        kind: KindSettings::Postgres(Box::new(config)),
    }
}

#[expect(clippy::too_many_lines, reason = "one story, in the order in which it happens")]
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_waits_is_sampled_with_whom_it_waits_for_and_without_values() {
    let postgres = Postgres::start().await;
    let admin = postgres.connect("postgres").await;
    admin
        .batch_execute("CREATE TABLE stock_quant (id int PRIMARY KEY, note text); INSERT INTO stock_quant VALUES (1), (2); \
             CREATE EXTENSION pg_stat_statements; CREATE ROLE plimsoll LOGIN; GRANT pg_monitor TO plimsoll")
        .await
        .expect("made");
    let reader = Reader::start(settings(&postgres, "plimsoll"));
    eventually("the reader is well", async || reader.status().last_success).await;
    assert_eq!(
        reader.door.level("postgresql.blocked", &[("postgresql.database.name", "postgres")]),
        Some(0.0)
    );

    let (mut first, second, third) = (
        postgres.connect("postgres").await,
        postgres.connect("postgres").await,
        postgres.connect("postgres").await,
    );
    first.batch_execute("SET application_name = 'odoo-1'").await.expect("named");
    let pid: i32 = first.query_one("SELECT pg_backend_pid()", &[]).await.expect("a pid").get(0);
    let holding = first.transaction().await.expect("begun");
    holding
        .batch_execute("UPDATE stock_quant SET note = 'Mr. Smith''s secret' WHERE id = 1")
        .await
        .expect("held");
    let waiting = tokio::spawn(async move {
        second.batch_execute("UPDATE stock_quant SET note = 'another secret' WHERE id = 1").await
    });
    let queued = tokio::spawn(async move {
        third.batch_execute("UPDATE stock_quant SET note = 'a third secret' WHERE id IN (1, 2)").await
    });
    let sample = eventually("two are sampled waiting", async || {
        let mut samples = reader.door.records();
        samples.retain(|record| {
            record.name == "db.server.query_sample" && record.get("postgresql.wait_event_type") == "Lock"
        });
        let pids: std::collections::BTreeSet<_> =
            samples.iter().map(|sample| sample.get("postgresql.pid").to_owned()).collect();
        (pids.len() == 2).then(|| samples.pop())?
    })
    .await;
    assert_eq!(
        sample.get("postgresql.blocking.pid"),
        pid.to_string(),
        "whoever stands at the head of the queue: {sample:?}"
    );
    assert_eq!(sample.get("postgresql.blocking.application_name"), "odoo-1");
    assert_eq!(sample.get("postgresql.blocking.state"), "idle in transaction");
    assert_eq!(sample.get("postgresql.blocking.query.summary"), "UPDATE stock_quant");
    assert_eq!(sample.get("db.query.summary"), "UPDATE stock_quant");
    assert!(
        sample.get("db.query.text").starts_with("UPDATE stock_quant SET note = ? WHERE id"),
        "{sample:?}"
    );
    assert!(sample.get("postgresql.lock.wait_ms").parse::<f64>().is_ok_and(|waited| waited >= 0.0));
    eventually("two are blocked", async || {
        (reader.door.level("postgresql.blocked", &[("postgresql.database.name", "postgres")]) == Some(2.0))
            .then_some(())
    })
    .await;
    assert!(
        reader
            .door
            .level("postgresql.transaction.age", &[("postgresql.state", "idle in transaction")])
            .is_some()
    );
    holding.commit().await.expect("let go");
    waiting.await.expect("ran").expect("updated");
    queued.await.expect("ran").expect("updated");

    admin.batch_execute("SELECT count(*) FROM generate_series(1, 300000) AS busy").await.expect("busy");
    let top = eventually("the costliest statement is told", async || {
        reader.door.records().into_iter().find(|record| {
            record.name == "db.server.top_query" && record.get("db.query.text").contains("generate_series")
        })
    })
    .await;
    assert_eq!((top.get("postgresql.calls"), top.get("db.namespace")), ("1", "postgres"), "{top:?}");
    for name in [
        "postgresql.backends",
        "postgresql.connection.max",
        "postgresql.commits",
        "postgresql.blks_hit",
        "postgresql.db_size",
        "postgresql.connections",
        "postgresql.table.dead_rows",
        "postgresql.table.size",
        "postgresql.bgwriter.checkpoint.count",
        "postgresql.query.calls",
        "postgresql.query.execution.time",
        "postgresql.wal.age",
    ] {
        eventually(name, async || reader.door.points(name).pop()).await;
    }
    let secret = reader.door.records().into_iter().find(|record| format!("{record:?}").contains("secret"));
    assert_eq!(secret, None);
    let status = reader.status();
    assert_eq!((status.state, status.lacks), (SourceState::Ok, Vec::<String>::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_is_told_what_to_grant() {
    let postgres = Postgres::start().await;
    let admin = postgres.connect("postgres").await;
    admin.batch_execute("CREATE ROLE nobody_much LOGIN").await.expect("a role");
    let reader = Reader::start(settings(&postgres, "nobody_much"));
    let told = |what: &str| reader.status().lacks.iter().any(|lack| lack.contains(what));
    eventually("pg_monitor is asked for", async || told("GRANT pg_monitor TO nobody_much").then_some(()))
        .await;
    eventually("so is pg_stat_statements", async || {
        told("CREATE EXTENSION pg_stat_statements").then_some(())
    })
    .await;
    assert_eq!(reader.status().state, SourceState::Ok, "what can be seen is told");
    assert!(!reader.door.points("postgresql.backends").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_each_second_costs_a_server_little() {
    let postgres = Postgres::start().await;
    let admin = postgres.connect("postgres").await;
    admin.batch_execute("CREATE EXTENSION pg_stat_statements").await.expect("made");
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(postgres.connect("postgres").await);
    }
    let reader = Reader::start(settings(&postgres, "postgres"));
    eventually("it looked a while", async || (reader.looks() > 50).then_some(())).await;
    let asked = "SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 80), calls, total_exec_time FROM pg_stat_statements ORDER BY 3 DESC";
    let (mut total, mut activity) = (0.0, 0.0);
    println!("PostgreSQL with 40 connections, by its own books:");
    for row in admin.query(asked, &[]).await.expect("statistics") {
        let (query, calls, ms): (String, i64, f64) = (row.get(0), row.get(1), row.get(2));
        total += ms;
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let mean = ms / calls as f64;
        if query.contains("SELECT a.pid") {
            activity = mean;
        }
        println!("{mean:8.3} ms {calls:5} x  {query}");
    }
    println!("{total:.0} ms in {} looks", reader.looks());
    assert!(activity > 0.0 && activity < 50.0, "a sample takes {activity} ms");
}
