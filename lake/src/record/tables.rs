//! Rows in a record: the tables, one after the other. Numbers are little-endian.
//!
//! | part | bytes | what |
//! | --- | --- | --- |
//! | table | 1 | length of its name |
//! | | length | its name |
//! | | 8 | fingerprint of the schema, which lies in `lake/schemas/` |
//! | | 4 | length of the message |
//! | | length | an Arrow IPC record batch message |

use std::sync::LazyLock;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use arrow::ipc::MetadataVersion;
use arrow::ipc::writer::{
    DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions, write_message,
};
use plimsoll_model::{SignalBatch, Table};

use super::{Unreadable, table_named, take, take_slice, unwritable};
use crate::LakeError;
use crate::rows::fitted;
use crate::schemas::{SchemaFingerprint, SchemaMessage, Schemas};

pub(super) fn encode(batches: &[SignalBatch]) -> Result<Vec<u8>, LakeError> {
    let mut tables = Vec::new();
    for SignalBatch { table, batch } in batches {
        encode_table(table.name(), todays_fingerprint(*table), batch, &mut tables)?;
    }
    Ok(tables)
}

/// In today's schemas. May panic on damage: arrow trusts its own messages in places.
pub(super) fn decode(mut tables: &[u8], schemas: &Schemas) -> Result<Vec<SignalBatch>, Unreadable> {
    let mut batches = Vec::new();
    while !tables.is_empty() {
        batches.push(decode_table(&mut tables, schemas)?);
    }
    Ok(batches)
}

fn decode_table(rest: &mut &[u8], schemas: &Schemas) -> Result<SignalBatch, Unreadable> {
    let table = table_named(rest)?;
    let fingerprint = SchemaFingerprint(u64::from_le_bytes(take(rest)?));
    let length = u32::from_le_bytes(take(rest)?);
    let message = take_slice(rest, usize::try_from(length)?)?;

    let schema = schemas.get(fingerprint).ok_or("its schema is not in lake/schemas")?;
    let mut bytes = Buffer::from(message);
    let batch = schema.decoder()?.decode(&mut bytes)?;
    let batch = batch.ok_or("an incomplete message")?;
    Ok(SignalBatch { table, batch: fitted(&batch, &table.schema())? })
}

pub(super) fn encode_table(
    name: &str,
    schema: SchemaFingerprint,
    batch: &RecordBatch,
    tables: &mut Vec<u8>,
) -> Result<(), LakeError> {
    let message = encode_batch(batch).map_err(unwritable)?;
    let length = u32::try_from(message.len()).map_err(unwritable)?;
    tables.push(u8::try_from(name.len()).map_err(unwritable)?);
    tables.extend_from_slice(name.as_bytes());
    tables.extend_from_slice(&schema.0.to_le_bytes());
    tables.extend_from_slice(&length.to_le_bytes());
    tables.extend_from_slice(&message);
    Ok(())
}

fn encode_batch(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    // Eight bytes of alignment instead of 64: a record of one row has a hundred buffers.
    let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5)?;
    let mut dictionaries = DictionaryTracker::new(false);
    let generator = IpcDataGenerator::default();
    let (_, encoded) =
        generator.encode(batch, &mut dictionaries, &options, &mut IpcWriteContext::default())?;
    let mut bytes = Vec::with_capacity(encoded.ipc_message.len() + encoded.arrow_data.len() + 64);
    write_message(&mut bytes, encoded, &options)?;
    Ok(bytes)
}

pub(super) fn todays_fingerprint(table: Table) -> SchemaFingerprint {
    static FINGERPRINTS: LazyLock<[SchemaFingerprint; Table::ALL.len()]> =
        LazyLock::new(|| Table::ALL.map(|table| SchemaMessage::of(&table.schema()).fingerprint()));
    FINGERPRINTS[table as usize]
}
