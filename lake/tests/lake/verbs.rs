//! What a person does by hand: check, and erase.

use std::fs;
use std::time::Duration;

use plimsoll_lake::{ColumnPath, Lake, Needle, Sequence, check};
use plimsoll_model::{SignalBatch, Table, batch_from_rows};

use crate::harness::{House, decisions, numbers, read};

fn events(customers: &[&str]) -> Vec<SignalBatch> {
    let row = |(number, customer): (usize, &&str)| {
        serde_json::json!({
            "time": number * 1_000, "ingest_time": 0, "event_name": "odoo.sale.order.confirmed", "customer": customer,
            "attributes": {"business.customer": customer},
        })
    };
    let rows: Vec<_> = customers.iter().enumerate().map(row).collect();
    let log = |row: &serde_json::Value| serde_json::json!({"time": row["time"], "ingest_time": 0, "attributes": row["attributes"]});
    let logs: Vec<_> = rows.iter().map(log).collect();
    [(Table::BusinessEvents, rows), (Table::Logs, logs)]
        .map(|(table, rows)| SignalBatch {
            table,
            batch: batch_from_rows(&table.schema(), &rows).expect("fits"),
        })
        .to_vec()
}

/// In files, in memory, in files that a merge has replaced.
async fn lived_in(house: &House) -> Lake {
    let lake = house.open().await;
    for _ in 0..8 {
        lake.append(events(&["c-1", "c-17", "c-170"])).await.expect("kept");
        lake.flush().await.expect("flushes");
    }
    lake.compact(&tokio_util::sync::CancellationToken::new()).await.expect("merges");
    lake.append(events(&["c-17", "c-2"])).await.expect("kept");
    lake
}

fn bytes_of_log(house: &House) -> u64 {
    let files = fs::read_dir(house.folder.path().join("wal")).expect("there");
    files.map(|file| file.expect("readable").metadata().expect("there").len()).sum()
}

fn parquet_files(house: &House) -> usize {
    let files = |table| fs::read_dir(house.folder_of(table)).expect("there");
    let names = [Table::BusinessEvents, Table::Logs].into_iter().flat_map(files);
    names
        .filter(|file| file.as_ref().expect("readable").path().extension().is_some_and(|it| it == "parquet"))
        .count()
}

#[tokio::test]
async fn one_persons_rows_are_gone_from_files_memory_and_log_and_nobody_elses() {
    let house = House::new();
    let lake = lived_in(&house).await;
    let before = lake.arrivals(Table::BusinessEvents, Sequence::default()).next;
    let erased = lake.erase(&Needle { value: "c-17".into(), columns: Vec::new() }).await.expect("erases");
    assert_eq!((erased.rows, erased.left, erased.elsewhere), (18, 0, 0));
    assert!(erased.is_proven(), "{erased:?}");
    assert_eq!(bytes_of_log(&house), 0, "the log still has it");
    assert!(parquet_files(&house) <= 4, "old versions are deleted");

    let lake = house.open().await;
    for table in [Table::BusinessEvents, Table::Logs] {
        let rows: usize = read(&lake, table).iter().map(arrow::array::RecordBatch::num_rows).sum();
        assert_eq!(rows, 17, "{table}");
    }
    lake.append(vec![decisions([5])]).await.expect("kept");
    assert!(lake.arrivals(Table::Decisions, Sequence::default()).next > before, "sequences go on");
    drop(lake);
    assert_eq!(numbers(&house.open().await, Table::Decisions), [5]);
    assert_eq!(check(&house.config(), true).await.expect("free").damage, [""; 0]);
}

#[tokio::test]
async fn an_erasure_of_one_column_says_where_else_the_value_is() {
    let house = House::new();
    let lake = lived_in(&house).await;
    let columns = vec![ColumnPath::parse("business_events.customer").expect("a column")];
    let erased = lake.erase(&Needle { value: "c-17".into(), columns }).await.expect("erases");
    assert_eq!((erased.rows, erased.left, erased.elsewhere), (9, 0, 9), "the log records have it too");
}

#[tokio::test]
async fn what_cannot_be_searched_is_named_and_nothing_is_claimed() {
    let house = House::new();
    let lake = lived_in(&house).await;
    lake.flush().await.expect("flushes");
    let broken = lake.snapshot(Table::Logs).cold[0].path.clone();
    drop(lake);
    fs::write(&broken, "PAR1").expect("room");
    let erased = house.open().await.erase(&Needle { value: "c-17".into(), columns: Vec::new() }).await;
    let erased = erased.expect("the rest is erased");
    assert!(!erased.is_proven());
    assert_eq!(erased.unsearched, [broken]);
}

#[tokio::test]
async fn a_lake_in_use_is_not_erased_under_its_users() {
    let house = House::new();
    let lake = lived_in(&house).await;
    let user = lake.clone();
    let error = lake.erase(&Needle { value: "c-17".into(), columns: Vec::new() }).await.expect_err("in use");
    assert!(error.to_string().contains("in use"), "{error}");
    user.flush().await.expect("it goes on");
}

#[tokio::test]
async fn a_check_lists_what_is_there_and_names_every_damage() {
    let house = House::new();
    let lake = lived_in(&house).await;
    let file = lake.snapshot(Table::Logs).cold[0].clone();
    let busy = check(&house.config(), false).await.expect_err("the lake is open").to_string();
    assert!(busy.contains("open in another plimsoll process"), "{busy}");
    lake.vacuum(Duration::ZERO).await.expect("readable");
    drop(lake);

    let report = check(&house.config(), true).await.expect("free");
    assert_eq!(report.damage, [""; 0]);
    let logs = report.tables.iter().find(|table| table.table == "logs").expect("listed");
    assert_eq!((logs.files, logs.rows, logs.orphans, logs.bytes), (1, 24, 0, file.size_bytes));
    assert_eq!(logs.oldest.as_deref(), Some("1970-01-01T00:00:00.000Z"));
    assert!(report.log_bytes > 0);

    // A page in the middle of the file: its footer says nothing about it.
    let mut bytes = fs::read(&file.path).expect("there");
    bytes[60..120].fill(0xaa);
    fs::write(&file.path, bytes).expect("room");
    let commit = house.log_of(Table::Spans).join("00000000000000000000.json");
    fs::write(&commit, "").expect("room");
    fs::write(house.folder_of(Table::Logs).join("merged-1.parquet"), "PAR1").expect("room");
    let report = check(&house.config(), true).await.expect("free");
    let damage = report.damage.join("\n");
    assert!(damage.contains(&file.name()) && damage.contains("00000000000000000000.json"), "{damage}");
    let logs = report.tables.iter().find(|table| table.table == "logs").expect("listed");
    assert_eq!((logs.orphans, logs.orphan_bytes), (1, 4));
    assert_eq!(fs::read(&commit).expect("there"), b"", "a check changes nothing");
}
