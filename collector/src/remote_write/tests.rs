use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use proptest::prelude::*;

use super::wire::{
    BucketSpan, Count, Exemplar, Histogram, Label, MetricMetadata, Sample, TimeSeries, ZeroCount,
};
use super::*;

fn labels(labels: &[(&str, &str)]) -> Vec<Label> {
    labels.iter().map(|(name, value)| Label { name: (*name).into(), value: (*value).into() }).collect()
}

fn series(name: &str, value: f64) -> TimeSeries {
    TimeSeries {
        labels: labels(&[("__name__", name), ("job", "odoo"), ("instance", "odoo-1:8069"), ("path", "/web")]),
        samples: vec![Sample { value, timestamp: 1_800_000_000_123 }],
        ..TimeSeries::default()
    }
}

/// As OpenTelemetry's own code reads it.
fn read(series: &[TimeSeries], families: &Families) -> ExportMetricsServiceRequest {
    let bytes = otlp::request(series, families).expect("good series").encode_to_vec();
    ExportMetricsServiceRequest::decode(bytes.as_slice()).expect("OTLP")
}

fn data(series: TimeSeries, families: &Families) -> Data {
    let mut request = read(&[series], families);
    request.resource_metrics.remove(0).scope_metrics.remove(0).metrics.remove(0).data.expect("data")
}

#[test]
fn a_series_is_a_metric_of_its_job_with_its_labels() {
    let request = read(&[series("odoo_workers", 4.0)], &Families::default());
    let of_job = &request.resource_metrics[0];
    let names: Vec<_> =
        of_job.resource.iter().flat_map(|resource| &resource.attributes).map(|it| &*it.key).collect();
    assert_eq!(names, ["service.name", "service.instance.id"]);
    let Some(Data::Gauge(gauge)) = &of_job.scope_metrics[0].metrics[0].data else { panic!("{request:?}") };
    assert_eq!(gauge.data_points[0].value, Some(Value::AsDouble(4.0)));
    assert_eq!(gauge.data_points[0].time_unix_nano, 1_800_000_000_123_000_000);
    assert_eq!(gauge.data_points[0].attributes[0].key, "path");
}

#[test]
fn what_counts_is_told_by_metadata_and_until_then_by_the_name() {
    let families = Families::default();
    assert!(matches!(data(series("requests_total", 1.0), &families), Data::Sum(sum) if sum.is_monotonic));
    assert!(matches!(data(series("requests", 1.0), &families), Data::Gauge(_)));
    let told =
        |kind, family: &str| MetricMetadata { kind, family: family.into(), ..MetricMetadata::default() };
    families.learn(&[told(1, "requests"), told(2, "odd_total"), told(5, "latency")]);
    assert!(matches!(data(series("requests", 1.0), &families), Data::Sum(_)));
    assert!(matches!(data(series("odd_total", 1.0), &families), Data::Gauge(_)));
    assert!(matches!(data(series("latency", 1.0), &families), Data::Gauge(_)), "a quantile goes up and down");
    assert!(matches!(data(series("latency_sum", 1.0), &families), Data::Sum(_)));
}

#[test]
fn a_series_that_ended_has_no_value_and_another_nan_is_one() {
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let Data::Gauge(gauge) = data(series("up", stale), &Families::default()) else { panic!("a gauge") };
    assert_eq!((gauge.data_points[0].flags, &gauge.data_points[0].value), (1, &None));
    let Data::Gauge(gauge) = data(series("up", f64::NAN), &Families::default()) else { panic!("a gauge") };
    assert_eq!(gauge.data_points[0].flags, 0);
}

#[test]
fn an_exemplar_keeps_its_trace() {
    let exemplar = Exemplar {
        labels: labels(&[("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"), ("user", "x")]),
        value: 0.4,
        timestamp: 1_800_000_000_100,
    };
    let series = TimeSeries { exemplars: vec![exemplar], ..series("seconds_bucket", 3.0) };
    let Data::Sum(sum) = data(series, &Families::default()) else { panic!("a sum") };
    let exemplar = &sum.data_points[0].exemplars[0];
    assert_eq!((exemplar.trace_id.len(), exemplar.filtered_attributes.len()), (16, 1));
}

/// Observations 1.5 (bucket (1,2]) twice, 3 once, none in (4,8], 9 once, at schema 0.
#[test]
fn a_native_histogram_is_an_exponential_one_with_its_buckets_shifted_by_one() {
    let histogram = Histogram {
        count: Some(Count::Whole(5)),
        sum: 15.0,
        schema: 0,
        zero_threshold: 1e-128,
        zero_count: Some(ZeroCount::Whole(1)),
        positive_spans: vec![BucketSpan { offset: 1, length: 2 }, BucketSpan { offset: 1, length: 1 }],
        positive_deltas: vec![2, -1, 0],
        timestamp: 1_800_000_000_000,
        ..Histogram::default()
    };
    let series = TimeSeries { samples: Vec::new(), histograms: vec![histogram], ..series("seconds", 0.0) };
    let Data::ExponentialHistogram(found) = data(series, &Families::default()) else { panic!("a histogram") };
    let point = &found.data_points[0];
    let positive = point.positive.as_ref().expect("buckets");
    assert_eq!((point.count, point.zero_count, point.scale), (5, 1, 0));
    // OTLP's bucket 0 at scale 0 is (1, 2].
    assert_eq!((positive.offset, &positive.bucket_counts[..]), (0, &[2, 1, 0, 1][..]));
}

#[test]
fn a_bad_native_histogram_is_refused_by_name() {
    let refused = |histogram: Histogram| {
        let series =
            TimeSeries { samples: Vec::new(), histograms: vec![histogram], ..series("seconds", 0.0) };
        otlp::request(&[series], &Families::default()).expect_err("refused").message
    };
    let spans =
        |spans: &[(i32, u32)]| spans.iter().map(|&(offset, length)| BucketSpan { offset, length }).collect();
    let with = |positive_spans: Vec<BucketSpan>, positive_deltas: Vec<i64>| Histogram {
        positive_spans,
        positive_deltas,
        ..Histogram::default()
    };
    assert!(refused(Histogram { schema: -53, ..Histogram::default() }).contains("schema -53"));
    assert!(refused(with(spans(&[(0, 2)]), vec![1])).contains("more buckets than it has"));
    assert!(refused(with(spans(&[(0, 1), (-1, 1)]), vec![1, 1])).contains("overlap"));
    assert!(refused(with(spans(&[(0, u32::MAX)]), vec![1])).contains("more than 20000 buckets"));
    assert!(refused(with(spans(&[(0, 2)]), vec![1, -2])).contains("fewer than no observations"));
}

#[test]
fn a_series_without_a_name_or_with_an_impossible_time_is_refused() {
    let nameless = TimeSeries { labels: labels(&[("job", "x")]), ..series("x", 1.0) };
    assert!(
        otlp::request(&[nameless], &Families::default()).expect_err("refused").message.contains("__name__")
    );
    let early = TimeSeries { samples: vec![Sample { value: 1.0, timestamp: -1 }], ..series("x", 1.0) };
    assert!(
        otlp::request(&[early], &Families::default()).expect_err("refused").message.contains("out of range")
    );
}

#[test]
fn a_bomb_is_refused_before_it_is_made() {
    // A block that says it will be 4 GiB.
    let bomb = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    let refusal = unsnappy(&bomb, 1024, |_| panic!("nothing is paid for it")).expect_err("refused");
    assert_eq!(refusal.reason, RequestReason::TooLarge);
    assert_eq!(
        unsnappy(b"\x05hello", 1024, |_| Ok(())).expect_err("no snappy").reason,
        RequestReason::Malformed
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(request) = WriteRequest::decode(bytes.as_slice()) {
            drop(otlp::request(&request.timeseries, &Families::default()));
        }
        drop(unsnappy(&bytes, 1 << 20, |_| Ok(())));
    }

    #[test]
    fn no_histogram_makes_it_panic(
        spans in prop::collection::vec((any::<i32>(), any::<u32>()), 0..5),
        deltas in prop::collection::vec(any::<i64>(), 0..8),
        schema in -6..10,
    ) {
        let positive_spans = spans.iter().map(|&(offset, length)| BucketSpan { offset, length }).collect();
        let histogram = Histogram { positive_spans, positive_deltas: deltas, schema, ..Histogram::default() };
        drop(histogram::point(&histogram));
    }
}
