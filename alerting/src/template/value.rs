//! What a template reckons with: Go's values as far as Alertmanager's data and functions give them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::moment::Moment;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    /// Markup by the author's word (`safeHtml`).
    Html(Arc<str>),
    /// An address by the author's word (`safeUrl`).
    Url(Arc<str>),
    Time(Moment),
    /// Nanoseconds.
    Duration(i64),
    /// A month or a day of the week: Go's type, its name and its number.
    Named(&'static str, &'static str, i64),
    List(ListKind, Arc<Vec<Value>>),
    Map(MapKind, Arc<BTreeMap<String, Value>>),
    Record(Arc<Record>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    /// With the methods `Firing` and `Resolved`.
    Alerts,
    /// What these give, which has no methods any more.
    SomeAlerts,
    Pairs,
    Texts,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MapKind {
    /// Labels or annotations: a name that isn't there is empty.
    Kv,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    Data,
    Alert,
    Pair,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) kind: RecordKind,
    /// In the order of [`RecordKind::fields`].
    pub(super) values: Vec<Value>,
}

impl RecordKind {
    /// Name in a template and name in JSON.
    pub(super) const fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Data => &[
                ("Receiver", "receiver"),
                ("Status", "status"),
                ("Alerts", "alerts"),
                ("NotificationReason", "notification_reason"),
                ("GroupLabels", "groupLabels"),
                ("CommonLabels", "commonLabels"),
                ("CommonAnnotations", "commonAnnotations"),
                ("RouteLabels", "routeLabels"),
                ("ExternalURL", "externalURL"),
            ],
            Self::Alert => &[
                ("Status", "status"),
                ("Labels", "labels"),
                ("Annotations", "annotations"),
                ("StartsAt", "startsAt"),
                ("EndsAt", "endsAt"),
                ("GeneratorURL", "generatorURL"),
                ("Fingerprint", "fingerprint"),
            ],
            Self::Pair => &[("Name", "Name"), ("Value", "Value")],
        }
    }
}

impl Record {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let position = self.kind.fields().iter().position(|(field, _)| *field == name)?;
        self.values.get(position)
    }
}

impl Value {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Arc::from(text.as_ref()))
    }

    pub(super) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::list(ListKind::Texts, texts.into_iter().map(Self::text).collect())
    }

    pub(super) fn list(kind: ListKind, values: Vec<Self>) -> Self {
        Self::List(kind, Arc::new(values))
    }

    pub(super) fn kv<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), Self::text(value)));
        Self::Map(MapKind::Kv, Arc::new(pairs.collect()))
    }

    pub(super) fn count(count: usize) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Go's name of its type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Html(_) => "template.HTML",
            Self::Url(_) => "template.URL",
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::Named(name, ..) => name,
            Self::List(ListKind::Alerts, _) => "template.Alerts",
            Self::List(ListKind::SomeAlerts, _) => "[]template.Alert",
            Self::List(ListKind::Pairs, _) => "template.Pairs",
            Self::List(ListKind::Texts, _) => "[]string",
            Self::List(ListKind::Any, _) => "[]interface {}",
            Self::Map(MapKind::Kv, _) => "template.KV",
            Self::Map(MapKind::Any, _) => "map[string]interface {}",
            Self::Record(record) => match record.kind {
                RecordKind::Data => "template.Data",
                RecordKind::Alert => "template.Alert",
                RecordKind::Pair => "template.Pair",
            },
        }
    }

    /// Whether `if` takes it for true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Duration(value) | Self::Named(_, _, value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) | Self::Html(text) | Self::Url(text) => !text.is_empty(),
            Self::Time(_) | Self::Record(_) => true,
            Self::List(_, values) => !values.is_empty(),
            Self::Map(_, values) => !values.is_empty(),
        }
    }

    /// The characters of whatever is a string in Go.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Html(text) | Self::Url(text) => Some(text),
            _ => None,
        }
    }

    /// The number of whatever is an integer in Go.
    pub(super) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) | Self::Duration(value) | Self::Named(_, _, value) => Some(*value),
            _ => None,
        }
    }
}

/// Labels as pairs, the alert's name first and the others by name: Alertmanager's order.
pub(super) fn sorted_pairs(map: &BTreeMap<String, Value>) -> Vec<(&str, &Value)> {
    let is_name = |name: &str| name == "alertname";
    let named = map.iter().filter(|(name, _)| is_name(name));
    let others = map.iter().filter(|(name, _)| !is_name(name));
    named.chain(others).map(|(name, value)| (name.as_str(), value)).collect()
}
