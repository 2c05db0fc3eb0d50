//! `silences` and `silence/{id}`: listed, set, edited, ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};
use plimsoll_alerting::{Filter, Silence, SilenceDraft, SilenceError, SilenceMatcher};
use plimsoll_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::post::{moment, read};
use super::query::Parameters;
use super::status::Pipeline;
use crate::Faces;

pub(super) const BODY_LIMIT_BYTES: usize = 256 * 1024;
const MAX_MATCHERS: usize = 200;

/// As it is sent. Clients send back what they were shown, so what else a silence has is ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Posted {
    id: Option<String>,
    matchers: Option<Vec<PostedMatcher>>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    created_by: Option<String>,
    comment: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostedMatcher {
    name: Option<String>,
    value: Option<String>,
    is_regex: Option<bool>,
    is_equal: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    id: String,
    status: Status,
    updated_at: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    comment: String,
    created_by: String,
    ends_at: String,
    matchers: Vec<SilenceMatcher>,
    starts_at: String,
}

#[derive(Debug, Serialize)]
struct Status {
    state: &'static str,
}

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    id: String,
}

pub(super) async fn list(
    State(faces): State<Arc<Faces>>,
    Pipeline(alerting): Pipeline,
    asked: Parameters,
) -> Result<Json<Vec<Shown>>, Refusal> {
    let now = faces.clock.now();
    let filter = Filter::parse(&asked.all("filter").collect::<Vec<_>>())?;
    let wanted = |silence: &Silence| asked.flag(silence.state(now).as_str(), true);
    let silences = alerting.silences(&filter, now)?;
    Ok(Json(silences.into_iter().filter(wanted).filter_map(|silence| Shown::of(silence, now)).collect()))
}

pub(super) async fn show(
    State(faces): State<Arc<Faces>>,
    Pipeline(alerting): Pipeline,
    Path(Asked { id }): Path<Asked>,
) -> Result<Json<Shown>, Refusal> {
    let now = faces.clock.now();
    let silence = alerting.silence(&uuid(id)?)?;
    silence.and_then(|silence| Shown::of(silence, now)).map(Json).ok_or_else(not_found)
}

pub(super) async fn end(
    State(faces): State<Arc<Faces>>,
    Pipeline(alerting): Pipeline,
    Path(Asked { id }): Path<Asked>,
) -> Result<(), Refusal> {
    alerting.expire_silence(&uuid(id)?, faces.clock.now()).await?;
    alerting.wake();
    Ok(())
}

pub(super) async fn set(
    State(faces): State<Arc<Faces>>,
    Pipeline(alerting): Pipeline,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let posted: Posted = read(&headers, body)?;
    let id = alerting.set_silence(posted.draft()?, faces.clock.now()).await?;
    alerting.wake();
    Ok(Json(json!({"silenceID": id})))
}

impl Posted {
    fn draft(self) -> Result<SilenceDraft, Refusal> {
        let matchers = self.matchers.ok_or_else(|| Refusal::missing("matchers"))?;
        if matchers.is_empty() {
            let message = "matchers in body should have at least 1 items".to_owned();
            return Err(Refusal::Malformed { status: StatusCode::UNPROCESSABLE_ENTITY, code: 612, message });
        }
        if matchers.len() > MAX_MATCHERS {
            return Err(Refusal::Invalid(format!("more than {MAX_MATCHERS} matchers")));
        }
        let starts_at = moment(self.starts_at.as_deref(), "startsAt")?;
        let ends_at = moment(self.ends_at.as_deref(), "endsAt")?;
        let matchers = matchers.into_iter().enumerate().map(|(index, matcher)| matcher.read(index));
        Ok(SilenceDraft {
            id: self.id.filter(|id| !id.is_empty()),
            matcher_sets: vec![matchers.collect::<Result<_, _>>()?],
            starts_at: Some(starts_at.ok_or_else(|| Refusal::missing("startsAt"))?),
            ends_at: ends_at.ok_or_else(|| Refusal::missing("endsAt"))?,
            created_by: self.created_by.ok_or_else(|| Refusal::missing("createdBy"))?,
            comment: self.comment.ok_or_else(|| Refusal::missing("comment"))?,
            annotations: self.annotations.unwrap_or_default(),
        })
    }
}

impl PostedMatcher {
    fn read(self, index: usize) -> Result<SilenceMatcher, Refusal> {
        let missing = |member: &str| Refusal::missing(&format!("matchers.{index}.{member}"));
        Ok(SilenceMatcher {
            name: self.name.filter(|name| !name.is_empty()).ok_or_else(|| missing("name"))?,
            value: self.value.ok_or_else(|| missing("value"))?,
            is_regex: self.is_regex.ok_or_else(|| missing("isRegex"))?,
            is_equal: self.is_equal.unwrap_or(true),
        })
    }
}

impl Shown {
    /// This version of the API knows silences of one set of matchers only.
    fn of(mut silence: Silence, now: Timestamp) -> Option<Self> {
        let state = silence.state(now);
        if silence.matcher_sets.len() > 1 {
            return None;
        }
        Some(Self {
            status: Status { state: state.as_str() },
            matchers: silence.matcher_sets.pop().unwrap_or_default(),
            id: silence.id,
            updated_at: silence.updated_at.to_rfc3339(),
            annotations: silence.annotations,
            comment: silence.comment,
            created_by: silence.created_by,
            ends_at: silence.ends_at.to_rfc3339(),
            starts_at: silence.starts_at.to_rfc3339(),
        })
    }
}

impl From<SilenceError> for Refusal {
    fn from(error: SilenceError) -> Self {
        match error {
            SilenceError::NotFound => not_found(),
            SilenceError::Invalid(text) => Self::Invalid(text),
            SilenceError::Store(error) => error.into(),
        }
    }
}

fn not_found() -> Refusal {
    Refusal::NotFound(SilenceError::NotFound.to_string())
}

fn uuid(id: String) -> Result<String, Refusal> {
    let is_uuid = id.len() == 36
        && id.char_indices().all(|(place, c)| match place {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        });
    if is_uuid { Ok(id) } else { Err(Refusal::not_a("silenceID in path", &format!("uuid: {id:?}"))) }
}
