//! OTLP/gRPC, which is HTTP/2 with a five-byte frame around the message and the answer's code in the trailers. Written
//! by hand so that both transports share one path, and because a ready-made server answers bad input with codes that
//! make OTLP clients retry for ever (OUT_OF_RANGE) or blame us (INTERNAL).

mod frame;
mod trailers;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Full};
use plimsoll_model::Signal;

use crate::body::receive;
use crate::collector::{Collector, Parcel};
use crate::decompress::Compression;
use crate::refusal::{Refusal, RequestReason, RpcCode};
use crate::reply::Outcome;
use crate::signal::OnTheWire;
use crate::wire::Encoding;

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC_MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");

pub(crate) fn router(collector: Collector) -> Router {
    let mut router = Router::new();
    for signal in Signal::ALL {
        let handler = move |State(collector): State<Collector>, request: Request| async move {
            export(&collector, signal, request).await
        };
        router = router.route(signal.grpc_path(), post(handler));
    }
    router.fallback(unknown_method).method_not_allowed_fallback(unknown_method).with_state(collector)
}

async fn export(collector: &Collector, signal: Signal, request: Request) -> Response {
    if !speaks_grpc(request.headers()) {
        collector.counters().request(signal);
        collector.counters().refused_request(signal, RequestReason::MediaType);
        return not_grpc();
    }
    match collector.counted(signal, take(collector, signal, request)).await {
        Ok(outcome) => accepted(&outcome),
        Err(refusal) => refused(&refusal),
    }
}

async fn take(collector: &Collector, signal: Signal, request: Request) -> Result<Outcome, Refusal> {
    let resident = collector.admit(request.headers())?;
    let compression = compression_of(request.headers())?;
    let limit = collector.config().max_request_bytes;
    let body = request.into_body();
    let mut received = receive(body, limit + frame::HEADER_BYTES, resident.admission.lease()).await?;
    let compression = frame::unwrap(&mut received.bytes, compression, limit)?;
    collector.ingest(resident, Parcel { signal, encoding: Encoding::Protobuf, compression, received }).await
}

async fn unknown_method(State(collector): State<Collector>, request: Request) -> Response {
    collector.counters().unrouted_request();
    if !speaks_grpc(request.headers()) {
        return not_grpc();
    }
    let known = Signal::ALL.map(Signal::grpc_path).join(", ");
    refused(&Refusal::new(RequestReason::NotFound, format!("no such method; there are {known}")))
}

fn speaks_grpc(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    ["application/grpc", "application/grpc+proto"].iter().any(|known| essence.eq_ignore_ascii_case(known))
}

/// gRPC's own rule: a request in another protocol gets an answer of HTTP.
fn not_grpc() -> Response {
    let text =
        "this address speaks gRPC (Content-Type: application/grpc); send OTLP/HTTP to the HTTP address\n";
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}

fn compression_of(headers: &HeaderMap) -> Result<Compression, Refusal> {
    let Some(value) = headers.get(GRPC_ENCODING) else { return Ok(Compression::Identity) };
    Compression::from_name(value.to_str().unwrap_or_default()).ok_or_else(|| {
        Refusal::new(RequestReason::ContentEncoding, "grpc-encoding must be identity, gzip or zstd")
    })
}

fn accepted(outcome: &Outcome) -> Response {
    let frame = Full::new(frame::wrap(&outcome.protobuf()));
    let trailers = trailers::ok();
    response(Body::new(frame.with_trailers(async move { Some(Ok(trailers)) })))
}

/// Status and message go into the headers and there is no body: gRPC's "trailers only".
fn refused(refusal: &Refusal) -> Response {
    let mut response = response(Body::empty());
    response.headers_mut().extend(trailers::refused(refusal));
    response
}

fn response(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC_MEDIA_TYPE);
    headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip,zstd"));
    response
}

const fn status_value(code: RpcCode) -> HeaderValue {
    HeaderValue::from_static(match code {
        RpcCode::Ok => "0",
        RpcCode::InvalidArgument => "3",
        RpcCode::ResourceExhausted => "8",
        RpcCode::Unimplemented => "12",
        RpcCode::Internal => "13",
        RpcCode::Unavailable => "14",
        RpcCode::Unauthenticated => "16",
    })
}
