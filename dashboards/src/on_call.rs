//! `GET /api/v1/oncall`: who is on call when.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use http::HeaderMap;
use plimsoll_alerting::OnCallShift;
use plimsoll_model::Timestamp;
use serde::Deserialize;

use crate::problem::Problem;
use crate::sql::default_tenant;
use crate::{Faces, tenant};

/// What is shown when no end is said.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// Moments are RFC 3339; `from` is now and `to` a week later, unless they are said. At most 100 days are shown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    schedule: Option<String>,
    from: Option<String>,
    to: Option<String>,
    #[serde(default = "default_tenant")]
    tenant: String,
}

pub(crate) async fn show(
    State(faces): State<Arc<Faces>>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Vec<OnCallShift>>, Problem> {
    let Query(wanted) = wanted.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let alerting = tenant::alerting(&faces, &headers, &wanted.tenant)?;
    let from = moment(wanted.from.as_deref(), "from")?.unwrap_or_else(|| faces.clock.now());
    let to = moment(wanted.to.as_deref(), "to")?.unwrap_or(from + WEEK);
    if let Some(name) = wanted.schedule.as_ref().filter(|name| !alerting.schedules().contains(*name)) {
        let known = alerting.schedules().into_iter().collect::<Vec<_>>().join(", ");
        return Err(Problem::not_found(format!("there is no schedule {name:?}; there are: {known}")));
    }
    Ok(Json(alerting.on_call(wanted.schedule.as_deref(), from, to)))
}

fn moment(text: Option<&str>, name: &str) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let moment = Timestamp::parse_rfc3339(text);
    let cure = || Problem::bad_request(format!("`{name}` is not a time: write it like 2026-11-22T09:00:00Z"));
    moment.map(Some).ok_or_else(cure)
}
