//! Rows of some batches in another order. Maps of text are most of a span, and Arrow's own kernels copy each of their
//! entries for itself; a row's entries lie side by side, so here they are copied at once: measured, three times as fast.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, MapArray, RecordBatch, StringArray, StructArray, UInt32Array, new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::compute::{interleave, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

/// A row of one of several batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub part: usize,
    pub row: usize,
}

/// The row at `order[i]` becomes row `i`. The parts, one at least, have one schema.
pub fn gather(parts: &[RecordBatch], order: &[Place]) -> Result<RecordBatch, ArrowError> {
    let [first, rest @ ..] = parts else {
        return Err(ArrowError::InvalidArgumentError("nothing to gather from".to_owned()));
    };
    let order = Order::of(order, rest.is_empty())?;
    let columns = (0..first.num_columns()).map(|column| {
        let columns: Vec<&dyn Array> = parts.iter().map(|part| part.column(column).as_ref()).collect();
        gather_column(&columns, &order)
    });
    RecordBatch::try_new(first.schema(), columns.collect::<Result<_, _>>()?)
}

/// The same in the forms that Arrow's kernels take.
struct Order<'a> {
    places: &'a [Place],
    /// Of several parts.
    pairs: Vec<(usize, usize)>,
    /// Of a single one.
    rows: Option<UInt32Array>,
}

impl<'a> Order<'a> {
    fn of(places: &'a [Place], is_single: bool) -> Result<Self, ArrowError> {
        if !is_single {
            let pairs = places.iter().map(|place| (place.part, place.row)).collect();
            return Ok(Self { places, pairs, rows: None });
        }
        let row = |place: &Place| u32::try_from(place.row);
        let rows = places.iter().map(row).collect::<Result<Vec<_>, _>>();
        let rows = rows.map_err(|error| ArrowError::InvalidArgumentError(error.to_string()))?;
        Ok(Self { places, pairs: Vec::new(), rows: Some(rows.into()) })
    }
}

fn gather_column(columns: &[&dyn Array], order: &Order<'_>) -> Result<ArrayRef, ArrowError> {
    if columns.iter().all(|column| column.null_count() == column.len()) {
        return Ok(new_null_array(columns[0].data_type(), order.places.len()));
    }
    let maps: Vec<_> = columns.iter().filter_map(|column| column.as_map_opt()).collect();
    if maps.len() == columns.len() && is_text(maps[0]) {
        return gather_map(&maps, order.places);
    }
    match &order.rows {
        Some(rows) => take(columns[0], rows, None),
        None => interleave(columns, &order.pairs),
    }
}

fn is_text(map: &MapArray) -> bool {
    [map.keys(), map.values()].iter().all(|part| *part.data_type() == DataType::Utf8)
}

fn gather_map(maps: &[&MapArray], order: &[Place]) -> Result<ArrayRef, ArrowError> {
    let DataType::Map(entry, is_sorted) = maps[0].data_type() else {
        return Err(ArrowError::SchemaError("a map is of type map".into()));
    };
    let spans: Vec<Span> = order.iter().map(|place| Span::of(maps, *place)).collect();
    let [keys, values]: [Vec<&StringArray>; 2] = [
        maps.iter().map(|map| map.keys().as_string()).collect(),
        maps.iter().map(|map| map.values().as_string()).collect(),
    ];
    let columns: Vec<ArrayRef> =
        vec![Arc::new(gather_text(&keys, &spans)?), Arc::new(gather_text(&values, &spans)?)];
    let entries = StructArray::try_new(maps[0].entries().fields().clone(), columns, None)?;
    let offsets = OffsetBuffer::from_lengths(spans.iter().map(|span| span.to - span.from));
    let has_nulls = maps.iter().any(|map| map.null_count() > 0);
    let nulls = has_nulls.then(|| bits(order.iter().map(|place| maps[place.part].is_valid(place.row))));
    Ok(Arc::new(MapArray::try_new(Arc::clone(entry), offsets, entries, nulls, *is_sorted)?))
}

/// The entries of a row.
#[derive(Clone, Copy)]
struct Span {
    part: usize,
    from: usize,
    to: usize,
}

impl Span {
    fn of(maps: &[&MapArray], Place { part, row }: Place) -> Self {
        let at = |offset: i32| usize::try_from(offset).unwrap_or(0);
        let offsets = maps[part].offsets();
        Self { part, from: at(offsets[row]), to: at(offsets[row + 1]) }
    }
}

fn gather_text(parts: &[&StringArray], spans: &[Span]) -> Result<StringArray, ArrowError> {
    let entries = spans.iter().map(|span| span.to - span.from).sum::<usize>();
    let mut gathered_offsets = Vec::with_capacity(entries + 1);
    gathered_offsets.push(0);
    let bytes = spans.iter().map(|span| span.bytes_in(parts[span.part]).len()).sum::<usize>();
    i32::try_from(bytes).map_err(|_| ArrowError::OffsetOverflowError(bytes))?;
    let mut gathered = Vec::with_capacity(bytes);
    for span in spans {
        let text = parts[span.part];
        let offsets = &text.offsets()[span.from..=span.to];
        let end = i32::try_from(gathered.len()).map_err(|_| ArrowError::OffsetOverflowError(bytes))?;
        gathered.extend_from_slice(&text.values()[span.bytes_in(text)]);
        gathered_offsets.extend(offsets[1..].iter().map(|offset| offset - offsets[0] + end));
    }
    let has_nulls = parts.iter().any(|part| part.null_count() > 0);
    let nulls = has_nulls.then(|| {
        bits(spans.iter().flat_map(|span| (span.from..span.to).map(|entry| parts[span.part].is_valid(entry))))
    });
    StringArray::try_new(OffsetBuffer::new(gathered_offsets.into()), gathered.into(), nulls)
}

impl Span {
    fn bytes_in(self, text: &StringArray) -> std::ops::Range<usize> {
        let at = |entry: usize| usize::try_from(text.offsets()[entry]).unwrap_or(0);
        at(self.from)..at(self.to)
    }
}

fn bits(is_valid: impl Iterator<Item = bool>) -> NullBuffer {
    NullBuffer::new(BooleanBuffer::from_iter(is_valid))
}

#[cfg(test)]
mod tests {
    use arrow::compute::{concat_batches, take_record_batch};
    use plimsoll_model::{Table, batch_from_rows};

    use super::*;

    fn rows() -> RecordBatch {
        let maps = [
            serde_json::json!({"a": "1", "b": null, "": ""}),
            serde_json::json!({}),
            serde_json::json!(null),
            serde_json::json!({"schöne": "Grüße", "k": "ein langer Wert, der kein kurzer ist"}),
        ];
        let row = |(number, map): (usize, &serde_json::Value)| {
            serde_json::json!({
                "time": number, "ingest_time": 0, "trace_id": format!("t{number}"), "span_id": "s", "name": "n",
                "attributes": map, "events": [{"name": "e", "attributes": map}],
            })
        };
        let rows: Vec<_> = maps.iter().cycle().take(50).enumerate().map(row).collect();
        batch_from_rows(&Table::Spans.schema(), &rows).expect("fits")
    }

    #[track_caller]
    fn check(parts: &[RecordBatch], order: &[usize]) {
        let whole = concat_batches(&parts[0].schema(), parts).expect("one schema");
        let order: Vec<_> = order.iter().copied().filter(|row| *row < whole.num_rows()).collect();
        let rows: UInt32Array = order.iter().map(|row| u32::try_from(*row).ok()).collect();
        let expected = take_record_batch(&whole, &rows).expect("rows are there");
        let place = |mut row: usize| {
            let part = parts.iter().position(|part| {
                let is_here = row < part.num_rows();
                row -= if is_here { 0 } else { part.num_rows() };
                is_here
            });
            Place { part: part.expect("within the whole"), row }
        };
        let places: Vec<_> = order.iter().map(|row| place(*row)).collect();
        assert_eq!(gather(parts, &places).expect("rows are there"), expected, "{order:?}");
    }

    #[test]
    fn it_gives_what_take_gives() {
        let orders: [Vec<usize>; 4] =
            [(0..50).rev().collect(), vec![], vec![3, 3, 7], (0..50).map(|row| row * 17 % 50).collect()];
        let rows = rows();
        for order in &orders {
            for rows in [&rows, &rows.slice(0, 50), &rows.slice(9, 41)] {
                check(std::slice::from_ref(rows), order);
            }
            check(&[rows.slice(0, 20), rows.slice(40, 0), rows.slice(20, 30)], order);
            check(&[rows.slice(1, 1), rows.slice(2, 1), rows.slice(5, 45)], order);
        }
    }
}
