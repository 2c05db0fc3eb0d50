//! What is sent to us: OTLP over gRPC and HTTP; admitted, decoded, converted, made durable, answered.

use plimsoll_lake::Lake;
use plimsoll_model::Clock;
use std::sync::Arc;

/// `[collector]` in `plimsoll.toml`. Sizes in bytes.
#[derive(Clone, Debug)]
pub struct Config {
    /// Largest request after decompression (OTLP recommends 64 MiB).
    pub max_request_bytes: usize,
    /// Largest ratio of decompressed to compressed size.
    pub max_ratio: usize,
    /// Deepest nesting of attribute values.
    pub max_depth: usize,
    pub max_attributes: usize,
    pub max_attribute_bytes: usize,
    /// Requests being decoded at once; more are told to come back later.
    pub max_concurrent_requests: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CollectorError(pub String);

/// Takes OTLP into the lake; clones share counters and limits.
#[derive(Clone, Debug)]
pub struct Collector {}

impl Collector {
    #[must_use]
    pub fn new(_config: Config, _lake: Lake, _clock: Arc<dyn Clock>) -> Self {
        todo!()
    }

    pub async fn serve_grpc(
        &self,
        _listener: tokio::net::TcpListener,
        _stop: tokio_util::sync::CancellationToken,
    ) -> Result<(), CollectorError> {
        todo!()
    }

    pub async fn serve_http(
        &self,
        _listener: tokio::net::TcpListener,
        _stop: tokio_util::sync::CancellationToken,
    ) -> Result<(), CollectorError> {
        todo!()
    }
}
