//! Prometheus remote write 1.0: `POST /api/v1/write`, snappy over protobuf. Series become the OTLP metrics that they would
//! have been, and go the same way: `job` is the service, `instance` its instance, every other label an attribute.
//!
//! The protocol knows all or nothing: 204 when the samples are durable, 4xx when they will never be taken (Prometheus drops
//! them then), 5xx with a delay otherwise. Answers are plain text, which Prometheus writes into its log.
//! Source: the Prometheus Remote-Write 1.0 specification.

mod families;
mod histogram;
mod otlp;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use plimsoll_model::Signal;
use prost::Message;

use crate::admission::Received;
use crate::body::{receive, too_large};
use crate::collector::{Collector, Parcel};
use crate::refusal::{Refusal, RequestReason};
use crate::tenant::Resident;
use crate::wire::Encoding;

pub(crate) use families::Families;
use wire::WriteRequest;

pub(crate) fn routes(router: Router<Collector>) -> Router<Collector> {
    router.route("/api/v1/write", post(write))
}

async fn write(State(collector): State<Collector>, request: Request) -> Response {
    match collector.counted(Signal::Metrics, take(&collector, request)).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refused(&refusal),
    }
}

async fn take(collector: &Collector, request: Request) -> Result<(), Refusal> {
    let resident = collector.admit(request.headers())?;
    check_headers(request.headers())?;
    let limit = collector.config().max_request_bytes;
    let received = receive(request.into_body(), limit, resident.admission.lease()).await?;
    let parcel = tokio::task::spawn_blocking({
        let resident = Arc::clone(&resident);
        move || parcel(received, limit, &resident)
    });
    let parcel = parcel.await.map_err(|error| Refusal::new(RequestReason::Fault, error.to_string()))??;
    let Some(parcel) = parcel else { return Ok(()) };
    let outcome = collector.ingest(resident, parcel).await?;
    match outcome.rejected {
        0 => Ok(()),
        _ => Err(Refusal::new(RequestReason::Malformed, outcome.message)),
    }
}

/// `None`: there was nothing but metadata in it.
fn parcel(received: Received, limit: usize, resident: &Resident) -> Result<Option<Parcel>, Refusal> {
    let Received { bytes, mut lease } = received;
    let decoded = unsnappy(&bytes, limit, |bytes| lease.grow(bytes))?;
    let request = WriteRequest::decode(decoded.as_slice())
        .map_err(|error| malformed(&format!("it is no WriteRequest of remote write 1.0: {error}")))?;
    // Series as messages: some hundred bytes for every sample, however short it was.
    lease.grow(decoded.len().saturating_mul(4))?;
    resident.families.learn(&request.metadata);
    if request.timeseries.is_empty() {
        return Ok(None);
    }
    let bytes = otlp::request(&request.timeseries, &resident.families)?.encode_to_vec();
    Parcel::plain(Signal::Metrics, Encoding::Protobuf, bytes, lease).map(Some)
}

/// The block says how large it will be; that is checked and paid for before it is made.
fn unsnappy(
    bytes: &[u8],
    limit: usize,
    pay: impl FnOnce(usize) -> Result<(), Refusal>,
) -> Result<Vec<u8>, Refusal> {
    let broken =
        |error: snap::Error| malformed(&format!("the body is not in snappy's block format: {error}"));
    let size = snap::raw::decompress_len(bytes).map_err(broken)?;
    if size > limit {
        return Err(too_large(limit));
    }
    pay(size)?;
    snap::raw::Decoder::new().decompress_vec(bytes).map_err(broken)
}

fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !text(CONTENT_ENCODING).eq_ignore_ascii_case("snappy") {
        return Err(Refusal::new(RequestReason::ContentEncoding, "Content-Encoding must be snappy"));
    }
    let media_type = text(CONTENT_TYPE);
    let is_first_version = media_type == "application/x-protobuf"
        || media_type.replace(' ', "") == "application/x-protobuf;proto=prometheus.WriteRequest";
    match is_first_version {
        true => Ok(()),
        false => {
            let message = "Content-Type must be application/x-protobuf: remote write 1.0 is spoken here \
                           (protobuf_message: prometheus.WriteRequest)";
            Err(Refusal::new(RequestReason::MediaType, message))
        }
    }
}

fn malformed(problem: &str) -> Refusal {
    Refusal::new(RequestReason::Malformed, problem.to_owned())
}

fn refused(refusal: &Refusal) -> Response {
    let mut response = (refusal.reason.http_status(), format!("{}\n", refusal.message)).into_response();
    if let Some(delay) = refusal.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(delay.as_secs()));
    }
    response
}

#[cfg(test)]
mod tests;
