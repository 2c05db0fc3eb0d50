//! One entry as bytes.

use crate::Sequence;

/// A payload may not be larger: a damaged length must not look plausible in a huge file.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024 * 1024;

pub(crate) const FRAME_BYTES: usize = 16;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) sequence: Sequence,
    pub(crate) payload: &'a [u8],
}

impl Entry<'_> {
    pub(crate) fn size(&self) -> usize {
        FRAME_BYTES + self.payload.len()
    }

    pub(crate) fn write(&self, buffer: &mut Vec<u8>) {
        let length = u32::try_from(self.payload.len()).expect("MAX_PAYLOAD_BYTES fits into 32 bits");
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer.extend_from_slice(&checksum(self.sequence, self.payload).to_le_bytes());
        buffer.extend_from_slice(&self.sequence.0.to_le_bytes());
        buffer.extend_from_slice(self.payload);
    }
}

/// The entry at the front of `bytes`; `None` when it is cut short or damaged.
pub(crate) fn read(bytes: &[u8]) -> Option<Entry<'_>> {
    let size = declared_size(bytes)?;
    let checksum_found = u32::from_le_bytes(array(bytes, 4)?);
    let sequence = Sequence(u64::from_le_bytes(array(bytes, 8)?));
    let payload = bytes.get(FRAME_BYTES..size)?;
    (checksum(sequence, payload) == checksum_found).then_some(Entry { sequence, payload })
}

/// How many bytes the entry at the front claims to have; `None` when that is more than there are.
pub(crate) fn declared_size(bytes: &[u8]) -> Option<usize> {
    let length = usize::try_from(u32::from_le_bytes(array(bytes, 0)?)).ok()?;
    let size = FRAME_BYTES + length;
    (length <= MAX_PAYLOAD_BYTES && size <= bytes.len()).then_some(size)
}

/// Whether an entry that follows `before` lies anywhere in `bytes`: then more than one write was hurt.
pub(crate) fn holds_a_later_entry(bytes: &[u8], before: Sequence) -> bool {
    const PLAUSIBLE_ENTRIES: u64 = 1_000_000;
    let later = before.0..before.0.saturating_add(PLAUSIBLE_ENTRIES);
    (1..bytes.len().saturating_sub(FRAME_BYTES)).any(|offset| {
        let bytes = &bytes[offset..];
        let sequence = array(bytes, 8).map(u64::from_le_bytes);
        sequence.is_some_and(|sequence| later.contains(&sequence)) && read(bytes).is_some()
    })
}

pub(crate) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

fn checksum(sequence: Sequence, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&sequence.0.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        Entry { sequence: Sequence(7), payload }.write(&mut bytes);
        bytes
    }

    #[test]
    fn an_entry_is_read_as_it_was_written_whatever_follows() {
        let mut bytes = written(b"abc");
        bytes.extend_from_slice(b"more");
        assert_eq!(read(&bytes), Some(Entry { sequence: Sequence(7), payload: b"abc" }));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let whole = written(b"payload");
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), None, "cut at {end}");
        }
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&damaged), None, "bit {bit}");
        }
    }

    #[test]
    fn a_length_of_four_gigabytes_and_a_page_of_zeros_are_not_entries() {
        let mut huge = written(b"payload");
        huge[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(declared_size(&huge), None);
        assert_eq!(read(&[0; 4096]), None);
    }

    #[test]
    fn an_entry_behind_damage_is_found() {
        let mut bytes = vec![0xff; 100];
        assert!(!holds_a_later_entry(&bytes, Sequence(3)));
        bytes.extend(written(b"later"));
        assert!(holds_a_later_entry(&bytes, Sequence(3)));
        assert!(!holds_a_later_entry(&bytes, Sequence(8)), "sequence 7 lies before");
    }
}
