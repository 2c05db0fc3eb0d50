//! The functions a statement may call: DataFusion's, without those that turn a few bytes into gigabytes, and a few that
//! rules need.
//!
//! Most of the engine's memory is accounted for in a pool, but a function's result is not until it exists. So what can
//! grow without bounds looks first, and arrays made of nothing are not there at all: `generate_series` in FROM streams.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::compute::kernels::length::length;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::QueryError;

pub(crate) mod business_clock;
mod counters;
mod histograms;
mod small;

/// What one call may build for one batch of rows.
const MAX_RESULT_BYTES: i64 = 32 * 1024 * 1024;

/// What `generate_series` may count to, in steps.
const MAX_SERIES: i64 = 10_000_000;

/// Arrays out of nothing: their size is an argument.
const ABSENT: [&str; 3] = ["range", "generate_series", "array_resize"];

pub(crate) fn limit(state: &mut SessionState) -> std::result::Result<(), QueryError> {
    for (name, growth) in [
        ("repeat", Growth::Times),
        ("lpad", Growth::Length),
        ("rpad", Growth::Length),
        ("array_repeat", Growth::Length),
        ("replace", Growth::Replace),
    ] {
        let inner = state.udf(name)?;
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(Bounded {
            inner: inner.as_ref().clone(),
            growth,
        })))?;
    }
    state.register_udf(Arc::new(small::within()))?;
    for of_rules in counters::all().into_iter().chain(histograms::all()).chain([small::share()]) {
        state.register_udaf(Arc::new(of_rules))?;
    }
    for name in ABSENT {
        state.deregister_udf(name)?;
    }
    state.deregister_udtf("range")?;
    if let Some(series) =
        state.table_functions().get("generate_series").map(|series| Arc::clone(series.function()))
    {
        state.register_udtf("generate_series", Arc::new(BoundedSeries { inner: series }));
    }
    Ok(())
}

/// How the arguments make the result's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Growth {
    /// The first argument's bytes times the second argument.
    Times,
    /// As many characters or elements as the second argument says.
    Length,
    /// Each occurrence of the second argument becomes the third.
    Replace,
}

impl Growth {
    fn bytes(self, args: &[ArrayRef]) -> Result<i64> {
        let mut total = 0_i64;
        match self {
            Self::Times => {
                let (lengths, times) = (lengths(&args[0])?, numbers(&args[1])?);
                for (length, times) in lengths.into_iter().zip(times) {
                    total = total.saturating_add(length.saturating_mul(times.max(0)));
                }
            }
            Self::Length => {
                for wanted in numbers(&args[1])? {
                    total = total.saturating_add(wanted.max(0));
                }
            }
            Self::Replace => {
                let (texts, olds, news) = (lengths(&args[0])?, lengths(&args[1])?, lengths(&args[2])?);
                for ((text, old), new) in texts.into_iter().zip(olds).zip(news) {
                    let occurrences = if old == 0 { text.saturating_add(1) } else { text / old };
                    total = total.saturating_add(text.saturating_add(occurrences.saturating_mul(new)));
                }
            }
        }
        Ok(total)
    }
}

fn lengths(texts: &ArrayRef) -> Result<Vec<i64>> {
    match texts.data_type() {
        DataType::Null => Ok(vec![0; texts.len()]),
        _ => numbers(&length(texts)?),
    }
}

fn numbers(values: &ArrayRef) -> Result<Vec<i64>> {
    let values = cast(values, &DataType::Int64)?;
    Ok(values.as_primitive::<Int64Type>().iter().map(Option::unwrap_or_default).collect())
}

/// The function it wraps, when the result isn't too big.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: ScalarUDF,
    growth: Growth,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let bytes = self.growth.bytes(&ColumnarValue::values_to_arrays(&args.args)?)?;
        if bytes > MAX_RESULT_BYTES {
            return exec_err!(
                "{}() would build {bytes} bytes at once: at most {MAX_RESULT_BYTES}",
                self.name()
            );
        }
        self.inner.invoke_with_args(args)
    }
}

#[derive(Debug)]
struct BoundedSeries {
    inner: Arc<dyn TableFunctionImpl>,
}

impl TableFunctionImpl for BoundedSeries {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let whole: Vec<Option<i64>> = args.exprs().iter().map(whole_number).collect();
        let (start, stop, step) = match whole.as_slice() {
            [Some(stop)] => (0, *stop, 1),
            [Some(start), Some(stop)] => (*start, *stop, 1),
            [Some(start), Some(stop), Some(step)] => (*start, *stop, *step),
            // Of moments, or of nothing: streamed, so the statement's deadline bounds it.
            _ => return self.inner.call_with_args(args),
        };
        if stop.saturating_sub(start).saturating_abs() / step.saturating_abs().max(1) > MAX_SERIES {
            return plan_err!("generate_series() counts to at most {MAX_SERIES} steps");
        }
        self.inner.call_with_args(args)
    }
}

fn whole_number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::Int64(value), _) => *value,
        Expr::Literal(ScalarValue::Int32(value), _) => value.map(i64::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
