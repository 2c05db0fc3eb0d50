//! One append as one record of the log. Numbers are little-endian.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | what follows: 1 rows, 2 an original, 3 an outlined original; more than that is of a newer program |
//! | rest | rows as a zstd frame of `tables`; an original as in `original`; its outline before that, as in `outlined` |
//!
//! Rows are what we state ourselves, a few at a time: zstd makes a record of one row a third of what lz4 does. An
//! original is compressed by lz4, because there its time counts.

mod lz4;
mod original;
mod outlined;
mod tables;

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use plimsoll_model::{Original, ReadOriginal, RowsOutline, SignalBatch, Table};

use self::original::Logged;
use crate::LakeError;
use crate::rows::all_slimmed;
use crate::schemas::Schemas;

const ROWS: u8 = 1;
const ORIGINAL: u8 = 2;
const OUTLINED: u8 = 3;
const NEWEST: u8 = OUTLINED;
/// More than any buffer limit would let in.
const MAX_DECODED_BYTES: u64 = 2 << 30;

/// Why a record is kept aside. Whatever a decoder complains about fits into it.
pub(crate) type Unreadable = Box<dyn std::error::Error>;

pub(crate) fn of_rows(batches: &[SignalBatch]) -> Result<Vec<u8>, LakeError> {
    let mut record = vec![ROWS];
    zstd::stream::copy_encode(tables::encode(batches)?.as_slice(), &mut record, 1).map_err(unwritable)?;
    Ok(record)
}

/// `tables` are those that the original was turned into, with their rows.
pub(crate) fn of_original(original: &Original, tables: &[(Table, usize)]) -> Result<Vec<u8>, LakeError> {
    let mut record = vec![ORIGINAL];
    original::encode_onto(&mut record, original, tables)?;
    Ok(record)
}

/// Its rows are made later, of this.
pub(crate) fn of_outlined(original: &Original, outline: &RowsOutline) -> Result<Vec<u8>, LakeError> {
    let mut record = vec![OUTLINED];
    outlined::encode_onto(&mut record, outline);
    original::encode_onto(&mut record, original, &[(outline.table, outline.rows)])?;
    Ok(record)
}

/// What an outlined original says of its rows; `None` for any other record, and for one that contradicts itself.
pub(crate) fn outline_of(record: &[u8]) -> Option<RowsOutline> {
    let [OUTLINED, rest @ ..] = record else { return None };
    outlined::read_head(rest).ok().map(|(outline, _)| outline)
}

/// Whether somebody has looked at the bytes of an original in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    Checked,
    FromDisk,
}

/// The rows of an outlined original, if they are what it says. May panic.
pub(crate) fn rows_of_outlined(
    record: &[u8],
    originals: &dyn ReadOriginal,
    trust: Trust,
) -> Result<RecordBatch, Unreadable> {
    let [OUTLINED, rest @ ..] = record else { return Err("it has no outline".into()) };
    let (outline, logged) = outlined::read_head(rest)?;
    let mut batches = logged.rows(|original| match trust {
        Trust::Checked => originals.rows_of_checked(original),
        Trust::FromDisk => originals.rows(original),
    })?;
    if let Some(difference) = logged.difference(&batches) {
        return Err(difference.into());
    }
    let rows = batches.pop().ok_or("it has no rows")?;
    match rows.time_range() {
        Some(times) if times == (outline.earliest, outline.latest) => Ok(rows.batch),
        times => Err(format!("its rows are of {times:?}, which is not what it says: {outline:?}").into()),
    }
}

/// What came out of a record.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// In today's schemas.
    pub(crate) batches: Vec<SignalBatch>,
    /// Why a copy of the record must be kept for a person: rows of it are missing here.
    pub(crate) complaint: Option<String>,
}

/// Knows everything that is needed to read records.
#[derive(Debug)]
pub(crate) struct RecordReader {
    pub(crate) schemas: Schemas,
    pub(crate) originals: Arc<dyn ReadOriginal>,
}

impl RecordReader {
    /// The rows for the tables that want any. Never panics, whatever the bytes are. An error is a record of a newer
    /// program: it is whole, so nobody may step over it.
    pub(crate) fn read(&self, record: &[u8], wants: impl Fn(Table) -> bool) -> Result<Recovered, LakeError> {
        if let Some(newer) = record.first().filter(|kind| **kind > NEWEST) {
            return Err(LakeError::Other(format!(
                "the log holds records of kind {newer}, this program knows them up to {NEWEST}: start the newer program"
            )));
        }
        // A panic here must not stop every start to come.
        let read = catch_unwind(AssertUnwindSafe(|| self.read_known(record, &wants)));
        let read = read.unwrap_or_else(|_| Err("its reader panics".into()));
        let mut recovered = read.unwrap_or_else(|error| Recovered {
            batches: Vec::new(),
            complaint: Some(format!("unreadable log record: {error}")),
        });
        recovered.batches.retain(|rows| wants(rows.table));
        Ok(recovered)
    }

    fn read_known(&self, record: &[u8], wants: &dyn Fn(Table) -> bool) -> Result<Recovered, Unreadable> {
        match record {
            [ORIGINAL, rest @ ..] => self.read_original(&original::read_head(rest)?, wants),
            [OUTLINED, rest @ ..] => self.read_original(&outlined::read_head(rest)?.1, wants),
            [ROWS, frame @ ..] => self.read_rows(&unzstd(frame)?),
            _ => Err("nothing begins like this".into()),
        }
    }

    fn read_rows(&self, tables: &[u8]) -> Result<Recovered, Unreadable> {
        Ok(Recovered { batches: tables::decode(tables, &self.schemas)?, complaint: None })
    }

    fn read_original(
        &self,
        logged: &Logged<'_>,
        wants: &dyn Fn(Table) -> bool,
    ) -> Result<Recovered, Unreadable> {
        if !logged.tables.iter().any(|(table, _)| wants(*table)) {
            return Ok(Recovered::default());
        }
        let batches = all_slimmed(logged.rows(|original| self.originals.rows(original))?);
        let complaint = logged.difference(&batches);
        Ok(Recovered { batches, complaint })
    }
}

fn unzstd(frame: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    zstd::stream::Decoder::new(frame)?.take(MAX_DECODED_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn table_named(rest: &mut &[u8]) -> Result<Table, Unreadable> {
    let [length] = take(rest)?;
    let name = std::str::from_utf8(take_slice(rest, usize::from(length))?)?;
    Table::from_name(name).ok_or_else(|| format!("unknown table {name}").into())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Unreadable> {
    let (taken, left) = rest.split_first_chunk().ok_or("it is cut short")?;
    *rest = left;
    Ok(*taken)
}

fn take_slice<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Unreadable> {
    let (taken, left) = rest.split_at_checked(length).ok_or("it is cut short")?;
    *rest = left;
    Ok(taken)
}

fn unwritable(error: impl std::fmt::Display) -> LakeError {
    LakeError::Other(format!("the append can't be written to the log: {error}"))
}

#[cfg(test)]
mod tests;
