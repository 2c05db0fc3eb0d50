//! The lake is open: another engine reads the same numbers from the same files, with nothing of ours in between.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Event, Plimsoll, Sender, Setup, finish, python};

const EVENTS: usize = 500;

/// Rows by DuckDB, from the files that the Delta log names; the table is `t`.
async fn duckdb(table: &Path, statement: &str) -> Vec<Value> {
    let mut read = python("delta_read.py");
    read.arg(table).arg(statement);
    serde_json::from_str(&finish(read).await).expect("the reader prints JSON")
}

/// The folder under `data` that holds this table's Delta log.
fn table(plimsoll: &Plimsoll, name: &str) -> PathBuf {
    let mut folders = vec![plimsoll.path("data")];
    while let Some(folder) = folders.pop() {
        if folder.ends_with(name) && folder.join("_delta_log").is_dir() {
            return folder;
        }
        let entries = std::fs::read_dir(&folder).expect("our own data folder is readable");
        let paths = entries.map(|entry| entry.expect("readable").path());
        folders.extend(paths.filter(|path| path.is_dir()));
    }
    panic!("there is no Delta table {name} under {}", plimsoll.path("data").display());
}

async fn send_events(plimsoll: &Plimsoll) {
    let mut sender = Sender::to(&plimsoll.grpc());
    let event = |index: usize| {
        let amount = f64::from(u32::try_from(index).expect("few")) * 1.25;
        Event::new("odoo.account.move.posted", &format!("move/{index}"))
            .text("business.warehouse", ["HAM", "MUC", "LEJ"][index % 3])
            .number("business.amount", amount)
    };
    for start in (0..EVENTS).step_by(50) {
        sender.send((start..start + 50).map(event).collect()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_counts_and_sums_what_sql_counts_and_sums() {
    // Several commits, so that the reader has a log to follow; the rest is flushed by the stop.
    let mut plimsoll = Plimsoll::start_with(Setup::default().set("lake.flush_rows", 150)).await;
    send_events(&plimsoll).await;
    let totals = "SELECT warehouse, count(*) AS n, count(DISTINCT event_id) AS ids, sum(amount) AS amount \
                  FROM business_events GROUP BY warehouse ORDER BY warehouse";
    let ours = plimsoll.sql(totals).await;
    let first =
        "SELECT event_id, CAST(time AS BIGINT) AS n FROM business_events ORDER BY time, event_id LIMIT 1";
    let first_ours = plimsoll.sql(first).await;
    assert_eq!(ours.iter().filter_map(|row| row["n"].as_u64()).sum::<u64>(), EVENTS as u64);

    plimsoll.stop().await;
    let events = table(&plimsoll, "business_events");
    assert_eq!(duckdb(&events, &totals.replace("business_events", "t")).await, ours);
    let first =
        "SELECT event_id, epoch_us(time) * 1000 + time_nanos AS n FROM t ORDER BY n, event_id LIMIT 1";
    assert_eq!(duckdb(&events, first).await, first_ours, "nanoseconds survive Delta's microseconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_reads_the_log_records_that_carried_the_events() {
    let mut plimsoll = Plimsoll::start().await;
    send_events(&plimsoll).await;
    plimsoll.stop().await;
    let counted =
        duckdb(&table(&plimsoll, "logs"), "SELECT count(*) AS n FROM t WHERE event_name IS NOT NULL").await;
    assert_eq!(counted, [json!({"n": EVENTS})]);

    plimsoll.resume().await;
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM logs").await, i64::try_from(EVENTS).expect("few"));
}
