//! PostgreSQL wire: psql, Grafana, Metabase, DBeaver and every driver.
//!
//! A statement is either answered locally ([`local`]: SET, SHOW, BEGIN and their like, which drivers send and which mean
//! nothing to a read-only engine) or read by [`reader`], behind the same fence as on every other face, and run in
//! the people's lane. [`login`] decides whose tables a connection sees. Passwords pass in clear, so `src/` lets this
//! listen on loopback only.

mod answer;
mod handlers;
mod local;
mod login;
mod reader;

use std::sync::Arc;
use std::time::Duration;

use datafusion_postgres::pgwire::tokio::process_socket;
use plimsoll_model::Clock;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Databases, QueryError};
use handlers::Handlers;

/// Clients at a time; each costs a few hundred kilobytes while it is idle.
const MAX_CONNECTIONS: usize = 64;

/// After a failed accept: descriptors have to come back before the next try makes sense.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves PostgreSQL wire on `listener` until `stop`; connections end with it.
pub async fn serve_postgres(
    databases: Databases,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), QueryError> {
    let clock = Arc::clone(&databases.default_engine().inner().clock);
    let handlers = Arc::new(Handlers::new(databases)?);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    connections.spawn(serve_client(socket, Arc::clone(&handlers), Arc::clone(&places)));
                }
                Err(error) => pause(error, clock.as_ref()).await,
            },
        }
    }
    connections.shutdown().await;
    Ok(())
}

async fn pause(error: std::io::Error, clock: &dyn Clock) {
    tracing::warn!(%error, "accepting a postgresql connection failed");
    clock.sleep(ACCEPT_PAUSE).await;
}

async fn serve_client(mut socket: TcpStream, handlers: Arc<Handlers>, places: Arc<Semaphore>) {
    let Ok(_place) = places.try_acquire() else {
        tracing::warn!(limit = MAX_CONNECTIONS, "a postgresql connection was refused");
        if let Err(error) = socket.write_all(&answer::too_many_clients()).await {
            tracing::debug!(%error, "a refused client left first");
        }
        return;
    };
    if let Err(error) = process_socket(socket, None, handlers).await {
        tracing::debug!(%error, "a postgresql connection ended");
    }
}

#[cfg(test)]
mod tests;
