//! Takes webhooks and the pager's events, and answers 202 as PagerDuty does.

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, Uri};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Received, Sink};

/// PagerDuty takes 512 kB.
const MAX_BODY: usize = 512 * 1024;

pub(super) async fn serve(listener: TcpListener, sink: Sink, stop: CancellationToken) {
    let routes = Router::new().fallback(keep).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(sink);
    let served = axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::warn!(%error, "the demo's HTTP mailbox stopped");
    }
}

async fn keep(State(sink): State<Sink>, uri: Uri, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let key = body.get("dedup_key").cloned().unwrap_or(Value::Null);
    sink.accept(Received::Post { path: uri.path().to_owned(), body });
    (StatusCode::ACCEPTED, Json(json!({"status": "success", "message": "kept", "dedup_key": key})))
}
