//! One lz4 block behind the length of what is in it. A measured choice: 2.8 GB/s where zstd does 1.1, for a fifth more
//! bytes, which the disk under the log takes as they come.

use std::cell::RefCell;

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

use super::{Unreadable, take, unwritable};
use crate::LakeError;

/// More than any request may have.
const MAX_DECOMPRESSED_BYTES: usize = 1 << 30;
/// One byte of a block stands for no more than this many.
const MAX_RATIO: usize = 255;

/// What a thread keeps of its room between two records.
const KEPT_BYTES: usize = 1 << 20;

/// Where a block is made before it is copied to its place: its size is known only then, and memory that is touched for
/// the first time costs more than the copy.
struct Room {
    block: Vec<u8>,
    table: CompressTable,
}

thread_local! {
    static ROOM: RefCell<Room> =
        RefCell::new(Room { block: Vec::new(), table: CompressTable::large() });
}

pub(super) fn compress_onto(record: &mut Vec<u8>, bytes: &[u8]) -> Result<(), LakeError> {
    let length = u32::try_from(bytes.len()).map_err(unwritable)?;
    ROOM.with_borrow_mut(|Room { block, table }| {
        let most = get_maximum_output_size(bytes.len());
        if block.len() < most {
            block.resize(most, 0);
        }
        let written = compress_into_with_table(bytes, block, table).map_err(unwritable)?;
        record.reserve_exact(size_of::<u32>() + written);
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&block[..written]);
        block.truncate(KEPT_BYTES);
        block.shrink_to(KEPT_BYTES);
        Ok(())
    })
}

/// Nothing is allocated that the block could not fill.
pub(super) fn decompressed(mut rest: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let length = usize::try_from(u32::from_le_bytes(take(&mut rest)?))?;
    if length > MAX_DECOMPRESSED_BYTES.min(rest.len().saturating_mul(MAX_RATIO)) {
        return Err("it claims to be larger than it can be".into());
    }
    let mut bytes = vec![0; length];
    let read = lz4_flex::block::decompress_into(rest, &mut bytes)?;
    if read != length {
        return Err("it is shorter than it claims".into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_comes_back_and_a_lie_about_its_length_does_not() {
        for bytes in [Vec::new(), vec![7; 1_000_000], (0..=255).collect::<Vec<u8>>()] {
            let mut block = b"head".to_vec();
            compress_onto(&mut block, &bytes).expect("small");
            let block = block.split_off(4);
            assert_eq!(decompressed(&block).expect("whole"), bytes);
            for length in [bytes.len() + 1, bytes.len() + 70_000, 1 << 31, bytes.len().wrapping_sub(1)] {
                let mut lie = block.clone();
                lie[..4].copy_from_slice(&u32::try_from(length & 0xffff_ffff).expect("masked").to_le_bytes());
                assert!(decompressed(&lie).is_err(), "{length} instead of {}", bytes.len());
            }
        }
    }
}
