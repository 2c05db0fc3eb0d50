//! Takes a request's body in: within its size, its deadline and the memory that is left.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;

use crate::admission::{Lease, Received};
use crate::refusal::{Refusal, RequestReason};

/// Of the wall: it guards a socket, not a business deadline.
const DEADLINE: Duration = Duration::from_secs(60);

/// Reads all of `body`, at most `limit` bytes of it.
pub(crate) async fn receive(mut body: Body, limit: usize, lease: Lease) -> Result<Received, Refusal> {
    let reading = async {
        let received = collect(&mut body, limit, lease).await;
        if received.is_err() {
            drain(&mut body, limit).await;
        }
        received
    };
    tokio::time::timeout(DEADLINE, reading).await.unwrap_or_else(|_| {
        let seconds = DEADLINE.as_secs();
        Err(Refusal::new(RequestReason::SlowBody, format!("the body took longer than {seconds} s to arrive")))
    })
}

pub(crate) fn too_large(limit: usize) -> Refusal {
    let message =
        format!("the request is larger than {limit} bytes; send smaller batches or raise max_request_bytes");
    Refusal::new(RequestReason::TooLarge, message)
}

async fn collect(body: &mut Body, limit: usize, mut lease: Lease) -> Result<Received, Refusal> {
    let mut bytes = Vec::new();
    while let Some(data) = next_data(body).await? {
        if data.len() > limit - bytes.len() {
            return Err(too_large(limit));
        }
        lease.grow(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok(Received { bytes, lease })
}

/// A client of HTTP/1.1 reads the answer only after it has sent its body; closing earlier would look like a reset,
/// which it retries. So a bounded rest is taken in and forgotten.
async fn drain(body: &mut Body, limit: usize) {
    let mut drained = 0_usize;
    while let Ok(Some(data)) = next_data(body).await {
        drained = drained.saturating_add(data.len());
        if drained > limit {
            return;
        }
    }
}

async fn next_data(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Refusal::new(RequestReason::Malformed, "the connection ended within the body; send it again")
        })?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Admission;
    use crate::config::Config;

    async fn receive_bytes(size: usize, limit: usize) -> Result<Received, Refusal> {
        receive(Body::from(vec![7; size]), limit, Admission::new(&Config::default()).lease()).await
    }

    #[tokio::test]
    async fn the_limit_itself_passes_and_one_more_does_not() {
        assert_eq!(receive_bytes(1_000, 1_000).await.expect("fits").bytes.len(), 1_000);
        assert_eq!(receive_bytes(1_001, 1_000).await.expect_err("too large").reason, RequestReason::TooLarge);
    }
}
