use super::*;

fn request(metrics: &[Value]) -> Value {
    json!({"resourceMetrics": [{
        "resource": {"attributes": attributes(&[("service.name", text("postgres"))])},
        "scopeMetrics": [{"metrics": metrics}],
    }]})
}

fn metric(kind: &str, data: Value) -> Value {
    json!({"name": "m", "description": "what it is", "unit": "s", kind: data})
}

fn row(kind: &str, data: Value) -> Value {
    let converted = converted(Signal::Metrics, &request(&[metric(kind, data)]));
    assert_eq!(converted.rejections.total(), 0);
    rows(&converted, Table::Metrics).remove(0)
}

fn reasons(metrics: &[Value]) -> Vec<(&'static str, u64)> {
    rejected(Signal::Metrics, &converted(Signal::Metrics, &request(metrics))).0
}

fn points(point: Value) -> Value {
    json!({"aggregationTemporality": 2, "dataPoints": [point]})
}

#[test]
fn a_gauge_has_a_value_and_no_temporality() {
    let row = row(
        "gauge",
        points(json!({"asDouble": 0.5, "timeUnixNano": "1700000000000000000",
        "attributes": attributes(&[("state", text("waiting"))])})),
    );
    assert_columns(
        &row,
        &json!({
            "time": NOW_TEXT, "ingest_time": NOW_TEXT, "start_time": null, "name": "m", "description": "what it is",
            "unit": "s", "kind": "gauge", "temporality": null, "monotonic": null, "value": 0.5, "count": null,
            "sum": null, "bucket_counts": null, "quantiles": null, "exemplars": [], "flags": 0,
            "service_name": "postgres", "attributes": {"state": "waiting"},
        }),
    );
}

#[test]
fn a_sum_says_whether_it_only_rises_and_from_when() {
    let mut data = points(json!({"asInt": "7", "startTimeUnixNano": "1699999990000000000"}));
    data["isMonotonic"] = json!(true);
    assert_columns(
        &row("sum", data),
        &json!({
            "kind": "sum", "temporality": "cumulative", "monotonic": true, "value": 7.0,
            "start_time": "2023-11-14T22:13:10Z", "time": NOW_TEXT,
        }),
    );
}

#[test]
fn a_whole_number_is_kept_whole_beside_its_double() {
    let row = row("gauge", points(json!({"asInt": "9007199254740993"})));
    assert_columns(&row, &json!({"value": 9_007_199_254_740_992.0, "value_int": 9_007_199_254_740_993_i64}));
    assert_columns(&self::row("gauge", points(json!({"asDouble": 2}))), &json!({"value_int": null}));
}

#[test]
fn a_metrics_metadata_is_on_each_of_its_points() {
    let mut metric = metric("gauge", json!({"dataPoints": [{"asInt": 1}, {"asInt": 2}]}));
    metric["metadata"] = attributes(&[("prometheus.type", text("unknown"))]);
    let rows = rows(&converted(Signal::Metrics, &request(&[metric])), Table::Metrics);
    for row in &rows {
        assert_eq!(row["metadata"], json!({"prometheus.type": "unknown"}));
    }
    assert_eq!(rows.len(), 2);
}

#[test]
fn a_histogram_keeps_its_buckets_and_its_exemplars() {
    let row = row(
        "histogram",
        json!({"aggregationTemporality": 1, "dataPoints": [{
            "count": "3", "sum": 4.5, "min": 0.1, "max": 3, "explicitBounds": [0.5, 1], "bucketCounts": ["1", "1", "1"],
            "exemplars": [{"timeUnixNano": "5", "asDouble": 3, "traceId": TRACE_ID, "spanId": SPAN_ID,
                "filteredAttributes": attributes(&[("user", text("u1"))])}],
        }]}),
    );
    assert_columns(
        &row,
        &json!({
            "kind": "histogram", "temporality": "delta", "value": null, "count": 3, "sum": 4.5, "min": 0.1, "max": 3.0,
            "bucket_bounds": [0.5, 1.0], "bucket_counts": [1, 1, 1], "scale": null,
            "exemplars": [{"time_unix_nano": 5, "value": 3.0, "trace_id": TRACE_ID, "span_id": SPAN_ID,
                "filtered_attributes": {"user": "u1"}}],
        }),
    );
}

#[test]
fn a_histogram_without_buckets_sum_or_extremes_is_whole() {
    let row = row("histogram", points(json!({"count": 2})));
    assert_columns(
        &row,
        &json!({
            "count": 2, "sum": null, "min": null, "max": null, "bucket_bounds": [], "bucket_counts": [],
        }),
    );
}

#[test]
fn an_exponential_histogram_keeps_scale_and_both_sides() {
    let row = row(
        "exponentialHistogram",
        points(json!({
            "count": "9", "sum": -1.5, "scale": -2, "zeroCount": "1", "zeroThreshold": 0.01, "min": -4, "max": 8,
            "positive": {"offset": -3, "bucketCounts": ["2", "3"]}, "negative": {"offset": 4, "bucketCounts": [3]},
        })),
    );
    assert_columns(
        &row,
        &json!({
            "kind": "exponential_histogram", "count": 9, "sum": -1.5, "scale": -2, "zero_count": 1,
            "zero_threshold": 0.01, "positive_offset": -3, "positive_counts": [2, 3], "negative_offset": 4,
            "negative_counts": [3], "bucket_counts": null, "min": -4.0, "max": 8.0,
        }),
    );
}

#[test]
fn a_summary_keeps_its_quantiles() {
    let quantiles = json!([{"quantile": 0.5, "value": 1}, {"quantile": 0.99, "value": 9.5}]);
    let row = row("summary", points(json!({"count": "5", "sum": 6.5, "quantileValues": quantiles})));
    assert_columns(
        &row,
        &json!({
            "kind": "summary", "count": 5, "sum": 6.5, "quantiles": [0.5, 0.99], "quantile_values": [1.0, 9.5],
        }),
    );
}

#[test]
fn a_point_that_records_nothing_is_null_and_not_zero() {
    let row = row("gauge", points(json!({"asDouble": 0, "flags": 1})));
    assert_columns(&row, &json!({"value": null, "flags": 1}));
    let row = self::row("histogram", points(json!({"flags": 1})));
    assert_columns(&row, &json!({"count": null, "sum": null}));
}

#[test]
fn a_metric_that_says_nothing_is_refused_with_its_points() {
    let nameless = json!({"gauge": {"dataPoints": [{"asInt": 1}, {"asInt": 2}]}});
    assert_eq!(reasons(&[nameless]), [("metric_without_name", 2)]);
    assert_eq!(reasons(&[json!({"name": "m"})]), [("metric_without_data", 1)]);
    assert_eq!(reasons(&[metric("gauge", points(json!({})))]), [("point_without_value", 1)]);
}

#[test]
fn a_sum_or_histogram_needs_its_temporality() {
    for kind in ["sum", "histogram", "exponentialHistogram"] {
        let data = json!({"dataPoints": [{"asInt": 1}]});
        assert_eq!(reasons(&[metric(kind, data)]), [("temporality_unspecified", 1)], "{kind}");
    }
}

#[test]
fn a_histogram_whose_bounds_and_counts_disagree_is_refused() {
    let bad = [
        json!({"explicitBounds": [1], "bucketCounts": [1]}),
        json!({"explicitBounds": [1], "bucketCounts": []}),
        json!({"explicitBounds": [2, 1], "bucketCounts": [1, 1, 1]}),
        json!({"explicitBounds": [1, 1], "bucketCounts": [1, 1, 1]}),
        json!({"explicitBounds": ["NaN"], "bucketCounts": [1, 1]}),
    ];
    for point in bad {
        let reasons = reasons(&[metric("histogram", points(point.clone()))]);
        assert_eq!(reasons, [("histogram_mismatch", 1)], "{point}");
    }
    assert!(reasons(&[metric("histogram", points(json!({"bucketCounts": [4]})))]).is_empty());
}

#[test]
fn a_count_or_time_beyond_i64_is_refused_and_its_neighbour_stays() {
    let data = json!({"aggregationTemporality": 1, "dataPoints": [
        {"count": "18446744073709551615"}, {"count": 1}, {"count": 1, "timeUnixNano": "9223372036854775808"},
    ]});
    let converted = converted(Signal::Metrics, &request(&[metric("histogram", data)]));
    let (reasons, message) = rejected(Signal::Metrics, &converted);
    assert_eq!(reasons, [("time_out_of_range", 1), ("count_out_of_range", 1)]);
    assert!(message.ends_with("scopeMetrics[0].metrics[0].dataPoints[0]"), "{message}");
    assert_eq!((converted.received, rows(&converted, Table::Metrics).len()), (3, 1));
}
