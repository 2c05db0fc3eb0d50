//! A disk that fails under the log: appends are refused and may be sent again, what was acknowledged stays, nothing that
//! was refused comes back beside its retry, and the lake recovers by itself.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use plimsoll_lake::{Lake, LakeError, Seams};
use plimsoll_model::Table;
use plimsoll_wal::{Disk, LocalDisk};

use crate::harness::{House, append_numerals, decisions, numbers};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    /// Half of the bytes arrive.
    Write,
    Sync,
    SyncFolder,
}

const STEPS: [Step; 4] = [Step::Create, Step::Write, Step::Sync, Step::SyncFolder];

/// ENOSPC, EIO, EROFS.
const ERRORS: [i32; 3] = [28, 5, 30];

#[derive(Clone, Debug, Default)]
struct BadDisk(Arc<Mutex<Fault>>);

#[derive(Debug, Default)]
struct Fault {
    fails: Option<(Step, i32)>,
    /// How often it still does; `None` is for ever.
    times: Option<u32>,
    /// Files whose fsync failed: the kernel may have dropped what it could not write.
    doubtful: HashSet<u64>,
}

impl BadDisk {
    fn fault(&self) -> MutexGuard<'_, Fault> {
        self.0.lock().expect("not poisoned")
    }

    fn fail(&self, step: Step, error: i32, times: Option<u32>) {
        let mut fault = self.fault();
        (fault.fails, fault.times) = (Some((step, error)), times);
    }

    fn heal(&self) {
        self.fault().fails = None;
    }

    fn check(&self, step: Step) -> io::Result<()> {
        let mut fault = self.fault();
        match fault.fails {
            Some((failing, error)) if failing == step && fault.times != Some(0) => {
                fault.times = fault.times.map(|times| times - 1);
                Err(io::Error::from_raw_os_error(error))
            }
            _ => Ok(()),
        }
    }

    fn seams(&self) -> Seams {
        Seams { log_disk: Box::new(self.clone()), ..Seams::default() }
    }
}

impl Disk for BadDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.check(Step::Create)?;
        let file = LocalDisk.create(path)?;
        // A removed file's number is given again.
        self.fault().doubtful.remove(&file.metadata()?.ino());
        Ok(file)
    }

    fn write_at(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.check(Step::Write) {
            LocalDisk.write_at(file, offset, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        LocalDisk.write_at(file, offset, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let file_number = file.metadata()?.ino();
        if let Err(error) = self.check(Step::Sync) {
            self.fault().doubtful.insert(file_number);
            return Err(error);
        }
        assert!(!self.fault().doubtful.contains(&file_number), "an fsync after a failed one proves nothing");
        LocalDisk.sync(file)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.check(Step::SyncFolder)?;
        LocalDisk.sync_folder(folder)
    }
}

async fn refused(lake: &Lake, number: i64) {
    let error = append_numerals(lake, [number]).await.expect_err("the disk fails");
    assert!(matches!(error, LakeError::Unavailable(_)), "{error}");
}

/// The fault strikes at the first append of a life, or at a later one; then the process goes on, or dies.
async fn check(step: Step, error: i32, is_first: bool, dies: bool) {
    let what = format!("{step:?} {error}, first {is_first}, dies {dies}");
    let house = House::new();
    let disk = BadDisk::default();
    let mut acknowledged = Vec::new();
    let mut lake = house.open_with(disk.seams()).await;
    if !is_first {
        lake.append(vec![decisions([1])]).await.expect("the disk is fine");
        acknowledged.push(1);
    }
    disk.fail(step, error, None);
    for _ in 0..3 {
        refused(&lake, 2).await;
        assert!(lake.stats().is_log_failing, "{what}");
        assert_eq!(numbers(&lake, Table::Decisions), acknowledged, "{what}");
    }
    assert_eq!(lake.stats().log_failures, 3, "{what}");
    disk.heal();
    if dies {
        drop(lake);
        lake = house.open_with(BadDisk::default().seams()).await;
        assert_eq!(numbers(&lake, Table::Decisions), acknowledged, "{what}");
    }
    append_numerals(&lake, [2]).await.expect("the disk is fine again");
    acknowledged.push(2);
    assert!(!lake.stats().is_log_failing, "{what}");
    drop(lake);
    let lake = house.open().await;
    assert_eq!(numbers(&lake, Table::Decisions), acknowledged, "{what}");
    assert_eq!((lake.stats().quarantined, lake.stats().lost_log_entries), (0, 0), "{what}");
}

#[tokio::test]
async fn a_disk_that_fails_refuses_and_the_lake_recovers_by_itself() {
    for step in STEPS {
        check(step, ERRORS[0], true, step == Step::SyncFolder).await;
    }
    for error in ERRORS {
        check(Step::Write, error, false, error == ERRORS[1]).await;
        check(Step::Sync, error, false, error == ERRORS[1]).await;
    }
}

#[tokio::test]
async fn one_failed_fsync_refuses_its_group_and_no_other() {
    let house = House::new();
    let disk = BadDisk::default();
    let lake = house.open_with(disk.seams()).await;
    let mut refusals = 0;
    for number in 1..20 {
        // It may also hit the writer while it makes room, which refuses nobody.
        disk.fail(Step::Sync, 5, Some(1));
        if append_numerals(&lake, [number]).await.is_err() {
            refusals += 1;
            append_numerals(&lake, [number]).await.expect("another file");
        }
    }
    assert!(refusals > 0 && lake.stats().log_failures == refusals, "{refusals} refusals");
    drop(lake);
    assert_eq!(numbers(&house.open().await, Table::Decisions), (1..20).collect::<Vec<_>>());
}
