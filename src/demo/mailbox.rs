//! Where the demo's messages arrive: an SMTP server and an HTTP server on loopback, so that the real receivers run for
//! real. What arrives is handed over through one bounded channel; what nobody takes away is dropped and counted.

mod http;
mod mime;
mod smtp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Messages that wait to be read.
const CAPACITY: usize = 64;

/// Something that left the product and arrived.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    Mail(Mail),
    /// A webhook or an event for the pager.
    Post {
        path: String,
        body: serde_json::Value,
    },
}

/// An e-mail as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub text: String,
}

/// The two sinks, listening; they stop with the mailbox's token.
#[derive(Debug)]
pub struct Mailbox {
    pub smtp: SocketAddr,
    pub http: SocketAddr,
    received: mpsc::Receiver<Received>,
    servers: JoinSet<()>,
    stop: CancellationToken,
}

impl Mailbox {
    /// Listens on two free ports of the loopback interface.
    pub async fn open(stop: CancellationToken) -> anyhow::Result<Self> {
        let (smtp, http) = (listen().await?, listen().await?);
        let (addresses, (sink, received)) = ((smtp.local_addr()?, http.local_addr()?), Sink::new());
        let mut servers = JoinSet::new();
        servers.spawn(smtp::serve(smtp, sink.clone(), stop.clone()));
        servers.spawn(http::serve(http, sink, stop.clone()));
        Ok(Self { smtp: addresses.0, http: addresses.1, received, servers, stop })
    }

    /// The next message; `None` once the mailbox is closed.
    pub async fn next(&mut self) -> Option<Received> {
        self.received.recv().await
    }

    /// Stops both servers and waits for them.
    pub async fn close(mut self) {
        self.stop.cancel();
        while self.servers.join_next().await.is_some() {}
    }
}

async fn listen() -> anyhow::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0").await.context("the demo's mailbox finds no free port on 127.0.0.1")
}

/// The servers' end of the channel.
#[derive(Clone, Debug)]
struct Sink {
    messages: mpsc::Sender<Received>,
    dropped: Arc<AtomicU64>,
}

impl Sink {
    fn new() -> (Self, mpsc::Receiver<Received>) {
        let (messages, received) = mpsc::channel(CAPACITY);
        (Self { messages, dropped: Arc::default() }, received)
    }

    /// Never waits: a reader who has gone must not make the product believe that mail is down.
    fn accept(&self, message: Received) {
        if self.messages.try_send(message).is_err() {
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::debug!(dropped, "nobody reads the demo's mailbox");
        }
    }
}

#[cfg(test)]
mod tests;
