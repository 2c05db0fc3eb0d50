//! Why a whole request is turned away, and what each protocol says then. The codes decide whether a client keeps its
//! data: OTLP clients drop on INTERNAL, INVALID_ARGUMENT and 500, and retry on UNAVAILABLE and 503.

use std::time::Duration;

use http::StatusCode;

/// A bounded set: these are label values of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestReason {
    Malformed,
    TooDeep,
    TooLarge,
    Ratio,
    MediaType,
    ContentEncoding,
    NotFound,
    Method,
    Unauthenticated,
    Quota,
    Busy,
    SlowBody,
    NotStored,
    Fault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: RequestReason,
    /// Names the place and the cure; goes to the client.
    pub(crate) message: String,
    /// Where in the request, when it is about one place.
    pub(crate) field: Option<String>,
    /// In place of the reason's own delay.
    pub(crate) delay: Option<Duration>,
}

/// The codes of `google.rpc.Code` that we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RpcCode {
    Ok = 0,
    InvalidArgument = 3,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl RequestReason {
    pub const ALL: [Self; 14] = [
        Self::Malformed,
        Self::TooDeep,
        Self::TooLarge,
        Self::Ratio,
        Self::MediaType,
        Self::ContentEncoding,
        Self::NotFound,
        Self::Method,
        Self::Unauthenticated,
        Self::Quota,
        Self::Busy,
        Self::SlowBody,
        Self::NotStored,
        Self::Fault,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::Ratio => "ratio",
            Self::MediaType => "media_type",
            Self::ContentEncoding => "content_encoding",
            Self::NotFound => "not_found",
            Self::Method => "method",
            Self::Unauthenticated => "unauthenticated",
            Self::Quota => "quota",
            Self::Busy => "busy",
            Self::SlowBody => "slow_body",
            Self::NotStored => "not_stored",
            Self::Fault => "fault",
        }
    }

    pub(crate) const fn rpc_code(self) -> RpcCode {
        match self {
            Self::Malformed | Self::TooDeep | Self::MediaType => RpcCode::InvalidArgument,
            Self::TooLarge | Self::Ratio => RpcCode::ResourceExhausted,
            Self::ContentEncoding | Self::NotFound | Self::Method => RpcCode::Unimplemented,
            Self::Unauthenticated => RpcCode::Unauthenticated,
            Self::Quota | Self::Busy | Self::SlowBody | Self::NotStored => RpcCode::Unavailable,
            Self::Fault => RpcCode::Internal,
        }
    }

    pub(crate) const fn http_status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::TooDeep => StatusCode::BAD_REQUEST,
            Self::TooLarge | Self::Ratio => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Quota => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::SlowBody | Self::NotStored => StatusCode::SERVICE_UNAVAILABLE,
            Self::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// When trying again makes sense; `None` means that it never will.
    const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Quota | Self::Busy | Self::SlowBody => Some(Duration::from_secs(1)),
            Self::NotStored => Some(Duration::from_secs(5)),
            _ => None,
        }
    }
}

impl Refusal {
    pub(crate) fn new(reason: RequestReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), field: None, delay: None }
    }

    /// Not before `delay` is over.
    pub(crate) fn later(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.delay.or_else(|| self.reason.retry_after())
    }

    /// Logged here and nowhere else: a sender's mistake is its own to see, ours are an operator's.
    pub(crate) fn log(&self, signal: &'static str) {
        let reason = self.reason.as_str();
        let problem = &self.message;
        match self.reason {
            RequestReason::Fault => tracing::error!(signal, reason, problem, "request failed"),
            RequestReason::NotStored => tracing::warn!(signal, reason, problem, "request not stored"),
            _ => tracing::debug!(signal, reason, problem, "request refused"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_succeed_later_is_unavailable_and_only_that_carries_a_delay() {
        for reason in RequestReason::ALL {
            let retryable = reason.retry_after().is_some();
            assert_eq!(reason.rpc_code() == RpcCode::Unavailable, retryable, "{reason:?}");
            let later = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
            assert_eq!(later.contains(&reason.http_status()), retryable, "{reason:?}");
        }
    }
}
