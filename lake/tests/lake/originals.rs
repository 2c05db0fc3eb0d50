//! Originals in the log: what was sent comes back as the same rows, and what can't be read costs only itself.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use plimsoll_lake::Seams;
use plimsoll_model::{Original, ReadOriginal, SignalBatch, Table};

use crate::harness::{House, Numerals, append_numerals, decisions, numbers, numerals, spans};

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
pub(crate) struct Moody {
    pub(crate) asked: AtomicUsize,
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
