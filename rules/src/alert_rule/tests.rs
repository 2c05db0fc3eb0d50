use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampNanosecondArray};
use arrow::datatypes::{DataType, Field, TimeUnit};

use super::*;

fn rule(annotation: &str) -> AlertRule {
    let template = |text: &str| Template::parse(text).expect("parses");
    AlertRule {
        name: "OrdersBlocked".to_owned(),
        sql: String::new(),
        timing: Timing::default(),
        labels: BTreeMap::from([
            ("severity".to_owned(), template("page")),
            ("place".to_owned(), template("warehouse {{ $labels.warehouse }}")),
        ]),
        annotations: BTreeMap::from([("summary".to_owned(), template(annotation))]),
        place: Place::default(),
        sql_place: Place::default(),
    }
}

fn schema(columns: &[(&str, DataType)]) -> Schema {
    Schema::new(columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect::<Vec<_>>())
}

fn problem(column: &str, kind: DataType) -> Option<String> {
    let schema = schema(&[(column, kind), ("warehouse", DataType::Utf8)]);
    rule("").check_columns(&schema).into_iter().map(|(message, _)| message).next()
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).expect("columns fit")
}

#[test]
fn a_row_becomes_labels_and_annotations() {
    let rows = batch(vec![
        ("warehouse", Arc::new(StringArray::from(vec!["WH1"]))),
        ("value", Arc::new(Float64Array::from(vec![0.5]))),
        ("impact_orders", Arc::new(Int64Array::from(vec![41]))),
        ("evidence_lock_wait", Arc::new(StringArray::from(vec!["12 s on stock_quant"]))),
        ("example_trace_id", Arc::new(StringArray::from(vec!["abc"]))),
        ("evidence_since", Arc::new(TimestampNanosecondArray::from(vec![0]).with_timezone("UTC"))),
    ]);
    let rule =
        rule("{{ $row.impact_orders }} orders, {{ $value | humanizePercentage }}, {{ $labels.severity }}");
    let samples = rule.samples(&[rows]).expect("fits");
    let [sample] = samples.as_slice() else { panic!("one row: {samples:?}") };
    let expected: Labels = [
        ("alertname", "OrdersBlocked"),
        ("severity", "page"),
        ("place", "warehouse WH1"),
        ("warehouse", "WH1"),
    ]
    .into_iter()
    .collect();
    assert_eq!(sample.labels, expected);
    let said = |name: &str| sample.annotations.get(name).map(String::as_str);
    assert_eq!(said("summary"), Some("41 orders, 50%, page"));
    assert_eq!(said("evidence_lock_wait"), Some("12 s on stock_quant"));
    assert_eq!(said("evidence_since"), Some("1970-01-01T00:00:00.000Z"));
    assert_eq!(said("example_trace_id"), Some("abc"));
}

#[test]
fn two_rows_with_the_same_labels_are_an_error() {
    let rows = batch(vec![("warehouse", Arc::new(StringArray::from(vec!["WH1", "WH1"])))]);
    assert!(rule("").samples(&[rows]).expect_err("twins").contains("group the query"));
}

#[test]
fn columns_that_can_be_no_label_are_refused_with_the_cure() {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, None);
    for (column, kind, cure) in [
        ("trace_id", DataType::Utf8, "`example_trace_id`"),
        ("span_id", DataType::Utf8View, "`example_span_id`"),
        ("orders", DataType::Int64, "`impact_orders`"),
        ("since", time.clone(), "`evidence_since`"),
        ("blocked", DataType::Boolean, "cast it"),
        ("count(*)", DataType::Int64, "AS"),
        ("alertname", DataType::Utf8, "another name"),
        ("impact_map", DataType::new_list(DataType::Utf8, true), "cast it"),
    ] {
        assert!(problem(column, kind).is_some_and(|message| message.contains(cure)), "{column}");
    }
    for (column, kind) in [
        ("company", DataType::Utf8),
        ("value", DataType::Float64),
        ("impact_orders", DataType::Int64),
        ("evidence_since", time),
        ("example_trace_id", DataType::Utf8),
    ] {
        assert_eq!(problem(column, kind), None, "{column}");
    }
}

#[test]
fn an_annotation_can_only_speak_of_what_the_query_has() {
    let schema = schema(&[("warehouse", DataType::Utf8), ("impact_orders", DataType::Int64)]);
    for (annotation, is_error) in [
        ("{{ $row.impact_order }}", true),
        ("{{ $row.warehouse }}", true),
        ("{{ $value }}", true),
        ("{{ $labels.nowhere }}", false),
    ] {
        let problems = rule(annotation).check_columns(&schema);
        assert_eq!(
            problems.iter().map(|(_, is_error)| *is_error).collect::<Vec<_>>(),
            [is_error],
            "{annotation}"
        );
    }
    assert!(rule("{{ $row.impact_orders }} {{ $labels.warehouse }}").check_columns(&schema).is_empty());
}

#[test]
fn what_the_engine_sets_is_no_column_and_a_severity_may_be_one() {
    for name in ["alertname", "tenant"] {
        assert!(
            problem(name, DataType::Utf8).is_some_and(|said| said.contains("set by the engine")),
            "{name}"
        );
    }
    let said = |columns: &[(&str, DataType)]| {
        let problems = rule("").check_columns(&schema(columns)).into_iter();
        problems.map(|(message, is_error)| format!("{is_error}: {message}")).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(said(&[("warehouse", DataType::Utf8)]), "");
    assert!(
        said(&[("severity", DataType::Utf8)]).starts_with("false: the label `severity` of the rule hides")
    );
    let bare = AlertRule { labels: BTreeMap::new(), ..rule("") };
    let graded = schema(&[("severity", DataType::Utf8)]);
    assert_eq!(bare.check_columns(&graded), []);
    let ungraded = bare.check_columns(&schema(&[("warehouse", DataType::Utf8)]));
    assert!(matches!(&ungraded[..], [(message, false)] if message.contains("no severity")), "{ungraded:?}");
}
