//! The router in one table, and its life: from the listener to the stop.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, serve::ListenerExt};
use http::StatusCode;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::problem::Problem;
use crate::{
    Faces, ack_page, alertmanager, explain, fence, incidents, on_call, pagerduty, probes, receivers,
    runbooks, sql, state, web,
};

/// How long a stopping process waits for answers on their way; a client that stays connected can't hold it longer.
const GRACE: Duration = Duration::from_secs(5);

/// Serves console and API on `listener` until `stop`.
pub async fn serve(faces: Faces, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
    let clock = Arc::clone(&faces.clock);
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a console connection keeps its delay");
        }
    });
    let server = axum::serve(listener, router(faces, stop.clone()))
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future();
    let out_of_patience = async {
        stop.cancelled().await;
        clock.sleep(GRACE).await;
    };
    tokio::select! {
        ended = server => ended,
        () = out_of_patience => Ok(()),
    }
}

pub(crate) fn router(faces: Faces, stop: CancellationToken) -> Router {
    let names = fence::OwnNames::new(&faces.public_url);
    let mut router = Router::new()
        .route("/api/v1/sql", post(sql::answer).layer(DefaultBodyLimit::max(sql::BODY_LIMIT_BYTES)))
        .route("/api/v1/explain", get(explain::answer))
        .route("/api/v1/incidents/{id}", get(incidents::show))
        .route("/api/v1/incidents/{id}/{action}", post(incidents::act))
        .route("/api/v1/oncall", get(on_call::show))
        .route(
            "/api/v1/pagerduty/webhook",
            post(pagerduty::take).layer(DefaultBodyLimit::max(pagerduty::BODY_LIMIT_BYTES)),
        )
        .route("/api/v1/receivers/{name}/test", post(receivers::test))
        .route("/-/healthy", get(probes::healthy))
        .route("/-/ready", get(probes::ready))
        .route("/-/reload", post(probes::reload).put(probes::reload))
        .route("/metrics", get(probes::metrics));
    for place in ["", "/t/{tenant}"] {
        router = router
            .route(&format!("{place}/i/{{token}}"), get(ack_page::show).post(ack_page::confirm))
            .route(&format!("{place}/runbooks"), get(runbooks::list))
            .route(&format!("{place}/runbooks/{{name}}"), get(runbooks::show));
    }
    for view in state::VIEWS {
        router = router
            .route(view.path, get(move |faces, headers, query| state::show(view, faces, headers, query)));
    }
    web::routes(alertmanager::routes(router))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(stop, give_up_on_stop))
        .layer(middleware::from_fn_with_state(names, fence::admit))
        .layer(middleware::map_response(fence::harden))
        .with_state(Arc::new(faces))
}

/// A query may take its whole time limit; stopping doesn't wait for it.
async fn give_up_on_stop(State(stop): State<CancellationToken>, request: Request, next: Next) -> Response {
    tokio::select! {
        biased;
        response = next.run(request) => response,
        () = stop.cancelled() => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:plimsoll:stopping",
            "The process is stopping",
            "ask again when it is back",
        ).into_response(),
    }
}

async fn nothing_here(request: Request) -> Problem {
    Problem::not_found(format!("{} leads nowhere", request.uri().path()))
}

async fn wrong_method(request: Request) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "urn:plimsoll:wrong-method",
        "This address is used with another method",
        format!(
            "{} does not fit {}; the Allow header says what does",
            request.method(),
            request.uri().path()
        ),
    )
}

#[cfg(test)]
mod tests;
