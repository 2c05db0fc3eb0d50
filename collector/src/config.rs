//! The limits of the door, and what does not get past it.

use crate::redact::Redactor;

/// `[collector]` in `plimsoll.toml`. Sizes in bytes.
#[derive(Clone, Debug)]
pub struct Config {
    /// Largest request, before and after decompression (OTLP recommends 64 MiB).
    pub max_request_bytes: usize,
    /// Largest ratio of decompressed to compressed size; what stays under 1 MiB may have any.
    pub max_ratio: usize,
    /// Deepest nesting of attribute values; more than 32 counts as 32, beyond which protobuf decoders differ.
    pub max_depth: usize,
    /// Attributes on one span, log record, data point or resource.
    pub max_attributes: usize,
    /// Length of one attribute's key, and of its value as text.
    pub max_attribute_bytes: usize,
    /// Requests being decoded and stored at once; more are told to come back later.
    pub max_concurrent_requests: usize,
    /// Memory that all requests together may occupy, bodies and decoded; at most 1 GiB, which also keeps each Arrow
    /// column of a request below its 2 GiB.
    pub max_inflight_bytes: usize,
    /// Takes personal data out before anything is written.
    pub redactor: Redactor,
}

const GIB: usize = 1024 * 1024 * 1024;

impl Default for Config {
    fn default() -> Self {
        Self {
            max_request_bytes: 64 * 1024 * 1024,
            max_ratio: 500,
            max_depth: 32,
            max_attributes: 1_024,
            max_attribute_bytes: 256 * 1024,
            max_concurrent_requests: 256,
            max_inflight_bytes: GIB,
            redactor: Redactor::default(),
        }
    }
}

impl Config {
    /// As configured, within what the code behind can promise.
    pub(crate) fn within_bounds(self) -> Self {
        Self {
            max_depth: self.max_depth.clamp(1, 32),
            max_ratio: self.max_ratio.max(1),
            max_concurrent_requests: self.max_concurrent_requests.clamp(1, 65_536),
            max_inflight_bytes: self.max_inflight_bytes.min(GIB),
            ..self
        }
    }
}
