//! An entry by its place in the log, for an owner who would rather read it again than hold it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::Sequence;
use crate::entry::Format;

/// Stays readable as long as it is held, also when the log has been trimmed meanwhile: a segment that was replayed is
/// never written over.
#[derive(Clone, Debug)]
pub struct Place {
    file: Arc<File>,
    offset: u64,
    format: Format,
    sequence: Sequence,
}

impl Place {
    pub(crate) const fn new(file: Arc<File>, offset: u64, format: Format, sequence: Sequence) -> Self {
        Self { file, offset, format, sequence }
    }

    /// The payload, whose checksum is looked at once more.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let mut frame = [0; 24];
        let frame = &mut frame[..self.format.frame_bytes()];
        self.file.read_exact_at(frame, self.offset)?;
        let frame = self.format.read_frame(frame).filter(|frame| frame.sequence == self.sequence);
        let frame = frame.ok_or_else(|| self.damaged())?;
        let begins = self.offset + self.format.frame_bytes() as u64;
        if self.file.metadata()?.len() < begins + frame.length as u64 {
            return Err(self.damaged());
        }
        let mut payload = vec![0; frame.length];
        self.file.read_exact_at(&mut payload, begins)?;
        if self.format.is_intact(frame, &payload) { Ok(payload) } else { Err(self.damaged()) }
    }

    fn damaged(&self) -> io::Error {
        let problem = format!("entry {} of the log was read once and is damaged now", self.sequence.0);
        io::Error::new(io::ErrorKind::InvalidData, problem)
    }
}
