//! Answers, in the forms people and programs take them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::csv;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::json::writer::{JsonArray, LineDelimited, WriterBuilder};
use arrow::util::display::FormatOptions;
use arrow::util::pretty::pretty_format_batches_with_options;

use crate::QueryError;

/// RFC 3339 in UTC, with as many decimals as there are.
const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.fZ";

/// The answer to a statement. Text columns are `Utf8`, whatever the engine used on the way.
#[derive(Clone, Debug)]
pub struct QueryOutput {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

impl QueryOutput {
    #[must_use]
    pub fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// A JSON array with an object a row: moments as RFC 3339, maps as objects, nothing left out when it is null.
    pub fn to_json(&self) -> Result<Vec<u8>, QueryError> {
        let builder = WriterBuilder::new()
            .with_explicit_nulls(true)
            .with_timestamp_format(TIME_FORMAT.to_owned())
            .with_timestamp_tz_format(TIME_FORMAT.to_owned());
        let mut writer = builder.build::<_, JsonArray>(Vec::new());
        for batch in &self.batches {
            writer.write(batch).map_err(unwritable)?;
        }
        writer.finish().map_err(unwritable)?;
        let json = writer.into_inner();
        // The writer of an empty answer never opens its array.
        Ok(if json.is_empty() { b"[]".to_vec() } else { json })
    }

    /// CSV with a header; maps, lists and structs as JSON.
    pub fn to_csv(&self) -> Result<Vec<u8>, QueryError> {
        let mut csv = Vec::new();
        let mut writer = csv::WriterBuilder::new()
            .with_header(true)
            .with_timestamp_format(TIME_FORMAT.to_owned())
            .with_timestamp_tz_format(TIME_FORMAT.to_owned())
            .build(&mut csv);
        let flat = flatten(self)?;
        for batch in &flat.batches {
            writer.write(batch).map_err(unwritable)?;
        }
        if flat.batches.is_empty() {
            writer.write(&RecordBatch::new_empty(flat.schema)).map_err(unwritable)?;
        }
        drop(writer);
        Ok(csv)
    }

    /// An Arrow IPC stream.
    pub fn to_arrow(&self) -> Result<Vec<u8>, QueryError> {
        let mut writer = StreamWriter::try_new(Vec::new(), &self.schema).map_err(unwritable)?;
        for batch in &self.batches {
            writer.write(batch).map_err(unwritable)?;
        }
        writer.finish().map_err(unwritable)?;
        writer.into_inner().map_err(unwritable)
    }

    /// A table for a terminal.
    pub fn to_text(&self) -> Result<String, QueryError> {
        let options = FormatOptions::default()
            .with_timestamp_format(Some(TIME_FORMAT))
            .with_timestamp_tz_format(Some(TIME_FORMAT));
        let flat = flatten(self)?;
        let batches =
            if flat.batches.is_empty() { vec![RecordBatch::new_empty(flat.schema)] } else { flat.batches };
        let table = pretty_format_batches_with_options(&batches, &options).map_err(unwritable)?;
        Ok(table.to_string())
    }
}

/// The answer with nested columns as JSON text, for formats that know only plain values.
pub(crate) fn flatten(output: &QueryOutput) -> Result<QueryOutput, QueryError> {
    let schema = flat_schema(&output.schema);
    let batches = output.batches.iter().map(|batch| {
        let columns = batch.columns().iter().map(flat_column).collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(Arc::clone(&schema), columns)
    });
    let batches = batches.collect::<Result<Vec<_>, _>>().map_err(unwritable)?;
    Ok(QueryOutput { schema, batches })
}

pub(crate) fn flat_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let field = field.as_ref().clone();
        if is_nested(field.data_type()) { field.with_data_type(DataType::Utf8) } else { field }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn is_nested(data_type: &DataType) -> bool {
    match data_type {
        DataType::Map(..) | DataType::Struct(_) | DataType::Union(..) => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            item.data_type().is_nested()
        }
        _ => false,
    }
}

fn flat_column(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if !is_nested(column.data_type()) {
        return Ok(Arc::clone(column));
    }
    let field = Field::new("v", column.data_type().clone(), true);
    let rows = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::clone(column)])?;
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
    writer.write(&rows)?;
    writer.finish()?;
    let lines =
        String::from_utf8(writer.into_inner()).map_err(|error| ArrowError::JsonError(error.to_string()))?;
    let values = lines.lines().enumerate().map(|(row, line)| {
        let value = line.strip_prefix("{\"v\":").and_then(|rest| rest.strip_suffix('}'));
        value.filter(|_| column.is_valid(row))
    });
    Ok(Arc::new(values.collect::<StringArray>()))
}

/// The engine prefers other layouts of text here and there; whoever reads an answer gets one.
pub(crate) fn plain(schema: &Schema, batches: Vec<RecordBatch>) -> Result<QueryOutput, QueryError> {
    let schema = plain_schema(schema);
    let batches = batches.into_iter().map(|batch| {
        let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
            if column.data_type() == field.data_type() {
                return Ok(Arc::clone(column));
            }
            cast(column, field.data_type())
        });
        RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<Vec<_>, _>>()?)
    });
    let batches = batches.collect::<Result<Vec<_>, _>>().map_err(unwritable)?;
    Ok(QueryOutput { schema, batches })
}

pub(crate) fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8View | DataType::LargeUtf8 => {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8))
        }
        DataType::Dictionary(_, values) => {
            Arc::new(field.as_ref().clone().with_data_type(values.as_ref().clone()))
        }
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// What the rows of an array take, not the buffers they are a slice of: `LIMIT 10` of a big batch is small.
pub(crate) fn sliced_bytes(column: &dyn Array) -> usize {
    match column.data_type() {
        DataType::Map(..) => {
            let map = column.as_map();
            between(map.value_offsets())
                .map_or(0, |(from, len)| sliced_bytes(&map.entries().slice(from, len)))
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            between(list.value_offsets())
                .map_or(0, |(from, len)| sliced_bytes(&list.values().slice(from, len)))
        }
        DataType::Struct(_) => column.as_struct().columns().iter().map(|column| sliced_bytes(column)).sum(),
        _ => column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size()),
    }
}

fn between(offsets: &[i32]) -> Option<(usize, usize)> {
    let from = usize::try_from(*offsets.first()?).ok()?;
    let to = usize::try_from(*offsets.last()?).ok()?;
    Some((from, to.saturating_sub(from)))
}

fn unwritable(error: ArrowError) -> QueryError {
    QueryError::Internal(format!("the answer can't be written: {error}"))
}

#[cfg(test)]
mod tests;
