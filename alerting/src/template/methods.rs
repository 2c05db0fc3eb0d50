//! What stands after a point: methods first, then fields and keys.

use super::functions::Arguments;
use super::moment::{MONTHS, Moment, WEEKDAYS, duration};
use super::print::plain;
use super::value::{ListKind, MapKind, Record, Value, sorted_pairs};
use super::{data, value};

use chrono::{Datelike, Timelike};
use chrono_tz::Tz;

const SECOND: f64 = 1e9;

/// `value.name` with arguments, which only methods take.
pub(super) fn member(on: &Value, name: &str, arguments: &[Value]) -> Result<Value, String> {
    if let Some(result) = method(on, name, Arguments(arguments)) {
        return result.map_err(|why| format!(".{name}: {why}"));
    }
    if !arguments.is_empty() {
        return Err(format!("`.{name}` takes no arguments: it is not a method"));
    }
    match on {
        Value::Record(record) => record.get(name).cloned().ok_or_else(|| no_field(record, name)),
        Value::Map(kind, map) => {
            let missing = if *kind == MapKind::Kv { Value::text("") } else { Value::Nil };
            Ok(map.get(name).cloned().unwrap_or(missing))
        }
        Value::Nil => Err(format!("`.{name}` of nothing: the value before it isn't there")),
        other => Err(format!("{} has no `.{name}`", other.type_name())),
    }
}

pub(super) fn no_field(record: &Record, name: &str) -> String {
    let fields: Vec<&str> = record.kind.fields().iter().map(|(field, _)| *field).collect();
    let type_name = Value::Record(std::sync::Arc::new(record.clone())).type_name();
    format!("{type_name} has no field `{name}`: use one of {}", fields.join(", "))
}

/// `None` where the value has no such method.
fn method(on: &Value, name: &str, arguments: Arguments<'_>) -> Option<Result<Value, String>> {
    let plain_result = match (on, name) {
        (Value::Map(MapKind::Kv, map), "Remove") => {
            return Some(arguments.texts(0).map(|gone| {
                let kept = map.iter().filter(|(name, _)| !gone.contains(&name.as_str()));
                Value::Map(
                    MapKind::Kv,
                    std::sync::Arc::new(kept.map(|(k, v)| (k.clone(), v.clone())).collect()),
                )
            }));
        }
        (Value::Time(time), _) => return time_method(*time, name, arguments),
        (Value::Duration(nanos), _) => return duration_method(*nanos, name, arguments),
        (Value::Map(MapKind::Kv, map), "SortedPairs") => pairs(&sorted_pairs(map)),
        (Value::Map(MapKind::Kv, map), "Names") => {
            Value::texts(sorted_pairs(map).into_iter().map(|(n, _)| n))
        }
        (Value::Map(MapKind::Kv, map), "Values") => {
            Value::texts(sorted_pairs(map).into_iter().filter_map(|(_, value)| value.as_str()))
        }
        (Value::List(ListKind::Pairs, pairs), "Names") => column(pairs, "Name"),
        (Value::List(ListKind::Pairs, pairs), "Values") => column(pairs, "Value"),
        (Value::List(ListKind::Alerts, alerts), "Firing") => with_status(alerts, "firing"),
        (Value::List(ListKind::Alerts, alerts), "Resolved") => with_status(alerts, "resolved"),
        (Value::Map(MapKind::Kv, _) | Value::List(ListKind::Pairs, _) | Value::Named(..), "String") => {
            Value::text(plain(on))
        }
        _ => return None,
    };
    Some(without_arguments(arguments, plain_result))
}

fn without_arguments(arguments: Arguments<'_>, value: Value) -> Result<Value, String> {
    if arguments.0.is_empty() { Ok(value) } else { Err("it takes no arguments".to_owned()) }
}

fn pairs(pairs: &[(&str, &Value)]) -> Value {
    let records = pairs.iter().map(|(name, value)| {
        data::record(value::RecordKind::Pair, vec![Value::text(name), Value::clone(value)])
    });
    Value::list(ListKind::Pairs, records.collect())
}

fn column(pairs: &[Value], name: &str) -> Value {
    let of = |pair: &Value| match pair {
        Value::Record(record) => record.get(name).cloned(),
        _ => None,
    };
    Value::list(ListKind::Texts, pairs.iter().filter_map(of).collect())
}

fn with_status(alerts: &[Value], status: &str) -> Value {
    let has = |alert: &&Value| match alert {
        Value::Record(record) => record.get("Status").and_then(Value::as_str) == Some(status),
        _ => false,
    };
    Value::list(ListKind::SomeAlerts, alerts.iter().filter(has).cloned().collect())
}

fn time_method(time: Moment, name: &str, arguments: Arguments<'_>) -> Option<Result<Value, String>> {
    let local = time.local();
    let number = |number: u32| Value::Int(i64::from(number));
    let value = match name {
        "Format" => return Some(arguments.text(0).map(|layout| Value::text(time.format(layout)))),
        "Sub" => return Some(arguments.time(0).map(|earlier| Value::Duration(time.since(earlier)))),
        "Before" => return Some(arguments.time(0).map(|other| Value::Bool(time.at < other.at))),
        "After" => return Some(arguments.time(0).map(|other| Value::Bool(time.at > other.at))),
        "Equal" => return Some(arguments.time(0).map(|other| Value::Bool(time.at == other.at))),
        "Add" => {
            let nanos = arguments.get(0).as_int().ok_or_else(|| "expected a duration".to_owned());
            return Some(nanos.map(|nanos| Value::Time(time.plus(nanos))));
        }
        "String" => Value::text(time.shown()),
        "UTC" => Value::Time(Moment { zone: Tz::UTC, ..time }),
        "IsZero" => Value::Bool(time.is_zero()),
        "Unix" => Value::Int(time.at.timestamp()),
        "UnixMilli" => Value::Int(time.at.timestamp_millis()),
        "UnixNano" => Value::Int(time.at.timestamp_nanos_opt().unwrap_or(0)),
        "Year" => Value::Int(i64::from(local.year())),
        "Day" => number(local.day()),
        "YearDay" => number(local.ordinal()),
        "Hour" => number(local.hour()),
        "Minute" => number(local.minute()),
        "Second" => number(local.second()),
        "Month" => Value::Named("time.Month", MONTHS[local.month0() as usize], i64::from(local.month())),
        "Weekday" => {
            let day = local.weekday().num_days_from_sunday();
            Value::Named("time.Weekday", WEEKDAYS[day as usize], i64::from(day))
        }
        _ => return None,
    };
    Some(without_arguments(arguments, value))
}

fn duration_method(nanos: i64, name: &str, arguments: Arguments<'_>) -> Option<Result<Value, String>> {
    #[expect(clippy::cast_precision_loss, reason = "Go's own loss")]
    let seconds = nanos as f64 / SECOND;
    let value = match name {
        "Round" | "Truncate" => {
            let unit = arguments.get(0).as_int().ok_or_else(|| "expected a duration".to_owned());
            return Some(unit.map(|unit| Value::Duration(rounded(nanos, unit, name == "Round"))));
        }
        "String" => Value::text(duration(nanos)),
        "Seconds" => Value::Float(seconds),
        "Minutes" => Value::Float(seconds / 60.0),
        "Hours" => Value::Float(seconds / 3600.0),
        "Milliseconds" => Value::Int(nanos / 1_000_000),
        _ => return None,
    };
    Some(without_arguments(arguments, value))
}

/// To a multiple of `unit`: the nearest, halves away from zero, or the next one towards zero.
fn rounded(nanos: i64, unit: i64, to_nearest: bool) -> i64 {
    if unit <= 0 {
        return nanos;
    }
    let rest = nanos % unit;
    let truncated = nanos - rest;
    if to_nearest && rest.unsigned_abs() >= unit.unsigned_abs().div_ceil(2) {
        return truncated.saturating_add(unit.saturating_mul(nanos.signum()));
    }
    truncated
}
