//! What a reader is, and what one look at its source brings.

use std::fmt::Debug;

use async_trait::async_trait;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use plimsoll_model::{Signal, Timestamp};

/// A reader of one source. It is asked by one task, one look at a time.
#[async_trait]
pub trait Source: Debug + Send + Sync {
    /// Looks once. May be dropped at any await: what is remembered changes only in [`Self::taken`].
    async fn fetch(&mut self) -> Result<Fetched, FetchError>;

    /// Everything that the last [`Self::fetch`] brought is durable, and so is its cursor.
    fn taken(&mut self);
}

/// What one look brought.
#[derive(Debug, Default)]
pub struct Fetched {
    pub batches: Vec<Batch>,
    /// What the reader has to remember once the batches are durable; `None` when nothing changed.
    pub cursor: Option<serde_json::Value>,
    /// There is more to read now: don't wait for the interval.
    pub more: bool,
    /// Every business event up to this time has been seen.
    pub watermark: Option<Timestamp>,
    /// The source could not be read, and the batches say so.
    pub failed: Option<FetchError>,
    /// Why what it says is older than it should be.
    pub late: Option<String>,
    /// What it would need to say more, each with its cure.
    pub lacks: Vec<String>,
}

/// Records of one kind.
#[derive(Debug)]
pub enum Batch {
    /// Log records with a name, and an `event.id` that makes reading them twice harmless.
    Events(Vec<LogRecord>),
    Logs(Vec<LogRecord>),
    Metrics(Vec<Metric>),
    Spans(Vec<Span>),
}

/// Why a look failed: without secrets, and without values out of the source's data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

impl FetchError {
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl Batch {
    #[must_use]
    pub const fn signal(&self) -> Signal {
        match self {
            Self::Events(_) | Self::Logs(_) => Signal::Logs,
            Self::Metrics(_) => Signal::Metrics,
            Self::Spans(_) => Signal::Traces,
        }
    }

    /// As the table of sources names it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Events(_) => "business_events",
            Self::Logs(_) => "logs",
            Self::Metrics(_) => "metrics",
            Self::Spans(_) => "traces",
        }
    }
}
