//! Originals in the log: what was sent comes back as the same rows, and what can't be read costs only itself.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use plimsoll_lake::{Seams, Sequence};
use plimsoll_model::{Original, ReadOriginal, SignalBatch, Table, Timestamp};

use crate::harness::{
    House, Numerals, append_numerals, append_outlined, decisions, numbers, numerals, spans,
};

#[tokio::test]
async fn an_original_is_visible_at_once_and_survives_the_process_once() {
    let house = House::new();
    let lake = house.open().await;
    append_numerals(&lake, [1, 2]).await.expect("kept");
    lake.append(vec![decisions([3]), spans([9])]).await.expect("kept");
    append_numerals(&lake, []).await.expect("nothing to keep");
    assert_eq!(numbers(&lake, Table::Decisions), [1, 2, 3]);
    assert_eq!(lake.stats().appends, 2, "an original without rows leaves no record");

    drop(lake);
    let lake = house.open().await;
    assert_eq!(numbers(&lake, Table::Decisions), [1, 2, 3]);
    lake.flush().await.expect("flushes");
    append_numerals(&lake, [4]).await.expect("kept");
    drop(lake);
    let lake = house.open().await;
    assert_eq!(numbers(&lake, Table::Decisions), [1, 2, 3, 4]);
    assert_eq!(numbers(&lake, Table::Spans), [9]);
    assert_eq!(lake.stats().quarantined, 0);
}

/// Panics over one number, refuses another, and counts how often it is asked.
#[derive(Debug, Default)]
struct Moody {
    asked: AtomicUsize,
}

impl ReadOriginal for Moody {
    fn rows(&self, original: &Original) -> Result<Vec<SignalBatch>, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match original.bytes.as_ref() {
            b"13" => panic!("unlucky"),
            b"14" => Err("out of mood".into()),
            b"15 16" => Ok(vec![decisions([15])]),
            _ => Numerals.rows(original),
        }
    }
}

#[tokio::test]
async fn a_poisoned_original_is_kept_aside_and_what_is_behind_it_arrives() {
    let house = House::new();
    let lake = house.open().await;
    for numbers in [&[1][..], &[13], &[14], &[15, 16], &[5]] {
        append_numerals(&lake, numbers.iter().copied()).await.expect("kept");
    }
    drop(lake);
    for _ in 0..3 {
        let lake = house.open_reading(Arc::new(Moody::default()), Seams::default()).await;
        assert_eq!(numbers(&lake, Table::Decisions), [1, 5, 15]);
        assert_eq!(lake.stats().quarantined, 3);
    }
    let folder = fs::read_dir(house.folder.path().join("lake/quarantine")).expect("there");
    let mut kept: Vec<_> = folder.map(|file| file.expect("readable").file_name()).collect();
    kept.sort();
    assert_eq!(
        kept,
        ["00000000000000000002.record", "00000000000000000003.record", "00000000000000000004.record"]
    );

    // The reader that wrote them still can: nothing was thrown away.
    let lake = house.open().await;
    assert_eq!(numbers(&lake, Table::Decisions), [1, 5, 13, 14, 15, 16]);
}

#[tokio::test]
async fn originals_that_files_hold_are_not_even_read_again() {
    let house = House::new();
    let lake = house.open().await;
    append_numerals(&lake, [1]).await.expect("kept");
    lake.flush().await.expect("flushes");
    append_numerals(&lake, [2]).await.expect("kept");
    drop(lake);
    let reader = Arc::new(Moody::default());
    let lake = house.open_reading(Arc::<Moody>::clone(&reader), Seams::default()).await;
    assert_eq!(numbers(&lake, Table::Decisions), [1, 2]);
    assert_eq!(reader.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_log_holds_the_original_and_not_its_rows() {
    let house = House::new();
    let lake = house.open().await;
    append_numerals(&lake, 1_000_000..1_001_000).await.expect("kept");
    let sent = numerals(1_000_000..1_001_000).bytes.len() as u64;
    let logged = lake.stats().log_bytes;
    assert!(logged < sent, "{logged} bytes in the log for {sent} bytes sent");
}

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
