//! Histograms with explicit buckets, as our metrics keep them: `bucket_counts` has one more element than `bucket_bounds`,
//! for what lies above the last. `histogram_quantile(q, bounds, counts)` adds up rows and interpolates within the bucket,
//! as Prometheus does; `histogram_increase(time, counts)` is what a cumulative histogram grew by, over the rows of one
//! series.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::datatypes::{
    DataType, Field, FieldRef, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType,
};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

const TIME: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

/// Different bucket bounds that one group may add up.
const MAX_BOUNDS: usize = 10_000;

pub(super) fn all() -> [AggregateUDF; 2] {
    let signature = Signature::user_defined(Volatility::Immutable);
    [
        AggregateUDF::from(Quantile { signature: signature.clone() }),
        AggregateUDF::from(Increase { signature }),
    ]
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

fn is_list(given: &DataType) -> bool {
    matches!(given, DataType::List(_) | DataType::LargeList(_) | DataType::ListView(_) | DataType::Null)
}

fn field(args: &StateFieldsArgs<'_>, what: &str, kind: DataType) -> FieldRef {
    Arc::new(Field::new(format!("{}[{what}]", args.name), kind, true))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quantile {
    signature: Signature,
}

impl AggregateUDFImpl for Quantile {
    fn name(&self) -> &str {
        "histogram_quantile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [q, bounds, counts] if q.is_numeric() && is_list(bounds) && is_list(counts) => {
                Ok(vec![DataType::Float64, list(DataType::Float64), list(DataType::Int64)])
            }
            _ => plan_err!(
                "histogram_quantile() takes a quantile from 0 to 1, bucket_bounds and bucket_counts"
            ),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Buckets::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let bounds = field(&args, "bounds", list(DataType::Float64));
        let counts = field(&args, "counts", list(DataType::Int64));
        Ok(vec![field(&args, "q", DataType::Float64), bounds, counts])
    }
}

/// Counts by upper bound.
#[derive(Debug, Default)]
struct Buckets {
    q: Option<f64>,
    counts: BTreeMap<Bound, i64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bound(f64);

impl Eq for Bound {}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Buckets {
    fn add(&mut self, q: Option<f64>, bounds: &ArrayRef, counts: &ArrayRef) -> Result<()> {
        self.q = self.q.or(q);
        let bounds = bounds.as_primitive::<Float64Type>().iter().flatten().chain([f64::INFINITY]);
        for (bound, count) in bounds.zip(counts.as_primitive::<Int64Type>().iter()) {
            let sum = self.counts.entry(Bound(bound)).or_default();
            *sum = sum.saturating_add(count.unwrap_or_default().max(0));
        }
        if self.counts.len() > MAX_BOUNDS {
            return exec_err!(
                "histogram_quantile() adds up at most {MAX_BOUNDS} different bounds: group by more"
            );
        }
        Ok(())
    }

    fn quantile(&self, q: f64) -> Option<f64> {
        let total: i64 = self.counts.values().sum();
        if total == 0 {
            return None;
        }
        let rank = q * total as f64;
        let (mut below, mut lower) = (0.0, None);
        for (Bound(upper), count) in &self.counts {
            let count = *count as f64;
            if count > 0.0 && below + count >= rank {
                // Above the last bound nobody knows how far; below the first, values are taken to begin at 0.
                let Some(lower) = lower.or((*upper > 0.0).then_some(0.0)) else { return Some(*upper) };
                let share = (rank - below).max(0.0) / count;
                return Some(if upper.is_finite() { lower + (upper - lower) * share } else { lower });
            }
            below += count;
            lower = Some(*upper);
        }
        None
    }
}

impl Accumulator for Buckets {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let q = columns[0].as_primitive::<Float64Type>();
        let (bounds, counts) = (columns[1].as_list::<i32>(), columns[2].as_list::<i32>());
        for row in (0..q.len()).filter(|row| bounds.is_valid(*row) && counts.is_valid(*row)) {
            let q = q.is_valid(row).then(|| q.value(row));
            if q.is_some_and(|q| !(0.0..=1.0).contains(&q)) {
                return exec_err!("histogram_quantile() takes a quantile from 0 to 1, such as 0.95");
            }
            self.add(q, &bounds.value(row), &counts.value(row))?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.q.and_then(|q| self.quantile(q))))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.len() * 2 * size_of::<(Bound, i64)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        // The last bound is added when it is read back, so an infinite one must be there, and isn't written.
        self.counts.entry(Bound(f64::INFINITY)).or_default();
        let bounds =
            self.counts.keys().map(|bound| Some(bound.0)).filter(|bound| *bound != Some(f64::INFINITY));
        let bounds = ListArray::from_iter_primitive::<Float64Type, _, _>([Some(bounds.collect::<Vec<_>>())]);
        let counts = self.counts.values().map(|count| Some(*count));
        let counts = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(counts.collect::<Vec<_>>())]);
        let (bounds, counts) = (ScalarValue::List(Arc::new(bounds)), ScalarValue::List(Arc::new(counts)));
        Ok(vec![ScalarValue::Float64(self.q), bounds, counts])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Increase {
    signature: Signature,
}

impl AggregateUDFImpl for Increase {
    fn name(&self) -> &str {
        "histogram_increase"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Timestamp(..), counts] if is_list(counts) => Ok(vec![TIME, list(DataType::Int64)]),
            _ => plan_err!("histogram_increase() takes the time and the bucket_counts of each reading"),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(list(DataType::Int64))
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Readings::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let counts = field(&args, "counts", list(list(DataType::Int64)));
        Ok(vec![field(&args, "times", list(DataType::Int64)), counts])
    }
}

#[derive(Debug, Default)]
struct Readings(Vec<(i64, Vec<i64>)>);

fn numbers(values: &ArrayRef) -> Vec<i64> {
    values.as_primitive::<Int64Type>().iter().map(Option::unwrap_or_default).collect()
}

impl Accumulator for Readings {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let (times, counts) =
            (columns[0].as_primitive::<TimestampNanosecondType>(), columns[1].as_list::<i32>());
        let valid = (0..times.len()).filter(|row| times.is_valid(*row) && counts.is_valid(*row));
        self.0.extend(valid.map(|row| (times.value(row), numbers(&counts.value(row)))));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.sort();
        let Some((_, last)) = self.0.last() else { return ScalarValue::try_from(&list(DataType::Int64)) };
        let mut grown = vec![0_i64; last.len()];
        for ((_, before), (_, after)) in self.0.iter().zip(self.0.iter().skip(1)) {
            // Fewer than before in any bucket, or other buckets: it began anew.
            let goes_on = before.len() == after.len() && before.iter().zip(after).all(|(was, is)| is >= was);
            for (bucket, sum) in grown.iter_mut().enumerate() {
                let (was, is) = (before.get(bucket), after.get(bucket).copied().unwrap_or_default());
                let was = was.copied().filter(|_| goes_on).unwrap_or_default();
                *sum = sum.saturating_add(is.saturating_sub(was));
            }
        }
        let grown = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(
            grown.into_iter().map(Some).collect::<Vec<_>>(),
        )]);
        Ok(ScalarValue::List(Arc::new(grown)))
    }

    fn size(&self) -> usize {
        let of_reading = |(_, counts): &(i64, Vec<i64>)| size_of::<(i64, Vec<i64>)>() + counts.capacity() * 8;
        size_of_val(self) + self.0.iter().map(of_reading).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let times = self.0.iter().map(|(time, _)| Some(*time)).collect::<Vec<_>>();
        let times = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(times)]);
        let rows = self.0.iter().map(|(_, counts)| {
            let counts = counts.iter().copied().map(Some).collect::<Vec<_>>();
            ScalarValue::List(Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some(counts)])))
        });
        let rows = ScalarValue::new_list(&rows.collect::<Vec<_>>(), &list(DataType::Int64), true);
        Ok(vec![ScalarValue::List(Arc::new(times)), ScalarValue::List(rows)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (times, counts) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for row in 0..times.len() {
            let (times, counts) = (numbers(&times.value(row)), counts.value(row));
            let counts = counts.as_list::<i32>();
            self.0.extend(times.into_iter().enumerate().map(|(at, time)| (time, numbers(&counts.value(at)))));
        }
        Ok(())
    }
}
