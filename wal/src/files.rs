//! The files of the log: which segments there are, how another begins, and what becomes of those nobody needs.
//!
//! A write into room that a file already has needs no change of the file system's own books: its fdatasync takes a
//! third of the time of one behind the end of a file, and its slowest in a hundred a fifteenth (measured; see
//! `benches/groups.rs`). So a segment is made ahead of its entries with zeros while there is nothing else to do, and
//! the files of trimmed segments are kept to be written over.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::log::{WalError, failed};
use crate::segment::{self, HEADER_BYTES, Segment};
use crate::{Disk, Sequence};

/// Also what is left to write to when the disk is full.
const SPARES: usize = 2;
/// How much room is made at a time: as much as there is already, within these. Who comes meanwhile waits for it, so the
/// most is what takes about a millisecond.
const AHEAD_BYTES: std::ops::RangeInclusive<u64> = (64 << 10)..=(256 << 10);

#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
    pub(crate) disk: Box<dyn Disk>,
    /// In order; the last is the active one if there is one.
    pub(crate) segments: Vec<Segment>,
    /// Whole files whose contents mean nothing.
    spares: Vec<PathBuf>,
    /// Segments whose file failed once: nobody can know what its fsync is worth.
    doubtful: Vec<Sequence>,
    segment_bytes: u64,
    /// The last segment that was there before: whoever replayed it may still read it, so its file is not written over.
    replayed: Option<Sequence>,
}

/// The file that is written to.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) file: File,
    pub(crate) start: Sequence,
    pub(crate) size: u64,
    /// The file's length; up to here a write is cheap.
    pub(crate) room: u64,
}

impl Files {
    pub(crate) fn list(folder: &Path, disk: Box<dyn Disk>, segment_bytes: u64) -> Result<Self, WalError> {
        let (segments, spares) = segment::list(folder).map_err(failed("list folder", folder))?;
        let replayed = segments.last().map(|segment| segment.start);
        let (folder, doubtful) = (folder.to_path_buf(), Vec::new());
        Ok(Self { folder, disk, segments, spares, doubtful, segment_bytes, replayed })
    }

    pub(crate) fn path_of(&self, start: Sequence) -> PathBuf {
        Segment::new(&self.folder, start).path
    }

    /// A file with a durable name and header. One of the same name holds nothing that was ever synced.
    pub(crate) fn begin_segment(&mut self, start: Sequence) -> Result<Active, WalError> {
        let segment = Segment::new(&self.folder, start);
        let begun = match self.spares.pop() {
            Some(spare) => self.reuse(&spare, &segment),
            None => self.create(&segment),
        };
        let (file, room) = begun.map_err(failed("begin segment", &segment.path))?;
        self.segments.retain(|other| other.start < start);
        self.segments.push(segment);
        Ok(Active { file, start, size: HEADER_BYTES as u64, room })
    }

    fn create(&self, segment: &Segment) -> io::Result<(File, u64)> {
        let unnamed = segment.spare_path();
        self.disk.remove(&unnamed)?;
        let file = self.disk.create(&unnamed)?;
        let named = self.name(&file, &unnamed, segment);
        if named.is_err() {
            // It may have its name already, or be gone: either is as good.
            drop(self.disk.remove(&unnamed));
        }
        named.map(|()| (file, HEADER_BYTES as u64))
    }

    fn reuse(&self, spare: &Path, segment: &Segment) -> io::Result<(File, u64)> {
        let file = OpenOptions::new().write(true).open(spare)?;
        self.name(&file, spare, segment)?;
        let room = file.metadata()?.len();
        Ok((file, room))
    }

    /// The header is durable before the name is: a segment is never found with somebody else's. And where a segment of
    /// this name overrules an older one already, there is no moment in which neither does.
    fn name(&self, file: &File, unnamed: &Path, segment: &Segment) -> io::Result<()> {
        self.disk.write_at(file, 0, &segment::header(segment.start))?;
        self.disk.sync(file)?;
        self.disk.rename(unnamed, &segment.path)?;
        self.disk.sync_folder(&self.folder)
    }

    pub(crate) fn doubt(&mut self, start: Sequence) {
        self.doubtful.push(start);
    }

    /// Makes room for the entries to come. After an error the file must not be written to any more.
    pub(crate) fn make_room(&self, active: &mut Active) -> io::Result<()> {
        let step = active.room.clamp(*AHEAD_BYTES.start(), *AHEAD_BYTES.end());
        let wanted = (active.room + step).min(self.segment_bytes);
        if active.room - active.size.min(active.room) >= step || wanted <= active.room {
            return Ok(());
        }
        let zeros = vec![0; usize::try_from(wanted - active.room).unwrap_or(0)];
        self.disk.write_at(&active.file, active.room, &zeros)?;
        self.disk.sync(&active.file)?;
        active.room = wanted;
        Ok(())
    }

    /// Deletes the segments that hold nothing beyond `sequence`, or keeps their files; not the newest.
    pub(crate) fn truncate_through(&mut self, sequence: Sequence) -> Result<(), WalError> {
        let ends = self.segments.iter().skip(1).map(|segment| segment.start);
        let deletable = ends.take_while(|end| *end <= sequence.next()).count();
        for _ in 0..deletable {
            let oldest = self.segments.remove(0);
            self.retire(&oldest).map_err(failed("delete segment", &oldest.path))?;
            // One by one: a power cut must not leave a hole that looks like loss.
            self.disk.sync_folder(&self.folder).map_err(failed("sync folder", &self.folder))?;
        }
        Ok(())
    }

    /// Should one come back after a power cut, it is a spare again.
    pub(crate) fn remove_spares(&mut self) -> Result<(), WalError> {
        while let Some(spare) = self.spares.pop() {
            self.disk.remove(&spare).map_err(failed("delete", &spare))?;
        }
        Ok(())
    }

    fn retire(&mut self, segment: &Segment) -> io::Result<()> {
        let length = segment.path.metadata().map_or(0, |file| file.len());
        let is_whole = (self.segment_bytes..self.segment_bytes.saturating_mul(2)).contains(&length);
        let is_doubtful = self.doubtful.contains(&segment.start);
        let is_replayed = Some(segment.start) <= self.replayed;
        if !is_whole || is_doubtful || is_replayed || self.spares.len() >= SPARES {
            self.doubtful.retain(|start| *start > segment.start);
            return self.disk.remove(&segment.path);
        }
        let spare = segment.spare_path();
        self.disk.rename(&segment.path, &spare)?;
        self.spares.push(spare);
        Ok(())
    }
}
