//! `POST /v1/changes`: a deployment, a migration, a maintenance window, as the pipeline that makes it tells it.

use plimsoll_model::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{check_moment, check_text, digest, further, malformed, record, text_attribute};
use crate::refusal::Refusal;

const MAX_CHANGES: usize = 100;

/// As it is written. Everything but `kind` and `entity` may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    id: Option<String>,
    kind: String,
    entity: String,
    version: Option<String>,
    summary: Option<String>,
    url: Option<String>,
    author: Option<String>,
    started: Option<String>,
    ended: Option<String>,
    outcome: Option<String>,
    attributes: Map<String, Value>,
}

/// A change that was found good.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) id: String,
    time: Timestamp,
    has_failed: bool,
    title: String,
    attributes: Vec<Value>,
}

/// One change, or a list of them.
pub(super) fn read(bytes: &[u8], now: Timestamp) -> Result<Vec<Change>, Refusal> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| malformed(&format!("the body is not JSON: {error}")))?;
    let written = match value {
        Value::Array(changes) => changes,
        one => vec![one],
    };
    if written.is_empty() || written.len() > MAX_CHANGES {
        return Err(malformed(&format!("send 1 to {MAX_CHANGES} changes a request, not {}", written.len())));
    }
    written.into_iter().map(|change| check(change, now)).collect()
}

fn check(value: Value, now: Timestamp) -> Result<Change, Refusal> {
    let content = value.to_string();
    let object: Result<Map<String, Value>, _> = serde_json::from_value(value);
    let written = object.and_then(|object| serde_json::from_value(object.into()));
    let written: Written = written.map_err(|error| {
        malformed(&format!(
            "{error}; a change is like {{\"kind\": \"deployment\", \"entity\": \"odoo\", \"version\": \"18.0.4\"}}"
        ))
    })?;
    check_word("kind", &written.kind)?;
    if written.entity.is_empty() {
        return Err(malformed("entity is missing: name what was changed, a service, a host, a module"));
    }
    if !matches!(written.outcome.as_deref(), None | Some("ok" | "failed")) {
        return Err(malformed("outcome must be \"ok\" or \"failed\", or left out while nobody knows"));
    }
    let started = written.started.as_deref().map(|text| check_moment("started", text)).transpose()?;
    let ended = written.ended.as_deref().map(|text| check_moment("ended", text)).transpose()?;
    if let (Some(started), Some(ended)) = (started, ended)
        && ended < started
    {
        return Err(malformed("ended lies before started"));
    }
    let id = written.id.clone().unwrap_or_else(|| digest(&content));
    let mut attributes = written.attributes(&id, &digest(&content))?;
    attributes.extend(further(&written.attributes)?);
    Ok(Change {
        // What is planned was told now.
        time: started.map_or(now, |started| started.min(now)),
        has_failed: written.outcome.as_deref() == Some("failed"),
        title: written.title(),
        id,
        attributes,
    })
}

impl Written {
    fn attributes(&self, id: &str, content: &str) -> Result<Vec<Value>, Refusal> {
        let texts = [
            ("change.id", Some(id)),
            ("change.kind", Some(&*self.kind)),
            ("change.entity", Some(&*self.entity)),
            ("change.version", self.version.as_deref()),
            ("change.summary", self.summary.as_deref()),
            ("change.url", self.url.as_deref()),
            ("change.author", self.author.as_deref()),
            ("change.started", self.started.as_deref()),
            ("change.ended", self.ended.as_deref()),
            ("business.outcome", self.outcome.as_deref()),
        ];
        let mut attributes = vec![text_attribute("event.id", &format!("{id}:{content}"))];
        for (key, text) in texts {
            let Some(text) = text else { continue };
            check_text(key.trim_start_matches("change."), text)?;
            attributes.push(text_attribute(key, text));
        }
        Ok(attributes)
    }

    fn title(&self) -> String {
        let version = self.version.as_deref().unwrap_or_default();
        format!("{} of {} {version}", self.kind.replace('_', " "), self.entity).trim_end().to_owned()
    }
}

impl Change {
    pub(super) fn record(&self) -> Value {
        record("change.recorded", self.time, self.has_failed, &self.title, self.attributes.clone())
    }
}

fn check_word(field: &str, word: &str) -> Result<(), Refusal> {
    let is_word = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_';
    if !word.is_empty() && word.len() <= 64 && word.bytes().all(is_word) {
        return Ok(());
    }
    Err(malformed(&format!(
        "{field} must be a word like deployment, module_upgrade, migration, configuration, backup, maintenance, freeze or drift, \
         not \"{word}\""
    )))
}
