//! Alertmanager's data for templates, made of a notification.

use chrono::{DateTime, Utc};

use super::moment::Moment;
use super::value::{ListKind, Record, RecordKind, Value};
use crate::notification::{Notification, NotifiedAlert};

/// What a template's dot is, and the moment that it calls now.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(super) dot: Value,
    pub(super) now: DateTime<Utc>,
}

impl Data {
    /// `external_url` is what links to ourselves start with. "Now" is when the notification was decided, so that a
    /// repetition says the same.
    pub(crate) fn new(notification: &Notification, external_url: &str) -> Self {
        let alerts = notification.alerts.iter().map(alert).collect();
        let annotations = notification.common_annotations();
        let values = vec![
            Value::text(quoted_for_a_regex(&notification.receiver)),
            Value::text(status(notification.is_firing())),
            Value::list(ListKind::Alerts, alerts),
            Value::text(notification.reason.as_str()),
            Value::kv(notification.group_labels.iter()),
            Value::kv(notification.common_labels().iter()),
            Value::kv(annotations),
            Value::kv([]),
            Value::text(external_url),
        ];
        Self { dot: record(RecordKind::Data, values), now: notification.decided_at.to_utc() }
    }
}

fn alert(alert: &NotifiedAlert) -> Value {
    let ends_at = alert.resolved_at.map_or_else(Moment::zero, |end| Moment::utc(end.to_utc()));
    let annotations = alert.annotations.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let values = vec![
        Value::text(status(alert.is_firing())),
        Value::kv(alert.labels.iter()),
        Value::kv(annotations),
        Value::Time(Moment::utc(alert.starts_at.to_utc())),
        Value::Time(ends_at),
        Value::text(&alert.generator_url),
        Value::text(&alert.fingerprint),
    ];
    record(RecordKind::Alert, values)
}

pub(super) fn record(kind: RecordKind, values: Vec<Value>) -> Value {
    Value::Record(std::sync::Arc::new(Record { kind, values }))
}

const fn status(is_firing: bool) -> &'static str {
    if is_firing { "firing" } else { "resolved" }
}

/// As Alertmanager gives it: the name goes into addresses that take it for a regular expression.
fn quoted_for_a_regex(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
