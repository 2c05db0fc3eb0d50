//! Appending: visible, durable, grouped, refused.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_lake::{Config, Lake, LakeError, Sequence};
use plimsoll_model::{RowsOnly, SignalBatch, Table, Timestamp};
use tokio_util::sync::CancellationToken;

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
    assert!(matches!(&error, LakeError::Full(text) if text.contains("buffer_limit_bytes")), "{error}");
    assert_eq!(lake.stats().refused_appends, 1);

    lake.flush().await.expect("flushes");
    assert_eq!(lake.stats().buffered_bytes, 0);
    lake.append(vec![decisions(500..1000)]).await.expect("fits again");
    assert_eq!(numbers(&lake, Table::Decisions), (0..1000).collect::<Vec<_>>());
}

/// With room for so many hundredths of the memory of 500 decisions.
async fn with_room_for(house: &House, percent: usize) -> Lake {
    let elsewhere = House::new();
    let lake = elsewhere.open().await;
    lake.append(vec![decisions(0..500)]).await.expect("fits");
    let limit = lake.stats().buffered_bytes * percent / 100;
    house.open_as(Config { flush_rows: 10_000, buffer_limit_bytes: limit, ..house.config() }).await
}

async fn somebody_waits(lake: &Lake) {
    while lake.stats().waiting_for_room == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_is_patient_waits_for_the_flush_and_is_refused_when_none_comes_in_time() {
    let house = House::new();
    let lake = with_room_for(&house, 150).await;
    lake.append(vec![decisions(0..500)]).await.expect("fits");
    let append = |numbers| {
        let lake = lake.clone().patient(Duration::from_secs(2));
        tokio::spawn(async move { lake.append(vec![decisions(numbers)]).await })
    };
    let waits = append(500..1000);
    somebody_waits(&lake).await;
    lake.flush().await.expect("flushes");
    waits.await.expect("no panic").expect("there is room now");

    let waits = append(1000..1500);
    somebody_waits(&lake).await;
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(lake.stats().refused_appends, 0);
    house.clock.advance(Duration::from_secs(1));
    let refused = waits.await.expect("no panic").expect_err("nobody flushed");
    assert!(matches!(refused, LakeError::Full(_)), "{refused}");
    let stats = lake.stats();
    assert_eq!((stats.delayed_appends, stats.refused_appends, stats.waiting_for_room), (2, 1, 0));

    let never_fits = append(0..2500).await.expect("no panic").expect_err("too large for any flush");
    assert!(matches!(never_fits, LakeError::Full(_)), "{never_fits}");
    assert_eq!(numbers(&lake, Table::Decisions), (0..1000).collect::<Vec<_>>());
}

/// Neither size nor age would: it is less than half full, and the clock stands still.
#[tokio::test]
async fn somebody_who_waits_for_room_makes_the_flush_come() {
    let house = House::new();
    let lake = with_room_for(&house, 250).await;
    lake.append(vec![decisions(0..500)]).await.expect("fits");
    let stop = CancellationToken::new();
    let maintenance = {
        let (lake, stop) = (lake.clone(), stop.clone());
        tokio::spawn(async move { lake.maintain(stop).await })
    };
    let patient = lake.clone().patient(Duration::from_secs(2));
    patient.append(vec![decisions(500..1500)]).await.expect("there is room now");
    assert_eq!(lake.stats().delayed_appends, 1);
    stop.cancel();
    maintenance.await.expect("no panic");
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
