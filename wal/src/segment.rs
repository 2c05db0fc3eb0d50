//! A segment file as bytes: its header, its name, and what can be read from it.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::Sequence;
use crate::entry::{self, Entry, array};

const MAGIC: [u8; 8] = *b"PLIMSWAL";
const VERSION: u32 = 1;
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
}

/// The segments in the order of their sequences.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for file in fs::read_dir(folder)? {
        segments.extend(Segment::from_path(file?.path()));
    }
    segments.sort_by_key(|segment| segment.start);
    Ok(segments)
}

pub(crate) fn header(start: Sequence) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..20].copy_from_slice(&start.0.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..20]);
    bytes[20..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// What a look at the first bytes says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Header {
    Good,
    /// Written by a version of the format that we do not know.
    Version(u32),
    Damaged,
}

pub(crate) fn read_header(bytes: &[u8], start: Sequence) -> Header {
    let Some(found) = array::<HEADER_BYTES>(bytes, 0) else { return Header::Damaged };
    let checksum = array(&found, 20).map(u32::from_le_bytes);
    if found[..8] != MAGIC || checksum != Some(crc32fast::hash(&found[..20])) {
        return Header::Damaged;
    }
    match array(&found, 8).map(u32::from_le_bytes) {
        Some(VERSION) if found == header(start) => Header::Good,
        Some(VERSION) | None => Header::Damaged,
        Some(version) => Header::Version(version),
    }
}

/// What lies at some offset of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Entry(Entry<'a>),
    /// One unreadable entry between readable ones.
    Hole {
        offset: usize,
        size: usize,
    },
    /// Nothing readable from here to the end of the file.
    Tail {
        offset: usize,
    },
}

/// Walks the entries of a segment whose header is good.
#[derive(Debug)]
pub(crate) struct Pieces<'a> {
    bytes: &'a [u8],
    offset: usize,
    /// The sequence the next entry must have.
    expected: Sequence,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(bytes: &'a [u8], start: Sequence) -> Self {
        Self { bytes, offset: HEADER_BYTES, expected: start }
    }

    fn entry_at(&self, offset: usize, sequence: Sequence) -> Option<Entry<'a>> {
        entry::read(self.bytes.get(offset..)?).filter(|entry| entry.sequence == sequence)
    }

    fn advance(&mut self, size: usize) {
        self.offset += size;
        self.expected = self.expected.next();
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let offset = self.offset;
        let rest = self.bytes.get(offset..).filter(|rest| !rest.is_empty())?;
        if let Some(entry) = self.entry_at(offset, self.expected) {
            self.advance(entry.size());
            return Some(Piece::Entry(entry));
        }
        let hole = entry::declared_size(rest);
        if let Some(size) = hole.filter(|size| self.entry_at(offset + size, self.expected.next()).is_some()) {
            self.advance(size);
            return Some(Piece::Hole { offset, size });
        }
        self.offset = self.bytes.len();
        Some(Piece::Tail { offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(payloads: &[&[u8]]) -> Vec<u8> {
        let mut bytes = header(Sequence(5)).to_vec();
        for (sequence, payload) in (5..).map(Sequence).zip(payloads) {
            Entry { sequence, payload }.write(&mut bytes);
        }
        bytes
    }

    #[test]
    fn only_the_first_twenty_four_bytes_as_written_are_a_header() {
        let good = header(Sequence(5));
        assert_eq!(read_header(&good, Sequence(5)), Header::Good);
        assert_eq!(read_header(&good, Sequence(6)), Header::Damaged, "another file's name");
        assert_eq!(read_header(&good[..23], Sequence(5)), Header::Damaged);

        let mut newer = good;
        newer[8] = 2;
        let checksum = crc32fast::hash(&newer[..20]);
        newer[20..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(read_header(&newer, Sequence(5)), Header::Version(2));
    }

    #[test]
    fn a_damaged_payload_is_a_hole_when_the_next_entry_is_intact() {
        let mut bytes = segment(&[b"one", b"two", b"three"]);
        let second = HEADER_BYTES + 16 + 3;
        bytes[second + 16] ^= 1;

        let pieces: Vec<_> = Pieces::new(&bytes, Sequence(5)).collect();
        assert_eq!(pieces[1], Piece::Hole { offset: second, size: 19 });
        assert_eq!(pieces[2], Piece::Entry(Entry { sequence: Sequence(7), payload: b"three" }));
    }

    #[test]
    fn a_damaged_length_ends_the_segment() {
        let mut bytes = segment(&[b"one", b"two", b"three"]);
        let second = HEADER_BYTES + 16 + 3;
        bytes[second] ^= 0x40;

        let pieces: Vec<_> = Pieces::new(&bytes, Sequence(5)).collect();
        assert_eq!(pieces[1..], [Piece::Tail { offset: second }]);
    }
}
