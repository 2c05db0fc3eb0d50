//! Two that make rules short: `share(condition)`, the part of the rows for which it holds, from 0 to 1; and
//! `within(a, b, interval)`, whether two moments are no further apart than that.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{
    DataType, Field, FieldRef, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
    TimestampNanosecondType,
};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

const TIME: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);
const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
const DAY_NANOS: i64 = 86_400_000_000_000;

pub(super) fn share() -> AggregateUDF {
    let signature = Signature::exact(vec![DataType::Boolean], Volatility::Immutable);
    AggregateUDF::from(Share { signature })
}

pub(super) fn within() -> ScalarUDF {
    ScalarUDF::from(Within { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Share {
    signature: Signature,
}

impl AggregateUDFImpl for Share {
    fn name(&self) -> &str {
        "share"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Held::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let count =
            |what: &str| Arc::new(Field::new(format!("{}[{what}]", args.name), DataType::Int64, true));
        Ok(vec![count("held"), count("rows")])
    }
}

/// A row for which nobody knows counts neither way.
#[derive(Debug, Default)]
struct Held {
    held: i64,
    rows: i64,
}

impl Accumulator for Held {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for holds in columns[0].as_boolean().iter().flatten() {
            self.held += i64::from(holds);
            self.rows += 1;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64((self.rows > 0).then(|| self.held as f64 / self.rows as f64)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Int64(Some(self.held)), ScalarValue::Int64(Some(self.rows))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let sum = |at: usize| states[at].as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
        self.held += sum(0);
        self.rows += sum(1);
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Within {
    signature: Signature,
}

impl ScalarUDFImpl for Within {
    fn name(&self) -> &str {
        "within"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Timestamp(..), DataType::Timestamp(..), DataType::Interval(_)] => {
                Ok(vec![TIME, TIME, INTERVAL])
            }
            _ => plan_err!("within() takes two moments and an interval, such as INTERVAL '30 seconds'"),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let (left, right) = (
            columns[0].as_primitive::<TimestampNanosecondType>(),
            columns[1].as_primitive::<TimestampNanosecondType>(),
        );
        let intervals = columns[2].as_primitive::<IntervalMonthDayNanoType>();
        let mut near = Vec::with_capacity(left.len());
        for ((left, right), interval) in left.iter().zip(right).zip(intervals) {
            let (Some(left), Some(right), Some(interval)) = (left, right, interval) else {
                near.push(None);
                continue;
            };
            if interval.months != 0 {
                return exec_err!("within() takes an interval of days or less, for months differ in length");
            }
            let length =
                i64::from(interval.days).saturating_mul(DAY_NANOS).saturating_add(interval.nanoseconds);
            near.push(Some(left.saturating_sub(right).saturating_abs() <= length));
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(near))))
    }
}
