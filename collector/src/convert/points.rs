//! Each kind of data point, checked and brought to one shape: what a kind does not know stays null.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{exemplar, number_data_point};

use super::items::{known_nanos, nanos, span_id, trace_id};
use super::rejections::ItemReason;

/// One row of `metrics`, without what it shares with the other points of its metric.
#[derive(Debug, Default)]
pub(super) struct Point {
    pub(super) start_time: Option<i64>,
    /// `None` when the sender did not know.
    pub(super) time: Option<i64>,
    pub(super) value: Option<f64>,
    pub(super) count: Option<i64>,
    pub(super) sum: Option<f64>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) bucket_bounds: Option<Vec<f64>>,
    pub(super) bucket_counts: Option<Vec<i64>>,
    pub(super) scale: Option<i32>,
    pub(super) zero_count: Option<i64>,
    pub(super) zero_threshold: Option<f64>,
    pub(super) positive: Option<(i32, Vec<i64>)>,
    pub(super) negative: Option<(i32, Vec<i64>)>,
    pub(super) quantiles: Option<(Vec<f64>, Vec<f64>)>,
    pub(super) exemplars: Vec<Exemplar>,
    pub(super) flags: u32,
    pub(super) attributes: Vec<KeyValue>,
}

#[derive(Debug)]
pub(super) struct Exemplar {
    pub(super) time_unix_nano: i64,
    pub(super) value: Option<f64>,
    pub(super) trace_id: Option<String>,
    pub(super) span_id: Option<String>,
}

/// The bit that says "the series ended here": no value, which is not zero.
const NO_RECORDED_VALUE: u32 = 1;

impl TryFrom<otlp::NumberDataPoint> for Point {
    type Error = ItemReason;

    fn try_from(point: otlp::NumberDataPoint) -> Result<Self, ItemReason> {
        let recorded = point.flags & NO_RECORDED_VALUE == 0;
        if recorded && point.value.is_none() {
            return Err(ItemReason::PointWithoutValue);
        }
        let value = point.value.map(|value| match value {
            number_data_point::Value::AsDouble(value) => value,
            number_data_point::Value::AsInt(value) => value as f64,
        });
        Ok(Self {
            start_time: known_nanos(point.start_time_unix_nano)?,
            time: known_nanos(point.time_unix_nano)?,
            value: value.filter(|_| recorded),
            exemplars: exemplars(point.exemplars)?,
            flags: point.flags,
            attributes: point.attributes,
            ..Self::default()
        })
    }
}

impl TryFrom<otlp::HistogramDataPoint> for Point {
    type Error = ItemReason;

    fn try_from(point: otlp::HistogramDataPoint) -> Result<Self, ItemReason> {
        check_buckets(&point.explicit_bounds, point.bucket_counts.len())?;
        let recorded = point.flags & NO_RECORDED_VALUE == 0;
        Ok(Self {
            start_time: known_nanos(point.start_time_unix_nano)?,
            time: known_nanos(point.time_unix_nano)?,
            count: Some(count(point.count)?).filter(|_| recorded),
            sum: point.sum.filter(|_| recorded),
            min: point.min,
            max: point.max,
            bucket_bounds: Some(point.explicit_bounds),
            bucket_counts: Some(counts(point.bucket_counts)?),
            exemplars: exemplars(point.exemplars)?,
            flags: point.flags,
            attributes: point.attributes,
            ..Self::default()
        })
    }
}

impl TryFrom<otlp::ExponentialHistogramDataPoint> for Point {
    type Error = ItemReason;

    fn try_from(point: otlp::ExponentialHistogramDataPoint) -> Result<Self, ItemReason> {
        let recorded = point.flags & NO_RECORDED_VALUE == 0;
        Ok(Self {
            start_time: known_nanos(point.start_time_unix_nano)?,
            time: known_nanos(point.time_unix_nano)?,
            count: Some(count(point.count)?).filter(|_| recorded),
            sum: point.sum.filter(|_| recorded),
            min: point.min,
            max: point.max,
            scale: Some(point.scale),
            zero_count: Some(count(point.zero_count)?),
            zero_threshold: Some(point.zero_threshold),
            positive: point.positive.map(buckets).transpose()?,
            negative: point.negative.map(buckets).transpose()?,
            exemplars: exemplars(point.exemplars)?,
            flags: point.flags,
            attributes: point.attributes,
            ..Self::default()
        })
    }
}

impl TryFrom<otlp::SummaryDataPoint> for Point {
    type Error = ItemReason;

    fn try_from(point: otlp::SummaryDataPoint) -> Result<Self, ItemReason> {
        let recorded = point.flags & NO_RECORDED_VALUE == 0;
        let quantiles = point.quantile_values.iter().map(|at| (at.quantile, at.value)).unzip();
        Ok(Self {
            start_time: known_nanos(point.start_time_unix_nano)?,
            time: known_nanos(point.time_unix_nano)?,
            count: Some(count(point.count)?).filter(|_| recorded),
            sum: Some(point.sum).filter(|_| recorded),
            quantiles: Some(quantiles),
            flags: point.flags,
            attributes: point.attributes,
            ..Self::default()
        })
    }
}

/// One count more than bounds, or neither; bounds strictly rising (so never NaN).
fn check_buckets(bounds: &[f64], count_len: usize) -> Result<(), ItemReason> {
    let neither = bounds.is_empty() && count_len == 0;
    let fits = neither || count_len == bounds.len() + 1;
    let rising =
        bounds.windows(2).all(|pair| pair[0] < pair[1]) && !bounds.iter().any(|bound| bound.is_nan());
    if fits && rising { Ok(()) } else { Err(ItemReason::HistogramMismatch) }
}

fn buckets(buckets: Buckets) -> Result<(i32, Vec<i64>), ItemReason> {
    Ok((buckets.offset, counts(buckets.bucket_counts)?))
}

fn counts(values: Vec<u64>) -> Result<Vec<i64>, ItemReason> {
    values.into_iter().map(count).collect()
}

fn count(value: u64) -> Result<i64, ItemReason> {
    i64::try_from(value).map_err(|_| ItemReason::CountOutOfRange)
}

fn exemplars(exemplars: Vec<otlp::Exemplar>) -> Result<Vec<Exemplar>, ItemReason> {
    exemplars.iter().map(exemplar).collect()
}

fn exemplar(exemplar: &otlp::Exemplar) -> Result<Exemplar, ItemReason> {
    let value = exemplar.value.map(|value| match value {
        exemplar::Value::AsDouble(value) => value,
        exemplar::Value::AsInt(value) => value as f64,
    });
    Ok(Exemplar {
        time_unix_nano: nanos(exemplar.time_unix_nano)?,
        value,
        trace_id: trace_id(&exemplar.trace_id),
        span_id: span_id(&exemplar.span_id),
    })
}
