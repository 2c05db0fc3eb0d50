//! Attributes as text, so that `attributes['http.route']` reads alike for every sender: strings as they are, numbers
//! and booleans in their JSON form, lists and maps as JSON, bytes as base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde_json::Value as Json;

use super::rejections::ItemReason;
use crate::config::Config;

/// Sorted by key, each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AttributeMap {
    entries: Vec<(String, Option<String>)>,
    pub(super) duplicate_keys: u64,
}

/// It holds passwords, and the conventions have dropped it.
const NEVER_STORED: &str = "db.connection_string";

impl AttributeMap {
    /// Of keys that come twice the last one rules.
    pub(super) fn read(attributes: Vec<KeyValue>, config: &Config) -> Result<Self, ItemReason> {
        if attributes.len() > config.max_attributes {
            return Err(ItemReason::TooManyAttributes);
        }
        let mut map = Self { entries: Vec::with_capacity(attributes.len()), duplicate_keys: 0 };
        for attribute in attributes.into_iter().filter(|attribute| attribute.key != NEVER_STORED) {
            let value = attribute.value.and_then(any_value_text);
            let longest = attribute.key.len().max(value.as_ref().map_or(0, String::len));
            if longest > config.max_attribute_bytes {
                return Err(ItemReason::AttributeTooLong);
            }
            map.entries.push((attribute.key, value));
        }
        map.keep_the_last_of_each_key();
        Ok(map)
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let position = self.entries.binary_search_by(|(known, _)| known.as_str().cmp(key)).ok()?;
        self.entries[position].1.as_deref()
    }

    /// The value under the first of `keys` that is there: the current spelling, then the old ones.
    pub(super) fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value.as_deref()))
    }

    pub(super) fn text_bytes(&self) -> usize {
        self.iter().map(|(key, value)| key.len() + value.map_or(0, str::len)).sum()
    }

    fn keep_the_last_of_each_key(&mut self) {
        let before = self.entries.len();
        // A stable sort keeps what came last behind its namesakes; the dedup then moves it to the front.
        self.entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        self.entries.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        self.duplicate_keys = (before - self.entries.len()) as u64;
    }
}

/// `None` for a value that is there but empty.
pub(super) fn any_value_text(value: AnyValue) -> Option<String> {
    match value.value? {
        Value::StringValue(text) => Some(text),
        Value::BytesValue(bytes) => Some(STANDARD.encode(bytes)),
        // Indexes into a table that only profiles have.
        Value::StringValueStrindex(_) => None,
        Value::DoubleValue(number) => Some(double_text(number)),
        other => Some(json(other).to_string()),
    }
}

/// Nested no deeper than the structural check let through.
fn json(value: Value) -> Json {
    match value {
        Value::StringValue(text) => Json::String(text),
        Value::BoolValue(flag) => Json::Bool(flag),
        Value::IntValue(number) => Json::from(number),
        Value::DoubleValue(number) if number.is_finite() => Json::from(number),
        Value::DoubleValue(number) => Json::String(double_text(number)),
        Value::BytesValue(bytes) => Json::String(STANDARD.encode(bytes)),
        Value::ArrayValue(list) => list.values.into_iter().map(nested).collect(),
        Value::KvlistValue(list) => {
            list.values.into_iter().map(|entry| (entry.key, entry.value.map_or(Json::Null, nested))).collect()
        }
        Value::StringValueStrindex(_) => Json::Null,
    }
}

fn nested(value: AnyValue) -> Json {
    value.value.map_or(Json::Null, json)
}

/// As proto3 JSON spells them; JSON itself has no such numbers.
fn double_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        Json::from(number).to_string()
    }
}
