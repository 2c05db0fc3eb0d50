//! gRPC with frames put together by hand, which no generated client would send.

use std::future::poll_fn;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use tonic::Code;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tower::Service;

const EXPORT_LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// Flag, length, message.
pub(super) fn plain(message: &[u8]) -> Vec<u8> {
    frame(0, length(message), message)
}

pub(super) fn compressed(message: &[u8]) -> Vec<u8> {
    frame(1, length(message), message)
}

/// A header that says more than follows.
pub(super) fn declaring(length: u32, message: &[u8]) -> Vec<u8> {
    frame(0, length, message)
}

/// The code and message that the call ended with, whether they came at once or after a body.
pub(super) async fn send(endpoint: &str, encoding: Option<&str>, frame: Vec<u8>) -> (Code, String) {
    let endpoint = Endpoint::from_shared(endpoint.to_owned()).expect("the harness's own address");
    let mut channel = endpoint.connect().await.expect("the process listens");
    let mut request =
        Request::post(EXPORT_LOGS).header("content-type", "application/grpc").header("te", "trailers");
    if let Some(encoding) = encoding {
        request = request.header("grpc-encoding", encoding);
    }
    let request = request.body(Body::new(Full::new(Bytes::from(frame)))).expect("a valid request");
    poll_fn(|context| channel.poll_ready(context)).await.expect("connected");
    let answer = channel.call(request).await.expect("an answer");

    let (head, body) = answer.into_parts();
    let trailers = body.collect().await.expect("an answer ends well").trailers().cloned().unwrap_or_default();
    status(&head.headers).or_else(|| status(&trailers)).expect("a call ends with a status")
}

fn status(headers: &HeaderMap) -> Option<(Code, String)> {
    let code = Code::from_bytes(headers.get("grpc-status")?.as_bytes());
    let message =
        headers.get("grpc-message").map(|message| String::from_utf8_lossy(message.as_bytes()).into_owned());
    Some((code, message.unwrap_or_default()))
}

fn frame(flag: u8, length: u32, message: &[u8]) -> Vec<u8> {
    [&[flag], length.to_be_bytes().as_slice(), message].concat()
}

fn length(message: &[u8]) -> u32 {
    u32::try_from(message.len()).expect("a test's message is small")
}
