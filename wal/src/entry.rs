//! One entry as bytes, in each version of the format.

use crate::Sequence;

/// A payload may not be larger: a damaged length must not look plausible in a huge file.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024 * 1024;

/// How the entries of a segment are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    One,
    /// Entries belong to the segment with this start, and to no other that lay in the same file before.
    Two {
        start: Sequence,
    },
}

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) length: usize,
    pub(crate) sequence: Sequence,
    /// Through here the log was durable when this was written.
    pub(crate) synced: Sequence,
    checksum: u32,
}

impl Format {
    pub(crate) const fn frame_bytes(self) -> usize {
        match self {
            Self::One => 16,
            Self::Two { .. } => 24,
        }
    }

    /// `None` when there are too few bytes or the length is out of bounds.
    pub(crate) fn read_frame(self, bytes: &[u8]) -> Option<Frame> {
        let length = usize::try_from(u32::from_le_bytes(array(bytes, 0)?)).ok()?;
        let checksum = u32::from_le_bytes(array(bytes, 4)?);
        let sequence = Sequence(u64::from_le_bytes(array(bytes, 8)?));
        let synced = match self {
            // Version 1 does not say; whoever wrote an entry had taken care of those before.
            Self::One => Sequence(sequence.0.saturating_sub(1)),
            Self::Two { .. } => Sequence(u64::from_le_bytes(array(bytes, 16)?)),
        };
        (length <= MAX_PAYLOAD_BYTES).then_some(Frame { length, sequence, synced, checksum })
    }

    pub(crate) fn is_intact(self, frame: Frame, payload: &[u8]) -> bool {
        frame.checksum == self.checksum(frame.sequence, frame.synced, payload)
    }

    pub(crate) fn write(self, sequence: Sequence, synced: Sequence, payload: &[u8], buffer: &mut Vec<u8>) {
        let length = u32::try_from(payload.len()).expect("MAX_PAYLOAD_BYTES fits into 32 bits");
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer.extend_from_slice(&self.checksum(sequence, synced, payload).to_le_bytes());
        buffer.extend_from_slice(&sequence.0.to_le_bytes());
        if matches!(self, Self::Two { .. }) {
            buffer.extend_from_slice(&synced.0.to_le_bytes());
        }
        buffer.extend_from_slice(payload);
    }

    fn checksum(self, sequence: Sequence, synced: Sequence, payload: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        if let Self::Two { start } = self {
            hasher.update(&start.0.to_le_bytes());
            hasher.update(&synced.0.to_le_bytes());
        }
        hasher.update(&sequence.0.to_le_bytes());
        hasher.update(payload);
        hasher.finalize()
    }
}

pub(crate) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [Format; 2] = [Format::One, Format::Two { start: Sequence(5) }];

    fn written(format: Format, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        format.write(Sequence(7), Sequence(6), payload, &mut bytes);
        bytes
    }

    fn read(format: Format, bytes: &[u8]) -> Option<(Frame, &[u8])> {
        let frame = format.read_frame(bytes)?;
        let payload = bytes.get(format.frame_bytes()..)?.get(..frame.length)?;
        format.is_intact(frame, payload).then_some((frame, payload))
    }

    #[test]
    fn an_entry_is_read_as_it_was_written_whatever_follows() {
        for format in FORMATS {
            let mut bytes = written(format, b"abc");
            bytes.extend_from_slice(b"more");
            let (frame, payload) = read(format, &bytes).expect("whole");
            assert_eq!((frame.sequence, frame.synced, payload), (Sequence(7), Sequence(6), &b"abc"[..]));
        }
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        for format in FORMATS {
            let whole = written(format, b"payload");
            for end in 0..whole.len() {
                assert_eq!(read(format, &whole[..end]), None, "cut at {end}");
            }
            for bit in 0..whole.len() * 8 {
                let mut damaged = whole.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(read(format, &damaged), None, "bit {bit}");
            }
        }
    }

    #[test]
    fn an_entry_of_the_files_life_before_a_length_of_four_gigabytes_and_zeros_are_none() {
        let format = FORMATS[1];
        assert_eq!(read(Format::Two { start: Sequence(4) }, &written(format, b"payload")), None);
        let mut huge = written(format, b"payload");
        huge[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(format.read_frame(&huge), None);
        assert_eq!(read(format, &[0; 4096]), None);
    }
}
