//! Reading query results cell by cell, whatever width or encoding the engine chose for a column.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, TimeUnit, TimestampNanosecondType};
use plimsoll_model::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Bool,
    Time,
    Other,
}

impl Kind {
    pub(crate) fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Dictionary(_, values) => Self::of(values),
            DataType::Boolean => Self::Bool,
            DataType::Timestamp(..) => Self::Time,
            other if other.is_numeric() => Self::Number,
            _ => Self::Other,
        }
    }

    pub(crate) fn of_column(schema: &Schema, name: &str) -> Option<Self> {
        schema.column_with_name(name).map(|(_, field)| Self::of(field.data_type()))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Text(String),
    Number(f64),
    Bool(bool),
    Time(Timestamp),
}

impl Cell {
    /// As a label or an annotation says it; nothing when it is null.
    pub(crate) fn say(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bool(truth) => truth.to_string(),
            Self::Time(time) => time.to_rfc3339(),
        }
    }
}

/// A column in one canonical type, ready to be read by row.
pub(crate) struct Column(ArrayRef);

impl Column {
    pub(crate) fn of(batch: &RecordBatch, name: &str) -> Result<Self, String> {
        let column =
            batch.column_by_name(name).ok_or_else(|| format!("the result has no column `{name}`"))?;
        let wanted = match Kind::of(column.data_type()) {
            Kind::Text => DataType::Utf8,
            Kind::Number if column.data_type().is_integer() => DataType::Int64,
            Kind::Number => DataType::Float64,
            Kind::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Kind::Bool | Kind::Other => column.data_type().clone(),
        };
        let cast = cast(column, &wanted).map_err(|error| format!("column `{name}`: {error}"))?;
        Ok(Self(cast))
    }

    pub(crate) fn cell(&self, row: usize) -> Cell {
        if self.0.is_null(row) {
            return Cell::Null;
        }
        match self.0.data_type() {
            DataType::Utf8 => Cell::Text(self.0.as_string::<i32>().value(row).to_owned()),
            DataType::Int64 => Cell::Number(self.0.as_primitive::<Int64Type>().value(row) as f64),
            DataType::Float64 => Cell::Number(self.0.as_primitive::<Float64Type>().value(row)),
            DataType::Boolean => Cell::Bool(self.0.as_boolean().value(row)),
            DataType::Timestamp(..) => {
                Cell::Time(Timestamp::from_nanos(self.0.as_primitive::<TimestampNanosecondType>().value(row)))
            }
            _ => Cell::Null,
        }
    }

    pub(crate) fn text(&self, row: usize) -> String {
        self.cell(row).say()
    }

    pub(crate) fn time(&self, row: usize) -> Option<Timestamp> {
        match self.cell(row) {
            Cell::Time(time) => Some(time),
            _ => None,
        }
    }

    /// A boolean that is there and holds.
    pub(crate) fn is_true(&self, row: usize) -> bool {
        *self.0.data_type() == DataType::Boolean && self.0.is_valid(row) && self.0.as_boolean().value(row)
    }

    /// A count: whole and not negative, 0 when it is anything else.
    pub(crate) fn count(&self, row: usize) -> u64 {
        if self.0.is_null(row) || *self.0.data_type() != DataType::Int64 {
            return 0;
        }
        u64::try_from(self.0.as_primitive::<Int64Type>().value(row)).unwrap_or_default()
    }
}
