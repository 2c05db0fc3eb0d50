//! From bytes to OpenTelemetry's messages. Structure first, in code of our own whose depth and memory are bounded:
//! JSON is rewritten as protobuf, protobuf is walked once for depth, lengths and text; only then does prost decode.
//! Both encodings so end in the same bytes and the same checks.

mod json;
mod json_reader;
mod malformed;
mod protobuf;
mod schema;

use crate::body::Received;
use crate::refusal::{Refusal, RequestReason};
pub(crate) use schema::{LOGS_REQUEST, METRICS_REQUEST, Message, TRACES_REQUEST};

/// How the body of an HTTP request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    pub(crate) fn from_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next()?.trim();
        [Self::Protobuf, Self::Json]
            .into_iter()
            .find(|known| essence.eq_ignore_ascii_case(known.media_type()))
    }
}

/// The body as protobuf that prost can decode: within depth, lengths in bounds, text in UTF-8, its decoded size paid
/// for. An empty body is an empty request in either encoding.
pub(crate) fn check(
    received: Received,
    encoding: Encoding,
    root: &'static Message,
    max_depth: usize,
) -> Result<Received, Refusal> {
    let Received { mut bytes, mut lease } = received;
    if encoding == Encoding::Json && !bytes.is_empty() {
        lease.grow(bytes.len())?;
        bytes = json::to_protobuf(&bytes, root, max_depth)?;
    }
    let decoded_bytes = protobuf::scan(&bytes, root, max_depth)?;
    lease.grow(decoded_bytes)?;
    Ok(Received { bytes, lease })
}

/// After [`check`], with the request type of the same signal.
pub(crate) fn decode<M: prost::Message + Default>(bytes: &[u8]) -> Result<M, Refusal> {
    M::decode(bytes).map_err(|error| Refusal::new(RequestReason::Malformed, error.to_string()))
}

#[cfg(test)]
mod tests;
