//! `GET /api/v1/explain`: why an alert was, or was not, told. The answer is made of the table `decisions` alone, as JSON and as
//! sentences, and names the statement that shows the rows.

mod choose;
mod episode;
mod kept_back;
mod story;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use plimsoll_model::Timestamp;
use plimsoll_query::{Param, QueryEngine};
use serde::de::DeserializeOwned;

use crate::Faces;
use crate::problem::Problem;
use crate::sql::default_tenant;
use crate::tenant;

/// Answers with the story of one alert, or with those that the name may mean.
pub(crate) async fn answer(
    State(faces): State<Arc<Faces>>,
    headers: HeaderMap,
    keys: Result<Query<BTreeMap<String, String>>, QueryRejection>,
) -> Response {
    explain(&faces, &headers, keys).await.unwrap_or_else(Problem::into_response)
}

async fn explain(
    faces: &Faces,
    headers: &HeaderMap,
    keys: Result<Query<BTreeMap<String, String>>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(mut keys) = keys.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let tenant = keys.remove("tenant").unwrap_or_else(default_tenant);
    let engine = tenant::engine(faces, headers, &tenant)?;
    let wanted = keys.remove("alert").ok_or_else(|| {
        Problem::bad_request("say which: ?alert=NAME, an SLO, a fingerprint, or matchers such as alertname=\"X\",warehouse=\"ROT\"")
    })?;
    let at = match keys.remove("at") {
        Some(text) => Timestamp::parse_rfc3339(&text)
            .ok_or_else(|| Problem::bad_request(format!("at={text} is no moment: write it in RFC 3339")))?,
        None => faces.clock.now(),
    };
    if let Some(unknown) = keys.keys().next() {
        return Err(Problem::bad_request(format!("`{unknown}` is not asked here: alert, at and tenant are")));
    }
    let found = choose::candidates(engine, &wanted, at).await?;
    match found.as_slice() {
        [] => Err(Problem::not_found(choose::nothing(engine, &wanted, at).await?)),
        [one] => Ok(Json(story::tell(engine, one, at).await?).into_response()),
        several => Ok(Json(choose::ambiguous(&wanted, several)).into_response()),
    }
}

/// Rows as values of ours.
async fn rows<T: DeserializeOwned>(
    engine: &QueryEngine,
    sql: &str,
    params: &[Param],
) -> Result<Vec<T>, Problem> {
    let answer = engine.sql(sql, params).await?.to_json()?;
    serde_json::from_slice(&answer).map_err(|error| Problem::internal(error.to_string()))
}
