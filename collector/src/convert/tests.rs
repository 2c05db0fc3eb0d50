//! Each conversion from OTLP/JSON to a row, column by column. Rows are read back as JSON, so that a test reads like
//! what a person would see.

mod corpus;
mod logs;
mod metrics;
mod oracle;
mod outline;
mod spans;

use arrow::json::ArrayWriter;
use plimsoll_model::{SignalBatch, Table, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::admission::{Admission, Received};
use crate::signal::OnTheWire;
use crate::wire::{self, Encoding};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const NOW_TEXT: &str = "2023-11-14T22:13:20Z";
const TRACE_ID: &str = "5b8efff798038103d269b633813fc60c";
const SPAN_ID: &str = "eee19b7ec3c1b174";

fn convert_json(signal: Signal, request: &Value, config: &Config) -> Result<Converted, Refusal> {
    let received =
        Received { bytes: request.to_string().into_bytes(), lease: Admission::new(config).lease() };
    let Received { bytes, mut lease } = wire::check(received, Encoding::Json, signal.request(), 32)?;
    convert(signal, &bytes, NOW, config, &mut lease, None)
}

fn converted(signal: Signal, request: &Value) -> Converted {
    convert_json(signal, request, &Config::default()).expect("a good request")
}

fn rows(converted: &Converted, table: Table) -> Vec<Value> {
    let of_table = converted.batches.iter().filter(|batch| batch.table == table);
    of_table.flat_map(rows_of).collect()
}

fn rows_of(batch: &SignalBatch) -> Vec<Value> {
    assert_eq!(batch.batch.schema(), batch.table.schema());
    let mut writer = ArrayWriter::new(Vec::new());
    writer.write(&batch.batch).expect("rows can be written");
    writer.finish().expect("rows can be written");
    serde_json::from_slice(&writer.into_inner()).expect("JSON")
}

/// The reasons with their counts, and the message for the client.
fn rejected(signal: Signal, converted: &Converted) -> (Vec<(&'static str, u64)>, String) {
    let reasons = converted.rejections.by_reason().map(|(reason, count)| (reason.as_str(), count)).collect();
    (reasons, converted.rejections.message(signal, converted.received))
}

fn attributes(pairs: &[(&str, Value)]) -> Value {
    pairs.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

fn text(value: &str) -> Value {
    json!({"stringValue": value})
}

/// Panics with the column's name, which a comparison of whole rows would bury.
fn assert_columns(row: &Value, expected: &Value) {
    for (column, value) in expected.as_object().expect("an object") {
        assert_eq!(row.get(column).unwrap_or(&Value::Null), value, "column {column}");
    }
}
