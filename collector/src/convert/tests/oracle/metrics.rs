use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, Gauge, HistogramDataPoint, Metric, NumberDataPoint, Sum,
    SummaryDataPoint, exemplar, number_data_point,
};
use serde_json::{Map, Value as Json, json};

use super::super::NOW;
use super::model::{Model, Reason, attributes, id, joined, moment, nanos, non_empty, origin, scoped};
use crate::config::Config;

pub(super) fn rows(request: &ExportMetricsServiceRequest, config: &Config, model: &mut Model) {
    for group in &request.resource_metrics {
        let resource = origin(group.resource.as_ref(), &group.schema_url, config);
        for list in &group.scope_metrics {
            let scope = resource
                .clone()
                .and_then(|columns| scoped(columns, list.scope.as_ref(), &list.schema_url, config));
            for item in &list.metrics {
                model.received += count(item);
                let header = scope.clone().and_then(|scope| header(item, &scope, config));
                match header {
                    Err(reason) => model.refuse(reason, count(item)),
                    Ok(header) => points(item, &header, config, model),
                }
            }
        }
    }
}

fn count(metric: &Metric) -> u64 {
    let count = match &metric.data {
        None => 1,
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
    };
    count as u64
}

fn header(metric: &Metric, scope: &Map<String, Json>, config: &Config) -> Result<Map<String, Json>, Reason> {
    if metric.name.is_empty() {
        return Err("metric_without_name");
    }
    let (kind, temporality, monotonic) = match metric.data.as_ref().ok_or("metric_without_data")? {
        Data::Gauge(_) => ("gauge", None, None),
        Data::Sum(sum) => ("sum", Some(sum.aggregation_temporality), Some(sum.is_monotonic)),
        Data::Histogram(data) => ("histogram", Some(data.aggregation_temporality), None),
        Data::ExponentialHistogram(data) => {
            ("exponential_histogram", Some(data.aggregation_temporality), None)
        }
        Data::Summary(_) => ("summary", None, None),
    };
    let temporality = match temporality {
        None => None,
        Some(1) => Some("delta"),
        Some(2) => Some("cumulative"),
        Some(_) => return Err("temporality_unspecified"),
    };
    let more = json!({
        "name": metric.name, "description": non_empty(&metric.description), "unit": non_empty(&metric.unit),
        "kind": kind, "temporality": temporality, "monotonic": monotonic,
        "metadata": attributes(&metric.metadata, config)?.0, "ingest_time": moment(NOW.nanos()),
    });
    Ok(joined(scope, more).as_object().expect("an object").clone())
}

/// What every kind of point has, and what only its own kind has.
struct Common<'a> {
    start: u64,
    time: u64,
    flags: u32,
    exemplars: &'a [Exemplar],
    attributes: &'a [KeyValue],
}

/// The kinds have the same fields, and no type in common.
macro_rules! common {
    ($point:expr, $exemplars:expr) => {
        Common {
            start: $point.start_time_unix_nano,
            time: $point.time_unix_nano,
            flags: $point.flags,
            exemplars: $exemplars,
            attributes: &$point.attributes,
        }
    };
}

fn points(metric: &Metric, header: &Map<String, Json>, config: &Config, model: &mut Model) {
    let mut take = |common: &Common<'_>, own: Result<(Json, Counts<'_>), Reason>| match own
        .and_then(|own| row(common, own, config))
    {
        Err(reason) => model.refuse(reason, 1),
        Ok((row, duplicates)) => {
            model.push("metrics", joined(header, row));
            model.duplicate_keys += duplicates;
        }
    };
    match metric.data.as_ref().expect("checked") {
        Data::Gauge(Gauge { data_points }) | Data::Sum(Sum { data_points, .. }) => {
            data_points.iter().for_each(|point| take(&common!(point, &point.exemplars), number(point)));
        }
        Data::Histogram(data) => {
            data.data_points
                .iter()
                .for_each(|point| take(&common!(point, &point.exemplars), histogram(point)));
        }
        Data::ExponentialHistogram(data) => {
            data.data_points
                .iter()
                .for_each(|point| take(&common!(point, &point.exemplars), exponential(point)));
        }
        Data::Summary(data) => {
            data.data_points.iter().for_each(|point| take(&common!(point, &[]), summary(point)));
        }
    }
}

fn histogram(point: &HistogramDataPoint) -> Result<(Json, Counts<'_>), Reason> {
    let (bounds, counts) = (&point.explicit_bounds, &point.bucket_counts);
    let empty = bounds.is_empty() && counts.is_empty();
    let rising = bounds.windows(2).all(|pair| pair[0] < pair[1]);
    if !rising || bounds.iter().any(|bound| bound.is_nan()) || !(empty || counts.len() == bounds.len() + 1) {
        return Err("histogram_mismatch");
    }
    let own = json!({"sum": point.sum, "min": point.min, "max": point.max, "bucket_bounds": bounds});
    Ok((own, Counts { count: Some(point.count), bucket_counts: Some(counts), ..Counts::default() }))
}

fn exponential(point: &ExponentialHistogramDataPoint) -> Result<(Json, Counts<'_>), Reason> {
    let own = json!({
        "sum": point.sum, "min": point.min, "max": point.max, "scale": point.scale,
        "zero_threshold": point.zero_threshold,
        "positive_offset": point.positive.as_ref().map(|side| side.offset),
        "negative_offset": point.negative.as_ref().map(|side| side.offset),
    });
    let counts = Counts {
        count: Some(point.count),
        zero_count: Some(point.zero_count),
        bucket_counts: None,
        positive: point.positive.as_ref().map(|side| &side.bucket_counts),
        negative: point.negative.as_ref().map(|side| &side.bucket_counts),
    };
    Ok((own, counts))
}

fn summary(point: &SummaryDataPoint) -> Result<(Json, Counts<'_>), Reason> {
    let quantiles: Vec<f64> = point.quantile_values.iter().map(|at| at.quantile).collect();
    let values: Vec<f64> = point.quantile_values.iter().map(|at| at.value).collect();
    let own = json!({"sum": point.sum, "quantiles": quantiles, "quantile_values": values});
    Ok((own, Counts { count: Some(point.count), ..Counts::default() }))
}

#[derive(Default)]
struct Counts<'a> {
    count: Option<u64>,
    zero_count: Option<u64>,
    bucket_counts: Option<&'a Vec<u64>>,
    positive: Option<&'a Vec<u64>>,
    negative: Option<&'a Vec<u64>>,
}

fn number(point: &NumberDataPoint) -> Result<(Json, Counts<'_>), Reason> {
    let recorded = point.flags & 1 == 0;
    if recorded && point.value.is_none() {
        return Err("point_without_value");
    }
    let (value, int) = match point.value.filter(|_| recorded) {
        None => (None, None),
        Some(number_data_point::Value::AsDouble(value)) => (Some(value), None),
        Some(number_data_point::Value::AsInt(value)) => (Some(value as f64), Some(value)),
    };
    Ok((json!({"value": value, "value_int": int}), Counts::default()))
}

fn row(
    common: &Common<'_>,
    (mut own, counts): (Json, Counts<'_>),
    config: &Config,
) -> Result<(Json, u64), Reason> {
    let known = |time| Some(time).filter(|time| *time != 0);
    let (start, time) = (known(nanos(common.start)?), known(nanos(common.time)?));
    let lists = [counts.bucket_counts, counts.positive, counts.negative];
    let all = lists.into_iter().flatten().flatten().chain(&counts.count).chain(&counts.zero_count);
    if all.into_iter().any(|count| i64::try_from(*count).is_err()) {
        return Err("count_out_of_range");
    }
    let mut exemplars = Vec::new();
    for exemplar in common.exemplars {
        let time = nanos(exemplar.time_unix_nano)?;
        let value = exemplar.value.map(|value| match value {
            exemplar::Value::AsDouble(value) => value,
            exemplar::Value::AsInt(value) => value as f64,
        });
        exemplars.push(json!({
            "time_unix_nano": time, "value": value, "trace_id": id(&exemplar.trace_id, 16),
            "span_id": id(&exemplar.span_id, 8),
            "filtered_attributes": attributes(&exemplar.filtered_attributes, config)?.0,
        }));
    }
    let (map, duplicates) = attributes(common.attributes, config)?;
    let recorded = common.flags & 1 == 0;
    if !recorded {
        own["sum"] = Json::Null;
    }
    let more = json!({
        "time": moment(time.unwrap_or(NOW.nanos())), "start_time": start.map(moment), "flags": common.flags,
        "count": counts.count.filter(|_| recorded), "zero_count": counts.zero_count,
        "bucket_counts": counts.bucket_counts, "positive_counts": counts.positive,
        "negative_counts": counts.negative, "exemplars": exemplars, "attributes": map,
    });
    Ok((joined(own.as_object().expect("an object"), more), duplicates))
}
