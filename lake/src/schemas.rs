//! The schemas that log records may be written in, one small file each: a record itself then carries eight bytes of
//! schema instead of kilobytes, and still replays after a column was added.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions, write_message};
use plimsoll_model::Table;

use crate::LakeError;
use crate::durable_store::create_folders;
use crate::error::at;

/// Of a schema's bytes: FNV-1a, stable for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SchemaFingerprint(pub(crate) u64);

/// A schema as the IPC message that opens a stream.
#[derive(Clone, Debug)]
pub(crate) struct SchemaMessage(pub(crate) Vec<u8>);

impl SchemaMessage {
    pub(crate) fn of(schema: &SchemaRef) -> Self {
        let options = IpcWriteOptions::default();
        let mut dictionaries = DictionaryTracker::new(false);
        let generator = IpcDataGenerator::default();
        let encoded = generator.schema_to_bytes_with_dictionary_tracker(schema, &mut dictionaries, &options);
        let mut bytes = Vec::new();
        write_message(&mut bytes, encoded, &options).expect("a vector takes every byte");
        Self(bytes)
    }

    pub(crate) fn fingerprint(&self) -> SchemaFingerprint {
        let hash = self.0.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        SchemaFingerprint(hash)
    }

    /// A decoder that was given this schema, for the batches to follow.
    pub(crate) fn decoder(&self) -> Result<StreamDecoder, LakeError> {
        let mut decoder = StreamDecoder::new();
        let mut bytes = Buffer::from(self.0.as_slice());
        decoder.decode(&mut bytes).map_err(|error| LakeError::Other(error.to_string()))?;
        Ok(decoder)
    }
}

/// All schemas there ever were here, today's included.
#[derive(Debug)]
pub(crate) struct Schemas {
    by_fingerprint: HashMap<SchemaFingerprint, SchemaMessage>,
}

impl Schemas {
    /// Reads the folder and durably adds what today's tables need, before any record refers to it.
    pub(crate) fn open(own: &Path) -> Result<Self, LakeError> {
        let folder = own.join("schemas");
        create_folders(&folder).map_err(at(&folder))?;
        let mut schemas = Self { by_fingerprint: read(&folder).map_err(at(&folder))? };
        for table in Table::ALL {
            let message = SchemaMessage::of(&table.schema());
            schemas.keep(&folder, message).map_err(at(&folder))?;
        }
        Ok(schemas)
    }

    fn keep(&mut self, folder: &Path, message: SchemaMessage) -> io::Result<()> {
        let fingerprint = message.fingerprint();
        if let Entry::Vacant(entry) = self.by_fingerprint.entry(fingerprint) {
            write(folder, fingerprint, &message)?;
            entry.insert(message);
        }
        Ok(())
    }

    pub(crate) fn get(&self, fingerprint: SchemaFingerprint) -> Option<&SchemaMessage> {
        self.by_fingerprint.get(&fingerprint)
    }
}

fn file_of(folder: &Path, fingerprint: SchemaFingerprint) -> PathBuf {
    folder.join(format!("{:016x}.schema", fingerprint.0))
}

/// Those that are what their name says: a torn file is written anew if it is still needed.
fn read(folder: &Path) -> io::Result<HashMap<SchemaFingerprint, SchemaMessage>> {
    let mut messages = HashMap::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let message = SchemaMessage(fs::read(&path)?);
        let fingerprint = message.fingerprint();
        if path == file_of(folder, fingerprint) {
            messages.insert(fingerprint, message);
        }
    }
    Ok(messages)
}

fn write(folder: &Path, fingerprint: SchemaFingerprint, message: &SchemaMessage) -> io::Result<()> {
    let mut file = File::create(file_of(folder, fingerprint))?;
    file.write_all(&message.0)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
impl Schemas {
    /// As if an older program had been here.
    pub(crate) fn with(mut self, schema: &SchemaRef) -> (Self, SchemaFingerprint) {
        let message = SchemaMessage::of(schema);
        let fingerprint = message.fingerprint();
        self.by_fingerprint.insert(fingerprint, message);
        (self, fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_kept_and_a_torn_file_is_written_again() {
        let data_dir = tempfile::tempdir().expect("a folder");
        Schemas::open(data_dir.path()).expect("opens");
        let message = SchemaMessage::of(&Table::Spans.schema());
        let path = file_of(&data_dir.path().join("schemas"), message.fingerprint());
        fs::write(&path, &message.0[..10]).expect("room");

        let schemas = Schemas::open(data_dir.path()).expect("opens");
        let kept = schemas.get(message.fingerprint()).expect("needed today");
        assert_eq!(kept.0, message.0);
        assert_eq!(fs::read(&path).expect("there"), message.0);
    }
}
