//! The log: what its folder holds is replayed once at `open`, then entries are appended in groups.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::Sequence;
use crate::disk::{Disk, LocalDisk, remove_if_there};
use crate::entry::{self, Entry, MAX_PAYLOAD_BYTES};
use crate::segment::{self, HEADER_BYTES, Header, Piece, Pieces, Segment};

#[derive(Debug, thiserror::Error)]
pub enum WalError {
    #[error("{action} {path}: {source}", path = path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("a payload of {bytes} bytes is larger than the {MAX_PAYLOAD_BYTES} that the log takes")]
    TooLarge { bytes: usize },
    #[error("{path} has version {version} of the log's format, this program knows 1: start the newer program", path = path.display())]
    Version { path: PathBuf, version: u32 },
}

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A segment that has grown to this size is followed by another.
    pub segment_bytes: u64,
    /// An unreadable end longer than this is no torn write, and is kept aside.
    pub torn_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, torn_bytes: 1 << 20 }
    }
}

/// What the write buffer keeps between two groups.
const KEPT_BUFFER_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub struct Wal {
    folder: PathBuf,
    options: Options,
    disk: Box<dyn Disk>,
    /// In order; the last is the active one if there is one.
    segments: Vec<Segment>,
    active: Option<Active>,
    /// Appended, not yet synced.
    pending: Vec<u8>,
    next: Sequence,
    synced: Sequence,
    quarantined: usize,
}

/// The file that is written to.
#[derive(Debug)]
struct Active {
    file: File,
    size: u64,
}

impl Wal {
    /// Opens or creates the folder and hands each durable entry to `replay`, in order.
    pub fn open(
        folder: &Path,
        options: Options,
        replay: impl FnMut(Sequence, &[u8]),
    ) -> Result<Self, WalError> {
        Self::open_on(Box::new(LocalDisk), folder, options, replay)
    }

    pub fn open_on(
        disk: Box<dyn Disk>,
        folder: &Path,
        options: Options,
        mut replay: impl FnMut(Sequence, &[u8]),
    ) -> Result<Self, WalError> {
        fs::create_dir_all(folder).map_err(failed("create folder", folder))?;
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            disk.sync_folder(parent).map_err(failed("sync folder", parent))?;
        }
        let segments = segment::list(folder).map_err(failed("list folder", folder))?;
        let mut wal = Self {
            folder: folder.to_path_buf(),
            options,
            disk,
            segments,
            active: None,
            pending: Vec::new(),
            next: Sequence(1),
            synced: Sequence(0),
            quarantined: 0,
        };
        wal.replay(&mut replay)?;
        Ok(wal)
    }

    /// Buffers an entry. It is durable, and counts at all, once the next `sync` has returned `Ok`.
    pub fn append(&mut self, payload: &[u8]) -> Result<Sequence, WalError> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(WalError::TooLarge { bytes: payload.len() });
        }
        let sequence = self.next;
        Entry { sequence, payload }.write(&mut self.pending);
        self.next = sequence.next();
        Ok(sequence)
    }

    /// Makes what was appended durable, with one fsync. After an error all of it is forgotten and its sequences will
    /// be given again; the log stays usable.
    pub fn sync(&mut self) -> Result<(), WalError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let outcome = self.write_pending();
        self.pending.clear();
        self.pending.shrink_to(KEPT_BUFFER_BYTES);
        match outcome {
            Ok(()) => self.synced = Sequence(self.next.0 - 1),
            Err(_) => self.next = self.synced.next(),
        }
        outcome
    }

    /// Deletes the segments that hold nothing beyond `sequence`, except the newest.
    pub fn truncate_through(&mut self, sequence: Sequence) -> Result<(), WalError> {
        let ends = self.segments.iter().skip(1).map(|segment| segment.start);
        let deletable = ends.take_while(|end| *end <= sequence.next()).count();
        if deletable == 0 {
            return Ok(());
        }
        for segment in self.segments.drain(..deletable) {
            remove_if_there(&segment.path).map_err(failed("delete segment", &segment.path))?;
        }
        self.disk.sync_folder(&self.folder).map_err(failed("sync folder", &self.folder))
    }

    /// The next entry comes after `sequence`, should the log know less than its owner does.
    pub fn continue_after(&mut self, sequence: Sequence) {
        if self.pending.is_empty() && self.synced < sequence {
            self.synced = sequence;
            self.next = sequence.next();
            self.active = None;
        }
    }

    /// The last durable sequence.
    #[must_use]
    pub const fn synced(&self) -> Sequence {
        self.synced
    }

    /// How many unreadable pieces were kept aside while opening.
    #[must_use]
    pub const fn quarantined(&self) -> usize {
        self.quarantined
    }

    #[must_use]
    pub const fn segment_count(&self) -> usize {
        self.segments.len()
    }
}

/// Appending.
impl Wal {
    fn write_pending(&mut self) -> Result<(), WalError> {
        let active = self.active.take().filter(|active| active.size < self.options.segment_bytes);
        let mut active = match active {
            Some(active) => active,
            None => self.begin_segment()?,
        };
        let segment = self.segments.last().expect("an active file is the last segment");
        let written = self.disk.write(&mut active.file, &self.pending);
        let synced = written.and_then(|()| self.disk.sync(&active.file));
        if let Err(source) = synced {
            // Best effort: a later start sequence overrules these bytes anyway, but a crash may come before it.
            if let Err(error) = active.file.set_len(active.size).and_then(|()| active.file.sync_data()) {
                tracing::warn!(segment = %segment.path.display(), %error, "could not take back a failed log write");
            }
            return Err(failed("write and sync", &segment.path)(source));
        }
        active.size += self.pending.len() as u64;
        self.active = Some(active);
        Ok(())
    }

    /// A file with a durable name and header. One of the same name holds nothing that was ever synced.
    fn begin_segment(&mut self) -> Result<Active, WalError> {
        let segment = Segment::new(&self.folder, self.synced.next());
        let path = &segment.path;
        self.segments.retain(|other| other.start < segment.start);
        remove_if_there(path).map_err(failed("replace unused segment", path))?;
        let mut file = self.disk.create(path).map_err(failed("create segment", path))?;
        let durable = (|| {
            self.disk.write(&mut file, &segment::header(segment.start))?;
            self.disk.sync(&file)?;
            self.disk.sync_folder(&self.folder)
        })();
        if let Err(source) = durable {
            let error = failed("begin segment", path)(source);
            remove_if_there(path).map_err(failed("remove broken segment", path))?;
            return Err(error);
        }
        self.segments.push(segment);
        Ok(Active { file, size: HEADER_BYTES as u64 })
    }
}

/// Replay.
impl Wal {
    fn replay(&mut self, replay: &mut dyn FnMut(Sequence, &[u8])) -> Result<(), WalError> {
        let segments = self.segments.clone();
        for (index, segment) in segments.iter().enumerate() {
            let until = segments.get(index + 1).map(|next| next.start);
            self.replay_segment(segment, until, replay)?;
        }
        Ok(())
    }

    /// Entries from `until` on are void. Without `until` this is the newest segment.
    fn replay_segment(
        &mut self,
        segment: &Segment,
        until: Option<Sequence>,
        replay: &mut dyn FnMut(Sequence, &[u8]),
    ) -> Result<(), WalError> {
        if misses_entries(self.next, segment.start) {
            let (expected, found) = (self.next.0, segment.start.0);
            tracing::error!(expected, found, "log entries are missing between two segments");
        }
        self.reached(Sequence(segment.start.0.saturating_sub(1)));
        let bytes = fs::read(&segment.path).map_err(failed("read", &segment.path))?;
        match segment::read_header(&bytes, segment.start) {
            Header::Good => {}
            Header::Version(version) => {
                return Err(WalError::Version { path: segment.path.clone(), version });
            }
            Header::Damaged => {
                let segment = segment.path.display();
                tracing::warn!(%segment, "the header of a log segment is damaged, its entries are read all the same");
            }
        }
        for piece in Pieces::new(&bytes, segment.start) {
            match piece {
                Piece::Entry(entry) if until.is_none_or(|until| entry.sequence < until) => {
                    replay(entry.sequence, entry.payload);
                    self.reached(entry.sequence);
                }
                Piece::Entry(_) => return Ok(()),
                Piece::Hole { offset, size } => {
                    self.keep_aside(segment, offset, &bytes[offset..offset + size])?
                }
                Piece::Tail { offset } => return self.tail(segment, &bytes, offset, until),
            }
        }
        Ok(())
    }

    /// The unreadable end of a segment: void, torn by a crash, or damage.
    fn tail(
        &mut self,
        segment: &Segment,
        bytes: &[u8],
        offset: usize,
        until: Option<Sequence>,
    ) -> Result<(), WalError> {
        let lost = &bytes[offset..];
        let is_void = until.is_some_and(|until| until <= self.synced.next());
        if is_void {
            return Ok(());
        }
        let is_torn = until.is_none()
            && lost.len() <= self.options.torn_bytes
            && !entry::holds_a_later_entry(lost, self.synced.next());
        if !is_torn && !lost.is_empty() {
            self.keep_aside(segment, offset, lost)?;
        }
        if until.is_none() && !lost.is_empty() {
            self.cut(segment, offset, lost.len())?;
        }
        Ok(())
    }

    fn cut(&self, segment: &Segment, offset: usize, lost_bytes: usize) -> Result<(), WalError> {
        let path = &segment.path;
        tracing::warn!(segment = %path.display(), offset, lost_bytes, "cut the torn end of the log");
        let cut = || {
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(offset as u64)?;
            self.disk.sync(&file)
        };
        cut().map_err(failed("cut the torn end of", path))
    }

    /// Damage stays where it is; the copy, named after its place, is made once.
    fn keep_aside(&mut self, segment: &Segment, offset: usize, bytes: &[u8]) -> Result<(), WalError> {
        let mut name = segment.path.clone().into_os_string();
        name.push(format!(".{offset}.quarantine"));
        let path = PathBuf::from(name);
        let lost_bytes = bytes.len();
        tracing::error!(segment = %segment.path.display(), offset, lost_bytes, kept = %path.display(), "damaged log entries are kept aside");
        self.quarantined += 1;
        let keep = || {
            let mut file = File::create(&path)?;
            self.disk.write(&mut file, bytes)?;
            self.disk.sync(&file)
        };
        keep().map_err(failed("keep damaged entries in", &path))
    }

    fn reached(&mut self, sequence: Sequence) {
        self.synced = sequence.max(self.synced);
        self.next = self.synced.next();
    }
}

/// Only a log that already gave entries can miss some.
fn misses_entries(next: Sequence, start: Sequence) -> bool {
    next > Sequence(1) && next < start
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WalError {
    let path = path.to_path_buf();
    move |source| WalError::Io { action, path, source }
}
