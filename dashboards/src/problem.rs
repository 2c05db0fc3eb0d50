//! Errors as RFC 9457 problem documents: the one place where they turn into HTTP.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use plimsoll_query::QueryError;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// What programs tell problems apart by: stable, unlike the texts.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
}

/// Where in the statement, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Position {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { kind, title, status, detail: detail.into(), position: None }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:plimsoll:bad-request", "The request is not valid", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "urn:plimsoll:not-found", "There is nothing here", detail)
    }

    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        let detail = detail.into();
        tracing::error!(error = detail, "a request failed for a reason of our own");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "urn:plimsoll:internal", "Something broke here", detail)
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Invalid { message, line, column } => {
                let kind = "urn:plimsoll:sql-invalid";
                let problem = Self::new(StatusCode::BAD_REQUEST, kind, "The statement is not valid", message);
                Self { position: line.map(|line| Position { line, column }), ..problem }
            }
            QueryError::Refused(reason) => {
                let kind = "urn:plimsoll:sql-refused";
                Self::new(StatusCode::FORBIDDEN, kind, "The statement is not allowed", reason)
            }
            QueryError::Limit(reason) => {
                let kind = "urn:plimsoll:sql-limit";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, "The query was stopped at a limit", reason)
            }
            QueryError::Internal(reason) => Self::internal(reason),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("a problem has only text keys");
        let content_type = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, content_type)], body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            // Makes browsers ask; programs may send a bearer.
            let ask = HeaderValue::from_static("Basic realm=\"plimsoll\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
        }
        response
    }
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(error: QueryError) -> serde_json::Value {
        serde_json::to_value(Problem::from(error)).expect("serializes")
    }

    #[test]
    fn each_query_error_has_its_status() {
        let invalid = QueryError::Invalid { message: "x".into(), line: None, column: None };
        assert_eq!(json(invalid)["status"], 400);
        assert_eq!(json(QueryError::Refused("x".into()))["status"], 403);
        assert_eq!(json(QueryError::Limit("x".into()))["status"], 422);
        assert_eq!(json(QueryError::Internal("x".into()))["status"], 500);
    }

    #[test]
    fn a_position_is_told_when_it_is_known_and_left_out_otherwise() {
        let at = |line, column| json(QueryError::Invalid { message: "x".into(), line, column });
        assert_eq!(at(Some(2), Some(7))["position"], serde_json::json!({"line": 2, "column": 7}));
        assert_eq!(at(None, None).get("position"), None);
    }
}
