//! `time` is stored as microseconds and the nanoseconds that are left, because Delta knows no finer timestamp. This
//! function puts them together again.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, PrimitiveArray, TimestampNanosecondArray};
use arrow::compute::try_binary;
use arrow::datatypes::{
    DataType, Field, FieldRef, Int16Type, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow::error::ArrowError;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

pub(super) fn function() -> Arc<ScalarUDF> {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> =
        LazyLock::new(|| Arc::new(ScalarUDF::new_from_impl(Moment::new())));
    Arc::clone(&FUNCTION)
}

pub(super) fn utc_nanos() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

fn utc_micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Moment {
    signature: Signature,
}

impl Moment {
    fn new() -> Self {
        Self { signature: Signature::exact(vec![utc_micros(), DataType::Int16], Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Moment {
    fn name(&self) -> &'static str {
        "moment"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(utc_nanos())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), utc_nanos(), nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let args = ColumnarValue::values_to_arrays(&args.args)?;
        let [micros, nanos] = args.as_slice() else {
            return Err(exec_datafusion_err!("moment() takes microseconds and nanoseconds"));
        };
        Ok(ColumnarValue::Array(put_together(micros, nanos)?))
    }
}

fn put_together(micros: &ArrayRef, nanos: &ArrayRef) -> Result<ArrayRef> {
    let micros = micros.as_primitive::<TimestampMicrosecondType>();
    let nanos = nanos.as_primitive::<Int16Type>();
    let moments: PrimitiveArray<TimestampNanosecondType> = try_binary(micros, nanos, |micros, nanos| {
        let moment = micros.checked_mul(1_000).and_then(|start| start.checked_add(i64::from(nanos)));
        moment.ok_or_else(|| ArrowError::ComputeError("a stored time lies beyond the year 2262".to_owned()))
    })?;
    let moments: TimestampNanosecondArray = moments.with_timezone("UTC");
    Ok(Arc::new(moments))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int16Array, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn microseconds_and_what_is_left_are_the_nanoseconds_also_before_1970() {
        let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(1), Some(-1), None]));
        let nanos: ArrayRef = Arc::new(Int16Array::from(vec![Some(999), Some(1), Some(0)]));
        let moments = put_together(&micros, &nanos).expect("in range");
        let moments = moments.as_primitive::<TimestampNanosecondType>();
        assert_eq!(moments.iter().collect::<Vec<_>>(), [Some(1_999), Some(-999), None]);
    }
}
