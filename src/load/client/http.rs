//! OTLP/HTTP with protobuf bodies.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use chrono::DateTime;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use plimsoll_model::{Clock, Timestamp};
use prost::Message;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};

use super::{AcknowledgedBy, Answer, Compression, Transport};
use crate::clock::SystemClock;
use crate::load::signal::Signal;

#[derive(Debug)]
pub(in crate::load) struct HttpConnection {
    client: Client,
    base: String,
    compression: Compression,
    acknowledged_by: AcknowledgedBy,
}

impl HttpConnection {
    pub(super) fn new(transport: &Transport) -> anyhow::Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .timeout(transport.timeout)
            .pool_max_idle_per_host(1)
            .tcp_nodelay(true)
            .build()
            .context("an HTTP client can't be made")?;
        let base = transport.endpoint.as_str().trim_end_matches('/').to_owned();
        let Transport { compression, acknowledged_by, .. } = *transport;
        Ok(Self { client, base, compression, acknowledged_by })
    }

    pub(super) async fn send(&self, signal: Signal, body: Bytes) -> Answer {
        let mut request = self
            .client
            .post(format!("{}{}", self.base, signal.http_path()))
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(body);
        if self.compression != Compression::None {
            request = request.header(CONTENT_ENCODING, self.compression.name());
        }
        match request.send().await {
            Ok(answer) => meaning(answer, self.acknowledged_by).await,
            Err(error) => nothing_came_back(&error),
        }
    }
}

async fn meaning(answer: Response, acknowledged_by: AcknowledgedBy) -> Answer {
    let (status, after) = (answer.status(), retry_after(&answer));
    let code = status.as_str().to_owned();
    let body = match answer.bytes().await {
        Ok(body) => body,
        Err(error) => return nothing_came_back(&error),
    };
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Answer::Later { code, after },
        status if status.is_success() => match acknowledged_by {
            AcknowledgedBy::Otlp => acknowledged(body),
            AcknowledgedBy::Status => Answer::Acknowledged { rejected: 0 },
        },
        _ => Answer::Refused { code, message: String::from_utf8_lossy(&body).into_owned() },
    }
}

/// The answers of all signals have the same fields. One that is not OTLP comes from something else at this address.
fn acknowledged(body: Bytes) -> Answer {
    match ExportTraceServiceResponse::decode(body) {
        Ok(answer) => {
            let partial = answer.partial_success.unwrap_or_default();
            Answer::Acknowledged { rejected: partial.rejected_spans.max(0).unsigned_abs() }
        }
        Err(error) => {
            Answer::Refused { code: "200".to_owned(), message: format!("the answer is not OTLP: {error}") }
        }
    }
}

fn nothing_came_back(error: &reqwest::Error) -> Answer {
    if error.is_connect() {
        return Answer::Later { code: "no connection".to_owned(), after: None };
    }
    let code = if error.is_timeout() { "timeout" } else { "connection broke off" };
    Answer::Lost { code: code.to_owned() }
}

/// Seconds, or a date of HTTP.
fn retry_after(answer: &Response) -> Option<Duration> {
    let value = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.parse().map(Duration::from_secs).ok().or_else(|| {
        let date = DateTime::parse_from_rfc2822(value).ok()?;
        Some(Timestamp::from_secs(date.timestamp()).since(SystemClock.now()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(status: u16, body: &'static str, acknowledged_by: AcknowledgedBy) -> Answer {
        let answer = http::Response::builder().status(status).header(RETRY_AFTER, "7").body(body);
        meaning(Response::from(answer.expect("a response")), acknowledged_by).await
    }

    #[tokio::test]
    async fn an_answer_that_is_not_otlp_is_an_acknowledgement_only_where_any_status_is() {
        let (ours, theirs) = ("", r#"{"status":"success"}"#);
        let acknowledged = Answer::Acknowledged { rejected: 0 };
        assert_eq!(check(200, ours, AcknowledgedBy::Otlp).await, acknowledged);
        assert!(matches!(check(200, theirs, AcknowledgedBy::Otlp).await, Answer::Refused { .. }));
        assert_eq!(check(202, theirs, AcknowledgedBy::Status).await, acknowledged);
    }

    #[tokio::test]
    async fn what_the_specification_calls_retryable_is_tried_again_when_told_and_nothing_else() {
        for status in [429, 502, 503, 504] {
            let after = Some(Duration::from_secs(7));
            let expected = Answer::Later { code: status.to_string(), after };
            assert_eq!(check(status, "", AcknowledgedBy::Otlp).await, expected);
        }
        for status in [400, 404, 413, 500] {
            let answer = check(status, "", AcknowledgedBy::Status).await;
            assert!(matches!(answer, Answer::Refused { .. }), "{status}: {answer:?}");
        }
    }
}
