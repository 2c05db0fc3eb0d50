//! The columns of `metrics`: a kind of point leaves null what it does not know.

use arrow::array::{ArrayRef, BooleanBuilder};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use plimsoll_model::{SignalBatch, Table};

use super::attributes::Attributes;
use super::columns::{
    Column, Items, ListColumn, MapColumn, NumberColumn, TextColumn, Times, batch, finish_times,
    nullable_structs,
};
use super::items::{nanos, span_id, trace_id};
use super::metrics::{Data, Header};
use super::origin::{OriginColumns, RepeatedMap, non_empty};
use super::points::{Buckets, Kind, Number, Point, PointTimes};
use super::rejections::ItemReason;
use crate::wire::Fields;

#[derive(Debug, Default)]
pub(super) struct MetricColumns {
    time: Times,
    start_time: Times,
    flags: NumberColumn<Int64Type>,
    header: HeaderColumns,
    numbers: NumberColumns,
    buckets: BucketColumns,
    pub(super) exemplars: ListColumn<ExemplarColumns>,
    pub(super) origin: OriginColumns,
}

impl MetricColumns {
    pub(super) fn reserve(&mut self, rows: usize) {
        self.time.reserve(rows);
        self.start_time.reserve(rows);
        self.flags.reserve(rows);
        self.origin.reserve(rows);
    }

    pub(super) fn push(
        &mut self,
        point: &Point<'_>,
        kind: Kind,
        times: PointTimes,
        attributes: &Attributes<'_>,
        now: i64,
    ) {
        self.time.push(times.time.unwrap_or(now));
        self.start_time.push_option(times.start);
        self.flags.push(point.flags.into());
        self.numbers.push(point, kind);
        self.buckets.push(point, kind);
        self.exemplars.close();
        self.origin.push(attributes);
    }

    /// The points that were pushed since the last metric are this one's.
    pub(super) fn close_metric(&mut self, header: &Header<'_>, data: &Data<'_>, metadata: &RepeatedMap) {
        let rows = self.time.len() - self.header.name.len();
        self.header.repeat(header, data, metadata, rows);
    }

    pub(super) fn finish(self, ingest_time: i64) -> SignalBatch {
        let mut ingest_times = Times::default();
        ingest_times.repeat(Some(ingest_time), self.time.len());
        let mut columns = vec![
            ("time", finish_times(self.time)),
            ("ingest_time", finish_times(ingest_times)),
            ("start_time", finish_times(self.start_time)),
            ("flags", self.flags.finish()),
            ("exemplars", self.exemplars.finish()),
        ];
        columns.extend(self.header.finish());
        columns.extend(self.numbers.finish());
        columns.extend(self.buckets.finish());
        columns.extend(self.origin.finish());
        batch(Table::Metrics, &columns)
    }
}

#[derive(Debug, Default)]
struct HeaderColumns {
    name: TextColumn,
    description: TextColumn,
    unit: TextColumn,
    kind: TextColumn,
    temporality: TextColumn,
    monotonic: BooleanBuilder,
    metadata: MapColumn,
}

impl HeaderColumns {
    fn repeat(&mut self, header: &Header<'_>, data: &Data<'_>, metadata: &RepeatedMap, rows: usize) {
        self.name.repeat(Some(header.name), rows);
        self.description.repeat(non_empty(header.description), rows);
        self.unit.repeat(non_empty(header.unit), rows);
        self.kind.repeat(Some(data.word.as_bytes()), rows);
        self.temporality.repeat(data.temporality.map(str::as_bytes), rows);
        match data.monotonic {
            Some(monotonic) => self.monotonic.append_n(rows, monotonic),
            None => self.monotonic.append_nulls(rows),
        }
        self.metadata.repeat(metadata, rows);
    }

    fn finish(mut self) -> [Column; 7] {
        [
            ("name", self.name.finish()),
            ("description", self.description.finish()),
            ("unit", self.unit.finish()),
            ("kind", self.kind.finish()),
            ("temporality", self.temporality.finish()),
            ("monotonic", std::sync::Arc::new(self.monotonic.finish())),
            ("metadata", self.metadata.finish()),
        ]
    }
}

#[derive(Debug, Default)]
struct NumberColumns {
    value: NumberColumn<Float64Type>,
    value_int: NumberColumn<Int64Type>,
    count: NumberColumn<Int64Type>,
    sum: NumberColumn<Float64Type>,
    min: NumberColumn<Float64Type>,
    max: NumberColumn<Float64Type>,
    scale: NumberColumn<Int32Type>,
    zero_count: NumberColumn<Int64Type>,
    zero_threshold: NumberColumn<Float64Type>,
    positive_offset: NumberColumn<Int32Type>,
    negative_offset: NumberColumn<Int32Type>,
}

impl NumberColumns {
    fn push(&mut self, point: &Point<'_>, kind: Kind) {
        let is_recorded = point.is_recorded();
        let value = point.value.filter(|_| is_recorded);
        let has_count = kind != Kind::Number && is_recorded;
        // A summary's sum is not optional.
        let sum = if kind == Kind::Summary { point.sum.or(Some(0.0)) } else { point.sum };
        let is_exponential = kind == Kind::ExponentialHistogram;
        self.value.push_option(value.map(Number::as_f64));
        self.value_int.push_option(value.and_then(Number::as_int));
        self.count.push_option(has_count.then_some(point.count));
        self.sum.push_option(sum.filter(|_| has_count));
        self.min.push_option(point.min);
        self.max.push_option(point.max);
        self.scale.push_option(is_exponential.then_some(point.scale));
        self.zero_count.push_option(is_exponential.then_some(point.zero_count));
        self.zero_threshold.push_option(is_exponential.then_some(point.zero_threshold));
        self.positive_offset.push_option(point.positive.offset);
        self.negative_offset.push_option(point.negative.offset);
    }

    fn finish(self) -> [Column; 11] {
        [
            ("value", self.value.finish()),
            ("value_int", self.value_int.finish()),
            ("count", self.count.finish()),
            ("sum", self.sum.finish()),
            ("min", self.min.finish()),
            ("max", self.max.finish()),
            ("scale", self.scale.finish()),
            ("zero_count", self.zero_count.finish()),
            ("zero_threshold", self.zero_threshold.finish()),
            ("positive_offset", self.positive_offset.finish()),
            ("negative_offset", self.negative_offset.finish()),
        ]
    }
}

type Floats = ListColumn<NumberColumn<Float64Type>>;
type Ints = ListColumn<NumberColumn<Int64Type>>;

#[derive(Debug, Default)]
struct BucketColumns {
    bucket_bounds: Floats,
    bucket_counts: Ints,
    positive_counts: Ints,
    negative_counts: Ints,
    quantiles: Floats,
    quantile_values: Floats,
}

impl BucketColumns {
    fn push(&mut self, point: &Point<'_>, kind: Kind) {
        let is_histogram = kind == Kind::Histogram;
        let is_summary = kind == Kind::Summary;
        self.bucket_bounds.push_option(is_histogram.then_some(&point.bucket_bounds));
        self.bucket_counts.push_option(is_histogram.then_some(&point.bucket_counts));
        self.positive_counts.push_option(sent_counts(&point.positive));
        self.negative_counts.push_option(sent_counts(&point.negative));
        self.quantiles.push_option(is_summary.then_some(&point.quantiles));
        self.quantile_values.push_option(is_summary.then_some(&point.quantile_values));
    }

    fn finish(self) -> [Column; 6] {
        [
            ("bucket_bounds", self.bucket_bounds.finish()),
            ("bucket_counts", self.bucket_counts.finish()),
            ("positive_counts", self.positive_counts.finish()),
            ("negative_counts", self.negative_counts.finish()),
            ("quantiles", self.quantiles.finish()),
            ("quantile_values", self.quantile_values.finish()),
        ]
    }
}

fn sent_counts(buckets: &Buckets) -> Option<&Vec<i64>> {
    buckets.offset.map(|_| &buckets.counts)
}

#[derive(Debug, Default)]
pub(super) struct ExemplarColumns {
    time_unix_nano: NumberColumn<Int64Type>,
    value: NumberColumn<Float64Type>,
    trace_id: TextColumn,
    span_id: TextColumn,
    filtered_attributes: MapColumn,
}

impl ExemplarColumns {
    pub(super) fn push<'a>(
        &mut self,
        exemplar: &'a [u8],
        attributes: &mut Attributes<'a>,
    ) -> Result<(), ItemReason> {
        let (mut time, mut value, mut span, mut trace) = (0, None, [].as_slice(), [].as_slice());
        attributes.clear();
        for part in Fields::of(exemplar) {
            match part.number {
                2 => time = part.value,
                3 => value = Some(Number::Double(part.double())),
                4 => span = part.bytes,
                5 => trace = part.bytes,
                6 => value = Some(Number::Int(part.int64())),
                7 => attributes.add(part.bytes),
                _ => {}
            }
        }
        let time = nanos(time)?;
        attributes.close()?;
        self.time_unix_nano.push(time);
        self.value.push_option(value.map(Number::as_f64));
        self.trace_id.push_hex(trace_id(trace));
        self.span_id.push_hex(span_id(span));
        self.filtered_attributes.push(attributes);
        Ok(())
    }
}

impl Items for ExemplarColumns {
    fn len(&self) -> usize {
        self.time_unix_nano.len()
    }

    fn truncate(&mut self, len: usize) {
        self.time_unix_nano.truncate(len);
        self.value.truncate(len);
        self.trace_id.truncate(len);
        self.span_id.truncate(len);
        self.filtered_attributes.truncate(len);
    }

    fn finish(self) -> ArrayRef {
        nullable_structs([
            ("time_unix_nano", self.time_unix_nano.finish()),
            ("value", self.value.finish()),
            ("trace_id", self.trace_id.finish()),
            ("span_id", self.span_id.finish()),
            ("filtered_attributes", self.filtered_attributes.finish()),
        ])
    }
}
