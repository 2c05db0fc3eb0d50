use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::Schema;
use bytes::Bytes;
use plimsoll_model::{OriginalFormat, RowsOnly, Timestamp, batch_from_rows};

use super::*;

fn rows(table: Table) -> SignalBatch {
    let row = serde_json::json!({
        "time": 1, "ingest_time": 2000, "trace_id": "t", "span_id": "s", "name": "n", "stage": "rule",
        "attributes": {"k": "v"}, "events": [{"name": "e"}], "reason": "because",
    });
    let row = row.as_object().expect("an object").clone();
    let known = row.into_iter().filter(|(name, _)| table.schema().index_of(name).is_ok()).collect();
    let row = serde_json::Value::Object(known);
    SignalBatch { table, batch: batch_from_rows(&table.schema(), &[row]).expect("fits") }
}

/// An original names its tables, one letter each, and the letter of a bad day.
#[derive(Debug)]
struct Letters;

impl ReadOriginal for Letters {
    fn rows(&self, original: &Original) -> Result<Vec<SignalBatch>, String> {
        assert_eq!((original.format, original.received), (OriginalFormat(7), Timestamp::from_nanos(2_000)));
        let table = |letter: &u8| match letter {
            b's' => Ok(rows(Table::Spans)),
            b'd' => Ok(rows(Table::Decisions)),
            b'!' => panic!("on purpose"),
            _ => Err("not a letter of ours".to_owned()),
        };
        original.bytes.iter().map(table).collect()
    }
}

fn reader() -> RecordReader {
    let schemas = Schemas::open(tempfile::tempdir().expect("a folder").path()).expect("opens");
    RecordReader { schemas, originals: Arc::new(Letters) }
}

fn rows_record(tables: &[u8]) -> Vec<u8> {
    let mut record = vec![ROWS];
    zstd::stream::copy_encode(tables, &mut record, 1).expect("small");
    record
}

fn read_all(record: &[u8]) -> Recovered {
    reader().read(record, |_| true).expect("of our version")
}

fn original(letters: &'static [u8], batches: &[SignalBatch]) -> Vec<u8> {
    let (format, received) = (OriginalFormat(7), Timestamp::from_nanos(2_000));
    let original = Original { format, received, bytes: Bytes::from_static(letters) };
    let tables: Vec<_> = batches.iter().map(|rows| (rows.table, rows.batch.num_rows())).collect();
    of_original(&original, &tables).expect("small")
}

#[test]
fn the_tables_of_an_append_come_back_as_they_were() {
    let batches = vec![rows(Table::Spans), rows(Table::Decisions), rows(Table::Spans)];
    let recovered = read_all(&of_rows(&batches).expect("small"));
    assert_eq!((recovered.batches, recovered.complaint), (batches, None));
}

#[test]
fn a_record_of_a_newer_program_is_refused_and_not_stepped_over() {
    let error = reader().read(&[4, 1, 2], |_| true).expect_err("kind 4");
    assert!(error.to_string().contains("kind 4"), "{error}");
}

#[test]
fn an_original_is_read_again_for_the_tables_that_want_it() {
    let batches = vec![rows(Table::Spans), rows(Table::Decisions)];
    let record = original(b"sd", &batches);
    let recovered = read_all(&record);
    assert_eq!((recovered.batches, recovered.complaint), (batches, None));

    let recovered = reader().read(&record, |table| table == Table::Decisions).expect("ours");
    assert_eq!((recovered.batches, recovered.complaint), (vec![rows(Table::Decisions)], None));
    let poison = original(b"!", &[rows(Table::Spans)]);
    let recovered = reader().read(&poison, |table| table == Table::Decisions).expect("ours");
    assert_eq!((recovered.batches.len(), recovered.complaint), (0, None), "it was not even read");
}

#[test]
fn a_reader_that_refuses_panics_or_has_changed_its_mind_is_told_on() {
    for (letters, complaint) in [
        (&b"x"[..], "not a letter of ours"),
        (b"s!", "its reader panics"),
        (b"ss", "[(Spans, 2)] were acknowledged"),
        (b"d", "[(Spans, 2)] were acknowledged"),
    ] {
        let two = SignalBatch {
            table: Table::Spans,
            batch: arrow::compute::concat_batches(
                &Table::Spans.schema(),
                [&rows(Table::Spans).batch, &rows(Table::Spans).batch],
            )
            .expect("one schema"),
        };
        let recovered = read_all(&original(letters, &[two]));
        let told = recovered.complaint.expect("a reason");
        assert!(told.contains(complaint), "{told}");
    }
    let refused = RecordReader { originals: Arc::new(RowsOnly), ..reader() };
    let recovered = refused.read(&original(b"s", &[rows(Table::Spans)]), |_| true).expect("ours");
    assert!(recovered.complaint.is_some_and(|told| told.contains("format 7")));
}

#[test]
fn a_damaged_record_is_a_complaint_or_other_rows_but_never_a_panic() {
    let reader = reader();
    for record in [of_rows(&[rows(Table::Spans)]).expect("small"), original(b"s", &[rows(Table::Spans)])] {
        for end in 0..record.len() {
            let recovered = reader.read(&record[..end], |_| true).expect("ours");
            assert!(recovered.complaint.is_some(), "cut at {end}");
        }
        for offset in 1..record.len() {
            let mut damaged = record.clone();
            damaged[offset] ^= 0x81;
            check_schemas(&reader.read(&damaged, |_| true).expect("ours"));
        }
    }
    let plain = tables::encode(&[rows(Table::Spans)]).expect("small");
    for offset in 0..plain.len() {
        let mut damaged = plain.clone();
        damaged[offset] ^= 0x81;
        let record = rows_record(&damaged);
        check_schemas(&reader.read(&record, |_| true).expect("ours"));
    }
}

fn check_schemas(recovered: &Recovered) {
    assert!(recovered.batches.iter().all(|rows| rows.batch.schema() == rows.table.schema()));
}

#[test]
fn a_record_of_an_older_schema_comes_back_with_null_in_the_new_column() {
    let today = Table::Decisions.schema();
    let older: Vec<_> = today.fields().iter().filter(|field| field.name() != "reason").cloned().collect();
    let older = Arc::new(Schema::new(older));
    let (schemas, fingerprint) = reader().schemas.with(&older);
    let row = serde_json::json!({"time": 1, "ingest_time": 2, "stage": "rule"});
    let batch = batch_from_rows(&older, &[row]).expect("fits");
    let mut plain = Vec::new();
    tables::encode_table("decisions", fingerprint, &batch, &mut plain).expect("small");
    let record = rows_record(&plain);

    let reader = RecordReader { schemas, originals: Arc::new(RowsOnly) };
    let decoded = reader.read(&record, |_| true).expect("ours").batches;
    assert_eq!(decoded[0].batch.schema(), today);
    assert_eq!(decoded[0].batch["reason"].null_count(), 1);
    assert_eq!(&decoded[0].batch["stage"], &batch["stage"]);
}
