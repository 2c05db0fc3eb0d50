//! A business event is one row, however often it is sent, whatever happens in between.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use plimsoll_lake::{Config, Lake, Seams};
use plimsoll_model::{RowsOnly, SignalBatch, Table, batch_from_rows};

use crate::harness::{House, Photographer, config, read};

/// Seconds of ingest time from a common start.
fn event(id: &str, ingest_secs: i64) -> SignalBatch {
    events(&[id], ingest_secs)
}

fn events(ids: &[&str], ingest_secs: i64) -> SignalBatch {
    let table = Table::BusinessEvents;
    let at = 1_763_719_028_000_000_000 + ingest_secs * 1_000_000_000;
    let row = |id: &&str| {
        let id = Some(*id).filter(|id| !id.is_empty());
        serde_json::json!({"time": at, "ingest_time": at, "event_name": "odoo.x.done", "event_id": id})
    };
    let rows: Vec<_> = ids.iter().map(row).collect();
    SignalBatch { table, batch: batch_from_rows(&table.schema(), &rows).expect("fits") }
}

fn ids(lake: &Lake) -> Vec<String> {
    let batches = read(lake, Table::BusinessEvents);
    let id = |id: Option<&str>| id.unwrap_or("-").to_owned();
    let mut ids: Vec<_> = batches
        .iter()
        .flat_map(|batch| batch["event_id"].as_string::<i32>().iter().map(id).collect::<Vec<_>>())
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn an_event_that_is_sent_again_is_acknowledged_and_is_one_row() {
    let house = House::new();
    let lake = house.open().await;
    lake.append(vec![events(&["a", "b", "a", "", ""], 0)]).await.expect("kept");
    lake.append(vec![event("b", 1)]).await.expect("acknowledged");
    assert_eq!(ids(&lake), ["-", "-", "a", "b"]);
    assert_eq!(lake.stats().duplicate_events, 2);
    assert_eq!(lake.stats().appended_rows[&Table::BusinessEvents], 4);

    lake.flush().await.expect("flushes");
    assert_eq!(lake.stats().buffered_bytes, 0, "what was not stored holds no room");
    lake.append(vec![event("a", 2), event("c", 2)]).await.expect("acknowledged");
    assert_eq!(ids(&lake), ["-", "-", "a", "b", "c"], "also when the first lies in a file");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_first() {
    let house = House::new();
    let lake = house.open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100 {
        let lake = lake.clone();
        tasks.spawn(async move { lake.append(vec![event(&format!("e{}", number % 7), 0)]).await });
    }
    while let Some(appended) = tasks.join_next().await {
        appended.expect("no panic").expect("acknowledged");
    }
    assert_eq!(ids(&lake), ["e0", "e1", "e2", "e3", "e4", "e5", "e6"]);
    assert_eq!(lake.stats().duplicate_events, 93);
}

#[tokio::test]
async fn a_restart_knows_the_events_of_the_log_and_of_the_files() {
    let house = House::new();
    let lake = house.open().await;
    lake.append(vec![event("filed", 0)]).await.expect("kept");
    lake.flush().await.expect("flushes");
    lake.append(vec![event("logged", 1), event("filed", 1)]).await.expect("kept");
    lake.append(vec![event("logged", 2)]).await.expect("acknowledged");
    drop(lake);
    for _ in 0..2 {
        let lake = house.open().await;
        assert_eq!(ids(&lake), ["filed", "logged"], "the log holds them twice, and decides the same");
        lake.append(vec![events(&["filed", "logged"], 3)]).await.expect("acknowledged");
        assert_eq!((ids(&lake).len(), lake.stats().duplicate_events), (2, 2));
        lake.flush().await.expect("flushes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_of_a_flush_leaves_one_row() {
    let house = House::new();
    let photographer = Photographer::of(&house);
    let lake = house.open_with(photographer.seams()).await;
    lake.append(vec![event("a", 0)]).await.expect("kept");
    lake.append(vec![event("a", 1), event("b", 1)]).await.expect("kept");
    lake.flush().await.expect("flushes");
    let pictures = photographer.pictures.lock().expect("not poisoned").clone();
    assert_eq!(pictures.len(), 3, "{pictures:?}");
    for (name, data_dir) in pictures {
        let clock = Arc::new(house.clock.clone());
        let lake = Lake::open(config(&data_dir), clock, Arc::new(RowsOnly)).await.expect("opens");
        lake.append(vec![events(&["b", "a"], 2)]).await.expect("acknowledged");
        assert_eq!(ids(&lake), ["a", "b"], "{name}");
    }
}

#[tokio::test]
async fn the_window_is_one_of_ingest_time_also_across_a_restart() {
    let house = House::new();
    let config = || Config { event_window: Duration::from_secs(100), ..house.config() };
    let open = async || {
        let clock = Arc::new(house.clock.clone());
        Lake::open_with(config(), clock, Arc::new(RowsOnly), Seams::default()).await.expect("opens")
    };
    let lake = open().await;
    lake.append(vec![event("old", 0)]).await.expect("kept");
    lake.flush().await.expect("flushes");
    lake.append(vec![event("new", 90)]).await.expect("kept");
    lake.flush().await.expect("flushes");
    drop(lake);
    let lake = open().await;
    lake.append(vec![event("old", 100)]).await.expect("acknowledged");
    assert_eq!(ids(&lake), ["new", "old"]);
    lake.append(vec![event("old", 101)]).await.expect("kept");
    lake.append(vec![event("new", 190)]).await.expect("acknowledged");
    assert_eq!(ids(&lake), ["new", "old", "old"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_stops_no_start() {
    let house = House::new();
    let lake = house.open().await;
    lake.append(vec![event("a", 0)]).await.expect("kept");
    lake.flush().await.expect("flushes");
    lake.append(vec![event("b", 0)]).await.expect("kept");
    lake.flush().await.expect("flushes");
    fs::write(&lake.snapshot(Table::BusinessEvents).cold[0].path, b"PAR1 is not enough").expect("room");
    drop(lake);
    let lake = house.open().await;
    lake.append(vec![events(&["b", "c"], 1)]).await.expect("kept");
    assert_eq!(lake.stats().duplicate_events, 1);
}
