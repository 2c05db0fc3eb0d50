//! A lake that looks after itself while it serves, and the verbs that look after it while it doesn't.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Event, Plimsoll, Sender, Setup, eventually, finish, output, python, tool};

const WITHIN: Duration = Duration::from_secs(90);
const TOTALS: &str = "SELECT warehouse, count(*) AS n, count(DISTINCT event_id) AS ids, sum(amount) AS amount \
                      FROM business_events GROUP BY warehouse ORDER BY warehouse";

fn event(number: usize) -> Event {
    let customer = format!("c-{}", number % 50);
    Event::new("odoo.sale.order.confirmed", &format!("order/{number}"))
        .text("business.warehouse", ["HAM", "MUC"][number % 2])
        .text("business.customer", &customer)
        .number("business.amount", 0.25)
}

async fn metric(plimsoll: &Plimsoll, name: &str) -> f64 {
    let answer = plimsoll.client().get(plimsoll.console("/metrics")).send().await.expect("metrics answer");
    let text = answer.text().await.expect("text");
    let line =
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in\n{text}"));
    line.trim().parse().expect("a number")
}

/// `plimsoll lake VERB --json`, beside whatever runs.
async fn lake(plimsoll: &Plimsoll, arguments: &[&str]) -> Output {
    let mut command = tool(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("lake").args(arguments).arg("--json").arg("--config").arg(plimsoll.path("plimsoll.toml"));
    output(command).await
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_merges_its_files_and_every_engine_reads_the_same() {
    let setup = Setup::default().set("lake.flush_rows", 40).set("lake.compactions_per_hour", 7200);
    let mut plimsoll = Plimsoll::start_with(setup).await;
    let mut sender = Sender::to(&plimsoll.grpc());
    let mut sent = 0;
    while metric(&plimsoll, "plimsoll_lake_compactions_total").await < 2.0 {
        assert!(sent < 100_000, "no merge after {sent} events:\n{}", plimsoll.log());
        sender.send((sent..sent + 50).map(event).collect()).await;
        sent += 50;
    }
    let ours = plimsoll.sql(TOTALS).await;
    assert_eq!(ours.iter().filter_map(|row| row["ids"].as_u64()).sum::<u64>(), sent as u64);
    assert_eq!(ours.iter().filter_map(|row| row["n"].as_u64()).sum::<u64>(), sent as u64);
    plimsoll.stop().await;

    let mut read = python("delta_read.py");
    read.arg(plimsoll.path("data/lake/default/business_events")).arg(TOTALS.replace("business_events", "t"));
    let theirs: Vec<Value> = serde_json::from_str(&finish(read).await).expect("JSON");
    assert_eq!(theirs, ours);
    plimsoll.resume().await;
    assert_eq!(plimsoll.sql(TOTALS).await, ours);
    assert!((metric(&plimsoll, "plimsoll_lake_damaged_files").await - 0.0).abs() < f64::EPSILON);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_erased_and_the_lake_is_whole_before_and_after() {
    let mut plimsoll = Plimsoll::start_with(Setup::default().set("lake.flush_rows", 40)).await;
    let mut sender = Sender::to(&plimsoll.grpc());
    for start in (0..1000).step_by(50) {
        sender.send((start..start + 50).map(event).collect()).await;
    }
    let busy = lake(&plimsoll, &["check"]).await;
    let error = String::from_utf8_lossy(&busy.stderr).into_owned();
    assert!(!busy.status.success() && error.contains("open in another plimsoll process"), "{error}");

    // Killed: some rows are only in the log.
    plimsoll.kill();
    let checked = lake(&plimsoll, &["check", "--deep"]).await;
    assert!(checked.status.success(), "{checked:?}");
    assert!(told(&checked)["log_bytes"].as_u64() > Some(0), "{checked:?}");

    let erased = lake(&plimsoll, &["erase", "--value", "c-7"]).await;
    assert!(erased.status.success(), "{erased:?}");
    let answer = told(&erased);
    // 20 events, and the log records that carried them.
    assert_eq!((&answer["rows"], &answer["is_proven"]), (&40.into(), &true.into()), "{answer}");
    let compacted = lake(&plimsoll, &["compact"]).await;
    assert!(compacted.status.success(), "{compacted:?}");
    let vacuumed = lake(&plimsoll, &["vacuum"]).await;
    assert!(vacuumed.status.success(), "{vacuumed:?}");
    let checked = lake(&plimsoll, &["check", "--deep"]).await;
    assert!(checked.status.success(), "{checked:?}");
    for table in told(&checked)["tables"].as_array().expect("tables") {
        assert_eq!(table["orphans"], 0, "{table}");
    }

    plimsoll.resume().await;
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events").await, 980);
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events WHERE customer = 'c-7'").await, 0);
    let logs = "SELECT count(*) AS n FROM logs WHERE attributes['business.customer'] = 'c-7'";
    assert_eq!(plimsoll.number(logs).await, 0);
    Sender::to(&plimsoll.grpc()).send(vec![event(5000)]).await;
    eventually("a fresh event is there", WITHIN, async || {
        let events = "SELECT count(*) AS n FROM business_events WHERE event_id = 'order/5000'";
        (plimsoll.number(events).await == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_lake_is_named_and_still_serves_what_it_has() {
    let mut plimsoll = Plimsoll::start().await;
    let mut sender = Sender::to(&plimsoll.grpc());
    sender.send((0..50).map(event).collect()).await;
    plimsoll.stop().await;
    plimsoll.resume().await;
    Sender::to(&plimsoll.grpc()).send((50..80).map(event).collect()).await;
    plimsoll.stop().await;
    let folder = plimsoll.path("data/lake/default/business_events");
    let files = std::fs::read_dir(&folder).expect("there").map(|file| file.expect("readable").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "parquet")).collect();
    files.sort();
    assert_eq!(files.len(), 2, "{files:?}");
    std::fs::write(&files[0], "PAR1").expect("room");

    let checked = lake(&plimsoll, &["check"]).await;
    let damage = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(!checked.status.success() && damage.contains("(50 rows)"), "{damage}");
    plimsoll.resume().await;
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events").await, 30);
    assert!((metric(&plimsoll, "plimsoll_lake_damaged_rows").await - 50.0).abs() < f64::EPSILON);
}
