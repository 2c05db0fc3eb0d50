//! `in_calendar(name, time[, warehouse])` and `next_cutoff(warehouse, time[, carrier])`: the business clock in SQL. For the
//! same file they give the same answer whenever they are asked, so an indicator may call them.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use plimsoll_model::{BusinessClock, Timestamp};

use crate::QueryError;

pub(crate) const IN_CALENDAR: &str = "in_calendar";

pub(crate) fn register(
    state: &mut SessionState,
    clock: &Arc<dyn BusinessClock>,
) -> std::result::Result<(), QueryError> {
    for question in [Question::InCalendar, Question::NextCutOff] {
        let clock = Arc::clone(clock);
        // Stable, not immutable: what a plan has folded must not outlive the file.
        let signature = Signature::user_defined(Volatility::Stable);
        let function = ClockFunction { question, clock, signature };
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(function)))?;
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Question {
    InCalendar,
    NextCutOff,
}

#[derive(Debug)]
struct ClockFunction {
    question: Question,
    clock: Arc<dyn BusinessClock>,
    signature: Signature,
}

impl PartialEq for ClockFunction {
    fn eq(&self, other: &Self) -> bool {
        self.question == other.question && Arc::ptr_eq(&self.clock, &other.clock)
    }
}

impl Eq for ClockFunction {}

impl Hash for ClockFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.question.hash(state);
    }
}

fn moment() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

impl ScalarUDFImpl for ClockFunction {
    fn name(&self) -> &str {
        match self.question {
            Question::InCalendar => IN_CALENDAR,
            Question::NextCutOff => "next_cutoff",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        if !matches!(arg_types.len(), 2 | 3) {
            let third = if self.question == Question::InCalendar { "warehouse" } else { "carrier" };
            let first = if self.question == Question::InCalendar { "name" } else { "warehouse" };
            return plan_err!(
                "{0}() is called as {0}({first}, time) or {0}({first}, time, {third})",
                self.name()
            );
        }
        Ok([DataType::Utf8, moment(), DataType::Utf8].into_iter().take(arg_types.len()).collect())
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(match self.question {
            Question::InCalendar => DataType::Boolean,
            Question::NextCutOff => moment(),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_one = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let answer = self.answer(&columns)?;
        if is_one {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&answer, 0)?));
        }
        Ok(ColumnarValue::Array(answer))
    }
}

/// Rows that ask the same of different moments: the two texts, and where they stand.
type Alike = BTreeMap<(Option<String>, Option<String>), Vec<usize>>;

impl ClockFunction {
    fn answer(&self, columns: &[ArrayRef]) -> Result<ArrayRef> {
        let text = |column: &ArrayRef| cast(column, &DataType::Utf8);
        let names = text(&columns[0])?;
        let times = cast(&columns[1], &moment())?;
        let times = times.as_primitive::<TimestampNanosecondType>();
        let thirds = columns.get(2).map(text).transpose()?;
        let value = |column: &ArrayRef, row: usize| {
            column.is_valid(row).then(|| column.as_string::<i32>().value(row).to_owned())
        };
        let mut alike = Alike::new();
        for row in (0..times.len()).filter(|row| times.is_valid(*row)) {
            let third = thirds.as_ref().and_then(|column| value(column, row));
            alike.entry((value(&names, row), third)).or_default().push(row);
        }
        let moments = |rows: &[usize]| -> Vec<Timestamp> {
            rows.iter().map(|row| Timestamp::from_nanos(times.value(*row))).collect()
        };
        match self.question {
            Question::InCalendar => self.in_calendar(&alike, times.len(), moments),
            Question::NextCutOff => Ok(self.next_cut_offs(&alike, times.len(), moments)),
        }
    }

    fn in_calendar(
        &self,
        alike: &Alike,
        length: usize,
        moments: impl Fn(&[usize]) -> Vec<Timestamp>,
    ) -> Result<ArrayRef> {
        let mut answers: Vec<Option<bool>> = vec![None; length];
        for ((name, warehouse), rows) in alike {
            let Some(name) = name else { continue };
            let Some(held) = self.clock.in_calendar(name, warehouse.as_deref(), &moments(rows)) else {
                let names = self.clock.names();
                let known = if names.is_empty() {
                    "none is defined".to_owned()
                } else {
                    format!("there are {}", names.join(", "))
                };
                return exec_err!("in_calendar(): there is no calendar '{name}': {known}");
            };
            for (row, held) in rows.iter().zip(held) {
                answers[*row] = Some(held);
            }
        }
        Ok(Arc::new(BooleanArray::from(answers)))
    }

    /// A null warehouse has the cut-off of everybody, if there is one.
    fn next_cut_offs(
        &self,
        alike: &Alike,
        length: usize,
        moments: impl Fn(&[usize]) -> Vec<Timestamp>,
    ) -> ArrayRef {
        let mut answers: Vec<Option<i64>> = vec![None; length];
        for ((warehouse, carrier), rows) in alike {
            let warehouse = warehouse.as_deref().unwrap_or_default();
            let found = self.clock.next_cut_offs(warehouse, carrier.as_deref(), &moments(rows));
            for (row, next) in rows.iter().zip(found) {
                answers[*row] = next.map(Timestamp::nanos);
            }
        }
        Arc::new(TimestampNanosecondArray::from(answers).with_timezone("UTC"))
    }
}

#[cfg(test)]
mod tests;
