//! The log: what its folder holds is replayed once at `open`, then entries are appended in groups.

use std::io;
use std::path::{Path, PathBuf};

use crate::Sequence;
use crate::disk::{Disk, LocalDisk};
use crate::entry::{Format, MAX_PAYLOAD_BYTES};
use crate::files::{Active, Files};
use crate::replay::{Entry, Replayed, create_folder, replay};

#[derive(Debug, thiserror::Error)]
pub enum WalError {
    #[error("{action} {path}: {source}", path = path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("a payload of {bytes} bytes is larger than the {MAX_PAYLOAD_BYTES} that the log takes")]
    TooLarge { bytes: usize },
    #[error("{path} has version {version} of the log's format, this program knows 2: start the newer program", path = path.display())]
    Version { path: PathBuf, version: u32 },
}

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A segment that has grown to this size is followed by another.
    pub segment_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 16 << 20 }
    }
}

/// What the write buffer keeps between two groups.
const KEPT_BUFFER_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub struct Wal {
    files: Files,
    options: Options,
    active: Option<Active>,
    /// Appended, not yet synced ...
    pending: Vec<u8>,
    /// ... for the segment that starts here.
    pending_start: Sequence,
    next: Sequence,
    synced: Sequence,
    replayed: Replayed,
}

impl Wal {
    /// Opens or creates the folder and hands each durable entry to `handler`, in order, one at a time.
    pub fn open(
        folder: &Path,
        options: Options,
        handler: impl FnMut(Sequence, &[u8]),
    ) -> Result<Self, WalError> {
        Self::open_on(Box::new(LocalDisk), folder, options, handler)
    }

    pub fn open_on(
        disk: Box<dyn Disk>,
        folder: &Path,
        options: Options,
        mut handler: impl FnMut(Sequence, &[u8]),
    ) -> Result<Self, WalError> {
        Self::replay_on(disk, folder, options, |entry| handler(entry.sequence, entry.payload))
    }

    /// As `open_on`, for a handler that wants to read some entries again later.
    pub fn replay_on(
        disk: Box<dyn Disk>,
        folder: &Path,
        options: Options,
        mut handler: impl FnMut(Entry<'_>),
    ) -> Result<Self, WalError> {
        create_folder(disk.as_ref(), folder)?;
        let files = Files::list(folder, disk, options.segment_bytes)?;
        let replayed = replay(files.disk.as_ref(), &files.segments, &mut handler)?;
        Ok(Self {
            files,
            options,
            active: None,
            pending: Vec::new(),
            pending_start: Sequence(0),
            next: replayed.last.next(),
            synced: replayed.last,
            replayed,
        })
    }

    /// Buffers an entry. It is durable, and counts at all, once the next `sync` has returned `Ok`.
    pub fn append(&mut self, payload: &[u8]) -> Result<Sequence, WalError> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(WalError::TooLarge { bytes: payload.len() });
        }
        if self.pending.is_empty() {
            let active = self.active.as_ref().filter(|active| active.size < self.options.segment_bytes);
            self.pending_start = active.map_or(self.next, |active| active.start);
        }
        let sequence = self.next;
        let format = Format::Two { start: self.pending_start };
        format.write(sequence, self.synced, payload, &mut self.pending);
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
            Err(_) => self.forget_pending(),
        }
        outcome
    }

    /// For a moment in which nothing waits: makes the next `sync` cheaper.
    pub fn prepare(&mut self) {
        let Some(mut active) = self.active.take() else { return };
        match self.files.make_room(&mut active) {
            Ok(()) => self.active = Some(active),
            Err(error) => {
                self.files.doubt(active.start);
                tracing::warn!(%error, "no room can be made in the log's file, the next entries go to another");
            }
        }
    }

    /// Whether an entry could be made durable now, asked of the disk itself. For whoever had a `sync` fail and has nothing to
    /// append.
    pub fn probe(&mut self) -> Result<(), WalError> {
        let mut active = match self.active.take() {
            Some(active) => active,
            None => self.files.begin_segment(self.next)?,
        };
        // Zeros behind the last entry are room for the next.
        let disk = self.files.disk.as_ref();
        let written = disk.write_at(&active.file, active.size, &[0; 24]);
        if let Err(source) = written.and_then(|()| disk.sync(&active.file)) {
            self.files.doubt(active.start);
            return Err(failed("write and sync", &self.files.path_of(active.start))(source));
        }
        active.room = active.room.max(active.size + 24);
        self.active = Some(active);
        Ok(())
    }

    /// Forgets the segments that hold nothing beyond `sequence`, except the newest.
    pub fn truncate_through(&mut self, sequence: Sequence) -> Result<(), WalError> {
        self.files.truncate_through(sequence)
    }

    /// Gives back the room that is kept for more, if all that the log holds is `through` here: for a moment in which nothing
    /// waits. The newest entries stay, for an owner who finds what he made of them damaged.
    pub fn rest(&mut self, through: Sequence) -> Result<(), WalError> {
        if self.pending.is_empty() && through >= self.synced { self.files.remove_spares() } else { Ok(()) }
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
        self.replayed.quarantined
    }

    /// How many durable entries were missing or unreadable while opening.
    #[must_use]
    pub const fn lost_entries(&self) -> u64 {
        self.replayed.lost_entries
    }

    #[must_use]
    pub const fn segment_count(&self) -> usize {
        self.files.segments.len()
    }

    fn write_pending(&mut self) -> Result<(), WalError> {
        let active = self.active.take().filter(|active| active.start == self.pending_start);
        let mut active = match active {
            Some(active) => active,
            None => self.files.begin_segment(self.pending_start)?,
        };
        let disk = self.files.disk.as_ref();
        let written = disk.write_at(&active.file, active.size, &self.pending);
        if let Err(source) = written.and_then(|()| disk.sync(&active.file)) {
            // Without its first frame the group is nothing, should this process die before the next segment exists.
            // Not synced: whether this file's fsync tells the truth is over.
            drop(disk.write_at(&active.file, active.size, &[0; 24]));
            self.files.doubt(active.start);
            return Err(failed("write and sync", &self.files.path_of(active.start))(source));
        }
        active.size += self.pending.len() as u64;
        active.room = active.room.max(active.size);
        self.active = Some(active);
        Ok(())
    }

    /// The broken file may hold what is about to be refused. The start of another segment makes it void, durably,
    /// before anybody hears of the refusal and sends it again. If even that fails, the next `sync` begins with it.
    fn forget_pending(&mut self) {
        self.next = self.synced.next();
        match self.files.begin_segment(self.next) {
            Ok(active) => self.active = Some(active),
            Err(error) => tracing::warn!(%error, "no other segment can be begun behind a failed write"),
        }
    }
}

pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WalError {
    let path = path.to_path_buf();
    move |source| WalError::Io { action, path, source }
}
