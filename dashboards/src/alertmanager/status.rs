//! `GET status`, `GET receivers`, and whose pipeline is asked.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use http::request::Parts;
use plimsoll_alerting::Alerting;
use plimsoll_model::TenantName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Refusal;
use super::json::Named;
use crate::{Faces, tenant};

/// The pipeline of the tenant in the path, once the request has shown that it may ask.
#[derive(Debug)]
pub(super) struct Pipeline(pub(super) Alerting);

/// Absent in the addresses of the default tenant.
#[derive(Debug, Deserialize)]
struct Place {
    tenant: Option<String>,
}

impl FromRequestParts<Arc<Faces>> for Pipeline {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, faces: &Arc<Faces>) -> Result<Self, Refusal> {
        let place: Path<Place> = Path::from_request_parts(parts, faces)
            .await
            .map_err(|rejection| Refusal::unreadable(rejection.body_text()))?;
        let tenant = place.0.tenant.unwrap_or_else(|| TenantName::default().to_string());
        Ok(Self(tenant::alerting(faces, &parts.headers, &tenant)?.clone()))
    }
}

/// All of it is required, so what we don't have is an empty text. `config.original` hides secrets.
pub(super) async fn show(State(faces): State<Arc<Faces>>, Pipeline(alerting): Pipeline) -> Json<Value> {
    Json(json!({
        "cluster": {"status": "disabled", "peers": []},
        "config": {"original": alerting.routing_text()},
        "uptime": faces.started_at.to_rfc3339(),
        "versionInfo": {
            "branch": "",
            "buildDate": "",
            "buildUser": "",
            "goVersion": "",
            "revision": "",
            "version": faces.version,
        },
    }))
}

pub(super) async fn receivers(Pipeline(alerting): Pipeline) -> Json<Vec<Named>> {
    Json(alerting.receivers().into_iter().map(|name| Named { name }).collect())
}
