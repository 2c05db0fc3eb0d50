//! A segment file by its name and its first bytes.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::Sequence;
use crate::entry::{Format, array};

const MAGIC: [u8; 8] = *b"PLIMSWAL";
const VERSION: u32 = 2;
pub(crate) const HEADER_BYTES: usize = 24;

/// A file of the folder, by its name.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) start: Sequence,
    pub(crate) path: PathBuf,
}

impl Segment {
    pub(crate) fn new(folder: &Path, start: Sequence) -> Self {
        Self { start, path: folder.join(format!("{:020}.wal", start.0)) }
    }

    fn from_path(path: PathBuf) -> Option<Self> {
        let digits = path.file_name()?.to_str()?.strip_suffix(".wal")?;
        let start = Sequence(digits.parse().ok()?);
        (digits.len() == 20).then_some(Self { start, path })
    }

    /// Its name once nothing in it is needed any more but its room.
    pub(crate) fn spare_path(&self) -> PathBuf {
        self.path.with_extension("spare")
    }
}

/// The segments in the order of their sequences, and the spare files.
pub(crate) fn list(folder: &Path) -> io::Result<(Vec<Segment>, Vec<PathBuf>)> {
    let mut segments = Vec::new();
    let mut spares = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|ending| ending == "spare") {
            spares.push(path);
        } else {
            segments.extend(Segment::from_path(path));
        }
    }
    segments.sort_by_key(|segment| segment.start);
    Ok((segments, spares))
}

pub(crate) fn header(start: Sequence) -> [u8; HEADER_BYTES] {
    header_of(VERSION, start)
}

fn header_of(version: u32, start: Sequence) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&version.to_le_bytes());
    bytes[12..20].copy_from_slice(&start.0.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..20]);
    bytes[20..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// What a look at the first bytes says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Header {
    Good(Format),
    /// Written by a version of the format that we do not know.
    Newer(u32),
    Damaged,
}

pub(crate) fn read_header(found: &[u8], start: Sequence) -> Header {
    let checksum = array(found, 20).map(u32::from_le_bytes);
    let (Some(first), Some(version)) = (found.get(..20), array(found, 8).map(u32::from_le_bytes)) else {
        return Header::Damaged;
    };
    if first[..8] != MAGIC || checksum != Some(crc32fast::hash(first)) {
        return Header::Damaged;
    }
    match version {
        1 if *found == header_of(1, start) => Header::Good(Format::One),
        VERSION if *found == header(start) => Header::Good(Format::Two { start }),
        newer if newer > VERSION => Header::Newer(newer),
        _ => Header::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_twenty_four_bytes_as_written_are_a_header() {
        let start = Sequence(5);
        let good = header(start);
        assert_eq!(read_header(&good, start), Header::Good(Format::Two { start }));
        assert_eq!(read_header(&header_of(1, start), start), Header::Good(Format::One));
        assert_eq!(read_header(&header_of(3, start), start), Header::Newer(3));
        assert_eq!(read_header(&good, Sequence(6)), Header::Damaged, "another file's name");
        for end in 0..good.len() {
            assert_eq!(read_header(&good[..end], start), Header::Damaged, "cut at {end}");
        }
        for bit in 0..good.len() * 8 {
            let mut damaged = good;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_header(&damaged, start), Header::Damaged, "bit {bit}");
        }
    }
}
