//! Appending: visible, durable, grouped, refused.

use std::fs;
use std::sync::Arc;

use plimsoll_lake::{Config, Lake, LakeError, Sequence};
use plimsoll_model::{RowsOnly, SignalBatch, Table, Timestamp};

use crate::harness::{House, decisions, numbers, read, spans};

#[tokio::test]
async fn an_acknowledged_row_is_visible_at_once_and_survives_the_process_once() {
    let house = House::new();
    let lake = house.open().await;
    lake.append(vec![decisions([1, 2]), spans([3])]).await.expect("kept");
    lake.append(vec![decisions([4])]).await.expect("kept");
    assert_eq!(numbers(&lake, Table::Decisions), [1, 2, 4]);

    drop(lake);
    let lake = house.open().await;
    assert_eq!(numbers(&lake, Table::Decisions), [1, 2, 4]);
    assert_eq!(read(&lake, Table::Spans), [spans([3]).batch]);
}

#[tokio::test]
async fn rows_in_another_schema_are_refused_and_none_of_the_request_is_kept() {
    let house = House::new();
    let lake = house.open().await;
    let wrong = SignalBatch { table: Table::Logs, batch: decisions([1]).batch };
    let error = lake.append(vec![decisions([1]), wrong]).await.expect_err("wrong schema");
    assert!(matches!(&error, LakeError::Other(text) if text.contains("logs")), "{error}");
    assert!(numbers(&lake, Table::Decisions).is_empty());
}

#[tokio::test]
async fn a_full_buffer_refuses_until_it_is_flushed() {
    let house = House::new();
    let config = Config { buffer_limit_bytes: 100_000, ..house.config() };
    let lake = Lake::open(config, Arc::new(house.clock.clone()), Arc::new(RowsOnly)).await.expect("opens");
    lake.append(vec![decisions(0..500)]).await.expect("fits");
    let error = lake.append(vec![decisions(500..2500)]).await.expect_err("does not fit");
    assert!(matches!(&error, LakeError::Unavailable(text) if text.contains("buffer_limit_bytes")), "{error}");
    assert_eq!(lake.stats().refused_appends, 1);

    lake.flush().await.expect("flushes");
    assert_eq!(lake.stats().buffered_bytes, 0);
    lake.append(vec![decisions(500..1000)]).await.expect("fits again");
    assert_eq!(numbers(&lake, Table::Decisions), (0..1000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_appends_share_their_fsyncs() {
    let house = House::new();
    let lake = house.open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let lake = lake.clone();
        tasks.spawn(async move { lake.append(vec![decisions([number])]).await });
    }
    while let Some(appended) = tasks.join_next().await {
        appended.expect("no panic").expect("kept");
    }
    let stats = lake.stats();
    assert_eq!((stats.appends, stats.appended_rows[&Table::Decisions]), (200, 200));
    assert!(stats.log_syncs < 150, "{} syncs for 200 appends", stats.log_syncs);
    assert_eq!(numbers(&lake, Table::Decisions), (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_second_process_is_refused_by_the_name_of_the_folder() {
    let house = House::new();
    let lake = house.open().await;
    let second = Lake::open(house.config(), Arc::new(house.clock.clone()), Arc::new(RowsOnly))
        .await
        .expect_err("locked");
    assert!(
        second.to_string().contains(house.folder.path().file_name().expect("named").to_str().expect("text"))
    );
    drop(lake);
    house.open().await;
}

#[tokio::test]
async fn arrivals_tell_what_is_new_and_the_watermark_survives_a_restart() {
    let house = House::new();
    let lake = house.open().await;
    let before = lake.arrivals(Table::Decisions, Sequence::default());
    assert_eq!((before.earliest, before.watermark), (None, None));

    lake.append(vec![decisions([5_000, 9_000])]).await.expect("kept");
    lake.append(vec![spans([1_000])]).await.expect("kept");
    let first = lake.arrivals(Table::Decisions, before.next);
    assert_eq!(first.earliest, Some(Timestamp::from_nanos(5_000)));
    assert_eq!(lake.arrivals(Table::Decisions, first.next).earliest, None);

    lake.flush().await.expect("flushes");
    lake.append(vec![decisions([2_000])]).await.expect("kept");
    drop(lake);
    let lake = house.open().await;
    let after = lake.arrivals(Table::Decisions, first.next);
    assert_eq!(after.earliest, Some(Timestamp::from_nanos(2_000)));
    assert_eq!(after.watermark.map(|time| time.nanos() / 1000), Some(9), "exact to the microsecond");
}

#[tokio::test]
async fn an_unreadable_record_is_kept_aside_and_the_rest_arrives() {
    let house = House::new();
    let wal_dir = house.folder.path().join("wal");
    let mut wal =
        plimsoll_wal::Wal::open(&wal_dir, plimsoll_wal::Options::default(), |_, _| {}).expect("opens");
    wal.append(b"\x01not a zstd frame").expect("small");
    wal.sync().expect("the disk is fine");
    drop(wal);

    let lake = house.open().await;
    lake.append(vec![decisions([1])]).await.expect("kept");
    assert_eq!(lake.stats().quarantined, 1);
    drop(lake);
    let lake = house.open().await;
    assert_eq!(numbers(&lake, Table::Decisions), [1]);
    let kept =
        fs::read(house.folder.path().join("lake/quarantine/00000000000000000001.record")).expect("kept");
    assert_eq!(kept, b"\x01not a zstd frame");
}

#[tokio::test]
async fn a_row_of_its_own_costs_no_kilobytes_in_the_log() {
    let house = House::new();
    let lake = house.open().await;
    for number in 0..100 {
        lake.append(vec![spans([number])]).await.expect("kept");
    }
    let bytes = lake.stats().log_bytes;
    assert!(bytes < 100 * 1024, "{bytes} bytes for 100 spans");
}
