//! Lines of JSON, as loggers of every language write them: the usual names of time, level and message are understood, what
//! is left is attributes.

use chrono::DateTime;
use plimsoll_model::Timestamp;
use serde_json::{Map, Value};

use crate::otlp::Record;

const MOST_ATTRIBUTES: usize = 32;
const TIMES: &[&str] = &["timestamp", "time", "@timestamp", "asctime", "ts", "date"];
const LEVELS: &[&str] = &["level", "levelname", "severity", "lvl", "log.level"];
const MESSAGES: &[&str] = &["message", "msg", "body", "event"];

/// `None` for what is no object.
pub(super) fn record(line: &str, now: Timestamp) -> Option<Record> {
    let mut object: Map<String, Value> = serde_json::from_str(line).ok()?;
    let mut take = |names: &[&str]| names.iter().find_map(|name| object.remove(*name));
    let time = take(TIMES).and_then(|time| moment(&time)).unwrap_or(now);
    let level = take(LEVELS).map(|level| text(&level));
    let message = take(MESSAGES).map(|message| text(&message)).unwrap_or_default();
    let (number, name) = severity(level.as_deref().unwrap_or("info"));
    let mut record = Record::at(time, now).severity(number, name).body(message);
    for (key, value) in object.into_iter().take(MOST_ATTRIBUTES) {
        record = match value {
            Value::Null => record,
            Value::Number(number) if number.is_i64() => record.some_integer(&key, number.as_i64()),
            Value::Number(number) => record.some_number(&key, number.as_f64()),
            other => record.text(&key, text(&other)),
        };
    }
    Some(record)
}

fn moment(time: &Value) -> Option<Timestamp> {
    if let Some(number) = time.as_f64() {
        // Seconds, milliseconds, microseconds or nanoseconds: told apart by their size in this century.
        let scale = [(1e11, 1e9), (1e14, 1e6), (1e17, 1e3)].into_iter().find(|(below, _)| number < *below);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a double's nanoseconds are good to a microsecond"
        )]
        let micros = (number * scale.map_or(1.0, |(_, scale)| scale) / 1e3).round() as i64;
        return Some(Timestamp::from_nanos(micros.saturating_mul(1_000)));
    }
    let text = time.as_str()?;
    Timestamp::parse_rfc3339(text).or_else(|| {
        let parsed = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok()?;
        parsed.timestamp_nanos_opt().map(Timestamp::from_nanos)
    })
}

fn severity(level: &str) -> (i32, &'static str) {
    match level.to_ascii_lowercase().as_str() {
        "trace" => (1, "TRACE"),
        "debug" | "10" | "20" => (5, "DEBUG"),
        "warn" | "warning" | "40" => (13, "WARN"),
        "error" | "err" | "50" => (17, "ERROR"),
        "fatal" | "critical" | "panic" | "60" => (21, "FATAL"),
        _ => (9, "INFO"),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_names_are_understood() {
        let now = Timestamp::from_secs(9);
        let line = r#"{"asctime":"2026-11-21T10:00:00.5Z","levelname":"WARNING","message":"slow","pid":7,"share":0.5,"request":{"id":1}}"#;
        let record = record(line, now).expect("an object").build();
        assert_eq!(record.time_unix_nano, 1_795_255_200_500_000_000);
        assert_eq!((record.severity_number, record.attributes.len()), (13, 3));
        for (time, expected) in
            [("1795255200", 1_795_255_200_000_000_000_i64), ("1795255200123", 1_795_255_200_123_000_000)]
        {
            let value: Value = serde_json::from_str(time).expect("a number");
            assert_eq!(moment(&value), Some(Timestamp::from_nanos(expected)));
        }
        assert!(super::record("not JSON", now).is_none() && super::record("[1]", now).is_none());
    }
}
