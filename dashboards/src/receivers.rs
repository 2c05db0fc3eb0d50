//! `POST /api/v1/receivers/NAME/test`: a test notification by every way of reaching the receiver, and what became of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use plimsoll_alerting::Delivery;
use serde_json::{Value, json};

use crate::Faces;
use crate::problem::Problem;
use crate::sql::default_tenant;
use crate::tenant;

/// 200 when every integration took it, 502 when one did not; the body is the same.
pub(crate) async fn test(
    State(faces): State<Arc<Faces>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    keys: Result<Query<BTreeMap<String, String>>, QueryRejection>,
) -> Response {
    tried(&faces, &name, &headers, keys).await.unwrap_or_else(Problem::into_response)
}

async fn tried(
    faces: &Faces,
    name: &str,
    headers: &HeaderMap,
    keys: Result<Query<BTreeMap<String, String>>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(mut keys) = keys.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let tenant = keys.remove("tenant").unwrap_or_else(default_tenant);
    if let Some(unknown) = keys.keys().next() {
        return Err(Problem::bad_request(format!("`{unknown}` is not asked here: tenant is")));
    }
    let alerting = tenant::alerting(faces, headers, &tenant)?;
    let tried = alerting.test_receiver(name, faces.clock.now()).await;
    let tried = tried.map_err(|error| Problem::internal(error.to_string()))?;
    let Some(deliveries) = tried else {
        return Err(Problem::not_found(format!("there is no receiver named {name:?}")));
    };
    let is_good = deliveries.iter().all(|delivery| delivery.outcome.is_ok());
    let status = if is_good { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
    let integrations: Vec<Value> = deliveries.iter().map(shown).collect();
    Ok((status, Json(json!({"receiver": name, "integrations": integrations}))).into_response())
}

fn shown(delivery: &Delivery) -> Value {
    let (outcome, key, words) = match &delivery.outcome {
        Ok(receipt) => ("sent", "receipt", receipt),
        Err(error) => ("failed", "error", error),
    };
    json!({"integration": delivery.integration, "outcome": outcome, key: words})
}
