//! Incidents for those who act on them: one with everything that is known of it, and what can be done to it.
//!
//! A browser sends what any page tells it to, so an action that says where it comes from (`Origin`, `Sec-Fetch-Site`) must
//! also show a token in `Authorization: Bearer`, which no page can make a browser add by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use http::{HeaderMap, StatusCode, header};
use plimsoll_alerting::{Acted, Actor, Alerting, IncidentAction, IncidentDetail, Way};
use serde::Deserialize;

use crate::problem::Problem;
use crate::sql::default_tenant;
use crate::{Faces, tenant};

/// Names of ours, under which a caller says that it is one of our own programs.
const CLIENT: &str = "plimsoll-client";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    #[serde(default = "default_tenant")]
    tenant: String,
}

/// What an action may say; an empty body says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Said {
    /// Who acts.
    by: Option<String>,
    /// The text of a note.
    note: Option<String>,
}

/// `GET /api/v1/incidents/ID`.
pub(crate) async fn show(
    State(faces): State<Arc<Faces>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Json<IncidentDetail>, Problem> {
    let alerting = alerting(&faces, &headers, whose)?;
    detail(alerting, &id)
}

/// `POST /api/v1/incidents/ID/ack`, `unack`, `resolve` and `note`, with `{"by": ..., "note": ...}`. Answers with the
/// incident as it is then.
pub(crate) async fn act(
    State(faces): State<Arc<Faces>>,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    whose: Result<Query<Whose>, QueryRejection>,
    body: Bytes,
) -> Result<Json<IncidentDetail>, Problem> {
    let alerting = alerting(&faces, &headers, whose)?;
    refuse_foreign_pages(&headers)?;
    let said = said(&body)?;
    let action = action(&verb, said.note)?;
    let way = if headers.contains_key(CLIENT) { Way::Cli } else { Way::Api };
    let actor = Actor::new(said.by.as_deref().unwrap_or("somebody"), way);
    let acted = alerting.act_on_incident(&id, action, actor, faces.clock.now()).await;
    match acted.map_err(|error| Problem::internal(error.to_string()))? {
        Acted::Done => {
            alerting.wake();
            detail(alerting, &id)
        }
        Acted::NotFound => Err(not_found(&id)),
        Acted::Refused(reason) => Err(Problem::new(
            StatusCode::CONFLICT,
            "urn:plimsoll:incident-state",
            "The incident is not in a state for this",
            reason,
        )),
    }
}

fn alerting<'f>(
    faces: &'f Faces,
    headers: &HeaderMap,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<&'f Alerting, Problem> {
    let Query(whose) = whose.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    tenant::alerting(faces, headers, &whose.tenant)
}

fn detail(alerting: &Alerting, id: &str) -> Result<Json<IncidentDetail>, Problem> {
    let found = alerting.incident(id).map_err(|error| Problem::internal(error.to_string()))?;
    found.map(Json).ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> Problem {
    Problem::not_found(format!("there is no incident {id:?}; /api/v1/incidents lists them"))
}

pub(crate) fn refuse_foreign_pages(headers: &HeaderMap) -> Result<(), Problem> {
    let is_browser = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shows_token = authorization
        .is_some_and(|value| value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer ")));
    if !is_browser || shows_token {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "urn:plimsoll:browser-without-token",
        "A browser may not do this without a token",
        "use the link of the message, `plimsoll incident`, or send \"Authorization: Bearer TOKEN\"",
    ))
}

fn said(body: &[u8]) -> Result<Said, Problem> {
    if body.is_empty() {
        return Ok(Said::default());
    }
    serde_json::from_slice(body).map_err(|error| {
        Problem::bad_request(format!("the body is not {{\"by\": ..., \"note\": ...}}: {error}"))
    })
}

fn action(verb: &str, note: Option<String>) -> Result<IncidentAction, Problem> {
    let actions: BTreeMap<&str, IncidentAction> = [
        ("ack", IncidentAction::Acknowledge),
        ("unack", IncidentAction::Unacknowledge),
        ("resolve", IncidentAction::Resolve),
        ("note", IncidentAction::Note(note.unwrap_or_default())),
    ]
    .into();
    actions.get(verb).cloned().ok_or_else(|| {
        Problem::not_found(format!(
            "an incident has no action {verb:?}: they are ack, unack, resolve and note"
        ))
    })
}
