//! An original in a record, with what it was turned into. Numbers are little-endian.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | format, the reader's own number |
//! | 8 | when it was received, Unix nanoseconds |
//! | 1 | number of tables |
//! | for each: 1, length, 4 | length of its name, its name, its rows |
//! | 4 | length of the original |
//! | rest | the original as one lz4 block |
//!
//! The tables let a replay skip, without decompressing it, what files already hold, and notice when the reader no
//! longer makes of it what it made when it was acknowledged.

use plimsoll_model::{Original, OriginalFormat, SignalBatch, Table, Timestamp};

use super::lz4::{compress_onto, decompressed};
use super::{Unreadable, table_named, take, unwritable};
use crate::LakeError;
use crate::rows::admissible;

pub(super) fn encode_onto(
    record: &mut Vec<u8>,
    original: &Original,
    tables: &[(Table, usize)],
) -> Result<(), LakeError> {
    record.push(original.format.0);
    record.extend_from_slice(&original.received.nanos().to_le_bytes());
    record.push(u8::try_from(tables.len()).map_err(unwritable)?);
    for (table, rows) in tables {
        record.push(u8::try_from(table.name().len()).map_err(unwritable)?);
        record.extend_from_slice(table.name().as_bytes());
        record.extend_from_slice(&u32::try_from(*rows).map_err(unwritable)?.to_le_bytes());
    }
    compress_onto(record, &original.bytes)
}

/// The record's head; the original itself is still compressed.
#[derive(Debug)]
pub(super) struct Logged<'a> {
    format: OriginalFormat,
    received: Timestamp,
    /// In the order of its batches, with their rows.
    pub(super) tables: Vec<(Table, usize)>,
    compressed: &'a [u8],
}

pub(super) fn read_head(mut rest: &[u8]) -> Result<Logged<'_>, Unreadable> {
    let [format] = take(&mut rest)?;
    let received = Timestamp::from_nanos(i64::from_le_bytes(take(&mut rest)?));
    let [tables] = take(&mut rest)?;
    let mut counted = Vec::with_capacity(usize::from(tables));
    for _ in 0..tables {
        let table = table_named(&mut rest)?;
        counted.push((table, usize::try_from(u32::from_le_bytes(take(&mut rest)?))?));
    }
    Ok(Logged { format: OriginalFormat(format), received, tables: counted, compressed: rest })
}

impl Logged<'_> {
    pub(super) fn rows(
        &self,
        read: impl FnOnce(&Original) -> Result<Vec<SignalBatch>, String>,
    ) -> Result<Vec<SignalBatch>, Unreadable> {
        let bytes = decompressed(self.compressed)?.into();
        let original = Original { format: self.format, received: self.received, bytes };
        Ok(admissible(read(&original)?)?)
    }

    /// What `rows` differ in from those that were acknowledged.
    pub(super) fn difference(&self, rows: &[SignalBatch]) -> Option<String> {
        let read: Vec<_> = rows.iter().map(|rows| (rows.table, rows.batch.num_rows())).collect();
        let then = &self.tables;
        (read != *then)
            .then(|| format!("its reader gives {read:?} where {then:?} were acknowledged; both are kept"))
    }
}
