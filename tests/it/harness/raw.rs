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

/// What came back; trailers stand among the headers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
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
