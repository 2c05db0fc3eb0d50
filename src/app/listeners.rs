//! The four addresses, bound before anything else so that a clash is told at once and by name.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::config::Config;

/// Bound, but not yet served.
#[derive(Debug)]
pub struct Listeners {
    pub(super) grpc: TcpListener,
    pub(super) http: TcpListener,
    pub(super) postgres: TcpListener,
    pub(super) console: TcpListener,
}

/// Where the process really listens; port 0 in the configuration means any free one.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub grpc: SocketAddr,
    pub http: SocketAddr,
    pub postgres: SocketAddr,
    pub console: SocketAddr,
}

impl Listeners {
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        let [grpc, http, postgres, console] = config.listeners();
        Ok(Self {
            grpc: bind(grpc).await?,
            http: bind(http).await?,
            postgres: bind(postgres).await?,
            console: bind(console).await?,
        })
    }

    /// The same, but on any free port where the configured one is taken: the demo must run beside anything.
    pub async fn bind_or_any(config: &Config) -> anyhow::Result<Self> {
        let [grpc, http, postgres, console] = config.listeners();
        Ok(Self {
            grpc: bind_or_any(grpc).await?,
            http: bind_or_any(http).await?,
            postgres: bind_or_any(postgres).await?,
            console: bind_or_any(console).await?,
        })
    }

    pub fn addresses(&self) -> std::io::Result<Addresses> {
        Ok(Addresses {
            grpc: self.grpc.local_addr()?,
            http: self.http.local_addr()?,
            postgres: self.postgres.local_addr()?,
            console: self.console.local_addr()?,
        })
    }
}

async fn bind((key, address): (&'static str, SocketAddr)) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("{key} = \"{address}\" can't be listened on; is another process using the port?")
    })
}

async fn bind_or_any((key, address): (&'static str, SocketAddr)) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(_taken) => bind((key, SocketAddr::new(address.ip(), 0))).await,
    }
}
