//! What other programs watch and steer us by: `/-/healthy`, `/-/ready`, `/-/reload` and `/metrics`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;

use crate::problem::Problem;
use crate::{Faces, metrics};

#[derive(Debug, Serialize)]
struct Condition {
    status: &'static str,
    version: &'static str,
    /// The process's own time; the demo's runs ahead of the wall's.
    now: String,
    parts: Vec<Part>,
}

#[derive(Debug, Serialize)]
struct Part {
    name: String,
    healthy: bool,
    /// What is wrong with it, absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

/// 200 when every part does its work, 503 otherwise; the body names each part and what is wrong with it.
pub(crate) async fn healthy(State(faces): State<Arc<Faces>>) -> Response {
    let parts: Vec<Part> = faces
        .health
        .parts()
        .into_iter()
        .map(|(name, trouble)| Part { name, healthy: trouble.is_none(), trouble })
        .collect();
    let (code, status) = if parts.iter().all(|part| part.healthy) {
        (StatusCode::OK, "healthy")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unwell")
    };
    let now = faces.clock.now().to_rfc3339();
    (code, Json(Condition { status, version: faces.version, now, parts })).into_response()
}

/// 200 when a question gets an answer and what is sent can be kept. The listener opens only after the log was replayed.
pub(crate) async fn ready(State(faces): State<Arc<Faces>>) -> Response {
    if let Some(reason) = faces.health.not_ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response();
    }
    match faces.databases.default_engine().sql("SELECT 1", &[]).await {
        Ok(_) => {
            let notes = faces.health.notes().into_iter().map(|note| note + "\n");
            (StatusCode::OK, std::iter::once("ready\n".to_owned()).chain(notes).collect::<String>())
                .into_response()
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {error}\n")).into_response(),
    }
}

/// `POST /-/reload`: 200 when the files are in force, 500 with every finding when one of them is wrong and nothing has
/// changed, as Prometheus and Alertmanager answer.
pub(crate) async fn reload(State(faces): State<Arc<Faces>>) -> Response {
    match faces.reload.reload().await {
        Ok(left_alone) if left_alone.is_empty() => (StatusCode::OK, "reloaded\n".to_owned()).into_response(),
        Ok(left_alone) => {
            let text = format!("reloaded; these changed and wait for a restart: {}\n", left_alone.join(", "));
            (StatusCode::OK, text).into_response()
        }
        Err(findings) => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "urn:plimsoll:reload-refused",
            "The files are not in force: everything stays as it was",
            findings,
        )
        .into_response(),
    }
}

pub(crate) async fn metrics(State(faces): State<Arc<Faces>>) -> Response {
    let text = metrics::render(&faces.metrics.samples());
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}
