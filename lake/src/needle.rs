//! One value, looked for in rows: in one column, under one key of a map, or wherever there is text.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, RecordBatch, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp::eq;
use arrow::compute::or;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use plimsoll_model::Table;

use crate::LakeError;

/// Where a value is looked for, as people write it: `customer`, `business_events.customer`,
/// `attributes['enduser.id']`, `logs.attributes['enduser.id']`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPath {
    /// Every table that has the column, when it names none.
    table: Option<Table>,
    column: String,
    key: Option<String>,
}

/// A value that is text, compared whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    pub value: String,
    /// Nowhere in particular: in all columns of all tables, also inside of maps and lists.
    pub columns: Vec<ColumnPath>,
}

impl ColumnPath {
    /// `Err` says what can be written instead.
    pub fn parse(text: &str) -> Result<Self, LakeError> {
        let wrong = |reason: &str| LakeError::Other(format!("\"{text}\": {reason}"));
        let (name, key) = match text.split_once("['") {
            Some((name, key)) => {
                let key = key.strip_suffix("']").ok_or_else(|| wrong("a key ends with ']"))?;
                (name, Some(key.to_owned()))
            }
            None => (text, None),
        };
        let (table, column) = match name.split_once('.') {
            Some((table, column)) => {
                let table = Table::from_name(table).ok_or_else(|| wrong("there is no such table"))?;
                (Some(table), column)
            }
            None => (None, name),
        };
        let path = Self { table, column: column.to_owned(), key };
        let is_somewhere = Table::ALL.into_iter().any(|table| path.is_in(table));
        let hint =
            "no table has such a column of text; write customer, logs.body or attributes['enduser.id']";
        if is_somewhere { Ok(path) } else { Err(wrong(hint)) }
    }

    fn is_in(&self, table: Table) -> bool {
        let schema = table.schema();
        let field = schema.field_with_name(&self.column);
        let fits = |data_type: &DataType| match self.key {
            Some(_) => matches!(data_type, DataType::Map(..)),
            None => *data_type == DataType::Utf8,
        };
        self.table.is_none_or(|of| of == table) && field.is_ok_and(|field| fits(field.data_type()))
    }

    fn rows(&self, rows: &RecordBatch, value: &str) -> Result<BooleanArray, ArrowError> {
        let Some(column) = rows.column_by_name(&self.column) else { return Ok(nowhere(rows.num_rows())) };
        match &self.key {
            Some(key) => under_key(column, key, value),
            None => anywhere_in(column, value),
        }
    }
}

impl Needle {
    /// The same value wherever it is.
    #[must_use]
    pub fn anywhere(&self) -> Self {
        Self { value: self.value.clone(), columns: Vec::new() }
    }

    pub(crate) fn may_be_in(&self, table: Table) -> bool {
        self.columns.is_empty() || self.columns.iter().any(|column| column.is_in(table))
    }

    /// True for each row that has the value.
    pub(crate) fn rows(&self, table: Table, rows: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let mut found = nowhere(rows.num_rows());
        if self.columns.is_empty() {
            for column in rows.columns() {
                found = or(&found, &anywhere_in(column, &self.value)?)?;
            }
        }
        for column in self.columns.iter().filter(|column| column.is_in(table)) {
            found = or(&found, &column.rows(rows, &self.value)?)?;
        }
        Ok(found)
    }
}

fn nowhere(rows: usize) -> BooleanArray {
    BooleanArray::new(BooleanBuffer::new_unset(rows), None)
}

/// Null is not the value.
fn is_value(column: &ArrayRef, value: &str) -> Result<BooleanArray, ArrowError> {
    let found = eq(column, &StringArray::new_scalar(value))?;
    Ok(BooleanArray::new(
        found.values()
            & &found
                .nulls()
                .map_or_else(|| BooleanBuffer::new_set(found.len()), |nulls| nulls.inner().clone()),
        None,
    ))
}

fn anywhere_in(column: &ArrayRef, value: &str) -> Result<BooleanArray, ArrowError> {
    match column.data_type() {
        DataType::Utf8 => is_value(column, value),
        DataType::Map(..) => {
            let map = column.as_map();
            let found = or(&anywhere_in(map.keys(), value)?, &anywhere_in(map.values(), value)?)?;
            Ok(any_of(map.offsets(), &found))
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            Ok(any_of(list.offsets(), &anywhere_in(list.values(), value)?))
        }
        DataType::Struct(_) => {
            let mut found = nowhere(column.len());
            for field in column.as_struct().columns() {
                found = or(&found, &anywhere_in(field, value)?)?;
            }
            Ok(found)
        }
        _ => Ok(nowhere(column.len())),
    }
}

fn under_key(column: &ArrayRef, key: &str, value: &str) -> Result<BooleanArray, ArrowError> {
    let Some(map) = column.as_map_opt() else { return Ok(nowhere(column.len())) };
    let found = arrow::compute::and(&is_value(map.keys(), key)?, &is_value(map.values(), value)?)?;
    Ok(any_of(map.offsets(), &found))
}

/// One answer a row from those of its entries.
fn any_of(offsets: &[i32], entries: &BooleanArray) -> BooleanArray {
    let mut rows = BooleanBuilder::with_capacity(offsets.len().saturating_sub(1));
    for borders in offsets.windows(2) {
        let [from, to] = [borders[0], borders[1]].map(|border| usize::try_from(border).unwrap_or(0));
        rows.append_value((from..to).any(|entry| entries.value(entry)));
    }
    rows.finish()
}

#[cfg(test)]
mod tests {
    use plimsoll_model::batch_from_rows;

    use super::*;

    fn check(table: Table, columns: &[&str], row: &serde_json::Value, expected: bool) {
        let mut with_times = serde_json::json!({"time": 1, "ingest_time": 2});
        with_times.as_object_mut().expect("an object").extend(row.as_object().expect("an object").clone());
        let other = serde_json::json!({"time": 1, "ingest_time": 2, "event_name": "e", "trace_id": "t", "span_id": "s", "name": "n", "slo": "s", "stage": "s"});
        let names = table.schema();
        let other = other.as_object().expect("an object").clone().into_iter();
        let other: serde_json::Map<_, _> = other.filter(|(name, _)| names.index_of(name).is_ok()).collect();
        let mut first = other.clone();
        first.extend(with_times.as_object().expect("an object").clone());
        let rows = [serde_json::Value::Object(other), serde_json::Value::Object(first)];
        let batch = batch_from_rows(&table.schema(), &rows).expect("fits");
        let batch = crate::to_physical(table, &batch).expect("fits");
        let columns = columns.iter().map(|column| ColumnPath::parse(column).expect("a column")).collect();
        let needle = Needle { value: "c-17".into(), columns };
        let found = needle.rows(table, &batch).expect("searchable");
        assert_eq!(found.iter().collect::<Vec<_>>(), [Some(false), Some(expected)], "{row}");
    }

    #[test]
    fn a_value_is_found_where_it_was_looked_for_and_nowhere_else() {
        let event =
            serde_json::json!({"customer": "c-17", "attributes": {"business.customer": "c-17", "x": null}});
        check(Table::BusinessEvents, &["customer"], &event, true);
        check(Table::BusinessEvents, &["business_events.customer"], &event, true);
        check(Table::BusinessEvents, &["logs.body"], &event, false);
        check(Table::BusinessEvents, &["attributes['business.customer']"], &event, true);
        check(Table::BusinessEvents, &["attributes['x']", "company"], &event, false);
        check(Table::BusinessEvents, &["company", "customer"], &event, true);
        check(Table::BusinessEvents, &["customer"], &serde_json::json!({"customer": "c-170"}), false);
    }

    #[test]
    fn without_a_column_every_depth_is_searched() {
        check(Table::Logs, &[], &serde_json::json!({"body": "c-17"}), true);
        check(Table::Logs, &[], &serde_json::json!({"attributes": {"a": "b", "c": "c-17"}}), true);
        check(Table::Spans, &[], &serde_json::json!({"events": [{"attributes": {"a": "c-17"}}]}), true);
        check(
            Table::Spans,
            &[],
            &serde_json::json!({"events": [], "attributes": null, "name": "c-1"}),
            false,
        );
    }

    #[test]
    fn a_column_that_is_not_there_is_refused_with_an_example() {
        for wrong in ["custmer", "orders.customer", "attributes", "customer['x']", "attributes['x", "time"] {
            let error = ColumnPath::parse(wrong).expect_err(wrong).to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
