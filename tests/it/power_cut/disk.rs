//! A disk that keeps what it was told to sync; of everything else it keeps what it likes: any sectors of a write, any
//! new, renamed or removed names, in any order. What a failed sync was about is never certain again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::trace::{Call, What};

const SECTOR: usize = 512;

/// What a file system holds: names, and behind them files of bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    names: BTreeMap<PathBuf, Node>,
    files: BTreeMap<u64, Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Folder,
    File(u64),
}

#[derive(Clone, Debug)]
enum Change {
    Write { file: u64, offset: usize, bytes: Rc<[u8]> },
    Truncate { file: u64, length: usize },
    Name { path: PathBuf, node: Node },
    Rename { from: PathBuf, to: PathBuf, node: Node },
    Remove { path: PathBuf },
}

/// Something that no sync has made certain.
#[derive(Clone, Debug)]
struct Unsynced {
    change: Change,
    /// The line of the trace at which it was there.
    at: usize,
    /// A sync of it failed.
    is_doubtful: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kept {
    OnlySynced,
    /// Names of every kind, but no bytes.
    Names,
    /// Everything, but the last write ends in the middle of a sector, with noise behind.
    Torn,
    /// Each name and each sector or not, by chance.
    Some,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    synced: Contents,
    unsynced: Vec<Unsynced>,
    /// As the process sees it.
    names: BTreeMap<PathBuf, Node>,
    files: u64,
}

impl Disk {
    pub(super) fn apply(&mut self, call: &Call) {
        match &call.what {
            What::Sync { path, is_ok } => self.sync(path, call.began, *is_ok),
            what => {
                for change in self.changes(what) {
                    self.unsynced.push(Unsynced { change, at: call.ended, is_doubtful: false });
                }
            }
        }
    }

    fn changes(&mut self, what: &What) -> Vec<Change> {
        match what {
            What::Open { path, is_created, is_truncated } => {
                let mut changes = Vec::new();
                if *is_created && !self.names.contains_key(path) {
                    self.files += 1;
                    let node = Node::File(self.files);
                    self.names.insert(path.clone(), node);
                    changes.push(Change::Name { path: path.clone(), node });
                } else if *is_truncated {
                    changes.push(Change::Truncate { file: self.file(path), length: 0 });
                }
                changes
            }
            What::Write { path, offset, bytes } => {
                let (file, offset) = (self.file(path), usize::try_from(*offset).expect("small"));
                vec![Change::Write { file, offset, bytes: bytes.as_slice().into() }]
            }
            What::Truncate { path, length } => {
                let length = usize::try_from(*length).expect("small");
                vec![Change::Truncate { file: self.file(path), length }]
            }
            What::Link { from, to } => {
                let node = self.names[from];
                self.names.insert(to.clone(), node);
                vec![Change::Name { path: to.clone(), node }]
            }
            What::Rename { from, to } => {
                let node =
                    self.names.remove(from).unwrap_or_else(|| panic!("{} is not there", from.display()));
                self.names.insert(to.clone(), node);
                vec![Change::Rename { from: from.clone(), to: to.clone(), node }]
            }
            What::Remove { path } => {
                self.names.remove(path);
                vec![Change::Remove { path: path.clone() }]
            }
            What::Folder { path } => {
                self.names.insert(path.clone(), Node::Folder);
                vec![Change::Name { path: path.clone(), node: Node::Folder }]
            }
            What::Sync { .. } => Vec::new(),
        }
    }

    fn file(&self, path: &Path) -> u64 {
        match self.names.get(path) {
            Some(Node::File(file)) => *file,
            other => panic!("{} is {other:?}", path.display()),
        }
    }

    /// What was there when the sync began is certain when it has ended well.
    fn sync(&mut self, path: &Path, began: usize, is_ok: bool) {
        let file = match self.names.get(path) {
            Some(Node::File(file)) => Some(*file),
            _ => None,
        };
        let is_meant = |change: &Change| match (change, file) {
            (Change::Write { file, .. } | Change::Truncate { file, .. }, Some(synced)) => *file == synced,
            (Change::Write { .. } | Change::Truncate { .. }, None) | (_, Some(_)) => false,
            (change, None) => change.name().and_then(Path::parent) == Some(path),
        };
        // A folder that has changed since is written anew, all of it; a file never is.
        let is_news =
            |unsynced: &Unsynced| !unsynced.is_doubtful && unsynced.at < began && is_meant(&unsynced.change);
        let is_written_anew = file.is_none() && self.unsynced.iter().any(is_news);
        for mut unsynced in std::mem::take(&mut self.unsynced) {
            let is_meant = unsynced.at < began && is_meant(&unsynced.change);
            if is_meant && is_ok && (is_written_anew || !unsynced.is_doubtful) {
                // What was done again is certain, whatever became of the first time.
                self.unsynced.retain(|older| !unsynced.change.replaces(&older.change));
                unsynced.change.apply(&mut self.synced);
                continue;
            }
            unsynced.is_doubtful |= is_meant && !is_ok;
            self.unsynced.push(unsynced);
        }
    }

    pub(super) fn after_the_cut(&self, kept: Kept, mut below: impl FnMut(u64) -> u64) -> Contents {
        let mut contents = self.synced.clone();
        let last = self.unsynced.len().saturating_sub(1);
        for (index, Unsynced { change, .. }) in self.unsynced.iter().enumerate() {
            match (kept, change) {
                (Kept::OnlySynced, _) | (Kept::Names, Change::Write { .. } | Change::Truncate { .. }) => {}
                (Kept::Torn, Change::Write { file, offset, bytes }) if index == last => {
                    let end = bytes.len() / 2;
                    let mut torn = bytes[..end + SECTOR.min(bytes.len() - end)].to_vec();
                    torn[end..].fill(0xa5);
                    Change::Write { file: *file, offset: *offset, bytes: torn.into() }.apply(&mut contents);
                }
                (Kept::Some, Change::Write { file, offset, bytes }) => {
                    for start in (0..bytes.len()).step_by(SECTOR).filter(|_| below(2) == 0) {
                        let sector = bytes[start..(start + SECTOR).min(bytes.len())].into();
                        Change::Write { file: *file, offset: offset + start, bytes: sector }
                            .apply(&mut contents);
                    }
                }
                (Kept::Some, _) if below(2) == 0 => {}
                (_, change) => change.apply(&mut contents),
            }
        }
        contents
    }
}

impl Change {
    /// Once this is certain, it no longer matters what became of the other: the same bytes, length or name.
    fn replaces(&self, older: &Self) -> bool {
        match (self, older) {
            (
                Self::Write { file, offset, bytes },
                Self::Write { file: other, offset: start, bytes: theirs },
            ) => file == other && *start < offset + bytes.len() && *offset < start + theirs.len(),
            (
                Self::Write { file, .. } | Self::Truncate { file, .. },
                Self::Write { file: other, .. } | Self::Truncate { file: other, .. },
            ) => file == other,
            (one, other) => one.name().is_some() && one.name() == other.name(),
        }
    }

    /// The name that it is about in the end.
    fn name(&self) -> Option<&Path> {
        match self {
            Self::Name { path, .. } | Self::Remove { path } | Self::Rename { to: path, .. } => Some(path),
            Self::Write { .. } | Self::Truncate { .. } => None,
        }
    }

    fn apply(&self, contents: &mut Contents) {
        match self {
            Self::Write { file, offset, bytes } => {
                let held = contents.files.entry(*file).or_default();
                held.resize(held.len().max(offset + bytes.len()), 0);
                held[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            Self::Truncate { file, length } => contents.files.entry(*file).or_default().resize(*length, 0),
            Self::Name { path, node } => drop(contents.names.insert(path.clone(), *node)),
            Self::Rename { from, to, node } => {
                contents.names.remove(from);
                contents.names.insert(to.clone(), *node);
            }
            Self::Remove { path } => drop(contents.names.remove(path)),
        }
    }
}

impl Contents {
    /// Everything below `from` that can be reached, as files below `to`.
    pub(super) fn put_down(&self, from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("room");
        // In the order of their names a folder comes before what is in it.
        for (path, node) in &self.names {
            let Ok(relative) = path.strip_prefix(from) else { continue };
            let path = to.join(relative);
            if !path.parent().is_some_and(Path::is_dir) {
                continue;
            }
            match node {
                Node::Folder => fs::create_dir_all(&path).expect("room"),
                Node::File(file) => {
                    fs::write(&path, self.files.get(file).map_or(&[][..], Vec::as_slice)).expect("room");
                }
            }
        }
    }
}
