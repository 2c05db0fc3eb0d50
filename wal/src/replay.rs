//! What the folder holds, read once at `open`.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::log::{WalError, failed};
use crate::place::Place;
use crate::reader::{Piece, SegmentReader};
use crate::segment::{Header, Segment};
use crate::{Disk, Sequence};

const COPY_BYTES: u64 = 1 << 20;

/// An entry as it is replayed.
#[derive(Debug)]
pub struct Entry<'a> {
    pub sequence: Sequence,
    pub payload: &'a [u8],
    /// To read it again later.
    pub place: Place,
}

/// What came of reading the folder.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Replayed {
    /// The last sequence that is there.
    pub(crate) last: Sequence,
    pub(crate) quarantined: usize,
    pub(crate) lost_entries: u64,
}

pub(crate) fn replay(
    disk: &dyn Disk,
    segments: &[Segment],
    handler: &mut dyn FnMut(Entry<'_>),
) -> Result<Replayed, WalError> {
    let mut replayed = Replayed::default();
    for (index, segment) in segments.iter().enumerate() {
        let until = segments.get(index + 1).map(|next| next.start);
        replayed.miss_entries_before(segment);
        replayed.read(disk, segment, until, handler)?;
    }
    if let Some(newest) = segments.last() {
        // A process that died without a power cut may have left entries that only the system's memory holds.
        let file = File::open(&newest.path).and_then(|file| disk.sync(&file));
        file.map_err(failed("sync", &newest.path))?;
    }
    Ok(replayed)
}

impl Replayed {
    /// Only a log that already gave entries can miss some.
    fn miss_entries_before(&mut self, segment: &Segment) {
        let (expected, found) = (self.last.0 + 1, segment.start.0);
        if self.last > Sequence(0) && expected < found {
            tracing::error!(expected, found, "log entries are missing between two segments");
            self.lost_entries += found - expected;
        }
        self.last = self.last.max(Sequence(found.saturating_sub(1)));
    }

    fn read(
        &mut self,
        disk: &dyn Disk,
        segment: &Segment,
        until: Option<Sequence>,
        handler: &mut dyn FnMut(Entry<'_>),
    ) -> Result<(), WalError> {
        let path = &segment.path;
        let (mut reader, header) = SegmentReader::open(segment, until).map_err(failed("open", path))?;
        match header {
            Header::Good(_) => {}
            Header::Newer(version) => {
                return Err(WalError::Version { path: path.clone(), version });
            }
            Header::Damaged => {
                let segment = path.display();
                tracing::warn!(%segment, "the header of a log segment is damaged, its entries are read all the same");
            }
        }
        while let Some(piece) = reader.next().map_err(failed("read", path))? {
            match piece {
                Piece::Entry(sequence) => {
                    let place = reader.place_of(sequence);
                    handler(Entry { sequence, payload: &reader.payload, place });
                    self.last = sequence;
                }
                Piece::Damage { offset, end, entries } => {
                    self.lost_entries += entries;
                    self.last.0 += entries;
                    if offset < end {
                        self.quarantined += 1;
                        keep_aside(disk, path, offset, end, entries)?;
                    } else {
                        tracing::error!(segment = %path.display(), entries, "log entries are missing behind this segment");
                    }
                }
            }
        }
        Ok(())
    }
}

/// Damage stays where it is; the copy, named after its place, is made again at each start until the log is trimmed.
fn keep_aside(disk: &dyn Disk, segment: &Path, offset: u64, end: u64, entries: u64) -> Result<(), WalError> {
    let mut name = segment.to_path_buf().into_os_string();
    name.push(format!(".{offset}.quarantine"));
    let path = PathBuf::from(name);
    tracing::error!(segment = %segment.display(), offset, end, entries, kept = %path.display(), "damaged log entries are kept aside");
    let keep = || {
        let damaged = File::open(segment)?;
        disk.remove(&path)?;
        let copy = disk.create(&path)?;
        let mut buffer = Vec::new();
        for start in (offset..end).step_by(1 << 20) {
            buffer.resize(usize::try_from((end - start).min(COPY_BYTES)).unwrap_or(0), 0);
            damaged.read_exact_at(&mut buffer, start)?;
            disk.write_at(&copy, start - offset, &buffer)?;
        }
        disk.sync(&copy)
    };
    keep().map_err(failed("keep damaged entries in", &path))
}

/// The folder, there durably.
pub(crate) fn create_folder(disk: &dyn Disk, folder: &Path) -> Result<(), WalError> {
    fs::create_dir_all(folder).map_err(failed("create folder", folder))?;
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        disk.sync_folder(parent).map_err(failed("sync folder", parent))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LocalDisk, Options, Wal};

    const OPTIONS: Options = Options { segment_bytes: 256 };

    fn places(folder: &Path) -> (Wal, Vec<(Vec<u8>, Place)>) {
        let mut places = Vec::new();
        let wal = Wal::replay_on(Box::new(LocalDisk), folder, OPTIONS, |entry| {
            places.push((entry.payload.to_vec(), entry.place));
        });
        (wal.expect("opens"), places)
    }

    #[test]
    fn an_entry_is_read_again_at_its_place_also_when_the_log_has_been_trimmed_and_written_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut wal, _) = places(folder.path());
        for number in 0..20 {
            wal.append(&[number; 100]).expect("small");
            wal.sync().expect("the disk is fine");
        }
        drop(wal);

        let (mut wal, places) = places(folder.path());
        assert_eq!(places.len(), 20);
        wal.truncate_through(wal.synced()).expect("trims");
        for _ in 0..20 {
            let sequence = wal.append(&[99; 100]).expect("small");
            wal.sync().expect("the disk is fine");
            wal.truncate_through(sequence).expect("trims");
        }
        for (payload, place) in &places {
            assert_eq!(place.read().expect("still there"), *payload);
        }
    }

    #[test]
    fn damage_since_the_replay_is_no_payload() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut wal, _) = places(folder.path());
        wal.append(b"a payload").expect("small");
        wal.sync().expect("the disk is fine");
        drop(wal);
        let (_wal, places) = places(folder.path());
        let [(_, place)] = places.as_slice() else { panic!("one entry") };
        let path = folder.path().join(format!("{:020}.wal", 1));
        let whole = fs::read(&path).expect("there");
        for offset in 24..whole.len().min(24 + 24 + 9) {
            let mut damaged = whole.clone();
            damaged[offset] ^= 1;
            fs::write(&path, &damaged).expect("room");
            assert!(place.read().is_err(), "byte {offset}");
        }
        fs::write(&path, &whole[..40]).expect("room");
        assert!(place.read().is_err(), "cut");
    }
}
