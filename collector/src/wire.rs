//! From bytes to the fields of OpenTelemetry's messages. Structure first, in code whose depth and memory are bounded: JSON
//! is rewritten as protobuf, protobuf is walked once for depth, lengths, types and text; only then are its fields handed
//! out, borrowed. Both encodings so end in the same bytes and the same checks.

mod fields;
mod json;
mod json_reader;
mod malformed;
mod protobuf;
#[cfg(test)]
pub(crate) mod random;
mod schema;

use crate::admission::Received;
use crate::refusal::Refusal;
pub(crate) use fields::{Fields, Part, text_entry};
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

/// The body as protobuf whose [`Fields`] can be read: within depth, lengths in bounds, text in UTF-8, the size of its rows
/// paid for. An empty body is an empty request in either encoding.
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
    let row_bytes = protobuf::scan(&bytes, root, max_depth)?;
    lease.grow(row_bytes)?;
    Ok(Received { bytes, lease })
}

#[cfg(test)]
mod tests;
