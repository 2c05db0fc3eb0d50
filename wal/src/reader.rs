//! Reads a segment entry by entry, holding one at a time, and decides what an unreadable place means.
//!
//! Behind damage the reader looks for the next intact entry. Whether the damaged one had been durable is told by the
//! others: an entry says through where the log was durable when it was written, and a later segment begins behind what
//! was durable. Without such a witness it was the last write of a process that died, or of a sync that failed: it was
//! never acknowledged, and neither was what lies behind it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::Sequence;
use crate::entry::{Format, Frame, array};
use crate::place::Place;
use crate::segment::{HEADER_BYTES, Header, Segment, read_header};

/// A sequence further ahead than this is noise.
const PLAUSIBLE_ENTRIES: u64 = 1_000_000;
const READ_BYTES: usize = 1 << 18;
const ZEROS: [u8; 512] = [0; 512];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Its payload is `SegmentReader::payload`.
    Entry(Sequence),
    /// These bytes held entries that were durable; no bytes at all when the entries are missing without a trace.
    Damage { offset: u64, end: u64, entries: u64 },
}

#[derive(Debug)]
pub(crate) struct SegmentReader {
    file: BufReader<Arc<File>>,
    length: u64,
    format: Format,
    offset: u64,
    /// The sequence that the next entry must have.
    expected: Sequence,
    /// Entries from here on are void. `None`: this is the newest segment.
    until: Option<Sequence>,
    pub(crate) payload: Vec<u8>,
}

impl SegmentReader {
    /// Also says what the header is.
    pub(crate) fn open(segment: &Segment, until: Option<Sequence>) -> io::Result<(Self, Header)> {
        let file = Arc::new(File::open(&segment.path)?);
        let length = file.metadata()?.len();
        let mut header = Vec::with_capacity(HEADER_BYTES);
        let mut file = BufReader::with_capacity(READ_BYTES, file);
        file.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut header)?;
        let header = read_header(&header, segment.start);
        let format =
            if let Header::Good(format) = header { format } else { Format::Two { start: segment.start } };
        let (offset, expected, payload) = (HEADER_BYTES as u64, segment.start, Vec::new());
        let mut reader = Self { file, length, format, offset, expected, until, payload };
        if header == Header::Damaged {
            reader.guess_format()?;
        }
        Ok((reader, header))
    }

    /// Behind a damaged header the entries are read all the same: most damage is small.
    fn guess_format(&mut self) -> io::Result<()> {
        let second = self.format;
        self.format = Format::One;
        if self.intact_at(self.offset)?.is_none() {
            self.format = second;
        }
        Ok(())
    }

    /// Where the entry lies that `next` gave.
    pub(crate) fn place_of(&self, sequence: Sequence) -> Place {
        let offset = self.offset - (self.format.frame_bytes() + self.payload.len()) as u64;
        Place::new(Arc::clone(self.file.get_ref()), offset, self.format, sequence)
    }

    /// `None` at the end of what was ever durable.
    pub(crate) fn next(&mut self) -> io::Result<Option<Piece>> {
        if self.until.is_some_and(|until| until <= self.expected) {
            return Ok(None);
        }
        match self.read_entry()? {
            Some(frame) if frame.sequence == self.expected => {
                self.offset += (self.format.frame_bytes() + frame.length) as u64;
                self.expected = frame.sequence.next();
                Ok(Some(Piece::Entry(frame.sequence)))
            }
            _ => self.step_over_damage(),
        }
    }

    /// The entry where the file stands; its payload goes to `self.payload`.
    fn read_entry(&mut self) -> io::Result<Option<Frame>> {
        let mut frame = [0; 24];
        let frame = &mut frame[..self.format.frame_bytes()];
        if self.offset + frame.len() as u64 > self.length {
            return Ok(None);
        }
        self.file.read_exact(frame)?;
        let Some(frame) = self.format.read_frame(frame) else { return Ok(None) };
        if !self.has(self.offset, frame) {
            return Ok(None);
        }
        self.payload.resize(frame.length, 0);
        self.file.read_exact(&mut self.payload)?;
        Ok(self.format.is_intact(frame, &self.payload).then_some(frame))
    }

    /// Whether the file is long enough for what the frame declares: checked before anything is allocated for it.
    fn has(&self, offset: u64, frame: Frame) -> bool {
        offset + (self.format.frame_bytes() + frame.length) as u64 <= self.length
    }

    fn step_over_damage(&mut self) -> io::Result<Option<Piece>> {
        let resume = self.find(self.offset, self.expected.next())?;
        if !self.was_durable(self.expected, resume)? {
            return Ok(None);
        }
        let (offset, lost_from) = (self.offset, self.expected);
        let end = match resume.filter(|(_, frame)| self.until.is_none_or(|until| frame.sequence < until)) {
            Some((at, frame)) => {
                self.offset = at;
                self.expected = frame.sequence;
                self.file.seek(SeekFrom::Start(at))?;
                at
            }
            None => {
                self.offset = self.length;
                self.expected = self.until.unwrap_or(self.expected);
                self.last_written(offset)?
            }
        };
        let entries = self.expected.0 - lost_from.0;
        Ok(Some(Piece::Damage { offset, end, entries }))
    }

    /// Behind the last byte from `from` on that is not zero.
    fn last_written(&self, from: u64) -> io::Result<u64> {
        let mut end = from;
        let mut window = vec![0; READ_BYTES];
        for start in (from..self.length).step_by(READ_BYTES) {
            let length = usize::try_from(self.length - start).map_or(READ_BYTES, |rest| rest.min(READ_BYTES));
            self.file.get_ref().read_exact_at(&mut window[..length], start)?;
            if let Some(last) = window[..length].iter().rposition(|byte| *byte != 0) {
                end = start + last as u64 + 1;
            }
        }
        Ok(end)
    }

    /// Whether anybody witnesses it: a later segment, or an entry from `resume` on.
    fn was_durable(&self, lost: Sequence, resume: Option<(u64, Frame)>) -> io::Result<bool> {
        if self.until.is_some() {
            return Ok(true);
        }
        let mut witness = resume;
        while let Some((at, frame)) = witness {
            if frame.synced >= lost {
                return Ok(true);
            }
            let behind = at + (self.format.frame_bytes() + frame.length) as u64;
            witness = self.find(behind, frame.sequence.next())?;
        }
        Ok(false)
    }

    /// The first intact entry at or behind `from` with a sequence of `least` or a little more.
    fn find(&self, from: u64, least: Sequence) -> io::Result<Option<(u64, Frame)>> {
        let plausible = least.0..least.0.saturating_add(PLAUSIBLE_ENTRIES);
        let frame_bytes = self.format.frame_bytes();
        let mut window = vec![0; READ_BYTES];
        let mut start = from;
        while start + frame_bytes as u64 <= self.length {
            let length = usize::try_from(self.length - start).map_or(READ_BYTES, |rest| rest.min(READ_BYTES));
            let window = &mut window[..length];
            self.file.get_ref().read_exact_at(window, start)?;
            let mut at = 0;
            while at + frame_bytes <= length {
                if window[at..].starts_with(&ZEROS) {
                    at += ZEROS.len() - frame_bytes;
                }
                let sequence = array(window, at + 8).map(u64::from_le_bytes);
                if sequence.is_some_and(|sequence| plausible.contains(&sequence))
                    && let Some(frame) = self.intact_at(start + at as u64)?
                {
                    return Ok(Some((start + at as u64, frame)));
                }
                at += 1;
            }
            start += (length - frame_bytes) as u64 + 1;
        }
        Ok(None)
    }

    fn intact_at(&self, offset: u64) -> io::Result<Option<Frame>> {
        let mut frame = [0; 24];
        let frame = &mut frame[..self.format.frame_bytes()];
        let file = self.file.get_ref();
        if offset + frame.len() as u64 > self.length {
            return Ok(None);
        }
        file.read_exact_at(frame, offset)?;
        let Some(frame) = self.format.read_frame(frame).filter(|frame| self.has(offset, *frame)) else {
            return Ok(None);
        };
        let mut payload = vec![0; frame.length];
        file.read_exact_at(&mut payload, offset + self.format.frame_bytes() as u64)?;
        Ok(self.format.is_intact(frame, &payload).then_some(frame))
    }
}

#[cfg(test)]
mod tests;
