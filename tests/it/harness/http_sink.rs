//! A receiver of webhooks and of PagerDuty's events that remembers what it was sent.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

type Mailbox = Arc<Mutex<Vec<Received>>>;

#[derive(Debug)]
pub(crate) struct HttpSink {
    port: u16,
    mailbox: Mailbox,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

impl HttpSink {
    pub(crate) async fn start() -> Self {
        Self::start_on(0).await
    }

    /// On a port that somebody was told before.
    pub(crate) async fn start_on(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("the port is free");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let mailbox = Mailbox::default();
        let app = Router::new().fallback(receive).with_state(Arc::clone(&mailbox));
        let stop = CancellationToken::new();
        let serve = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
        Self { port, mailbox, stop, server: tokio::spawn(serve.into_future()) }
    }

    /// Closes the port and every connection to it.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.server.await.expect("the sink does not panic").expect("the sink ends well");
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What came to this path so far, oldest first.
    pub(crate) fn received(&self, path: &str) -> Vec<Received> {
        let mailbox = self.mailbox.lock().unwrap_or_else(PoisonError::into_inner);
        mailbox.iter().filter(|received| received.path == path).cloned().collect()
    }
}

/// 202 with a body that both kinds of sender accept.
async fn receive(
    State(mailbox): State<Mailbox>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let answer = json!({"status": "success", "message": "Event processed", "dedup_key": body["dedup_key"]});
    let received = Received { path: uri.path().to_owned(), headers, body };
    mailbox.lock().unwrap_or_else(PoisonError::into_inner).push(received);
    (StatusCode::ACCEPTED, Json(answer))
}
