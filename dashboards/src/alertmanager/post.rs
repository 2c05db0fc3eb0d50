//! `POST alerts`: what Prometheus, amtool and others state. Those of a batch that are valid are taken, and are in the store
//! when it is answered; the others are named in a 400.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use http::{HeaderMap, StatusCode};
use plimsoll_model::{Alert, Labels, Timestamp};
use serde::Deserialize;

use super::answer::Refusal;
use super::status::Pipeline;
use crate::Faces;

pub(crate) const BODY_LIMIT_BYTES: usize = 8 * 1024 * 1024;
const MAX_ALERTS: usize = 10_000;
/// Of labels, and of annotations, of one alert.
const MAX_PAIRS: usize = 64;
const MAX_NAME_BYTES: usize = 1024;
const MAX_LABEL_BYTES: usize = 4 * 1024;
const MAX_ANNOTATION_BYTES: usize = 32 * 1024;

type Pairs = BTreeMap<String, String>;

/// As it is sent; members that nobody knows are ignored, as there.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Posted {
    labels: Option<Pairs>,
    annotations: Option<Pairs>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
}

pub(super) async fn take(
    State(faces): State<Arc<Faces>>,
    Pipeline(alerting): Pipeline,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(), Refusal> {
    let posted: Vec<Posted> = read(&headers, body)?;
    if posted.len() > MAX_ALERTS {
        return Err(Refusal::Invalid(format!("more than {MAX_ALERTS} alerts in one request")));
    }
    let now = faces.clock.now();
    let statements = posted.into_iter().enumerate().map(|(index, posted)| posted.statement(index, now));
    let statements = statements.collect::<Result<Vec<_>, _>>()?;

    let (mut valid, mut faults) = (Vec::with_capacity(statements.len()), Vec::new());
    for statement in statements {
        match check(&statement) {
            Ok(()) => valid.push(statement),
            Err(fault) => faults.push(fault),
        }
    }
    let left_out = alerting.post(valid, now).await?;
    alerting.wake();
    if left_out > 0 {
        let text = format!("{left_out} alerts were not taken: too many fire at once; send them again");
        return Err(Refusal::Busy(text));
    }
    if faults.is_empty() { Ok(()) } else { Err(Refusal::Invalid(faults.join("; "))) }
}

/// A body of JSON; whoever posts a form is told so.
pub(super) fn read<T: for<'de> Deserialize<'de>>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Refusal> {
    if !crate::sql::is_json(headers) {
        let message = "unsupported media type, only [application/json] are allowed".to_owned();
        return Err(Refusal::Malformed { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, code: 415, message });
    }
    let body = body.map_err(|rejection| Refusal::Malformed {
        status: rejection.status(),
        code: rejection.status().as_u16(),
        message: rejection.body_text(),
    })?;
    serde_json::from_slice(&body)
        .map_err(|error| Refusal::unreadable(format!("parsing the body failed: {error}")))
}

/// Go's zero time means that there is none.
pub(super) fn moment(text: Option<&str>, what: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let moment = Timestamp::parse_rfc3339_saturating(text)
        .ok_or_else(|| Refusal::unreadable(format!("{what} in body is no RFC 3339 time: {text:?}")))?;
    Ok(Some(moment).filter(|moment| *moment > Timestamp::MIN))
}

impl Posted {
    /// With what it leaves out filled in.
    fn statement(self, index: usize, now: Timestamp) -> Result<Alert, Refusal> {
        let labels = self.labels.ok_or_else(|| Refusal::missing(&format!("{index}.labels")))?;
        let generator_url = self.generator_url.unwrap_or_default();
        if !is_uri(&generator_url) {
            return Err(Refusal::not_a(
                &format!("{index}.generatorURL in body"),
                &format!("uri: {generator_url:?}"),
            ));
        }
        let ends_at = moment(self.ends_at.as_deref(), &format!("{index}.endsAt"))?;
        let starts_at = moment(self.starts_at.as_deref(), &format!("{index}.startsAt"))?;
        Ok(Alert {
            labels: labels.into_iter().collect(),
            annotations: self.annotations.unwrap_or_default(),
            starts_at: starts_at.or(ends_at).unwrap_or(now),
            ends_at,
            generator_url,
        })
    }
}

/// Something with a scheme, or a path of the host that it is read on; or nothing.
fn is_uri(text: &str) -> bool {
    let has_scheme = || {
        text.split_once(':').is_some_and(|(scheme, _)| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
            scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(allowed)
        })
    };
    let is_clean = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    is_clean && (text.is_empty() || text.starts_with('/') || has_scheme())
}

/// Alertmanager's checks, and bounds on what one alert may weigh.
fn check(alert: &Alert) -> Result<(), String> {
    if alert.ends_at.is_some_and(|end| end < alert.starts_at) {
        return Err("start time must be before end time".to_owned());
    }
    let labels = |labels: &Labels| bounded(labels.len(), labels.iter(), MAX_LABEL_BYTES);
    labels(&alert.labels).map_err(|fault| format!("invalid label set: {fault}"))?;
    if alert.labels.is_empty() {
        return Err("at least one label pair required".to_owned());
    }
    let annotations = alert.annotations.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    bounded(alert.annotations.len(), annotations, MAX_ANNOTATION_BYTES)
        .map_err(|fault| format!("invalid annotations: {fault}"))?;
    if alert.generator_url.len() > MAX_LABEL_BYTES {
        return Err(format!("the generatorURL has more than {MAX_LABEL_BYTES} bytes"));
    }
    Ok(())
}

fn bounded<'p>(
    count: usize,
    pairs: impl Iterator<Item = (&'p str, &'p str)>,
    max_value_bytes: usize,
) -> Result<(), String> {
    if count > MAX_PAIRS {
        return Err(format!("more than {MAX_PAIRS} of them"));
    }
    for (name, value) in pairs {
        if name.is_empty() {
            return Err("invalid name \"\"".to_owned());
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(format!("a name of more than {MAX_NAME_BYTES} bytes"));
        }
        if value.len() > max_value_bytes {
            return Err(format!("the value of {name:?} has more than {max_value_bytes} bytes"));
        }
    }
    Ok(())
}
