//! The page behind the one-time link of a message. Opening it changes nothing, for mail scanners open links; its button
//! sends the form that acknowledges. The token in the address is what a stranger's page doesn't know.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use plimsoll_alerting::{Alerting, LinkState, LinkedIncident};
use plimsoll_model::TenantName;

use crate::Faces;
use crate::problem::Problem;

/// No script, no image, and a form that leads back here only.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// `GET /i/TOKEN` and, of another tenant than the default one, `GET /t/TENANT/i/TOKEN`.
pub(crate) async fn show(State(faces): State<Arc<Faces>>, Path(path): Path<Vec<String>>) -> Response {
    answer(&faces, path, Step::Look).await
}

/// The same address, confirmed.
pub(crate) async fn confirm(State(faces): State<Arc<Faces>>, Path(path): Path<Vec<String>>) -> Response {
    answer(&faces, path, Step::Confirm).await
}

#[derive(Clone, Copy)]
enum Step {
    Look,
    Confirm,
}

async fn answer(faces: &Faces, mut path: Vec<String>, step: Step) -> Response {
    let token = path.pop().unwrap_or_default();
    let tenant = path.pop().map_or_else(|| Some(TenantName::default()), |name| name.parse().ok());
    let Some(alerting) = tenant.and_then(|tenant| faces.alerting.get(&tenant)) else {
        return page(&LinkState::Unknown, step);
    };
    match state(alerting, &token, step, faces).await {
        Ok(state) => page(&state, step),
        Err(error) => Problem::internal(error.to_string()).into_response(),
    }
}

async fn state(
    alerting: &Alerting,
    token: &str,
    step: Step,
    faces: &Faces,
) -> Result<LinkState, plimsoll_alerting::AlertingError> {
    let now = faces.clock.now();
    match step {
        Step::Look => alerting.link(token, now).await,
        Step::Confirm => {
            let state = alerting.use_link(token, now).await?;
            alerting.wake();
            Ok(state)
        }
    }
}

fn page(state: &LinkState, step: Step) -> Response {
    let (status, title, body) = match (state, step) {
        (LinkState::Unknown, _) => (
            StatusCode::NOT_FOUND,
            "This link leads nowhere",
            "<p>It is mistyped, older than a week, or its incident is gone.</p>".to_owned(),
        ),
        (LinkState::Used { incident }, _) => (
            StatusCode::GONE,
            "This link is spent",
            format!("{}<p>A link works once, and as long as its incident is open.</p>", about(incident)),
        ),
        (LinkState::Open { incident }, Step::Confirm) => {
            (StatusCode::OK, "Acknowledged", format!("{}<p>Nobody else is woken.</p>", about(incident)))
        }
        (LinkState::Open { incident }, Step::Look) => (
            StatusCode::OK,
            "Acknowledge this incident?",
            format!(
                "{}<form method=\"post\"><button type=\"submit\">Acknowledge for {}</button></form>",
                about(incident),
                escaped(&incident.receiver)
            ),
        ),
    };
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/assets/runbook.css\"></head><body><main><h1>{title}</h1>{body}</main></body></html>\n"
    );
    // A form's POST says where it comes from only to pages that may be told.
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (status, headers, html).into_response()
}

fn about(incident: &LinkedIncident) -> String {
    let by = incident.acknowledged_by.as_ref().map(|by| format!(" by {}", escaped(by))).unwrap_or_default();
    format!(
        "<p><strong>{}</strong></p><p>{} is {}{by}.</p>",
        escaped(&incident.summary),
        escaped(&incident.incident_id),
        incident.state.as_str()
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
