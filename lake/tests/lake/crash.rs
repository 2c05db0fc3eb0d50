//! A crash between any two steps of a flush: the picture of the folder at that moment opens, complete and without
//! duplicates.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plimsoll_lake::{FlushStep, FlushSteps, Lake, LakeError, Seams};
use plimsoll_model::{RowsOnly, Table};
use tokio_util::sync::CancellationToken;

use crate::harness::{House, Photographer, config, decisions, numbers, spans};

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_any_two_steps_loses_nothing_and_stores_nothing_twice() {
    let house = House::new();
    let photographer = Photographer::of(&house);
    let lake = house.open_with(photographer.seams()).await;
    lake.append(vec![decisions([1, 2]), spans([7])]).await.expect("kept");
    lake.append(vec![decisions([3])]).await.expect("kept");
    lake.flush().await.expect("flushes");
    lake.append(vec![decisions([4])]).await.expect("kept");
    lake.flush().await.expect("flushes");

    let pictures = photographer.pictures.lock().expect("not poisoned").clone();
    assert_eq!(pictures.len(), 6, "three steps of two tables: {pictures:?}");
    for (name, data_dir) in pictures {
        let expected = if name.starts_with("spans") { vec![1, 2, 3] } else { vec![1, 2, 3, 4] };
        // Twice, with a flush in between: what the first start repaired must hold for the second.
        for _ in 0..2 {
            let lake = Lake::open(config(&data_dir), Arc::new(house.clock.clone()), Arc::new(RowsOnly))
                .await
                .expect("opens");
            assert_eq!(numbers(&lake, Table::Decisions), expected, "{name}");
            assert_eq!(numbers(&lake, Table::Spans), [7], "{name}");
            lake.flush().await.expect("flushes");
            assert_eq!(numbers(&lake, Table::Decisions), expected, "{name}");
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum How {
    Error,
    Panic,
}

/// Fails at one step, once, of a flush or of a merge.
#[derive(Debug)]
struct FailOnce {
    step: FlushStep,
    how: How,
    has_failed: AtomicBool,
}

impl FailOnce {
    fn at(step: FlushStep, how: How, has_failed: bool) -> Arc<Self> {
        Arc::new(Self { step, how, has_failed: AtomicBool::new(has_failed) })
    }

    fn check(&self, step: FlushStep) -> Result<(), LakeError> {
        if step != self.step || self.has_failed.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        match self.how {
            How::Error => Err(LakeError::Other("injected".into())),
            How::Panic => panic!("injected"),
        }
    }
}

impl FlushSteps for FailOnce {
    fn reached(&self, _table: Table, step: FlushStep) -> Result<(), LakeError> {
        self.check(step)
    }

    fn compacted(&self, _table: Table, step: FlushStep) -> Result<(), LakeError> {
        self.check(step)
    }
}

const STEPS: [FlushStep; 3] = [FlushStep::DataFileWritten, FlushStep::Committed, FlushStep::Swapped];

#[tokio::test]
async fn a_failed_flush_is_repeated_without_duplicates_also_when_its_commit_had_arrived() {
    for (step, how) in STEPS.into_iter().flat_map(|step| [(step, How::Error), (step, How::Panic)]) {
        let house = House::new();
        let steps = FailOnce::at(step, how, false);
        let lake = house.open_with(Seams { flush_steps: steps, ..Seams::default() }).await;
        lake.append(vec![decisions([1])]).await.expect("kept");
        lake.flush().await.expect_err("injected");
        assert_eq!(numbers(&lake, Table::Decisions), [1], "{step:?} {how:?}");

        lake.append(vec![decisions([2])]).await.expect("kept");
        lake.flush().await.expect("flushes");
        assert_eq!(numbers(&lake, Table::Decisions), [1, 2], "{step:?} {how:?}");
        assert_eq!(lake.stats().buffered_bytes, 0);
        drop(lake);
        assert_eq!(numbers(&house.open().await, Table::Decisions), [1, 2], "{step:?} {how:?}");
    }
}

#[tokio::test]
async fn a_failed_merge_is_repeated_and_every_row_is_there_once() {
    for (step, how) in STEPS.into_iter().flat_map(|step| [(step, How::Error), (step, How::Panic)]) {
        let house = House::new();
        // Flushes pass.
        let steps = FailOnce::at(step, how, true);
        let seams = Seams { flush_steps: Arc::clone(&steps) as Arc<dyn FlushSteps>, ..Seams::default() };
        let lake = house.open_with(seams).await;
        for number in 0..8 {
            lake.append(vec![decisions([number])]).await.expect("kept");
            lake.flush().await.expect("flushes");
        }
        steps.has_failed.store(false, Ordering::SeqCst);
        let stop = CancellationToken::new();
        lake.keep_house(&stop).await.expect_err("injected");
        let expected: Vec<_> = (0..8).collect();
        assert_eq!(numbers(&lake, Table::Decisions), expected, "{step:?} {how:?}");
        lake.keep_house(&stop).await.expect("nothing is wrong any more");
        lake.append(vec![decisions([8])]).await.expect("kept");
        lake.flush().await.expect("flushes");
        lake.vacuum(Duration::ZERO).await.expect("readable");
        let expected: Vec<_> = (0..9).collect();
        assert_eq!(numbers(&lake, Table::Decisions), expected, "{step:?} {how:?}");
        assert_eq!(lake.snapshot(Table::Decisions).cold.len(), 2, "{step:?} {how:?}");
        drop(lake);
        assert_eq!(numbers(&house.open().await, Table::Decisions), expected, "{step:?} {how:?}");
    }
}

#[tokio::test]
async fn a_torn_end_of_the_log_is_no_loss() {
    let house = House::new();
    let lake = house.open().await;
    lake.append(vec![decisions([1])]).await.expect("kept");
    drop(lake);
    let segment = house.folder.path().join("wal/00000000000000000001.wal");
    let mut bytes = fs::read(&segment).expect("there");
    let entries_end = bytes.iter().rposition(|byte| *byte != 0).expect("a header") + 1;
    bytes.truncate(entries_end);
    bytes.extend_from_slice(&[0x17; 50]);
    fs::write(&segment, bytes).expect("room");

    for number in 2..4 {
        let lake = house.open().await;
        assert_eq!(numbers(&lake, Table::Decisions), (1..number).collect::<Vec<_>>());
        assert_eq!((lake.stats().quarantined, lake.stats().lost_log_entries), (0, 0));
        lake.append(vec![decisions([number])]).await.expect("kept");
    }
}

#[tokio::test]
async fn damage_in_the_middle_and_a_missing_segment_cost_themselves_and_are_told() {
    let house = House::new();
    for number in 1..=3 {
        let lake = house.open().await;
        lake.append(vec![decisions([10 * number])]).await.expect("kept");
        lake.append(vec![decisions([10 * number + 1])]).await.expect("kept");
    }
    let segment = |start: u64| house.folder.path().join(format!("wal/{start:020}.wal"));
    let mut bytes = fs::read(segment(1)).expect("there");
    bytes[60] ^= 1;
    fs::write(segment(1), bytes).expect("room");
    fs::remove_file(segment(3)).expect("there");

    let lake = house.open().await;
    assert_eq!(numbers(&lake, Table::Decisions), [11, 30, 31]);
    assert_eq!((lake.stats().quarantined, lake.stats().lost_log_entries), (1, 3));
    assert!(house.folder.path().join("wal/00000000000000000001.wal.24.quarantine").is_file());
}

#[tokio::test]
async fn a_lost_log_does_not_give_sequences_again_that_the_tables_have() {
    let house = House::new();
    let lake = house.open().await;
    for number in 1..=3 {
        lake.append(vec![decisions([number])]).await.expect("kept");
    }
    lake.flush().await.expect("flushes");
    drop(lake);
    fs::remove_dir_all(house.folder.path().join("wal")).expect("there");

    let lake = house.open().await;
    lake.append(vec![decisions([4])]).await.expect("kept");
    drop(lake);
    assert_eq!(numbers(&house.open().await, Table::Decisions), [1, 2, 3, 4]);
}
