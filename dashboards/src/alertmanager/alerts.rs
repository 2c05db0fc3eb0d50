//! `GET alerts` and `GET alerts/groups`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::answer::Refusal;
use super::json::{Alert, Group};
use super::query::Parameters;
use super::status::Pipeline;
use crate::Faces;

pub(super) async fn list(
    State(faces): State<Arc<Faces>>,
    Pipeline(alerting): Pipeline,
    asked: Parameters,
) -> Result<Json<Vec<Alert>>, Refusal> {
    let alerts = alerting.alerts(&asked.alert_filter()?, faces.clock.now()).await?;
    Ok(Json(alerts.into_iter().map(Alert::from).collect()))
}

pub(super) async fn groups(
    State(faces): State<Arc<Faces>>,
    Pipeline(alerting): Pipeline,
    asked: Parameters,
) -> Result<Json<Vec<Group>>, Refusal> {
    let groups = alerting.groups(&asked.alert_filter()?, faces.clock.now()).await?;
    Ok(Json(groups.into_iter().map(Group::from).collect()))
}
