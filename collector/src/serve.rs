//! Accepts connections and keeps doing so: an accept that fails (no file descriptors left) is waited out, a connection
//! that fails is its own affair, and a stop lets answers finish.

use std::io;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::collector::CollectorError;

/// More wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 4_096;

// All of the wall: they guard sockets, and must hold when a test's clock stands still.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const FIRST_BYTE_DEADLINE: Duration = Duration::from_secs(60);
const HEADER_DEADLINE: Duration = Duration::from_secs(30);
const PING_INTERVAL: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// Serves HTTP/1.1 and HTTP/2 (by prior knowledge) until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> Result<(), CollectorError> {
    let address =
        listener.local_addr().map_err(|error| CollectorError(format!("a closed listener: {error}")))?;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone(), stop.clone()));
                }
                Err(error) => pause_after(&error, &stop).await,
            },
        }
    }
    drop(listener);
    let finished = timeout(STOP_DEADLINE, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if finished.await.is_err() {
        tracing::warn!(%address, open = connections.len(), "connections cut at the stop deadline");
        connections.shutdown().await;
    }
    Ok(())
}

/// The error stays until someone closes a descriptor; asking at once again would only burn a core.
async fn pause_after(error: &io::Error, stop: &CancellationToken) {
    tracing::warn!(%error, "accepting a connection failed");
    // Either way the loop goes on: it looks at `stop` itself.
    drop(timeout(ACCEPT_PAUSE, stop.cancelled()).await);
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked");
    }
}

async fn connection(stream: TcpStream, router: Router, stop: CancellationToken) {
    // Telling HTTP/1.1 from HTTP/2 takes the first bytes, before any of hyper's deadlines runs.
    let first_byte = tokio::select! {
        () = stop.cancelled() => return,
        ready = timeout(FIRST_BYTE_DEADLINE, stream.readable()) => ready,
    };
    if !matches!(first_byte, Ok(Ok(()))) || stream.set_nodelay(true).is_err() {
        return;
    }
    let builder = builder();
    let serving = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(serving);
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended early");
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_DEADLINE);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING_INTERVAL);
    builder
}
