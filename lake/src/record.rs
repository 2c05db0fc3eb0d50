//! One append as one record of the log. Numbers are little-endian.
//!
//! | part | bytes | what |
//! | --- | --- | --- |
//! | record | 1 | version, 1 |
//! | | rest | a zstd frame of the tables, one after the other |
//! | table | 1 | length of its name |
//! | | length | its name |
//! | | 8 | fingerprint of the schema, which lies in `lake/schemas/` |
//! | | 4 | length of the message |
//! | | length | an Arrow IPC record batch message |

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use arrow::ipc::MetadataVersion;
use arrow::ipc::writer::{
    DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions, write_message,
};
use plimsoll_model::{SignalBatch, Table};

use crate::LakeError;
use crate::rows::fitted;
use crate::schemas::{SchemaFingerprint, SchemaMessage, Schemas};

const VERSION: u8 = 1;
/// More than any buffer limit would let in.
const MAX_DECODED_BYTES: u64 = 2 << 30;

pub(crate) fn encode(batches: &[SignalBatch]) -> Result<Vec<u8>, LakeError> {
    let mut tables = Vec::new();
    for SignalBatch { table, batch } in batches {
        let message = encode_batch(batch).map_err(unwritable)?;
        let length = u32::try_from(message.len()).map_err(unwritable)?;
        let name = table.name().as_bytes();
        tables.push(u8::try_from(name.len()).map_err(unwritable)?);
        tables.extend_from_slice(name);
        tables.extend_from_slice(&todays_fingerprint(*table).0.to_le_bytes());
        tables.extend_from_slice(&length.to_le_bytes());
        tables.extend_from_slice(&message);
    }
    let mut record = vec![VERSION];
    zstd::stream::copy_encode(tables.as_slice(), &mut record, 1).map_err(unwritable)?;
    Ok(record)
}

/// The batches of a record, in today's schemas. Never panics, whatever the bytes are.
pub(crate) fn decode(record: &[u8], schemas: &Schemas) -> Result<Vec<SignalBatch>, LakeError> {
    // Arrow trusts its own messages in places: a panic here must not stop every start to come.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_tables(record, schemas)));
    decoded.unwrap_or_else(|_| Err(unreadable("its reader panics")))
}

fn decode_tables(record: &[u8], schemas: &Schemas) -> Result<Vec<SignalBatch>, LakeError> {
    let Some((&VERSION, frame)) = record.split_first() else {
        return Err(unreadable("unknown version"));
    };
    let mut tables = Vec::new();
    let decoder = zstd::stream::Decoder::new(frame).map_err(unreadable)?;
    decoder.take(MAX_DECODED_BYTES).read_to_end(&mut tables).map_err(unreadable)?;

    let mut rest = tables.as_slice();
    let mut batches = Vec::new();
    while !rest.is_empty() {
        batches.push(decode_table(&mut rest, schemas)?);
    }
    Ok(batches)
}

fn decode_table(rest: &mut &[u8], schemas: &Schemas) -> Result<SignalBatch, LakeError> {
    let [name_length] = take(rest)?;
    let name = take_slice(rest, usize::from(name_length))?;
    let fingerprint = SchemaFingerprint(u64::from_le_bytes(take(rest)?));
    let length = u32::from_le_bytes(take(rest)?);
    let message = take_slice(rest, usize::try_from(length).map_err(unreadable)?)?;

    let name = std::str::from_utf8(name).map_err(unreadable)?;
    let table = Table::from_name(name).ok_or_else(|| unreadable(format!("unknown table {name}")))?;
    let schema = schemas.get(fingerprint).ok_or_else(|| unreadable("its schema is not in lake/schemas"))?;
    let mut bytes = Buffer::from(message);
    let batch = schema.decoder()?.decode(&mut bytes).map_err(unreadable)?;
    let batch = batch.ok_or_else(|| unreadable("an incomplete message"))?;
    Ok(SignalBatch { table, batch: fitted(&batch, &table.schema())? })
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

fn todays_fingerprint(table: Table) -> SchemaFingerprint {
    static FINGERPRINTS: LazyLock<[SchemaFingerprint; Table::ALL.len()]> =
        LazyLock::new(|| Table::ALL.map(|table| SchemaMessage::of(&table.schema()).fingerprint()));
    FINGERPRINTS[table as usize]
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], LakeError> {
    let (taken, left) = rest.split_first_chunk().ok_or_else(|| unreadable("cut short"))?;
    *rest = left;
    Ok(*taken)
}

fn take_slice<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], LakeError> {
    let (taken, left) = rest.split_at_checked(length).ok_or_else(|| unreadable("cut short"))?;
    *rest = left;
    Ok(taken)
}

fn unwritable(error: impl std::fmt::Display) -> LakeError {
    LakeError::Other(format!("rows can't be written to the log: {error}"))
}

fn unreadable(error: impl std::fmt::Display) -> LakeError {
    LakeError::Other(format!("unreadable log record: {error}"))
}
