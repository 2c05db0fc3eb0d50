//! A receiver of webhooks that answers as each timeline says, and remembers what it took and when.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::timeline::Answer;
use crate::harness::Beginning;

/// A message that was answered with 200.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) receiver: String,
    /// Since the sink's beginning.
    pub(super) at: f64,
    pub(super) body: Value,
}

#[derive(Clone, Debug)]
struct Shelf {
    began: Beginning,
    taken: Arc<Mutex<Vec<Taken>>>,
    scripts: Arc<Mutex<HashMap<String, VecDeque<Answer>>>>,
}

#[derive(Debug)]
pub(super) struct ScriptedSink {
    port: u16,
    shelf: Shelf,
    server: JoinHandle<std::io::Result<()>>,
}

impl ScriptedSink {
    pub(super) async fn start(began: Beginning) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let shelf = Shelf { began, taken: Arc::default(), scripts: Arc::default() };
        let app = Router::new().route("/{receiver}", post(take)).with_state(shelf.clone());
        Self { port, shelf, server: tokio::spawn(axum::serve(listener, app).into_future()) }
    }

    pub(super) fn url(&self, receiver: &str) -> String {
        format!("http://127.0.0.1:{}/{receiver}", self.port)
    }

    /// What the moments of [`Taken`] are counted from.
    pub(super) fn began(&self) -> Beginning {
        self.shelf.began
    }

    pub(super) fn script(&self, receiver: String, answers: &[Answer]) {
        let mut scripts = self.shelf.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        scripts.insert(receiver, answers.iter().copied().collect());
    }

    /// What this receiver took, oldest first.
    pub(super) fn taken(&self, receiver: &str) -> Vec<Taken> {
        let taken = self.shelf.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.iter().filter(|taken| taken.receiver == receiver).cloned().collect()
    }
}

impl Drop for ScriptedSink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(shelf): State<Shelf>, Path(receiver): Path<String>, body: Bytes) -> StatusCode {
    let answer = {
        let mut scripts = shelf.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        scripts.get_mut(&receiver).and_then(VecDeque::pop_front)
    };
    match answer {
        Some(Answer::Status(status)) => return StatusCode::from_u16(status).expect("a status"),
        Some(Answer::Hang(secs)) => {
            Beginning::in_a(Duration::from_secs_f64(secs)).reach(Duration::ZERO).await;
            return StatusCode::GATEWAY_TIMEOUT;
        }
        None => {}
    }
    let body = serde_json::from_slice(&body).expect("a webhook is JSON");
    let at = shelf.began.elapsed_secs();
    shelf.taken.lock().unwrap_or_else(PoisonError::into_inner).push(Taken { receiver, at, body });
    StatusCode::OK
}
