//! The door for what we fetch ourselves: the same as for what is sent to us, so that both are checked, redacted,
//! counted and made durable alike.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::Signal;

/// Boxed, so that the trait can be an object.
pub type Taking<'a> = Pin<Box<dyn Future<Output = Result<Taken, IntakeError>> + Send + 'a>>;

/// Takes OTLP for one tenant.
pub trait Intake: Debug + Send + Sync {
    /// `request` is an OTLP `Export…ServiceRequest` as protobuf. When it returns `Ok`, every item is durable, or was
    /// refused for good and is counted; only then may a reader move its cursor.
    fn take(&self, signal: Signal, request: Bytes) -> Taking<'_>;
}

/// What became of a request, in items: spans, log records, data points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// For good; the rest is durable.
    pub refused: u64,
    /// Why, for the first of them; empty when none was.
    pub complaint: String,
}

/// Nothing of the request was stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct IntakeError {
    pub message: String,
    /// When to try again; `None` means that the same bytes will never be taken.
    pub retry_after: Option<Duration>,
}
