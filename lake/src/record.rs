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
        encode_table(table.name(), todays_fingerprint(*table), batch, &mut tables)?;
    }
    compressed(&tables)
}

fn compressed(tables: &[u8]) -> Result<Vec<u8>, LakeError> {
    let mut record = vec![VERSION];
    zstd::stream::copy_encode(tables, &mut record, 1).map_err(unwritable)?;
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

fn encode_table(
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Array;
    use arrow::datatypes::Schema;
    use plimsoll_model::batch_from_rows;

    use super::*;

    fn rows(table: Table) -> SignalBatch {
        let row = serde_json::json!({
            "time": 1, "ingest_time": 2, "trace_id": "t", "span_id": "s", "name": "n", "stage": "rule",
            "attributes": {"k": "v"}, "events": [{"name": "e"}], "reason": "because",
        });
        let row = row.as_object().expect("an object").clone();
        let known = row.into_iter().filter(|(name, _)| table.schema().index_of(name).is_ok()).collect();
        let row = serde_json::Value::Object(known);
        SignalBatch { table, batch: batch_from_rows(&table.schema(), &[row]).expect("fits") }
    }

    fn schemas() -> Schemas {
        Schemas::open(tempfile::tempdir().expect("a folder").path()).expect("opens")
    }

    #[test]
    fn the_tables_of_an_append_come_back_as_they_were() {
        let batches = vec![rows(Table::Spans), rows(Table::Decisions), rows(Table::Spans)];
        let record = encode(&batches).expect("small");
        assert_eq!(decode(&record, &schemas()).expect("whole"), batches);
    }

    #[test]
    fn a_damaged_record_is_an_error_or_other_rows_but_never_a_panic() {
        let schemas = schemas();
        let record = encode(&[rows(Table::Spans)]).expect("small");
        for end in 0..record.len() {
            assert!(decode(&record[..end], &schemas).is_err(), "cut at {end}");
        }
        let mut tables = Vec::new();
        encode_table("spans", todays_fingerprint(Table::Spans), &rows(Table::Spans).batch, &mut tables)
            .expect("small");
        for offset in 0..tables.len() {
            let mut damaged = tables.clone();
            damaged[offset] ^= 0x81;
            if let Ok(batches) = decode(&compressed(&damaged).expect("small"), &schemas) {
                assert!(batches.iter().all(|rows| rows.batch.schema() == rows.table.schema()));
            }
        }
    }

    #[test]
    fn a_record_of_an_older_schema_comes_back_with_null_in_the_new_column() {
        let today = Table::Decisions.schema();
        let older: Vec<_> = today.fields().iter().filter(|field| field.name() != "reason").cloned().collect();
        let older = Arc::new(Schema::new(older));
        let (schemas, fingerprint) = schemas().with(&older);
        let row = serde_json::json!({"time": 1, "ingest_time": 2, "stage": "rule"});
        let batch = batch_from_rows(&older, &[row]).expect("fits");
        let mut tables = Vec::new();
        encode_table("decisions", fingerprint, &batch, &mut tables).expect("small");

        let decoded = decode(&compressed(&tables).expect("small"), &schemas).expect("whole");
        assert_eq!(decoded[0].batch.schema(), today);
        assert_eq!(decoded[0].batch["reason"].null_count(), 1);
        assert_eq!(&decoded[0].batch["stage"], &batch["stage"]);
    }
}
