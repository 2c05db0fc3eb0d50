//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`: of like with like only.

use std::cmp::Ordering;

use super::value::Value;

pub(super) fn compare(name: &str, values: &[Value]) -> Result<bool, String> {
    let [first, second, others @ ..] = values else {
        return Err("expected two values".to_owned());
    };
    match name {
        "eq" => {
            let mut is_equal = false;
            for other in std::iter::once(second).chain(others) {
                is_equal |= equal(first, other)?;
            }
            Ok(is_equal)
        }
        "ne" => equal(first, second).map(|is_equal| !is_equal),
        _ => {
            let order = order(first, second)?;
            Ok(match name {
                "lt" => order == Some(Ordering::Less),
                "le" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                "gt" => order == Some(Ordering::Greater),
                _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            })
        }
    }
}

fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return Ok(a == b);
    }
    if let (Some(a), Some(b)) = (a.as_int(), b.as_int()) {
        return Ok(a == b);
    }
    for value in [a, b] {
        if matches!(value, Value::List(..) | Value::Map(..) | Value::Record(_)) {
            return Err(format!("{} can't be compared", value.type_name()));
        }
    }
    match (a, b) {
        (Value::Nil, _) | (_, Value::Nil) => Ok(a == b),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Time(a), Value::Time(b)) => Ok(a == b),
        _ => Err(unlike(a, b)),
    }
}

fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, String> {
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return Ok(Some(a.cmp(b)));
    }
    if let (Some(a), Some(b)) = (a.as_int(), b.as_int()) {
        return Ok(Some(a.cmp(&b)));
    }
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        _ => Err(unlike(a, b)),
    }
}

fn unlike(a: &Value, b: &Value) -> String {
    format!("{} and {} can't be compared", a.type_name(), b.type_name())
}
