//! Clients that send any bytes and show the whole answer, which SDKs and generated clients do not.

use std::future::poll_fn;
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::Service;

use super::Plimsoll;

pub(crate) const EXPORT_LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// What came back; trailers stand among the headers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// What a client makes of it, whichever protocol it speaks.
    pub(crate) fn outcome(&self) -> Outcome {
        let is_grpc = self.header("content-type") == "application/grpc";
        let code = if is_grpc { self.header("grpc-status").to_owned() } else { self.status.to_string() };
        match code.as_str() {
            "0" | "200" => Outcome::Accepted,
            "3" | "400" => Outcome::Invalid,
            "8" | "413" => Outcome::TooLarge,
            "14" | "503" => Outcome::TryLater,
            _ => Outcome::Other(code),
        }
    }

    /// Empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    Invalid,
    TooLarge,
    TryLater,
    Other(String),
}

/// The ways in which log records come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Grpc,
    Protobuf,
    Json,
}

pub(crate) const WAYS: [Way; 3] = [Way::Grpc, Way::Protobuf, Way::Json];

/// Sends any bytes as a request of logs; clones share the connections.
#[derive(Clone, Debug)]
pub(crate) struct RawLogs {
    grpc: Http2,
    http: String,
    client: reqwest::Client,
}

impl RawLogs {
    pub(crate) fn to(plimsoll: &Plimsoll) -> Self {
        let http = plimsoll.otlp_http("/v1/logs");
        Self { grpc: Http2::to(&plimsoll.grpc()), http, client: plimsoll.client().clone() }
    }

    /// `body` as it is; `encoding` is what the header says about it.
    pub(crate) async fn send(
        &self,
        way: Way,
        encoding: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Answer, String> {
        if way == Way::Grpc {
            let flag = u8::from(encoding.is_some());
            return self.grpc.call(EXPORT_LOGS, encoding, framed(flag, &body)).await;
        }
        let media_type = if way == Way::Json { "application/json" } else { "application/x-protobuf" };
        let mut request = Request::post(&self.http).header("content-type", media_type);
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        http1(&self.client, request.body(body.into()).expect("a valid request")).await
    }
}

/// HTTP/2 by prior knowledge, as gRPC speaks it; clones share the connection.
#[derive(Clone, Debug)]
pub(crate) struct Http2(Channel);

impl Http2 {
    /// Connects when it first sends. `endpoint` is `http://address:port`.
    pub(crate) fn to(endpoint: &str) -> Self {
        let endpoint = Endpoint::from_shared(endpoint.to_owned()).expect("the harness's own address");
        Self(endpoint.connect_lazy())
    }

    /// `uri` of the request is a path.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<Answer, String> {
        let mut channel = self.0.clone();
        poll_fn(|context| channel.poll_ready(context)).await.map_err(|error| format!("{error:?}"))?;
        let answer = channel.call(request.map(|bytes| Body::new(Full::new(bytes)))).await;
        let (head, body) = answer.map_err(|error| format!("{error:?}"))?.into_parts();
        let body = body.collect().await.map_err(|error| format!("the answer broke off: {error:?}"))?;
        let mut headers = head.headers;
        headers.extend(body.trailers().cloned().unwrap_or_default());
        Ok(Answer { status: head.status.as_u16(), headers, body: body.to_bytes() })
    }

    /// A unary call whose frames are `frames`, put together by hand.
    pub(crate) async fn call(
        &self,
        path: &str,
        encoding: Option<&str>,
        frames: Vec<u8>,
    ) -> Result<Answer, String> {
        let mut request =
            Request::post(path).header("content-type", "application/grpc").header("te", "trailers");
        if let Some(encoding) = encoding {
            request = request.header("grpc-encoding", encoding);
        }
        self.send(request.body(frames.into()).expect("a valid request")).await
    }
}

/// gRPC's frame: flag, length, message.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a test's message is below 4 GiB");
    [&[flag], length.to_be_bytes().as_slice(), message].concat()
}

/// `uri` of the request is a whole URL.
pub(crate) async fn http1(client: &reqwest::Client, request: Request<Bytes>) -> Result<Answer, String> {
    let (head, bytes) = request.into_parts();
    let request = client.request(head.method, head.uri.to_string()).headers(head.headers).body(bytes);
    let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await.map_err(|error| format!("the answer broke off: {error:?}"))?;
    Ok(Answer { status, headers, body })
}

/// Members of a mebibyte; one that repeats is compressed once, so that large bodies cost a debug build little.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    let mut last: (&[u8], Vec<u8>) = (&[], gzip_member(&[]));
    for member in bytes.chunks(1 << 20) {
        if member != last.0 {
            last = (member, gzip_member(member));
        }
        whole.extend_from_slice(&last.1);
    }
    if whole.is_empty() { last.1 } else { whole }
}

fn gzip_member(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes everything")
}
