//! Disks that forget, flip bits and run full: the lake opens, says what is missing, and loses nothing that it still has.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use plimsoll_lake::{Config, Lake, LakeError};
use plimsoll_model::Table;
use tokio_util::sync::CancellationToken;

use crate::harness::{House, decisions, numbers};

async fn two_files(house: &House) -> Lake {
    let lake = house.open().await;
    for number in [1, 2] {
        lake.append(vec![decisions([number])]).await.expect("kept");
        lake.flush().await.expect("flushes");
    }
    lake
}

#[tokio::test]
async fn a_damaged_data_file_is_left_out_and_counted_and_never_deleted() {
    let whole = |path: &Path| fs::read(path).expect("there");
    let damages: [&dyn Fn(&Path); 5] = [
        &|path| fs::remove_file(path).expect("there"),
        &|path| fs::write(path, "").expect("room"),
        &|path| fs::write(path, &whole(path)[..100]).expect("room"),
        &|path| {
            let mut bytes = whole(path);
            let footer = bytes.len() - 40;
            bytes[footer..].fill(0x17);
            fs::write(path, bytes).expect("room");
        },
        &|path| fs::write(path, [whole(path), vec![0]].concat()).expect("room"),
    ];
    for damage in damages {
        let house = House::new();
        let lake = two_files(&house).await;
        let file = lake.snapshot(Table::Decisions).cold[0].clone();
        drop(lake);
        damage(&file.path);
        let is_there = file.path.exists();

        let lake = house.open().await;
        assert_eq!(numbers(&lake, Table::Decisions), [2]);
        let stats = lake.stats().upkeep;
        assert_eq!((stats.damaged_files, stats.damaged_rows), (1, 1));
        lake.append(vec![decisions([3])]).await.expect("kept");
        lake.flush().await.expect("flushes");
        lake.vacuum(Duration::ZERO).await.expect("readable");
        assert_eq!(numbers(&lake, Table::Decisions), [2, 3]);
        assert_eq!(file.path.exists(), is_there, "a person may still look at it");
    }
}

#[tokio::test]
async fn every_kind_of_damage_to_the_newest_commit_leaves_every_row() {
    let house = House::new();
    drop(two_files(&house).await);
    let commit = house.log_of(Table::Decisions).join("00000000000000000002.json");
    let whole = fs::read(&commit).expect("there");
    let mut damages: Vec<Vec<u8>> =
        (0..whole.len()).step_by(97).map(|length| whole[..length].to_vec()).collect();
    for bit in (0..whole.len() * 8).step_by(997) {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        damages.push(bytes);
    }
    assert!(damages.len() > 10, "{}", damages.len());
    for damage in damages {
        fs::write(&commit, damage).expect("room");
        let lake = house.open().await;
        assert_eq!(numbers(&lake, Table::Decisions), [1, 2]);
        assert_eq!(lake.stats().upkeep.restored_commits, 1);
    }
}

/// Writes to it fail as on a full disk.
fn fill(path: &Path) {
    symlink("/dev/full", path).expect("room");
}

#[tokio::test]
async fn a_full_disk_keeps_rows_in_memory_and_the_flush_is_made_up_for() {
    let house = House::new();
    let lake = two_files(&house).await;
    lake.append(vec![decisions([3])]).await.expect("kept");
    let folder = house.folder_of(Table::Decisions);
    fill(&folder.join("part-00001-00000000000000000003.parquet"));
    for _ in 0..2 {
        let error = lake.flush().await.expect_err("full").to_string();
        assert!(error.contains("No space left"), "{error}");
        assert_eq!(numbers(&lake, Table::Decisions), [1, 2, 3]);
        fill(&folder.join("part-00001-00000000000000000003.parquet"));
    }
    fs::remove_file(folder.join("part-00001-00000000000000000003.parquet")).expect("there");

    let staged = folder.join("_delta_log/00000000000000000003.json#1");
    fill(&staged);
    let error = lake.flush().await.expect_err("full").to_string();
    assert!(error.contains("No space left"), "{error}");
    assert_eq!((lake.stats().flush_failures, lake.stats().buffered_rows), (3, 1));
    lake.append(vec![decisions([4])]).await.expect("the log has room");

    fs::remove_file(&staged).expect("there");
    lake.flush().await.expect("flushes");
    assert_eq!(numbers(&lake, Table::Decisions), [1, 2, 3, 4]);
    assert_eq!(lake.stats().buffered_bytes, 0);
    drop(lake);
    assert_eq!(numbers(&house.open().await, Table::Decisions), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_full_disk_fills_the_buffer_and_then_refuses_until_there_is_room_again() {
    let house = House::new();
    let lake = house.open_as(Config { buffer_limit_bytes: 40_000, ..house.config() }).await;
    let stop = CancellationToken::new();
    let maintenance = {
        let (lake, stop) = (lake.clone(), stop.clone());
        tokio::spawn(async move { lake.maintain(stop).await })
    };
    let staged = house.log_of(Table::Decisions).join("00000000000000000001.json#1");
    fill(&staged);
    let mut acknowledged = 0;
    let refused = loop {
        match lake.append(vec![decisions(acknowledged..acknowledged + 100)]).await {
            Ok(()) => acknowledged += 100,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, LakeError::Full(_) | LakeError::Unavailable(_)), "{refused}");
    assert!(acknowledged > 0);
    while lake.stats().flush_failures == 0 {
        tokio::task::yield_now().await;
    }
    let patient = lake.clone().patient(Duration::from_hours(1));
    let refused = patient.append(vec![decisions(0..400)]).await.expect_err("nothing to wait for");
    assert!(matches!(refused, LakeError::Unavailable(_)), "{refused}");
    drop(patient);
    assert_eq!(numbers(&lake, Table::Decisions), (0..acknowledged).collect::<Vec<_>>());

    fs::remove_file(&staged).expect("there");
    while lake.stats().buffered_bytes > 0 {
        // It waits for its clock between two tries.
        house.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    lake.append(vec![decisions([acknowledged])]).await.expect("there is room again");
    stop.cancel();
    maintenance.await.expect("no panic");
    drop(lake);
    assert_eq!(numbers(&house.open().await, Table::Decisions), (0..=acknowledged).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_merge_that_finds_the_disk_full_leaves_everything_as_it_was() {
    let house = House::new();
    let lake = house.open().await;
    for number in 0..8 {
        lake.append(vec![decisions([number])]).await.expect("kept");
        lake.flush().await.expect("flushes");
    }
    let before = lake.snapshot(Table::Decisions).cold;
    let staged = house.log_of(Table::Decisions).join("00000000000000000009.json#1");
    fill(&staged);
    let stop = CancellationToken::new();
    lake.keep_house(&stop).await.expect_err("full");
    assert_eq!(lake.stats().upkeep.failures, 1);
    assert_eq!(lake.snapshot(Table::Decisions).cold, before);

    fs::remove_file(&staged).expect("there");
    lake.keep_house(&stop).await.expect("merges");
    assert_eq!(lake.snapshot(Table::Decisions).cold.len(), 1);
    assert_eq!(numbers(&lake, Table::Decisions), (0..8).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_unreadable_file_does_not_hold_up_the_merges_of_others() {
    let house = House::new();
    let lake = house.open().await;
    for number in 0..9 {
        lake.append(vec![decisions([number])]).await.expect("kept");
        lake.flush().await.expect("flushes");
    }
    let broken = lake.snapshot(Table::Decisions).cold[3].path.clone();
    fs::write(broken, "PAR1").expect("room");
    let stop = CancellationToken::new();
    lake.keep_house(&stop).await.expect_err("unreadable");
    lake.keep_house(&stop).await.expect("the others");
    assert_eq!(lake.snapshot(Table::Decisions).cold.len(), 2);
}
