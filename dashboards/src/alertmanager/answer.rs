//! What is answered when something is wrong, in the shapes that Alertmanager's clients know.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use plimsoll_alerting::{AlertingError, FilterError};
use serde_json::json;

use crate::problem::Problem;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Somebody may not ask, or we are broken: as everywhere in the house.
    Problem(Problem),
    /// What was sent can be read, and makes no sense: its text.
    Invalid(String),
    /// What was sent can't be read, or lacks something: Alertmanager's codes of such faults.
    Malformed { status: StatusCode, code: u16, message: String },
    /// There is none of that name: a text.
    NotFound(String),
    /// Nothing that could have been wrong with the request.
    Busy(String),
}

impl Refusal {
    /// A required member is not there.
    pub(super) fn missing(what: &str) -> Self {
        let message = format!("{what} in body is required");
        Self::Malformed { status: StatusCode::UNPROCESSABLE_ENTITY, code: 602, message }
    }

    /// A member is not of its type.
    pub(super) fn not_a(what: &str, kind: &str) -> Self {
        let message = format!("{what} must be of type {kind}");
        Self::Malformed { status: StatusCode::UNPROCESSABLE_ENTITY, code: 601, message }
    }

    pub(super) fn unreadable(message: String) -> Self {
        Self::Malformed { status: StatusCode::BAD_REQUEST, code: 400, message }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<FilterError> for Refusal {
    fn from(error: FilterError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<AlertingError> for Refusal {
    fn from(error: AlertingError) -> Self {
        match error {
            // The sender's other address is the leader's.
            AlertingError::StandsBy => Self::Busy(error.to_string()),
            error => Self::Problem(Problem::internal(error.to_string())),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Invalid(text) => (StatusCode::BAD_REQUEST, Json(text)).into_response(),
            Self::Malformed { status, code, message } => {
                (status, Json(json!({"code": code, "message": message}))).into_response()
            }
            Self::NotFound(text) => (StatusCode::NOT_FOUND, Json(text)).into_response(),
            Self::Busy(text) => (StatusCode::SERVICE_UNAVAILABLE, Json(text)).into_response(),
        }
    }
}
