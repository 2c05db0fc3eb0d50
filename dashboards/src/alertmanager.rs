//! Alertmanager's API, version 2, as amtool, Prometheus, Grafana and karma speak it: `/api/v2/*` for the default tenant,
//! `/t/TENANT/api/v2/*` for another.
//!
//! Errors of a question are 400 with a JSON text, as there; whoever may not ask gets a problem document, as everywhere
//! else in the house.

mod alerts;
mod answer;
mod json;
pub(crate) mod post;
mod query;
mod silences;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use crate::Faces;

/// Adds the addresses to the console's.
pub(crate) fn routes(mut router: Router<Arc<Faces>>) -> Router<Arc<Faces>> {
    for place in ["", "/t/{tenant}"] {
        let at = |path: &str| format!("{place}/api/v2/{path}");
        let alerts = get(alerts::list).post(post::take);
        let silences = get(silences::list).post(silences::set);
        router = router
            .route(&at("status"), get(status::show))
            .route(&at("receivers"), get(status::receivers))
            .route(&at("alerts"), alerts.layer(DefaultBodyLimit::max(post::BODY_LIMIT_BYTES)))
            .route(&at("alerts/groups"), get(alerts::groups))
            .route(&at("silence/{id}"), get(silences::show).delete(silences::end))
            .route(&at("silences"), silences.layer(DefaultBodyLimit::max(silences::BODY_LIMIT_BYTES)));
    }
    router
}
