//! The log against a naive model: whatever is appended, synced, truncated, failed or cut off, what was synced comes
//! back, in order, once, unchanged.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use plimsoll_wal::{Disk, LocalDisk, Options, Sequence, Wal};
use proptest::prelude::*;

type Entries = BTreeMap<u64, Vec<u8>>;

const OPTIONS: Options = Options { segment_bytes: 300 };

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Create,
    /// Half of it is written, then the disk is full.
    Write,
    Sync,
    SyncFolder,
}

/// A disk whose next call of one kind fails.
#[derive(Clone, Debug, Default)]
struct FailingDisk(Arc<Mutex<Option<Fault>>>);

impl FailingDisk {
    fn fails(&self, fault: Fault) -> io::Result<()> {
        let mut next = self.0.lock().expect("no test panics while holding it");
        if *next == Some(fault) {
            *next = None;
            return Err(io::Error::other("injected"));
        }
        Ok(())
    }
}

impl Disk for FailingDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.fails(Fault::Create)?;
        LocalDisk.create(path)
    }

    fn write_at(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.fails(Fault::Write).inspect_err(|_| {
            LocalDisk.write_at(file, offset, &bytes[..bytes.len() / 2]).expect("the test's disk has room");
        })?;
        LocalDisk.write_at(file, offset, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.fails(Fault::Sync)?;
        LocalDisk.sync(file)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.fails(Fault::SyncFolder)?;
        LocalDisk.sync_folder(folder)
    }
}

#[derive(Clone, Debug)]
enum Action {
    Append(Vec<u8>),
    Sync,
    FailingSync(Fault),
    Prepare,
    Rest,
    /// Through this percentage of what is synced.
    Truncate(u64),
    /// What was appended and not synced is on the disk up to this percentage, then the process starts again.
    Crash(usize),
}

fn action() -> impl Strategy<Value = Action> {
    let fault =
        prop_oneof![Just(Fault::Create), Just(Fault::Write), Just(Fault::Sync), Just(Fault::SyncFolder)];
    prop_oneof![
        5 => proptest::collection::vec(any::<u8>(), 0..90).prop_map(Action::Append),
        3 => Just(Action::Sync),
        1 => Just(Action::Prepare),
        1 => Just(Action::Rest),
        1 => fault.prop_map(Action::FailingSync),
        1 => (0..=100_u64).prop_map(Action::Truncate),
        1 => (0..=100_usize).prop_map(Action::Crash),
    ]
}

struct Story {
    folder: PathBuf,
    disk: FailingDisk,
    wal: Option<Wal>,
    synced: Entries,
    pending: Entries,
    truncated: u64,
}

impl Story {
    fn begin(folder: &Path) -> Self {
        let (wal, replayed) = open(folder, FailingDisk::default());
        assert!(replayed.is_empty());
        Self {
            folder: folder.to_path_buf(),
            disk: FailingDisk::default(),
            wal: Some(wal),
            synced: Entries::new(),
            pending: Entries::new(),
            truncated: 0,
        }
        .reopened()
    }

    fn reopened(mut self) -> Self {
        self.restart();
        self
    }

    fn wal(&mut self) -> &mut Wal {
        self.wal.as_mut().expect("open between two actions")
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Append(payload) => {
                let sequence = self.wal().append(&payload).expect("small");
                self.pending.insert(sequence.0, payload);
            }
            Action::Sync => {
                self.wal().sync().expect("the disk is fine");
                self.synced.append(&mut self.pending);
            }
            Action::Prepare => self.wal().prepare(),
            Action::Rest => {
                let last = self.wal().synced();
                self.wal().rest(last).expect("the disk is fine");
            }
            Action::FailingSync(fault) => self.failing_sync(fault),
            Action::Truncate(percent) => {
                let last = self.wal().synced().0;
                let through = last * percent / 100;
                self.wal().truncate_through(Sequence(through)).expect("the disk is fine");
                self.truncated = self.truncated.max(through);
            }
            Action::Crash(percent) => {
                self.leave_torn_write(percent);
                self.restart();
            }
        }
    }

    fn failing_sync(&mut self, fault: Fault) {
        *self.disk.0.lock().expect("not poisoned") = Some(fault);
        match self.wal().sync() {
            Ok(()) => self.synced.append(&mut self.pending),
            Err(_) => self.pending.clear(),
        }
        *self.disk.0.lock().expect("not poisoned") = None;
    }

    /// Behind the last entry of the newest file, or in a file of its own where that one is full.
    fn leave_torn_write(&mut self, percent: usize) {
        let Some(newest) = segments(&self.folder).pop() else { return };
        let start = start_of(&newest);
        let synced = self.wal().synced().0;
        let bytes: Vec<u8> = self
            .pending
            .iter()
            .flat_map(|(sequence, payload)| encode(start, synced, *sequence, payload))
            .collect();
        let here = self.synced.range(start..).map(|(_, payload)| 24 + payload.len()).sum::<usize>();
        let file = OpenOptions::new().write(true).open(newest).expect("there");
        file.write_all_at(&bytes[..bytes.len() * percent / 100], 24 + here as u64).expect("room");
    }

    fn restart(&mut self) {
        self.wal = None;
        let (wal, replayed) = open(&self.folder, self.disk.clone());
        let pending = std::mem::take(&mut self.pending);
        for (sequence, payload) in self.synced.range(self.truncated + 1..) {
            assert_eq!(replayed.get(sequence), Some(payload), "synced entry {sequence}");
        }
        for (sequence, payload) in &replayed {
            let known = self.synced.get(sequence).or(pending.get(sequence));
            assert_eq!(known, Some(payload), "replayed entry {sequence}");
        }
        let last = self.synced.keys().last().copied().unwrap_or(0);
        assert!(wal.synced() >= Sequence(last), "sequences go on");
        assert_eq!((wal.quarantined(), wal.lost_entries()), (0, 0), "a crash is no damage");
        self.synced.extend(replayed);
        self.wal = Some(wal);
    }
}

fn open(folder: &Path, disk: FailingDisk) -> (Wal, Entries) {
    let mut replayed = Entries::new();
    let wal = Wal::open_on(Box::new(disk), folder, OPTIONS, |sequence, payload| {
        let before = replayed.keys().last().copied().unwrap_or(0);
        assert!(sequence.0 > before, "in order, once");
        replayed.insert(sequence.0, payload.to_vec());
    })
    .expect("opens");
    (wal, replayed)
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("there").map(|file| file.expect("readable").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "wal")).collect();
    files.sort();
    files
}

fn start_of(segment: &Path) -> u64 {
    segment.file_stem().and_then(|name| name.to_str()?.parse().ok()).expect("a segment's name")
}

/// The format once more, written from its description alone.
fn encode(start: u64, synced: u64, sequence: u64, payload: &[u8]) -> Vec<u8> {
    let checked = [start, synced, sequence].map(u64::to_le_bytes).concat();
    let checksum = crc32fast::hash(&[&checked, payload].concat());
    let length = u32::try_from(payload.len()).expect("small");
    let (sequence, synced) = (sequence.to_le_bytes(), synced.to_le_bytes());
    [&length.to_le_bytes()[..], &checksum.to_le_bytes(), &sequence, &synced, payload].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn what_was_synced_survives_everything_in_order_and_once(actions in proptest::collection::vec(action(), 1..60)) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut story = Story::begin(&folder.path().join("wal"));
        for action in actions {
            story.act(action);
        }
        story.restart();
    }

    #[test]
    fn a_flipped_bit_hurts_its_own_segment_only_and_is_never_passed_on(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..90), 1..30),
        file in any::<prop::sample::Index>(),
        bit in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut written = Entries::new();
        let (mut wal, _) = open(folder.path(), FailingDisk::default());
        for payload in payloads {
            written.insert(wal.append(&payload).expect("small").0, payload);
            wal.sync().expect("the disk is fine");
        }
        drop(wal);
        let files = segments(folder.path());
        let damaged = file.index(files.len());
        let mut bytes = fs::read(&files[damaged]).expect("there");
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&files[damaged], bytes).expect("room");

        let mut replayed = Entries::new();
        let opened = Wal::open(folder.path(), OPTIONS, |sequence, payload| {
            replayed.insert(sequence.0, payload.to_vec());
        });
        let wal = opened.expect("damage is no reason not to start");
        for (sequence, payload) in &replayed {
            prop_assert_eq!(written.get(sequence), Some(payload));
        }
        let hurt = start_of(&files[damaged])..files.get(damaged + 1).map_or(u64::MAX, |next| start_of(next));
        let lost: Vec<_> = written.keys().filter(|sequence| !replayed.contains_key(sequence)).collect();
        prop_assert!(lost.iter().all(|sequence| hurt.contains(sequence)), "lost {:?} of {:?}", lost, hurt);
        let only_the_last = lost == written.keys().last().into_iter().collect::<Vec<_>>();
        let told = wal.quarantined() > 0 && wal.lost_entries() == lost.len() as u64;
        prop_assert!(lost.is_empty() || only_the_last || told, "silently lost {:?}", lost);
    }
}

#[test]
fn sequences_whose_sync_failed_are_given_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = FailingDisk::default();
    let (mut wal, _) = open(folder.path(), disk.clone());
    wal.append(b"kept").expect("small");
    wal.sync().expect("the disk is fine");

    *disk.0.lock().expect("not poisoned") = Some(Fault::Write);
    assert_eq!(wal.append(b"refused").expect("small"), Sequence(2));
    let error = wal.sync().expect_err("injected").to_string();
    assert!(error.contains(".wal") && error.contains("injected"), "{error}");

    assert_eq!(wal.append(b"again").expect("small"), Sequence(2));
    wal.sync().expect("the disk is fine again");
    drop(wal);
    let (_, replayed) = open(folder.path(), FailingDisk::default());
    assert_eq!(replayed, Entries::from([(1, b"kept".to_vec()), (2, b"again".to_vec())]));
}

#[test]
fn a_log_that_knows_less_than_its_owner_goes_on_behind_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut wal, _) = open(folder.path(), FailingDisk::default());
    wal.continue_after(Sequence(41));
    assert_eq!(wal.append(b"next").expect("small"), Sequence(42));
    wal.sync().expect("the disk is fine");
    wal.continue_after(Sequence(7));
    assert_eq!(wal.append(b"later").expect("small"), Sequence(43));
}

#[test]
fn truncation_frees_whole_segments_and_keeps_the_newest() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut wal, _) = open(folder.path(), FailingDisk::default());
    for _ in 0..20 {
        wal.append(&[7; 100]).expect("small");
        wal.sync().expect("the disk is fine");
    }
    assert!(wal.segment_count() > 3);
    wal.truncate_through(Sequence(20)).expect("the disk is fine");
    assert_eq!(wal.segment_count(), 1);
    drop(wal);
    let (wal, _) = open(folder.path(), FailingDisk::default());
    assert_eq!(wal.synced(), Sequence(20));
}

#[test]
fn a_segment_of_a_newer_format_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut header = b"PLIMSWAL\x03\0\0\0".to_vec();
    header.extend(1_u64.to_le_bytes());
    let checksum = crc32fast::hash(&header);
    header.extend(checksum.to_le_bytes());
    fs::write(folder.path().join("00000000000000000001.wal"), header).expect("room");

    let error = Wal::open(folder.path(), OPTIONS, |_, _| {}).expect_err("version 3").to_string();
    assert!(error.contains("00000000000000000001.wal") && error.contains("version 3"), "{error}");
}

#[test]
fn a_log_at_rest_is_one_segment() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = || fs::read_dir(folder.path()).expect("there").count();
    let (mut wal, _) = open(folder.path(), FailingDisk::default());
    for number in 0..100 {
        wal.append(&[number; 80]).expect("small");
        wal.sync().expect("the disk is fine");
        wal.prepare();
    }
    wal.truncate_through(Sequence(100)).expect("the disk is fine");
    assert_eq!(files(), 3, "two are kept to be written over");
    wal.rest(Sequence(99)).expect("one entry is needed");
    wal.append(b"in between").expect("small");
    wal.rest(Sequence(101)).expect("something waits");
    assert_eq!(files(), 3);
    wal.sync().expect("the disk is fine");
    wal.truncate_through(Sequence(101)).expect("the disk is fine");
    wal.rest(Sequence(101)).expect("the disk is fine");
    assert_eq!(files(), 1);
    assert_eq!(wal.append(b"next").expect("small"), Sequence(102));
}
