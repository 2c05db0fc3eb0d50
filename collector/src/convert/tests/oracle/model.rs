//! What the three signals share, written as plainly as can be.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use plimsoll_model::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::config::Config;

/// Rows by table, and the counts beside them.
#[derive(Debug, Default, PartialEq)]
pub(in crate::convert::tests) struct Model {
    pub(super) rows: BTreeMap<&'static str, Vec<Json>>,
    pub(super) received: u64,
    pub(super) refused: BTreeMap<&'static str, u64>,
    pub(super) duplicate_keys: u64,
}

pub(super) type Reason = &'static str;
pub(super) type Attributes = BTreeMap<String, Option<String>>;

impl Model {
    pub(super) fn refuse(&mut self, reason: Reason, count: u64) {
        if count > 0 {
            *self.refused.entry(reason).or_default() += count;
        }
    }

    /// Columns that are null are left out, as in the rows that we compare with.
    pub(super) fn push(&mut self, table: &'static str, row: Json) {
        self.rows.entry(table).or_default().push(without_nulls(row));
    }
}

pub(super) fn without_nulls(row: Json) -> Json {
    match row {
        Json::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(fields.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Json::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// The attributes, and how many came under a key that came again.
pub(super) fn attributes(list: &[KeyValue], config: &Config) -> Result<(Attributes, u64), Reason> {
    if list.len() > config.max_attributes {
        return Err("too_many_attributes");
    }
    let mut map = Attributes::new();
    let mut duplicates = 0;
    for KeyValue { key, value, .. } in list.iter().filter(|entry| entry.key != "db.connection_string") {
        let text = value.as_ref().and_then(text);
        if key.len() > config.max_attribute_bytes
            || text.as_ref().is_some_and(|text| text.len() > config.max_attribute_bytes)
        {
            return Err("attribute_too_long");
        }
        duplicates += u64::from(map.insert(key.clone(), text).is_some());
    }
    add_current(&mut map);
    Ok((map, duplicates))
}

fn add_current(map: &mut Attributes) {
    let old = map.clone();
    let mut add = |old_key: &str, new_key: &str, share: fn(&str) -> Option<&str>| {
        if let Some(value) = old.get(old_key) {
            let value = value.as_deref().and_then(share).map(str::to_owned);
            map.entry(new_key.to_owned()).or_insert(value);
        }
    };
    add("http.method", "http.request.method", |text| Some(text));
    add("http.status_code", "http.response.status_code", |text| Some(text));
    add("http.target", "url.path", |target| target.split('?').next());
    add("http.target", "url.query", |target| target.split_once('?').map(|(_, query)| query));
    add("db.system", "db.system.name", |text| Some(text));
    add("db.sql.table", "db.collection.name", |text| Some(text));
    add("db.cassandra.table", "db.collection.name", |text| Some(text));
}

pub(super) fn text(value: &AnyValue) -> Option<String> {
    Some(match value.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::BytesValue(bytes) => STANDARD.encode(bytes),
        Value::StringValueStrindex(_) => return None,
        other => nested(Some(other)).to_string(),
    })
}

fn nested(value: Option<&Value>) -> Json {
    match value {
        None | Some(Value::StringValueStrindex(_)) => Json::Null,
        Some(Value::StringValue(text)) => json!(text),
        Some(Value::BoolValue(flag)) => json!(flag),
        Some(Value::IntValue(number)) => json!(number),
        Some(Value::DoubleValue(number)) => json!(number),
        Some(Value::BytesValue(bytes)) => json!(STANDARD.encode(bytes)),
        Some(Value::ArrayValue(list)) => list.values.iter().map(|item| nested(item.value.as_ref())).collect(),
        Some(Value::KvlistValue(map)) => {
            let value_of =
                |entry: &KeyValue| nested(entry.value.as_ref().and_then(|value| value.value.as_ref()));
            let sorted: BTreeMap<String, Json> =
                map.values.iter().map(|entry| (entry.key.clone(), value_of(entry))).collect();
            Json::Object(sorted.into_iter().collect())
        }
    }
}

/// The columns that every row under this scope has.
pub(super) fn origin(
    resource: Option<&Resource>,
    resource_url: &str,
    config: &Config,
) -> Result<Map<String, Json>, Reason> {
    let resource = resource.cloned().unwrap_or_default();
    let (map, _) = attributes(&resource.attributes, config)?;
    let service = map.get("service.name").cloned().flatten().filter(|name| !name.is_empty());
    let columns = json!({
        "service_name": service.unwrap_or_else(|| "unknown_service".to_owned()),
        "service_version": map.get("service.version").cloned().flatten(),
        "resource": map,
        "resource_dropped_attributes_count": resource.dropped_attributes_count,
        "resource_schema_url": non_empty(resource_url),
        "schema_url": non_empty(resource_url),
    });
    Ok(columns.as_object().expect("an object").clone())
}

pub(super) fn scoped(
    mut columns: Map<String, Json>,
    scope: Option<&InstrumentationScope>,
    url: &str,
    config: &Config,
) -> Result<Map<String, Json>, Reason> {
    let scope = scope.cloned().unwrap_or_default();
    columns.insert("scope_name".to_owned(), non_empty(&scope.name));
    columns.insert("scope_version".to_owned(), non_empty(&scope.version));
    columns.insert("scope_attributes".to_owned(), json!(attributes(&scope.attributes, config)?.0));
    columns.insert("scope_dropped_attributes_count".to_owned(), json!(scope.dropped_attributes_count));
    if !url.is_empty() {
        columns.insert("schema_url".to_owned(), json!(url));
    }
    Ok(columns)
}

/// `columns` and `more` as one row.
pub(super) fn joined(columns: &Map<String, Json>, more: Json) -> Json {
    let mut row = columns.clone();
    row.extend(more.as_object().expect("an object").clone());
    Json::Object(row)
}

pub(super) fn non_empty(text: &str) -> Json {
    if text.is_empty() { Json::Null } else { json!(text) }
}

pub(super) fn id(bytes: &[u8], length: usize) -> Option<String> {
    (bytes.len() == length && bytes.iter().any(|byte| *byte != 0)).then(|| hex::encode(bytes))
}

pub(super) fn nanos(time: u64) -> Result<i64, Reason> {
    i64::try_from(time).map_err(|_| "time_out_of_range")
}

/// As Arrow's JSON writes a moment.
pub(super) fn moment(nanos: i64) -> Json {
    let time = Timestamp::from_nanos(nanos).to_utc();
    json!(time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}
