//! A lake that looks after itself: merges, retention, vacuum, and rows that claim to be from another age.

use std::fs;
use std::time::Duration;

use plimsoll_lake::{Config, Lake, Sequence, UpkeepConfig};
use plimsoll_model::{Table, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::harness::{House, NOW, Photographer, config, decisions, numbers, read, spans};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

async fn keep_house(lake: &Lake) {
    lake.keep_house(&CancellationToken::new()).await.expect("nothing is wrong");
}

/// One file for each number.
async fn flushed(lake: &Lake, numbers: impl IntoIterator<Item = i64>) {
    for number in numbers {
        lake.append(vec![decisions([number])]).await.expect("kept");
        lake.flush().await.expect("flushes");
    }
}

fn parquet_files(house: &House) -> usize {
    let files = fs::read_dir(house.folder_of(Table::Decisions)).expect("there");
    files
        .filter(|file| file.as_ref().expect("readable").path().extension().is_some_and(|it| it == "parquet"))
        .count()
}

#[tokio::test]
async fn small_files_become_one_sorted_file_with_every_row_once() {
    let house = House::new();
    let lake = house.open().await;
    // Interleaved: each file overlaps with all others.
    for start in 0..9 {
        lake.append(vec![decisions((0..50).map(|row| row * 1_009 + start))]).await.expect("kept");
        lake.append(vec![spans([start])]).await.expect("kept");
        lake.flush().await.expect("flushes");
    }
    let expected = numbers(&lake, Table::Decisions);
    assert_eq!(expected.len(), 450);

    keep_house(&lake).await;
    keep_house(&lake).await;
    let [file] = &lake.snapshot(Table::Decisions).cold[..] else { panic!("one file") };
    assert_eq!((file.rows, file.added), (450, NOW));
    let times: Vec<i64> = read(&lake, Table::Decisions).iter().flat_map(crate::harness::times).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(times, expected);
    assert_eq!(numbers(&lake, Table::Spans), (0..9).collect::<Vec<_>>());
    let stats = lake.stats().upkeep;
    assert_eq!((stats.compactions, stats.compacted_files, stats.failures), (2, 18, 0));

    lake.append(vec![decisions([7])]).await.expect("kept");
    lake.flush().await.expect("flushes");
    drop(lake);
    let lake = house.open().await;
    assert_eq!(numbers(&lake, Table::Decisions).len(), 451);
    assert_eq!(lake.snapshot(Table::Decisions).cold.len(), 2);
}

#[tokio::test]
async fn a_query_keeps_its_files_and_vacuum_waits_for_its_grace() {
    let house = House::new();
    let lake = house.open().await;
    flushed(&lake, 1..=9).await;
    let begun = lake.snapshot(Table::Decisions);
    keep_house(&lake).await;
    assert_eq!(lake.snapshot(Table::Decisions).cold.len(), 1);

    let old_files = || begun.cold.iter().filter(|file| file.path.exists()).count();
    house.clock.advance(HOUR / 2);
    keep_house(&lake).await;
    house.clock.advance(HOUR / 2);
    keep_house(&lake).await;
    assert_eq!(old_files(), 9, "half an hour after they were first seen");
    house.clock.advance(HOUR / 2);
    keep_house(&lake).await;
    assert_eq!(old_files(), 0);
    assert_eq!(parquet_files(&house), 1);
    assert_eq!(lake.stats().upkeep.vacuumed_files, 9);
    assert_eq!(numbers(&lake, Table::Decisions), (1..=9).collect::<Vec<_>>());
    drop(lake);
    assert_eq!(numbers(&house.open().await, Table::Decisions), (1..=9).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_crash_left_is_deleted_unless_it_may_be_all_that_is_left() {
    let house = House::new();
    let lake = house.open().await;
    flushed(&lake, [1]).await;
    let orphan = house.folder_of(Table::Decisions).join("merged-00000-00000000000000000009.parquet");
    fs::write(&orphan, "PAR1").expect("room");
    let quarantine = house.folder_of(Table::Decisions).join("_quarantine");
    fs::create_dir(&quarantine).expect("new");
    fs::write(quarantine.join("00000000000000000009.json.1"), "torn").expect("room");
    lake.vacuum(Duration::ZERO).await.expect("readable");
    assert!(orphan.exists(), "a commit that is kept aside may name it");

    fs::remove_dir_all(&quarantine).expect("there");
    lake.vacuum(Duration::ZERO).await.expect("readable");
    assert!(!orphan.exists());
    assert_eq!(numbers(&lake, Table::Decisions), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_any_two_steps_of_a_merge_loses_nothing_and_stores_nothing_twice() {
    let house = House::new();
    let photographer = Photographer::of(&house);
    let lake = house.open_with(photographer.seams()).await;
    flushed(&lake, 1..=9).await;
    lake.append(vec![decisions([10])]).await.expect("kept");
    keep_house(&lake).await;

    let pictures = photographer.pictures.lock().expect("not poisoned").clone();
    let merges: Vec<_> = pictures.iter().filter(|(name, _)| name.contains("merge")).collect();
    assert_eq!(merges.len(), 3, "{pictures:?}");
    for (name, data_dir) in merges {
        // Twice: what the first start repaired must hold for the second.
        for _ in 0..2 {
            let lake = house.open_as(config(data_dir)).await;
            assert_eq!(numbers(&lake, Table::Decisions), (1..=10).collect::<Vec<_>>(), "{name}");
            lake.flush().await.expect("flushes");
            keep_house(&lake).await;
            lake.vacuum(Duration::ZERO).await.expect("readable");
            assert_eq!(numbers(&lake, Table::Decisions), (1..=10).collect::<Vec<_>>(), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flushes_go_on_while_files_are_merged() {
    let house = House::new();
    let lake = house.open().await;
    flushed(&lake, 0..16).await;
    let merging = {
        let lake = lake.clone();
        tokio::spawn(async move { lake.compact(&CancellationToken::new()).await })
    };
    flushed(&lake, 16..40).await;
    merging.await.expect("no panic").expect("merges");
    lake.compact(&CancellationToken::new()).await.expect("merges");
    assert_eq!(numbers(&lake, Table::Decisions), (0..40).collect::<Vec<_>>());
    drop(lake);
    assert_eq!(numbers(&house.open().await, Table::Decisions), (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_go_when_they_were_kept_long_enough_and_the_future_ages_from_its_arrival() {
    let house = House::new();
    let retention = [(Table::Decisions, 10 * DAY)].into();
    let upkeep = UpkeepConfig { retention, ..UpkeepConfig::default() };
    let lake = house.open_as(Config { upkeep, ..house.config() }).await;
    let old = (NOW - 9 * DAY).nanos();
    let far = Timestamp::from_secs(4_102_444_800).nanos();
    lake.append(vec![decisions([old, NOW.nanos(), far]), spans([old])]).await.expect("kept");
    lake.flush().await.expect("flushes");
    assert_eq!(lake.snapshot(Table::Decisions).cold.len(), 3, "each age in a file of its own");

    keep_house(&lake).await;
    assert_eq!(numbers(&lake, Table::Decisions), [old, NOW.nanos(), far]);
    house.clock.advance(2 * DAY);
    keep_house(&lake).await;
    assert_eq!(numbers(&lake, Table::Decisions), [NOW.nanos(), far]);
    assert_eq!(numbers(&lake, Table::Spans), [old], "spans are kept for 14 days");
    assert_eq!((lake.stats().upkeep.expired_files, lake.stats().upkeep.expired_rows), (1, 1));
    house.clock.advance(9 * DAY);
    keep_house(&lake).await;
    assert!(numbers(&lake, Table::Decisions).is_empty());
    drop(lake);
    assert!(numbers(&house.open().await, Table::Decisions).is_empty());
}

#[tokio::test]
async fn a_row_of_another_age_stretches_no_file_and_moves_no_watermark() {
    let house = House::new();
    let lake = house.open().await;
    let now = NOW.nanos();
    let far = Timestamp::from_secs(4_102_444_800).nanos();
    lake.append(vec![decisions([now, 0, far, now - 5_000, 86_400_000_000_000])]).await.expect("kept");
    let watermark = |lake: &Lake| lake.arrivals(Table::Decisions, Sequence::default()).watermark;
    assert_eq!(watermark(&lake), Some(NOW));
    lake.flush().await.expect("flushes");

    let mut ranges: Vec<_> = lake
        .snapshot(Table::Decisions)
        .cold
        .iter()
        .map(|file| (file.min_time.nanos() / 1_000, file.max_time.nanos() / 1_000, file.rows))
        .collect();
    ranges.sort_unstable();
    let [now, far] = [now / 1_000, far / 1_000];
    assert_eq!(ranges, [(0, 86_400_000_000, 2), (now - 5, now, 2), (far, far, 1)]);
    assert_eq!(watermark(&lake), Some(NOW));
    drop(lake);
    let lake = house.open().await;
    assert_eq!(watermark(&lake).map(|time| time.nanos() / 1_000), Some(now), "also after a restart");
    assert_eq!(numbers(&lake, Table::Decisions).len(), 5);
}

#[tokio::test]
async fn a_merge_of_two_days_gives_a_file_for_each() {
    let house = House::new();
    let lake = house.open().await;
    let midnight = (NOW - DAY).floor_to(DAY).nanos();
    for number in 0..8 {
        lake.append(vec![decisions([midnight - 1 - number, midnight + number])]).await.expect("kept");
        lake.flush().await.expect("flushes");
    }
    keep_house(&lake).await;
    let cold = lake.snapshot(Table::Decisions).cold;
    let mut days: Vec<_> = cold
        .iter()
        .map(|file| (file.min_time.floor_to(DAY), file.max_time.floor_to(DAY), file.rows))
        .collect();
    days.sort_unstable();
    let day = Timestamp::from_nanos(midnight);
    assert_eq!(days, [(day - DAY, day - DAY, 8), (day, day, 8)]);
    assert_eq!(numbers(&lake, Table::Decisions).len(), 16);
}
