//! OTLP/HTTP: three addresses, protobuf or JSON in, the same out; beside them what `told` listens to. Every refusal is a `google.rpc.Status` in the
//! request's encoding.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use plimsoll_model::Signal;

use crate::body::{receive, too_large};
use crate::collector::{Collector, Parcel};
use crate::decompress::Compression;
use crate::refusal::{Refusal, RequestReason};
use crate::reply::Outcome;
use crate::rpc_status;
use crate::signal::OnTheWire;
use crate::wire::Encoding;
use crate::{remote_write, told};

pub(crate) fn router(collector: Collector) -> Router {
    let mut router = Router::new();
    for signal in Signal::ALL {
        let handler = move |State(collector): State<Collector>, request: Request| async move {
            export(&collector, signal, request).await
        };
        router = router.route(signal.http_path(), post(handler));
    }
    remote_write::routes(told::routes(router))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(collector)
}

async fn export(collector: &Collector, signal: Signal, request: Request) -> Response {
    let encoding = encoding_of(request.headers());
    let taking = async {
        match encoding {
            Some(encoding) => take(collector, signal, encoding, request).await,
            None => Err(unknown_media_type()),
        }
    };
    let taken = collector.counted(signal, taking).await;
    let encoding = encoding.unwrap_or(Encoding::Json);
    match taken {
        Ok(outcome) => accepted(&outcome, signal, encoding),
        Err(refusal) => refused(&refusal, encoding),
    }
}

async fn take(
    collector: &Collector,
    signal: Signal,
    encoding: Encoding,
    request: Request,
) -> Result<Outcome, Refusal> {
    let resident = collector.admit(request.headers())?;
    let compression = compression_of(request.headers())?;
    let limit = collector.config().max_request_bytes;
    // A sender that waits for "100 Continue" is spared the upload; any other has begun it, and `receive` finds out.
    if request.headers().contains_key(http::header::EXPECT) && declared(request.headers()) > limit as u64 {
        return Err(too_large(limit));
    }
    let received = receive(request.into_body(), limit, resident.admission.lease()).await?;
    collector.ingest(resident, Parcel { signal, encoding, compression, received }).await
}

async fn not_found(State(collector): State<Collector>, request: Request) -> Response {
    collector.counters().unrouted_request();
    let known = Signal::ALL.map(Signal::http_path).join(", ");
    let message = format!(
        "nothing listens at this path; OTLP/HTTP is POST to one of {known}; other addresses are /v1/changes, \
         /v1/heartbeats/NAME and /api/v1/write"
    );
    let refusal = Refusal::new(RequestReason::NotFound, message);
    refused(&refusal, encoding_of(request.headers()).unwrap_or(Encoding::Json))
}

async fn method_not_allowed(State(collector): State<Collector>, request: Request) -> Response {
    collector.counters().unrouted_request();
    let refusal = Refusal::new(RequestReason::Method, "OTLP/HTTP is POST; use that method");
    let mut response = refused(&refusal, encoding_of(request.headers()).unwrap_or(Encoding::Json));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

fn encoding_of(headers: &HeaderMap) -> Option<Encoding> {
    Encoding::from_media_type(headers.get(CONTENT_TYPE)?.to_str().ok()?)
}

fn unknown_media_type() -> Refusal {
    let known = [Encoding::Protobuf, Encoding::Json].map(Encoding::media_type).join(" or ");
    Refusal::new(RequestReason::MediaType, format!("Content-Type must be {known}"))
}

/// One encoding, named once: a body in several layers is a bomb's favourite wrapping.
fn compression_of(headers: &HeaderMap) -> Result<Compression, Refusal> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(Compression::Identity) };
    let name = value.to_str().unwrap_or_default().trim().to_ascii_lowercase();
    let known = Compression::from_name(&name).filter(|_| values.next().is_none());
    known.ok_or_else(|| {
        let message = "Content-Encoding must be one of identity, gzip, zstd, and only one";
        Refusal::new(RequestReason::ContentEncoding, message)
    })
}

fn declared(headers: &HeaderMap) -> u64 {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

fn accepted(outcome: &Outcome, signal: Signal, encoding: Encoding) -> Response {
    let body = match encoding {
        Encoding::Protobuf => outcome.protobuf(),
        Encoding::Json => outcome.json(signal),
    };
    reply(StatusCode::OK, encoding, body)
}

fn refused(refusal: &Refusal, encoding: Encoding) -> Response {
    let body = match encoding {
        Encoding::Protobuf => rpc_status::protobuf(refusal),
        Encoding::Json => rpc_status::json(refusal),
    };
    let mut response = reply(refusal.reason.http_status(), encoding, body);
    if let Some(delay) = refusal.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(delay.as_secs()));
    }
    if refusal.reason == RequestReason::Unauthenticated {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

pub(crate) fn answer_json(answer: &serde_json::Value) -> Response {
    reply(StatusCode::OK, Encoding::Json, answer.to_string().into_bytes())
}

pub(crate) fn refuse_json(refusal: &Refusal) -> Response {
    refused(refusal, Encoding::Json)
}

fn reply(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(encoding.media_type()));
    response
}
