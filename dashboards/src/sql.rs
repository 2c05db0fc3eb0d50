//! `POST /api/v1/sql`: one statement in, rows out as JSON, CSV or an Arrow stream. The fence and the limits are
//! `query`'s; here requests are read and answers are written.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use plimsoll_model::TenantName;
use plimsoll_query::Param;
use serde::Deserialize;
use serde_json::Value;

use crate::Faces;
use crate::format::Format;
use crate::problem::Problem;
use crate::tenant;

pub(crate) const BODY_LIMIT_BYTES: usize = 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    sql: String,
    #[serde(default)]
    params: Vec<Value>,
    #[serde(default = "default_tenant")]
    tenant: String,
}

pub(crate) async fn answer(
    State(faces): State<Arc<Faces>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    ask(&faces, &headers, body).await.unwrap_or_else(Problem::into_response)
}

async fn ask(
    faces: &Faces,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let format = Format::accepted_by(headers)?;
    let question = read(headers, body)?;
    let engine = tenant::engine(faces, headers, &question.tenant)?;
    let params = question.params.iter().enumerate().map(param).collect::<Result<Vec<_>, _>>()?;
    let output = engine.sql(&question.sql, &params).await?;
    format.respond(&output)
}

fn read(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Question, Problem> {
    if !is_json(headers) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "urn:plimsoll:unsupported-media-type",
            "The request is not JSON",
            "send the statement as {\"sql\": \"...\"} with Content-Type: application/json",
        ));
    }
    let body = body.map_err(too_large_or_broken)?;
    serde_json::from_slice(&body).map_err(|error| Problem::bad_request(format!("the body: {error}")))
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn too_large_or_broken(rejection: BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "urn:plimsoll:too-large",
            "The request is too large",
            format!("a statement and its parameters have at most {BODY_LIMIT_BYTES} bytes"),
        );
    }
    Problem::bad_request(rejection.body_text())
}

/// JSON knows no moments: a timestamp is sent as text and cast in the statement.
fn param((index, value): (usize, &Value)) -> Result<Param, Problem> {
    let refuse = |why: &str| Problem::bad_request(format!("parameter ${} {why}", index + 1));
    match value {
        Value::Null => Ok(Param::Null),
        Value::Bool(value) => Ok(Param::Bool(*value)),
        Value::String(text) => Ok(Param::Text(text.clone())),
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map(Param::Float).ok_or_else(|| refuse("is not a number that fits 64 bits"))
        }
        Value::Number(number) => {
            number.as_i64().map(Param::Int).ok_or_else(|| refuse("is beyond 64 bits with a sign"))
        }
        Value::Array(_) | Value::Object(_) => {
            Err(refuse("is a list or an object; use null, a boolean, a number or text"))
        }
    }
}

pub(crate) fn default_tenant() -> String {
    TenantName::default().to_string()
}
