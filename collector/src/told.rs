//! What pipelines and jobs tell us with a `curl`: changes and signs of life, as small JSON of our own. Each becomes the
//! OTLP log record that any client could have sent, and goes the same way.

mod change;
mod heartbeat;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::post;
use axum::{Router, http::Uri};
use http::HeaderMap;
use plimsoll_model::{Signal, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::admission::Received;
use crate::body::receive;
use crate::collector::{Collector, Parcel};
use crate::http::{answer_json, refuse_json};
use crate::refusal::{Refusal, RequestReason};
use crate::senders::{CHANGES, HEARTBEATS};
use crate::tenant::Resident;
use crate::wire::Encoding;

/// A hundred changes with long summaries are smaller.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Longer texts are cut nowhere: who sends one hears of it.
const MAX_TEXT_BYTES: usize = 4096;

pub(crate) fn routes(router: Router<Collector>) -> Router<Collector> {
    router.route("/v1/changes", post(changes)).route("/v1/heartbeats/{name}", post(heartbeats))
}

async fn changes(State(collector): State<Collector>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    answer(&collector, async {
        let (resident, bytes) = take(&collector, &parts.headers, body).await?;
        let told = change::read(&bytes, collector.now())?;
        store(&collector, &resident, CHANGES, told.iter().map(change::Change::record)).await?;
        let ids: Vec<Value> = told.iter().map(|change| json!({"id": change.id})).collect();
        Ok(json!({"changes": ids}))
    })
    .await
}

async fn heartbeats(
    State(collector): State<Collector>,
    Path(name): Path<String>,
    uri: Uri,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    answer(&collector, async {
        let (resident, bytes) = take(&collector, &parts.headers, body).await?;
        let told = heartbeat::read(&name, uri.query(), &bytes, collector.now())?;
        if !resident.heartbeats.has_room_for(&told.beat.name) {
            return Err(heartbeat::too_many_names());
        }
        store(&collector, &resident, HEARTBEATS, [told.record()]).await?;
        resident.heartbeats.beat(told.beat.clone());
        Ok(told.answer())
    })
    .await
}

async fn answer(collector: &Collector, work: impl Future<Output = Result<Value, Refusal>>) -> Response {
    match collector.counted(Signal::Logs, work).await {
        Ok(value) => answer_json(&value),
        Err(refusal) => refuse_json(&refusal),
    }
}

async fn take(
    collector: &Collector,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Arc<Resident>, Vec<u8>), Refusal> {
    let resident = collector.admit(headers)?;
    if headers.contains_key(http::header::CONTENT_ENCODING) {
        let message = "send the JSON as it is, without Content-Encoding";
        return Err(Refusal::new(RequestReason::ContentEncoding, message));
    }
    let Received { bytes, .. } = receive(body, MAX_BODY_BYTES, resident.admission.lease()).await?;
    Ok((resident, bytes))
}

/// All of them or none: they are one request.
async fn store(
    collector: &Collector,
    resident: &Arc<Resident>,
    service: &str,
    records: impl IntoIterator<Item = Value>,
) -> Result<(), Refusal> {
    let records: Vec<Value> = records.into_iter().collect();
    let request = json!({"resourceLogs": [{
        "resource": {"attributes": [text_attribute("service.name", service)]},
        "scopeLogs": [{"scope": {"name": service}, "logRecords": records}],
    }]});
    let (bytes, lease) = (request.to_string().into_bytes(), resident.admission.lease());
    let parcel = Parcel::plain(Signal::Logs, Encoding::Json, bytes, lease)?;
    let outcome = collector.ingest(Arc::clone(resident), parcel).await?;
    match outcome.rejected {
        0 => Ok(()),
        _ => Err(Refusal::new(RequestReason::Malformed, outcome.message)),
    }
}

/// An OTLP log record with an event name.
fn record(event_name: &str, time: Timestamp, is_bad: bool, body: &str, attributes: Vec<Value>) -> Value {
    let (number, text) = if is_bad { (17, "ERROR") } else { (9, "INFO") };
    json!({
        "timeUnixNano": time.nanos().to_string(),
        "eventName": event_name,
        "severityNumber": number,
        "severityText": text,
        "body": {"stringValue": body},
        "attributes": attributes,
    })
}

fn text_attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn number_attribute(key: &str, value: f64) -> Value {
    json!({"key": key, "value": {"doubleValue": value}})
}

/// What the sender adds under names of its own.
fn further(attributes: &serde_json::Map<String, Value>) -> Result<Vec<Value>, Refusal> {
    attributes.iter().map(|(key, value)| further_one(key, value)).collect()
}

fn further_one(key: &str, value: &Value) -> Result<Value, Refusal> {
    let value = match value {
        Value::String(text) => json!({"stringValue": text}),
        Value::Bool(truth) => json!({"boolValue": truth}),
        Value::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
        Value::Number(number) => json!({"doubleValue": number}),
        _ => {
            let problem = format!("attributes.{key} must be a text, a number or true or false");
            return Err(malformed(&problem));
        }
    };
    Ok(json!({"key": key, "value": value}))
}

fn malformed(problem: &str) -> Refusal {
    Refusal::new(RequestReason::Malformed, problem.to_owned())
}

fn check_text(field: &str, text: &str) -> Result<(), Refusal> {
    if text.len() <= MAX_TEXT_BYTES {
        return Ok(());
    }
    Err(malformed(&format!(
        "{field} has {} bytes; at most {MAX_TEXT_BYTES} are kept: shorten it",
        text.len()
    )))
}

fn check_moment(field: &str, text: &str) -> Result<Timestamp, Refusal> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| {
        malformed(&format!("{field} is \"{text}\"; write it as RFC 3339, like 2026-11-21T09:30:00Z"))
    })
}

/// The same for the same content: what is sent again after a time-out is one fact.
fn digest(content: &str) -> String {
    hex::encode(&Sha256::digest(content.as_bytes())[..8])
}

/// "90s", "15m", "24h", "1d", or seconds.
fn interval(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let number: f64 = digits.parse().ok()?;
    let unit = match text.strip_prefix(digits)? {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        _ => return None,
    };
    let longest = Duration::from_hours(400 * 24).as_secs_f64();
    Some(number * unit).filter(|secs| (1.0..=longest).contains(secs)).map(Duration::from_secs_f64)
}

#[cfg(test)]
mod tests;
