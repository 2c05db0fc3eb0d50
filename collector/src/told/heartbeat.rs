//! `POST /v1/heartbeats/NAME`: a backup or a batch job says that it is alive, and how often it will say so.

use plimsoll_model::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    check_moment, check_text, digest, further, interval, malformed, number_attribute, record, text_attribute,
};
use crate::refusal::{Refusal, RequestReason};
use crate::senders::Beat;

const MAX_NAME_BYTES: usize = 100;

/// As it is written; all of it may be left out, and so may the body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    id: Option<String>,
    /// When the next one is due: "1d", or seconds.
    every: Option<Value>,
    outcome: Option<String>,
    message: Option<String>,
    /// How long the job took, in seconds.
    duration: Option<f64>,
    time: Option<String>,
    attributes: Map<String, Value>,
}

#[derive(Debug)]
pub(super) struct Heartbeat {
    pub(super) beat: Beat,
    message: String,
    attributes: Vec<Value>,
}

/// The query may say `every`, `outcome` and `message` for whoever has no JSON at hand.
pub(super) fn read(
    name: &str,
    query: Option<&str>,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Heartbeat, Refusal> {
    check_name(name)?;
    let mut written = match bytes.trim_ascii() {
        [] => Written::default(),
        body => object(body)?,
    };
    for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*key {
            "every" => written.every = Some(Value::String(value.into_owned())),
            "outcome" => written.outcome = Some(value.into_owned()),
            "message" => written.message = Some(value.into_owned()),
            other => {
                return Err(malformed(&format!(
                    "the address says {other}; it may say every, outcome and message"
                )));
            }
        }
    }
    written.check(name, now)
}

/// A list would pass for an object of which the names are left out.
fn object(body: &[u8]) -> Result<Written, Refusal> {
    serde_json::from_slice(body)
        .and_then(|object: Map<String, Value>| serde_json::from_value(object.into()))
        .map_err(|error| {
            malformed(&format!(
                "{error}; a heartbeat is like {{\"every\": \"1d\", \"outcome\": \"ok\", \"duration\": 840}}"
            ))
        })
}

impl Written {
    fn check(self, name: &str, now: Timestamp) -> Result<Heartbeat, Refusal> {
        let every = self.every.as_ref().map(|every| {
            let text = every.as_str().map_or_else(|| every.to_string(), str::to_owned);
            interval(&text).ok_or_else(|| {
                malformed(&format!(
                    "every is {every}; write it like \"15m\", \"24h\" or \"1d\", from 1 second to 400 days"
                ))
            })
        });
        let every = every.transpose()?;
        let time = self.time.as_deref().map(|text| check_moment("time", text)).transpose()?.unwrap_or(now);
        let has_failed = match self.outcome.as_deref() {
            None | Some("ok") => false,
            Some("failed") => true,
            Some(other) => {
                return Err(malformed(&format!("outcome must be \"ok\" or \"failed\", not \"{other}\"")));
            }
        };
        if self.duration.is_some_and(|seconds| !seconds.is_finite() || seconds < 0.0) {
            return Err(malformed("duration must be a number of seconds"));
        }
        let message = self.message.clone().unwrap_or_default();
        check_text("message", &message)?;
        let failure =
            || if message.is_empty() { "it said that it failed".to_owned() } else { message.clone() };
        let beat = Beat { name: name.to_owned(), time, every, failure: has_failed.then(failure) };
        Ok(Heartbeat { attributes: self.attributes(&beat)?, beat, message })
    }

    fn attributes(&self, beat: &Beat) -> Result<Vec<Value>, Refusal> {
        let outcome = if beat.failure.is_some() { "failed" } else { "ok" };
        let id = self.id.clone().unwrap_or_else(|| digest(&format!("{}:{}", beat.name, beat.time.nanos())));
        check_text("id", &id)?;
        let mut attributes = vec![
            text_attribute("event.id", &format!("heartbeat:{id}")),
            text_attribute("heartbeat.name", &beat.name),
            text_attribute("business.outcome", outcome),
            text_attribute("business.workload", "scheduled"),
        ];
        attributes.extend(beat.every.map(|every| number_attribute("heartbeat.every", every.as_secs_f64())));
        attributes.extend(self.duration.map(|seconds| number_attribute("business.duration", seconds)));
        attributes.extend(further(&self.attributes)?);
        Ok(attributes)
    }
}

impl Heartbeat {
    pub(super) fn record(&self) -> Value {
        let has_failed = self.beat.failure.is_some();
        record("heartbeat.received", self.beat.time, has_failed, &self.message, self.attributes.clone())
    }

    pub(super) fn answer(&self) -> Value {
        let due = self.beat.every.map(|every| (self.beat.time + every).to_rfc3339());
        json!({"name": self.beat.name, "next_due": due})
    }
}

pub(super) fn too_many_names() -> Refusal {
    let most = crate::senders::MAX_NAMES;
    let message = format!(
        "{most} heartbeats have names already; give a job the same name each time, and put what differs into attributes"
    );
    Refusal::new(RequestReason::Quota, message)
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.chars().all(fits) {
        return Ok(());
    }
    Err(malformed(&format!(
        "a heartbeat's name is 1 to {MAX_NAME_BYTES} letters, digits, \"-\", \"_\" and \".\", like nightly-backup"
    )))
}
