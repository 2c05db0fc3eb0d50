//! A power cut at every moment of a long run. The disk keeps what it was told to sync; of everything else it keeps what
//! it likes: any sectors of a write, any new, renamed or removed names. Whatever it kept, the log opens, and
//! holds what was acknowledged, once, and nothing that had been refused.

mod forgetful;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use plimsoll_wal::{Disk, LocalDisk, Options, Sequence, Wal};

use forgetful::Forgetful;

const OPTIONS: Options = Options { segment_bytes: 3000 };
const SECTOR: usize = 512;
const COMMITS: usize = 500;

/// What a file system holds: names, and behind them files of bytes.
#[derive(Clone, Debug, Default)]
struct Contents {
    names: BTreeMap<PathBuf, u64>,
    files: BTreeMap<u64, Vec<u8>>,
}

/// What has happened since the last sync of a file, or of the folder.
#[derive(Clone, Debug)]
enum Unsynced {
    Write { file: u64, offset: usize, bytes: Vec<u8> },
    Name { path: PathBuf, file: u64 },
    Rename { from: PathBuf, to: PathBuf, file: u64 },
    Remove { path: PathBuf },
}

impl Unsynced {
    fn apply(&self, contents: &mut Contents) {
        match self {
            Self::Write { file, offset, bytes } => {
                let held = contents.files.entry(*file).or_default();
                held.resize(held.len().max(offset + bytes.len()), 0);
                held[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            Self::Name { path, file } => drop(contents.names.insert(path.clone(), *file)),
            Self::Rename { from, to, file } => {
                contents.names.remove(from);
                contents.names.insert(to.clone(), *file);
            }
            Self::Remove { path } => drop(contents.names.remove(path)),
        }
    }
}

/// Keeps a diary of a real disk.
#[derive(Clone, Debug, Default)]
struct Diary(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    synced: Contents,
    unsynced: Vec<Unsynced>,
    /// The next fsync of a file fails.
    fails: bool,
    /// Numbers of the machine's files, which it gives again, to numbers of ours.
    numbers: BTreeMap<u64, u64>,
    files: u64,
    log: Vec<Moment>,
    history: History,
}

/// What those who append know.
#[derive(Clone, Debug, Default)]
struct History {
    acknowledged: u64,
    truncated: u64,
    /// In the group that is being written.
    pending: u64,
    refused: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
struct Moment {
    synced: Contents,
    unsynced: Vec<Unsynced>,
    history: History,
}

impl Diary {
    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().expect("no test panics while holding it")
    }
}

impl Recorded {
    fn happened(&mut self, what: Unsynced) {
        self.unsynced.push(what);
        self.note();
    }

    /// Everything before this moment might be the last.
    fn note(&mut self) {
        let (synced, unsynced) = (self.synced.clone(), self.unsynced.clone());
        self.log.push(Moment { synced, unsynced, history: self.history.clone() });
    }

    fn number(&self, file: &File) -> io::Result<u64> {
        Ok(self.numbers[&file.metadata()?.ino()])
    }

    fn reached_disk(&mut self, is_synced: impl Fn(&Unsynced) -> bool) {
        for what in std::mem::take(&mut self.unsynced) {
            if is_synced(&what) {
                what.apply(&mut self.synced);
            } else {
                self.unsynced.push(what);
            }
        }
        self.note();
    }
}

impl Disk for Diary {
    fn create(&self, path: &Path) -> io::Result<File> {
        let file = LocalDisk.create(path)?;
        let mut recorded = self.lock();
        recorded.files += 1;
        let number = recorded.files;
        recorded.numbers.insert(file.metadata()?.ino(), number);
        recorded.happened(Unsynced::Name { path: path.to_path_buf(), file: number });
        Ok(file)
    }

    fn write_at(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut recorded = self.lock();
        let number = recorded.number(file)?;
        let offset_here = usize::try_from(offset).expect("small");
        recorded.happened(Unsynced::Write { file: number, offset: offset_here, bytes: bytes.to_vec() });
        file.write_all_at(bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let mut recorded = self.lock();
        if std::mem::take(&mut recorded.fails) {
            return Err(io::Error::from_raw_os_error(5));
        }
        let number = recorded.number(file)?;
        recorded.reached_disk(|what| matches!(what, Unsynced::Write { file, .. } if *file == number));
        Ok(())
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        self.lock().reached_disk(|what| !matches!(what, Unsynced::Write { .. }));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let number = self.lock().numbers[&from.metadata()?.ino()];
        let (from_here, to_here) = (from.to_path_buf(), to.to_path_buf());
        self.lock().happened(Unsynced::Rename { from: from_here, to: to_here, file: number });
        LocalDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if path.exists() {
            self.lock().happened(Unsynced::Remove { path: path.to_path_buf() });
        }
        LocalDisk.remove(path)
    }
}

/// Each payload tells its number, and which attempt it is.
fn payload(number: u64, attempt: u32) -> Vec<u8> {
    let length = usize::try_from(number * 37 % 700).expect("small");
    let mut payload = format!("{number}/{attempt}/").into_bytes();
    payload.resize(payload.len() + length, b'x');
    payload
}

/// Appends in groups, some of which fail and are sent again, while the log is trimmed behind them.
fn record_a_run(folder: &Path, dice: &mut Dice) -> Vec<Moment> {
    let diary = Diary::default();
    let mut wal =
        Wal::open_on(Box::new(diary.clone()), folder, OPTIONS, |_, _| panic!("nothing yet")).expect("opens");
    for _ in 0..COMMITS {
        let group = 1 + dice.below(4);
        let mut attempt = 0;
        loop {
            let first = diary.lock().history.acknowledged + 1;
            let payloads: Vec<_> = (first..first + group).map(|number| payload(number, attempt)).collect();
            for payload in &payloads {
                wal.append(payload).expect("small");
            }
            diary.lock().fails = dice.below(12) == 0;
            diary.lock().history.pending = group;
            let outcome = wal.sync();
            let mut recorded = diary.lock();
            recorded.history.pending = 0;
            match outcome {
                Ok(()) => {
                    recorded.history.acknowledged += group;
                    recorded.note();
                    break;
                }
                Err(_) => {
                    recorded.history.refused.extend(payloads);
                    recorded.note();
                }
            }
            attempt += 1;
        }
        diary.lock().fails = false;
        if dice.below(3) == 0 {
            wal.prepare();
        }
        if dice.below(10) == 0 {
            let History { acknowledged, truncated, .. } = diary.lock().history.clone();
            let through = truncated.max(acknowledged.saturating_sub(dice.below(20)));
            diary.lock().history.truncated = through;
            wal.truncate_through(Sequence(through)).expect("removes");
        }
        if dice.below(50) == 0 {
            let acknowledged = diary.lock().history.acknowledged;
            wal.rest(Sequence(acknowledged)).expect("removes");
        }
    }
    let mut recorded = diary.lock();
    std::mem::take(&mut recorded.log)
}

/// Chance that repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[derive(Clone, Copy, Debug)]
enum Kept {
    OnlySynced,
    /// Names of every kind, but no bytes.
    Names,
    /// Everything, but the last write ends in the middle of a sector, with noise behind.
    Torn,
    /// Each name and each sector or not, by chance.
    Some,
}

fn after_the_cut(moment: &Moment, kept: Kept, dice: &mut Dice) -> Contents {
    let mut contents = moment.synced.clone();
    let last = moment.unsynced.len().saturating_sub(1);
    for (index, what) in moment.unsynced.iter().enumerate() {
        match (kept, what) {
            (Kept::OnlySynced, _) | (Kept::Names, Unsynced::Write { .. }) => {}
            (Kept::Torn, Unsynced::Write { file, offset, bytes }) if index == last => {
                let mut torn = bytes.clone();
                let end = bytes.len() / 2;
                torn.truncate(end + SECTOR.min(bytes.len() - end));
                torn[end..].fill(0xa5);
                Unsynced::Write { file: *file, offset: *offset, bytes: torn }.apply(&mut contents);
            }
            (Kept::Some, Unsynced::Write { file, offset, bytes }) => {
                for start in (0..bytes.len()).step_by(SECTOR).filter(|_| dice.below(2) == 0) {
                    let sector = bytes[start..(start + SECTOR).min(bytes.len())].to_vec();
                    Unsynced::Write { file: *file, offset: offset + start, bytes: sector }
                        .apply(&mut contents);
                }
            }
            (Kept::Some, _) if dice.below(2) == 0 => {}
            (_, name) => name.apply(&mut contents),
        }
    }
    contents
}

fn put_down(contents: &Contents, folder: &Path) {
    fs::create_dir(folder).expect("new");
    for (path, file) in &contents.names {
        let bytes = contents.files.get(file).map_or(&[][..], Vec::as_slice);
        fs::write(folder.join(path.file_name().expect("a file")), bytes).expect("room");
    }
}

fn reopen(folder: &Path) -> (Wal, BTreeMap<u64, Vec<u8>>) {
    let mut replayed = BTreeMap::new();
    let wal = Wal::open_on(Box::new(Forgetful), folder, OPTIONS, |sequence, payload| {
        let before = replayed.insert(sequence.0, payload.to_vec());
        assert!(before.is_none(), "{sequence:?} twice");
    });
    (wal.expect("every rebuild opens"), replayed)
}

fn check(moment: &Moment, kept: Kept, folder: &Path, dice: &mut Dice, what: &str) {
    let History { acknowledged, truncated, pending, refused } = &moment.history;
    put_down(&after_the_cut(moment, kept, dice), folder);
    let (mut wal, mut replayed) = reopen(folder);
    assert_eq!((wal.quarantined(), wal.lost_entries()), (0, 0), "{what}: a power cut is no damage");
    for number in truncated + 1..=*acknowledged {
        let found = replayed.get(&number).unwrap_or_else(|| panic!("{what}: {number} was acknowledged"));
        assert!(found.starts_with(format!("{number}/").as_bytes()), "{what}: {number} is another");
    }
    for (number, found) in &replayed {
        assert!(*number <= acknowledged + pending, "{what}: {number} was never issued");
        assert!(!refused.contains(found), "{what}: {number} was refused and has come back");
    }

    // Life goes on, in some cases.
    for _ in 0..dice.below(4) / 3 {
        let next = wal.append(b"after the cut").expect("small");
        wal.sync().expect("the disk is fine");
        replayed.insert(next.0, b"after the cut".to_vec());
        let again = reopen(folder);
        assert_eq!(again.1, replayed, "{what}: after the cut");
        wal = again.0;
    }
    drop(wal);
    fs::remove_dir_all(folder).expect("there");
}

#[test]
fn whatever_a_power_cut_leaves_the_log_holds_what_was_acknowledged_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut dice = Dice(0x5eed_1234_5678_9abc);
    let moments = record_a_run(&folder.path().join("wal"), &mut dice);
    let failures = moments.last().expect("a run").history.refused.len();
    assert!(moments.len() > 3 * COMMITS && failures > 10, "{} moments, {failures} refused", moments.len());
    let rebuilt = folder.path().join("rebuilt");
    for (index, moment) in moments.iter().enumerate() {
        // The general case always, the extreme ones in turn.
        for kept in [Kept::Some, [Kept::OnlySynced, Kept::Names, Kept::Torn][index % 3]] {
            check(moment, kept, &rebuilt, &mut dice, &format!("moment {index}, {kept:?}"));
        }
    }
}
