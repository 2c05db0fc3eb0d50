//! The console and the HTTP API.

use plimsoll_query::QueryEngine;

/// What the faces may look at.
#[derive(Clone, Debug)]
pub struct Faces {
    pub engine: QueryEngine,
    pub health: std::sync::Arc<dyn Health>,
}

/// Whether the process does its work, told by `src/`, which owns the tasks.
pub trait Health: std::fmt::Debug + Send + Sync {
    /// Each part's name and, when it is unwell, what is wrong with it.
    fn parts(&self) -> Vec<(String, Option<String>)>;
}

pub async fn serve(
    _faces: Faces,
    _listener: tokio::net::TcpListener,
    _stop: tokio_util::sync::CancellationToken,
) -> std::io::Result<()> {
    todo!()
}
