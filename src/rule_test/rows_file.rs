//! Rows that lie in a file beside the test: Parquet, CSV with a header, or JSON lines.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, bail};
use arrow::array::RecordBatch;
use arrow::json::LineDelimitedWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};

/// Times of Parquet files come as nanoseconds or as text; both are read alike.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Map<String, Value>>> {
    let about = || path.display().to_string();
    let rows = match path.extension().and_then(|ending| ending.to_str()) {
        Some("parquet") => of_parquet(path).with_context(about)?,
        Some("csv") => of_csv(path).with_context(about)?,
        Some("jsonl" | "ndjson") => {
            of_json_lines(&std::fs::read(path).with_context(about)?).with_context(about)?
        }
        _ => bail!("{}: rows are read from .parquet, .csv and .jsonl", about()),
    };
    // What is null isn't there.
    Ok(rows.into_iter().map(|row| row.into_iter().filter(|(_, value)| !value.is_null()).collect()).collect())
}

fn of_parquet(path: &Path) -> anyhow::Result<Vec<Map<String, Value>>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()?;
    let batches = reader.collect::<Result<Vec<RecordBatch>, _>>()?;
    let mut lines = LineDelimitedWriter::new(Vec::new());
    lines.write_batches(&batches.iter().collect::<Vec<_>>())?;
    lines.finish()?;
    of_json_lines(&lines.into_inner())
}

/// Every cell is text; the table's own types are what it is read into.
fn of_csv(path: &Path) -> anyhow::Result<Vec<Map<String, Value>>> {
    let format = arrow::csv::reader::Format::default().with_header(true);
    let (schema, _) = format.infer_schema(File::open(path)?, None)?;
    let texts = schema
        .fields()
        .iter()
        .map(|field| arrow::datatypes::Field::new(field.name(), arrow::datatypes::DataType::Utf8, true));
    let schema = arrow::datatypes::Schema::new(texts.collect::<Vec<_>>());
    let reader = arrow::csv::ReaderBuilder::new(schema.into()).with_header(true).build(File::open(path)?)?;
    let batches = reader.collect::<Result<Vec<RecordBatch>, _>>()?;
    let mut lines = LineDelimitedWriter::new(Vec::new());
    lines.write_batches(&batches.iter().collect::<Vec<_>>())?;
    lines.finish()?;
    of_json_lines(&lines.into_inner())
}

fn of_json_lines(bytes: &[u8]) -> anyhow::Result<Vec<Map<String, Value>>> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.map(|(at, line)| serde_json::from_slice(line).with_context(|| format!("line {}", at + 1))).collect()
}
