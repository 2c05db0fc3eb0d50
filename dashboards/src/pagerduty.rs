//! `POST /api/v1/pagerduty/webhook`: what people did to an incident in PagerDuty. The signature is the door: no token is
//! asked for, and nothing is done without it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use plimsoll_alerting::PagerDutyAnswer;
use plimsoll_model::TenantName;

use crate::Faces;
use crate::problem::Problem;

/// An event is some kilobytes.
pub(crate) const BODY_LIMIT_BYTES: usize = 256 << 10;
const SIGNATURE: &str = "x-pagerduty-signature";

pub(crate) async fn take(
    State(faces): State<Arc<Faces>>,
    Query(keys): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let tenant = match keys.get("tenant") {
        Some(name) => name.parse::<TenantName>().ok(),
        None => Some(TenantName::default()),
    };
    let signatures = headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(alerting) = tenant.and_then(|tenant| faces.alerting.get(&tenant)) else {
        return not_signed().into_response();
    };
    match alerting.pagerduty_webhook(&body, signatures, faces.clock.now()).await {
        Ok(PagerDutyAnswer::Done) => {
            alerting.wake();
            StatusCode::NO_CONTENT.into_response()
        }
        Ok(PagerDutyAnswer::Ignored(reason)) => {
            tracing::debug!(reason, "a webhook of PagerDuty's changed nothing");
            StatusCode::NO_CONTENT.into_response()
        }
        Ok(PagerDutyAnswer::NotSigned) => not_signed().into_response(),
        Ok(PagerDutyAnswer::Malformed(reason)) => Problem::bad_request(reason).into_response(),
        Err(error) => Problem::internal(error.to_string()).into_response(),
    }
}

fn not_signed() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "urn:plimsoll:not-signed",
        "The webhook is not signed with a secret of ours",
        "set alerting.pagerduty_webhook_secret_file to the secret of the webhook subscription",
    )
}
