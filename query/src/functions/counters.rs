//! Counters that only grow until they begin anew: `increase(time, value)` and `rate(time, value)`, aggregates over the
//! readings of one counter. A reading below the one before it is a new beginning, all of which counts. Nothing is
//! extrapolated: what lies between the first and the last reading is what is known.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::datatypes::{
    DataType, Field, FieldRef, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType,
};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

const TIME: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

pub(super) fn all() -> [AggregateUDF; 2] {
    [Say::Increase, Say::Rate].map(|say| AggregateUDF::from(OfCounter { say, signature: signature() }))
}

fn signature() -> Signature {
    Signature::user_defined(Volatility::Immutable)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Say {
    /// By how much it grew, in its own unit.
    Increase,
    /// That, per second between the first and the last reading.
    Rate,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfCounter {
    say: Say,
    signature: Signature,
}

impl AggregateUDFImpl for OfCounter {
    fn name(&self) -> &str {
        match self.say {
            Say::Increase => "increase",
            Say::Rate => "rate",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Timestamp(..), value] if value.is_numeric() => Ok(vec![TIME, DataType::Float64]),
            _ => plan_err!("{}() takes the time and the value of each reading", self.name()),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Readings { say: self.say, readings: Vec::new() }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = |what: &str, item: DataType| {
            Arc::new(Field::new_list(
                format!("{}[{what}]", args.name),
                Field::new_list_field(item, true),
                true,
            ))
        };
        Ok(vec![list("times", DataType::Int64), list("values", DataType::Float64)])
    }
}

#[derive(Debug)]
struct Readings {
    say: Say,
    readings: Vec<(i64, f64)>,
}

impl Accumulator for Readings {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let (times, values) =
            (columns[0].as_primitive::<TimestampNanosecondType>(), columns[1].as_primitive::<Float64Type>());
        let both = times.iter().zip(values).filter_map(|(time, value)| Some((time?, value?)));
        self.readings.extend(both.filter(|(_, value)| !value.is_nan()));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.readings.sort_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
        let said = match self.say {
            Say::Increase => (!self.readings.is_empty()).then(|| grown(&self.readings)),
            Say::Rate => rate(&self.readings),
        };
        Ok(ScalarValue::Float64(said))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.readings.capacity() * size_of::<(i64, f64)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let times = self.readings.iter().map(|(time, _)| Some(*time));
        let values = self.readings.iter().map(|(_, value)| Some(*value));
        let times = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(times.collect::<Vec<_>>())]);
        let values = ListArray::from_iter_primitive::<Float64Type, _, _>([Some(values.collect::<Vec<_>>())]);
        Ok(vec![ScalarValue::List(Arc::new(times)), ScalarValue::List(Arc::new(values))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (times, values) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for row in 0..times.len() {
            let (times, values) = (times.value(row), values.value(row));
            let both = times.as_primitive::<Int64Type>().values().iter().copied();
            self.readings.extend(both.zip(values.as_primitive::<Float64Type>().values().iter().copied()));
        }
        Ok(())
    }
}

/// Of readings in the order of their time.
fn grown(readings: &[(i64, f64)]) -> f64 {
    let steps = readings.iter().zip(readings.iter().skip(1));
    steps.map(|((_, before), (_, after))| if after < before { *after } else { after - before }).sum()
}

fn rate(readings: &[(i64, f64)]) -> Option<f64> {
    let ((first, _), (last, _)) = (readings.first()?, readings.last()?);
    let seconds = last.saturating_sub(*first) as f64 / 1e9;
    (seconds > 0.0).then(|| grown(readings) / seconds)
}
