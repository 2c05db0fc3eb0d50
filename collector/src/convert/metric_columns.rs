//! The columns of `metrics`.

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampNanosecondBuilder,
};
use plimsoll_model::{SignalBatch, Table};

use super::Context;
use super::attributes::AttributeMap;
use super::columns::{Column, Lists, batch, done, nullable_structs, times};
use super::items::non_empty;
use super::metrics::Header;
use super::origin::{Origin, OriginColumns};
use super::points::{Exemplar, Point};
use super::rejections::ItemReason;

pub(super) struct MetricColumns {
    time: TimestampNanosecondBuilder,
    ingest_time: TimestampNanosecondBuilder,
    start_time: TimestampNanosecondBuilder,
    flags: Int64Builder,
    header: HeaderColumns,
    numbers: NumberColumns,
    buckets: BucketColumns,
    exemplars: Lists<ExemplarColumns>,
    origin: OriginColumns,
}

impl MetricColumns {
    pub(super) fn new() -> Self {
        Self {
            time: times(),
            ingest_time: times(),
            start_time: times(),
            flags: Int64Builder::new(),
            header: HeaderColumns::default(),
            numbers: NumberColumns::default(),
            buckets: BucketColumns::new(),
            exemplars: Lists::new(ExemplarColumns::default()),
            origin: OriginColumns::new(),
        }
    }

    pub(super) fn push(
        &mut self,
        mut point: Point,
        header: &Header,
        origin: &Origin<'_>,
        context: &mut Context<'_>,
    ) -> Result<(), ItemReason> {
        let attributes = AttributeMap::read(std::mem::take(&mut point.attributes), context.config)?;
        context.converted.duplicate_keys += attributes.duplicate_keys;
        self.time.append_value(point.time.unwrap_or(context.now));
        self.ingest_time.append_value(context.now);
        self.start_time.append_option(point.start_time);
        self.flags.append_value(point.flags.into());
        self.header.push(header);
        self.numbers.push(&point);
        self.buckets.push(&point);
        for exemplar in &point.exemplars {
            self.exemplars.items.push(exemplar);
        }
        self.exemplars.close(point.exemplars.len());
        self.origin.push(origin, &attributes);
        Ok(())
    }

    pub(super) fn finish(self) -> SignalBatch {
        let mut columns = vec![
            ("time", done(self.time)),
            ("ingest_time", done(self.ingest_time)),
            ("start_time", done(self.start_time)),
            ("flags", done(self.flags)),
            ("exemplars", self.exemplars.finish(ExemplarColumns::finish)),
        ];
        columns.extend(self.header.finish());
        columns.extend(self.numbers.finish());
        columns.extend(self.buckets.finish());
        columns.extend(self.origin.finish());
        batch(Table::Metrics, &columns)
    }
}

#[derive(Default)]
struct HeaderColumns {
    name: StringBuilder,
    description: StringBuilder,
    unit: StringBuilder,
    kind: StringBuilder,
    temporality: StringBuilder,
    monotonic: BooleanBuilder,
}

impl HeaderColumns {
    fn push(&mut self, header: &Header) {
        self.name.append_value(&header.name);
        self.description.append_option(non_empty(&header.description));
        self.unit.append_option(non_empty(&header.unit));
        self.kind.append_value(header.kind);
        self.temporality.append_option(header.temporality);
        self.monotonic.append_option(header.monotonic);
    }

    fn finish(self) -> [Column; 6] {
        [
            ("name", done(self.name)),
            ("description", done(self.description)),
            ("unit", done(self.unit)),
            ("kind", done(self.kind)),
            ("temporality", done(self.temporality)),
            ("monotonic", done(self.monotonic)),
        ]
    }
}

#[derive(Default)]
struct NumberColumns {
    value: Float64Builder,
    count: Int64Builder,
    sum: Float64Builder,
    min: Float64Builder,
    max: Float64Builder,
    scale: Int32Builder,
    zero_count: Int64Builder,
    zero_threshold: Float64Builder,
    positive_offset: Int32Builder,
    negative_offset: Int32Builder,
}

impl NumberColumns {
    fn push(&mut self, point: &Point) {
        self.value.append_option(point.value);
        self.count.append_option(point.count);
        self.sum.append_option(point.sum);
        self.min.append_option(point.min);
        self.max.append_option(point.max);
        self.scale.append_option(point.scale);
        self.zero_count.append_option(point.zero_count);
        self.zero_threshold.append_option(point.zero_threshold);
        self.positive_offset.append_option(point.positive.as_ref().map(|(offset, _)| *offset));
        self.negative_offset.append_option(point.negative.as_ref().map(|(offset, _)| *offset));
    }

    fn finish(self) -> [Column; 10] {
        [
            ("value", done(self.value)),
            ("count", done(self.count)),
            ("sum", done(self.sum)),
            ("min", done(self.min)),
            ("max", done(self.max)),
            ("scale", done(self.scale)),
            ("zero_count", done(self.zero_count)),
            ("zero_threshold", done(self.zero_threshold)),
            ("positive_offset", done(self.positive_offset)),
            ("negative_offset", done(self.negative_offset)),
        ]
    }
}

struct BucketColumns {
    bucket_bounds: Lists<Float64Builder>,
    bucket_counts: Lists<Int64Builder>,
    positive_counts: Lists<Int64Builder>,
    negative_counts: Lists<Int64Builder>,
    quantiles: Lists<Float64Builder>,
    quantile_values: Lists<Float64Builder>,
}

impl BucketColumns {
    fn new() -> Self {
        Self {
            bucket_bounds: Lists::new(Float64Builder::new()),
            bucket_counts: Lists::new(Int64Builder::new()),
            positive_counts: Lists::new(Int64Builder::new()),
            negative_counts: Lists::new(Int64Builder::new()),
            quantiles: Lists::new(Float64Builder::new()),
            quantile_values: Lists::new(Float64Builder::new()),
        }
    }

    fn push(&mut self, point: &Point) {
        push_floats(&mut self.bucket_bounds, point.bucket_bounds.as_deref());
        push_ints(&mut self.bucket_counts, point.bucket_counts.as_deref());
        push_ints(&mut self.positive_counts, point.positive.as_ref().map(|(_, counts)| counts.as_slice()));
        push_ints(&mut self.negative_counts, point.negative.as_ref().map(|(_, counts)| counts.as_slice()));
        push_floats(&mut self.quantiles, point.quantiles.as_ref().map(|(quantiles, _)| quantiles.as_slice()));
        push_floats(&mut self.quantile_values, point.quantiles.as_ref().map(|(_, values)| values.as_slice()));
    }

    fn finish(self) -> [Column; 6] {
        [
            ("bucket_bounds", self.bucket_bounds.finish(done)),
            ("bucket_counts", self.bucket_counts.finish(done)),
            ("positive_counts", self.positive_counts.finish(done)),
            ("negative_counts", self.negative_counts.finish(done)),
            ("quantiles", self.quantiles.finish(done)),
            ("quantile_values", self.quantile_values.finish(done)),
        ]
    }
}

#[derive(Default)]
struct ExemplarColumns {
    time_unix_nano: Int64Builder,
    value: Float64Builder,
    trace_id: StringBuilder,
    span_id: StringBuilder,
}

impl ExemplarColumns {
    fn push(&mut self, exemplar: &Exemplar) {
        self.time_unix_nano.append_value(exemplar.time_unix_nano);
        self.value.append_option(exemplar.value);
        self.trace_id.append_option(exemplar.trace_id.as_deref());
        self.span_id.append_option(exemplar.span_id.as_deref());
    }

    fn finish(self) -> ArrayRef {
        nullable_structs([
            ("time_unix_nano", done(self.time_unix_nano)),
            ("value", done(self.value)),
            ("trace_id", done(self.trace_id)),
            ("span_id", done(self.span_id)),
        ])
    }
}

fn push_floats(column: &mut Lists<Float64Builder>, values: Option<&[f64]>) {
    let Some(values) = values else { return column.null() };
    column.items.append_slice(values);
    column.close(values.len());
}

fn push_ints(column: &mut Lists<Int64Builder>, values: Option<&[i64]>) {
    let Some(values) = values else { return column.null() };
    column.items.append_slice(values);
    column.close(values.len());
}
