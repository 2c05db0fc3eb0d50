//! Clients that send any bytes and show the whole answer, which SDKs do not.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Full};
use plimsoll_collector::Signal;
use tonic::codegen::Service;
use tonic::transport::{Channel, Endpoint};

use super::Door;
use super::requests::{Request, compressed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Grpc,
    HttpProtobuf,
    HttpJson,
}

pub(crate) const TRANSPORTS: [Transport; 3] = [Transport::Grpc, Transport::HttpProtobuf, Transport::HttpJson];
pub(crate) const COMPRESSIONS: [&str; 3] = ["identity", "gzip", "zstd"];

/// What came back: the status in its transport's own terms, headers and trailers together, and the body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What a client makes of an answer, whichever way it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Invalid,
    TooLarge,
    TryLater,
    Unsupported,
}

impl Verdict {
    /// HTTP status and `google.rpc.Code`.
    pub(crate) fn codes(self) -> (u16, i32) {
        match self {
            Self::Accepted => (200, 0),
            Self::Invalid => (400, 3),
            Self::TooLarge => (413, 8),
            Self::TryLater => (503, 14),
            Self::Unsupported => (415, 12),
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }
}

/// Asserts status, media type and the `Status` in the body; returns its message (of an acceptance: nothing).
pub(crate) fn assert_verdict(transport: Transport, answer: &Answer, verdict: Verdict) -> String {
    let (http, grpc) = verdict.codes();
    match transport {
        Transport::Grpc => {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.header("content-type"), "application/grpc");
            assert_eq!(answer.header("grpc-status"), grpc.to_string(), "{answer:?}");
            return answer.header("grpc-message").to_owned();
        }
        Transport::HttpProtobuf => assert_eq!(answer.header("content-type"), "application/x-protobuf"),
        Transport::HttpJson => assert_eq!(answer.header("content-type"), "application/json"),
    }
    assert_eq!(answer.status, http, "{answer:?}");
    if verdict == Verdict::Accepted {
        return String::new();
    }
    let status = status_of(transport, answer);
    assert_eq!(status.code, grpc, "{status:?}");
    assert!(!status.message.is_empty() && status.message.len() < 2_000, "{status:?}");
    status.message
}

fn status_of(transport: Transport, answer: &Answer) -> Status {
    if transport == Transport::HttpProtobuf {
        return prost::Message::decode(answer.body.clone()).expect("a Status");
    }
    let json: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    let code = json["code"].as_i64().and_then(|code| i32::try_from(code).ok()).expect("a code");
    Status { code, message: json["message"].as_str().expect("a message").to_owned() }
}

impl Door {
    pub(crate) async fn send(&self, transport: Transport, request: &Request, compression: &str) -> Answer {
        let plain = if transport == Transport::HttpJson { &request.json } else { &request.protobuf };
        self.send_bytes(transport, request.signal, compressed(plain, compression), compression).await
    }

    /// `bytes` as they are, announced as `compression`.
    pub(crate) async fn send_bytes(
        &self,
        transport: Transport,
        signal: Signal,
        bytes: Vec<u8>,
        compression: &str,
    ) -> Answer {
        match transport {
            Transport::Grpc => {
                let marked = u8::from(compression != "identity");
                let frame = framed(marked, u32::try_from(bytes.len()).expect("small"), &bytes);
                let headers = [("content-type", "application/grpc"), ("grpc-encoding", compression)];
                http2(self.grpc, Method::POST, grpc_path(signal), &headers, frame).await
            }
            Transport::HttpProtobuf => {
                let headers = [("content-type", "application/x-protobuf"), ("content-encoding", compression)];
                http1(self.http, Method::POST, http_path(signal), &headers, bytes).await
            }
            Transport::HttpJson => {
                let headers =
                    [("content-type", "application/json; charset=utf-8"), ("content-encoding", compression)];
                http1(self.http, Method::POST, http_path(signal), &headers, bytes).await
            }
        }
    }
}

pub(crate) fn http_path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/v1/traces",
        Signal::Logs => "/v1/logs",
        Signal::Metrics => "/v1/metrics",
    }
}

pub(crate) fn grpc_path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    }
}

pub(crate) fn framed(flag: u8, length: u32, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(flag);
    frame.put_u32(length);
    frame.put_slice(message);
    frame.freeze()
}

pub(crate) async fn http1(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
    body: Vec<u8>,
) -> Answer {
    let mut request = reqwest::Client::new().request(method, format!("http://{address}{path}")).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.expect("a body") }
}

/// HTTP/2 by prior knowledge, as gRPC and some exporters of OTLP/HTTP speak it.
pub(crate) async fn http2(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
    body: Bytes,
) -> Answer {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let mut channel: Channel = endpoint.connect().await.expect("a connection");
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(tonic::body::Body::new(Full::new(body))).expect("a request");
    std::future::poll_fn(|context| channel.poll_ready(context)).await.expect("a ready connection");
    let response = channel.call(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body");
    let mut headers = parts.headers;
    headers.extend(body.trailers().cloned().unwrap_or_default());
    Answer { status: parts.status.as_u16(), headers, body: body.to_bytes() }
}
