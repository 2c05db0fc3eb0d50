//! From samples to metrics: a counter is a sum, the buckets of a histogram come together again, and so do quantiles.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum, Summary,
    SummaryDataPoint,
};
use plimsoll_model::Timestamp;

use super::exposition::{Kind, Page, Sample};
use crate::otlp::{text, unix_nanos};

const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// A name and its labels, but for bounds and quantiles.
type Series = (String, Vec<(String, String)>);

/// What a histogram or summary is put together from.
#[derive(Debug, Default)]
struct Parts {
    labels: Vec<(String, String)>,
    /// Upper bounds or quantiles, with their values.
    points: Vec<(f64, f64)>,
    sum: f64,
    count: f64,
    at: Option<f64>,
}

/// The metrics of a page that was read at `now`.
pub(super) fn metrics(page: Page, now: Timestamp) -> Vec<Metric> {
    let mut simple: BTreeMap<String, (Kind, Vec<NumberDataPoint>)> = BTreeMap::new();
    let mut composed: BTreeMap<Series, (Kind, Parts)> = BTreeMap::new();
    let Page { kinds, units, samples, .. } = page;
    for mut sample in samples {
        let kind_of = |name: &str| {
            kinds.get(name).copied().filter(|kind| matches!(kind, Kind::Histogram | Kind::Summary))
        };
        let base = ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| {
            let base = sample.name.strip_suffix(suffix)?;
            Some((base.to_owned(), suffix, kind_of(base)?))
        });
        let own = || kind_of(&sample.name).map(|kind| (sample.name.clone(), "", kind));
        if let Some((base, suffix, kind)) = base.or_else(own) {
            let bound = take_bound(&mut sample.labels);
            sample.labels.sort();
            let (_, parts) =
                composed.entry((base, sample.labels.clone())).or_insert_with(|| (kind, Parts::default()));
            parts.add(suffix, bound, sample);
            continue;
        }
        if sample.name.ends_with("_created") {
            continue;
        }
        let kind = kind_of_simple(&kinds, &sample.name);
        if sample.value.is_finite() {
            let (_, points) = simple.entry(sample.name.clone()).or_insert_with(|| (kind, Vec::new()));
            points.push(number_point(sample, now));
        }
    }
    let unit = |name: &str| units.get(name.trim_end_matches("_total")).cloned().unwrap_or_default();
    let mut metrics: Vec<Metric> = simple
        .into_iter()
        .map(|(name, (kind, data_points))| {
            let data = if kind == Kind::Counter {
                Data::Sum(Sum { data_points, aggregation_temporality: CUMULATIVE, is_monotonic: true })
            } else {
                Data::Gauge(Gauge { data_points })
            };
            Metric { unit: unit(&name), name, data: Some(data), ..Metric::default() }
        })
        .collect();
    metrics.extend(composed.into_iter().filter_map(|((name, _), (kind, parts))| {
        let data = if kind == Kind::Histogram { parts.histogram(now)? } else { parts.summary(now) };
        Some(Metric { unit: unit(&name), name, data: Some(data), ..Metric::default() })
    }));
    metrics
}

/// OpenMetrics names the family of a counter without its suffix.
fn kind_of_simple(kinds: &std::collections::HashMap<String, Kind>, name: &str) -> Kind {
    let family = name.strip_suffix("_total").unwrap_or(name);
    kinds.get(name).or_else(|| kinds.get(family)).copied().unwrap_or_default()
}

fn take_bound(labels: &mut Vec<(String, String)>) -> Option<f64> {
    let place = labels.iter().position(|(name, _)| matches!(name.as_str(), "le" | "quantile"))?;
    match labels.remove(place).1.as_str() {
        "+Inf" => Some(f64::INFINITY),
        bound => bound.parse().ok(),
    }
}

fn number_point(sample: Sample, now: Timestamp) -> NumberDataPoint {
    NumberDataPoint {
        time_unix_nano: nanos(sample.at, now),
        attributes: attributes(sample.labels),
        value: Some(Value::AsDouble(sample.value)),
        ..NumberDataPoint::default()
    }
}

fn attributes(labels: Vec<(String, String)>) -> Vec<KeyValue> {
    labels.into_iter().map(|(name, value)| text(&name, value)).collect()
}

fn nanos(at: Option<f64>, now: Timestamp) -> u64 {
    let at = at.map(|seconds| {
        Timestamp::from_nanos(0) + std::time::Duration::from_secs_f64(seconds.clamp(0.0, 9e9))
    });
    unix_nanos(at.unwrap_or(now))
}

impl Parts {
    fn add(&mut self, suffix: &str, bound: Option<f64>, sample: Sample) {
        self.at = self.at.or(sample.at);
        self.labels = sample.labels;
        match (suffix, bound) {
            ("_sum", _) => self.sum = sample.value,
            ("_count", _) => self.count = sample.value,
            (_, Some(bound)) => self.points.push((bound, sample.value)),
            _ => {}
        }
    }

    /// `None` when the buckets contradict each other.
    fn histogram(mut self, now: Timestamp) -> Option<Data> {
        self.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut before, mut bucket_counts, mut explicit_bounds) = (0_u64, Vec::new(), Vec::new());
        for (bound, cumulative) in &self.points {
            let cumulative = whole(*cumulative);
            bucket_counts.push(cumulative.checked_sub(before)?);
            before = cumulative;
            if bound.is_finite() {
                explicit_bounds.push(*bound);
            }
        }
        // Without a last bucket, what is beyond the others is the difference to the count.
        if bucket_counts.len() == explicit_bounds.len() && !bucket_counts.is_empty() {
            bucket_counts.push(whole(self.count).checked_sub(before)?);
        }
        let point = HistogramDataPoint {
            attributes: attributes(self.labels),
            time_unix_nano: nanos(self.at, now),
            count: bucket_counts.iter().sum::<u64>().max(if bucket_counts.is_empty() {
                whole(self.count)
            } else {
                0
            }),
            sum: self.sum.is_finite().then_some(self.sum),
            bucket_counts,
            explicit_bounds,
            ..HistogramDataPoint::default()
        };
        Some(Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: CUMULATIVE }))
    }

    fn summary(self, now: Timestamp) -> Data {
        let quantile = |(quantile, value): (f64, f64)| ValueAtQuantile { quantile, value };
        let point = SummaryDataPoint {
            attributes: attributes(self.labels),
            time_unix_nano: nanos(self.at, now),
            count: whole(self.count),
            sum: if self.sum.is_finite() { self.sum } else { 0.0 },
            quantile_values: self
                .points
                .into_iter()
                .filter(|(_, value)| value.is_finite())
                .map(quantile)
                .collect(),
            ..SummaryDataPoint::default()
        };
        Data::Summary(Summary { data_points: vec![point] })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of events, below 2^53")]
fn whole(count: f64) -> u64 {
    if count.is_finite() { count.max(0.0) as u64 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# TYPE traefik_requests counter\ntraefik_requests_total{code=\"200\"} 5\ntraefik_requests_created 1\n\
        # TYPE up_since gauge\nup_since 7\nuntyped_thing NaN\n\
        # TYPE took histogram\n# UNIT took seconds\ntook_bucket{path=\"/\",le=\"0.1\"} 3\ntook_bucket{path=\"/\",le=\"1\"} 5\n\
        took_bucket{path=\"/\",le=\"+Inf\"} 6\ntook_sum{path=\"/\"} 4.5\ntook_count{path=\"/\"} 6\n\
        # TYPE rpc summary\nrpc{quantile=\"0.5\"} 0.1\nrpc{quantile=\"0.9\"} NaN\nrpc_sum 9\nrpc_count 4\n";

    #[test]
    fn counters_gauges_histograms_and_summaries_are_what_they_were() {
        let page = Page::parse(PAGE, true, 100).expect("a page");
        let metrics = metrics(page, Timestamp::from_secs(10));
        let named = |name: &str| {
            metrics.iter().find(|metric| metric.name == name).and_then(|metric| metric.data.clone())
        };
        let Some(Data::Sum(sum)) = named("traefik_requests_total") else { panic!("a sum") };
        assert!(sum.is_monotonic && sum.data_points[0].attributes == [text("code", "200")]);
        assert!(matches!(named("up_since"), Some(Data::Gauge(_))));
        assert!(named("untyped_thing").is_none() && named("traefik_requests_created").is_none());
        let Some(Data::Histogram(histogram)) = named("took") else { panic!("a histogram") };
        let point = &histogram.data_points[0];
        assert_eq!(
            (point.bucket_counts.as_slice(), point.explicit_bounds.as_slice()),
            (&[3, 2, 1][..], &[0.1, 1.0][..])
        );
        assert_eq!((point.count, point.sum, point.time_unix_nano), (6, Some(4.5), 10_000_000_000));
        assert_eq!(
            metrics.iter().find(|metric| metric.name == "took").map(|metric| metric.unit.as_str()),
            Some("seconds")
        );
        let Some(Data::Summary(summary)) = named("rpc") else { panic!("a summary") };
        assert_eq!((summary.data_points[0].count, summary.data_points[0].quantile_values.len()), (4, 1));
    }

    #[test]
    fn buckets_that_contradict_each_other_are_no_histogram() {
        let text = "# TYPE a histogram\na_bucket{le=\"1\"} 5\na_bucket{le=\"2\"} 3\na_count 5\na_sum 1\n";
        assert!(metrics(Page::parse(text, false, 9).expect("a page"), Timestamp::from_secs(1)).is_empty());
    }
}
