//! Outlined originals: their rows are made when somebody asks, also after a restart, however many there are.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use plimsoll_lake::{Config, FlushStep, FlushSteps, Lake, LakeError, Seams, Sequence};
use plimsoll_model::{Table, Timestamp};

use crate::harness::{House, append_outlined, numbers, numerals};
use crate::originals::Moody;

#[tokio::test]
async fn outlined_rows_are_made_once_by_whoever_asks_first() {
    let house = House::new();
    let reader = Arc::new(Moody::default());
    let lake = house.open_reading(Arc::<Moody>::clone(&reader), Seams::default()).await;
    let made = || reader.asked.load(Ordering::SeqCst);
    append_outlined(&lake, &[7, 3]).await.expect("kept");
    append_outlined(&lake, &[4]).await.expect("kept");

    let arrivals = lake.arrivals(Table::Decisions, Sequence::default());
    assert_eq!(arrivals.earliest, Some(Timestamp::from_nanos(3)));
    assert_eq!(arrivals.watermark, Some(Timestamp::from_nanos(7)));
    let stats = lake.stats();
    assert_eq!((stats.buffered_rows, stats.appended_rows[&Table::Decisions]), (3, 3));
    assert_eq!(made(), 0, "nobody asked");
    for _ in 0..2 {
        assert_eq!(numbers(&lake, Table::Decisions), [3, 4, 7]);
        assert_eq!(made(), 2);
    }

    append_outlined(&lake, &[5]).await.expect("kept");
    lake.flush().await.expect("flushes");
    assert_eq!(made(), 3, "the flush made what was left");
    assert_eq!(numbers(&lake, Table::Decisions), [3, 4, 5, 7]);
    assert_eq!(lake.stats().buffered_bytes, 0);
    append_outlined(&lake, &[6]).await.expect("kept");
    drop(lake);
    assert_eq!(numbers(&house.open().await, Table::Decisions), [3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn many_outlined_rows_are_made_side_by_side_and_stay_in_order() {
    let house = House::new();
    let lake = house.open().await;
    for start in (0..20_000).step_by(500) {
        append_outlined(&lake, &(start..start + 500).collect::<Vec<_>>()).await.expect("kept");
    }
    let hot = lake.snapshot(Table::Decisions).hot;
    assert_eq!(hot.iter().flat_map(crate::harness::times).collect::<Vec<_>>(), Vec::from_iter(0..20_000));
}

#[tokio::test]
async fn outlined_rows_that_turn_out_to_be_unreadable_cost_only_themselves() {
    let house = House::new();
    let lake = house.open_reading(Arc::new(Moody::default()), Seams::default()).await;
    for numbers in [&[1][..], &[13], &[14], &[15, 16], &[5]] {
        append_outlined(&lake, numbers).await.expect("kept");
    }
    assert_eq!(numbers(&lake, Table::Decisions), [1, 5], "no row where two were told of");
    lake.flush().await.expect("flushes");
    assert_eq!(numbers(&lake, Table::Decisions), [1, 5]);
    assert_eq!(lake.stats().quarantined, 3);
    append_outlined(&lake, &[13]).await.expect("kept");
    lake.flush().await.expect("a flush of nothing else");
    append_outlined(&lake, &[6]).await.expect("kept");
    lake.flush().await.expect("goes on");
    assert_eq!(numbers(&lake, Table::Decisions), [1, 5, 6]);
    let folder = fs::read_dir(house.folder.path().join("lake/quarantine")).expect("there");
    assert_eq!(folder.count(), 4, "each in a file of its own");
}

/// A thousand numbers in ten records, each of which claims to take a thousand bytes as rows.
async fn ten_records(house: &House) {
    let lake = house.open().await;
    for start in (0..1_000).step_by(100) {
        append_outlined(&lake, &(start..start + 100).collect::<Vec<_>>()).await.expect("kept");
    }
}

fn all() -> Vec<i64> {
    (0..1_000).collect()
}

#[tokio::test]
async fn a_restart_reads_no_more_than_the_outlines() {
    let house = House::new();
    ten_records(&house).await;
    let reader = Arc::new(Moody::default());
    let lake = house.open_reading(Arc::<Moody>::clone(&reader), Seams::default()).await;
    let stats = lake.stats();
    assert_eq!((stats.buffered_rows, stats.buffered_bytes), (1_000, 10_000));
    let arrivals = lake.arrivals(Table::Decisions, Sequence::default());
    let [earliest, latest] = [0, 999].map(|nanos| Some(Timestamp::from_nanos(nanos)));
    assert_eq!((arrivals.earliest, arrivals.watermark), (earliest, latest));
    assert_eq!(reader.asked.load(Ordering::SeqCst), 0, "nobody asked");

    assert_eq!(numbers(&lake, Table::Decisions), all());
    lake.flush().await.expect("flushes");
    assert_eq!(reader.asked.load(Ordering::SeqCst), 10, "once each");
    drop(lake);
    let lake = house.open().await;
    assert_eq!(lake.stats().buffered_rows, 0, "files have them");
    assert_eq!(numbers(&lake, Table::Decisions), all());
}

#[tokio::test]
async fn what_is_more_than_half_a_buffer_stays_in_the_log_until_it_is_flushed() {
    let house = House::new();
    ten_records(&house).await;
    let lake = house.open_as(Config { buffer_limit_bytes: 10_000, ..house.config() }).await;
    let stats = lake.stats();
    assert_eq!(stats.buffered_rows, 1_000);
    assert!(stats.buffered_bytes < 8_000, "{} bytes", stats.buffered_bytes);
    let snapshot = lake.snapshot(Table::Decisions);
    assert_eq!((snapshot.hot.len(), snapshot.late.len()), (5, 5));
    assert_eq!(numbers(&lake, Table::Decisions), all());

    append_outlined(&lake, &[1_000]).await.expect("there is room for more");
    lake.flush().await.expect("flushes");
    assert_eq!(lake.stats().buffered_bytes, 0);
    assert!(lake.snapshot(Table::Decisions).cold.len() > 1, "a commit has half a thousand");
    // Who took a snapshot before may read on, though the log has been trimmed.
    assert_eq!(snapshot.late.iter().map(|rows| rows.once().expect("there").num_rows()).sum::<usize>(), 500);
    assert_eq!(numbers(&lake, Table::Decisions), (0..=1_000).collect::<Vec<_>>());
}

/// The disk is full, or the process dies, at the second commit of a flush.
#[derive(Debug, Default)]
struct SecondFails(AtomicUsize);

impl FlushSteps for SecondFails {
    fn reached(&self, _: Table, step: FlushStep) -> Result<(), LakeError> {
        let is_second = step == FlushStep::DataFileWritten && self.0.fetch_add(1, Ordering::SeqCst) == 1;
        if is_second { Err(LakeError::Other("injected".into())) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_flush_that_ends_between_its_commits_leaves_each_row_there_once() {
    let house = House::new();
    ten_records(&house).await;
    let seams = Seams { flush_steps: Arc::new(SecondFails::default()), ..Seams::default() };
    let lake = house.open_with(seams).await;
    lake.flush().await.expect_err("injected");
    assert_eq!(numbers(&lake, Table::Decisions), all());
    assert_eq!(lake.stats().buffered_rows, 500);
    append_outlined(&lake, &[1_000]).await.expect("kept");
    drop(lake);

    let all = (0..=1_000).collect::<Vec<_>>();
    let lake = house.open().await;
    assert_eq!(lake.stats().buffered_rows, 501);
    assert_eq!(numbers(&lake, Table::Decisions), all);
    lake.flush().await.expect("flushes");
    assert_eq!(numbers(&lake, Table::Decisions), all);
}

/// What a bug of ours might write: one row more than there is, and a time that is not.
async fn append_lies(lake: &Lake) {
    let [one, two, nine] = [1, 2, 9].map(Timestamp::from_nanos);
    for (rows, earliest, latest) in [(3, one, two), (2, one, nine), (2, one, two)] {
        let outline =
            plimsoll_model::RowsOutline { table: Table::Decisions, rows, earliest, latest, bytes: 1_000 };
        lake.append_outlined(numerals([1, 2]), outline).await.expect("kept");
    }
}

#[tokio::test]
async fn an_outline_that_lies_is_found_out_by_whoever_makes_the_rows() {
    let house = House::new();
    let lake = house.open().await;
    append_lies(&lake).await;
    assert_eq!(numbers(&lake, Table::Decisions), [1, 2]);
    drop(lake);
    for buffer_limit_bytes in [100_000, 1_000] {
        let lake = house.open_as(Config { buffer_limit_bytes, ..house.config() }).await;
        assert_eq!(numbers(&lake, Table::Decisions), [1, 2]);
    }
    let lake = house.open().await;
    lake.flush().await.expect("flushes");
    assert_eq!(lake.stats().quarantined, 2);
    let folder = fs::read_dir(house.folder.path().join("lake/quarantine")).expect("there");
    assert_eq!(folder.count(), 2);
    assert_eq!(numbers(&lake, Table::Decisions), [1, 2]);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_holds_up_the_flush_and_costs_nothing() {
    let house = House::new();
    ten_records(&house).await;
    let lake = house.open_as(Config { buffer_limit_bytes: 0, ..house.config() }).await;
    let log = house.folder.path().join("wal").join(format!("{:020}.wal", 1));
    let whole = fs::read(&log).expect("there");
    let mut damaged = whole.clone();
    damaged[200] ^= 1;
    fs::write(&log, &damaged).expect("room");
    let error = lake.flush().await.expect_err("damaged").to_string();
    assert!(error.contains("damaged"), "{error}");
    assert_eq!((lake.stats().buffered_rows, lake.stats().quarantined), (1_000, 0));

    fs::write(&log, &whole).expect("room");
    lake.flush().await.expect("flushes");
    assert_eq!(numbers(&lake, Table::Decisions), all());
}
