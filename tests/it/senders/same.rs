//! Equality of rows, with a difference told by its field. Whole numbers are exact; fractions may differ in the last
//! bit, since two languages printed them.

use serde_json::Value;

#[track_caller]
pub(super) fn assert_same_rows(table: &str, mut stored: Vec<Value>, mut sent: Vec<Value>) {
    stored.sort_by_key(identity);
    sent.sort_by_key(identity);
    assert_eq!(
        stored.len(),
        sent.len(),
        "{table}: rows stored and rows sent\nstored {stored:#?}\nsent {sent:#?}"
    );
    for (stored, sent) in stored.iter().zip(&sent) {
        let stored = stored.as_object().expect("a row");
        let sent = sent.as_object().expect("a row");
        assert!(stored.keys().eq(sent.keys()), "{table}: {:?} and {:?}", stored.keys(), sent.keys());
        for (column, expected) in sent {
            let found = &stored[column];
            assert!(
                is_same(found, expected),
                "{table}.{column}: stored {found}, sent {expected}\nin {stored:#?}"
            );
        }
    }
}

/// What tells rows of one client apart.
fn identity(row: &Value) -> String {
    [&row["time_ns"], &row["span_id"], &row["name"]].map(ToString::to_string).join(" ")
}

pub(crate) fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => left == right,
            _ => is_close(left.as_f64(), right.as_f64()),
        },
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| is_same(value, other)))
        }
        _ => left == right,
    }
}

fn is_close(left: Option<f64>, right: Option<f64>) -> bool {
    left.zip(right).is_some_and(|(left, right)| (left - right).abs() <= left.abs() * 1e-14)
}

#[test]
fn a_difference_anywhere_is_a_difference() {
    use serde_json::json;
    assert!(is_same(&json!({"a": [1, {"b": 2.5}]}), &json!({"a": [1, {"b": 2.5}]})));
    assert!(is_same(&json!(2), &json!(2.0)));
    for (left, right) in [
        (json!({"a": 1}), json!({"a": 1, "b": null})),
        (json!({"a": 1}), json!({"b": 1})),
        (json!([1, 2]), json!([2, 1])),
        (json!("1"), json!(1)),
        (json!(1_795_260_314_834_170_380_i64), json!(1_795_260_314_834_170_381_i64)),
        (json!(0.1), json!(0.100_000_01)),
        (json!(null), json!(0)),
    ] {
        assert!(!is_same(&left, &right), "{left} and {right}");
    }
}
