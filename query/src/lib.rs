//! DataFusion over the lake: the SQL surface, its fence, and PostgreSQL wire.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use plimsoll_lake::Lake;
use plimsoll_model::{Clock, StateTable, Timestamp};

/// `[query]` in `plimsoll.toml`.
#[derive(Clone, Debug)]
pub struct Config {
    pub postgres: SocketAddr,
    pub timeout: Duration,
    pub memory_limit_bytes: usize,
    pub max_rows: usize,
    pub spill_dir: PathBuf,
    pub spill_limit_bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The statement is at fault; `line` and `column` (1-based) when the parser knows them.
    #[error("{message}")]
    Invalid { message: String, line: Option<u64>, column: Option<u64> },
    /// The fence said no: not a read, not on the allow-list, too many terms, too deep.
    #[error("{0}")]
    Refused(String),
    /// Stopped at a limit (time, memory, rows, spill); the message names the limit and its key.
    #[error("{0}")]
    Limit(String),
    #[error("{0}")]
    Internal(String),
}

/// A positional parameter (`$1`, ...) of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Time(Timestamp),
}

#[derive(Clone, Debug)]
pub struct QueryOutput {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

#[derive(Clone, Debug)]
pub struct QueryEngine {}

impl QueryEngine {
    pub fn new(
        _config: Config,
        _lake: Lake,
        _state: Vec<Arc<dyn StateTable>>,
        _clock: Arc<dyn Clock>,
    ) -> Result<Self, QueryError> {
        todo!()
    }

    /// One statement from a person: behind the fence, within every limit. `now()` is the clock's.
    pub async fn sql(&self, _sql: &str, _params: &[Param]) -> Result<QueryOutput, QueryError> {
        todo!()
    }

    /// One statement from a rule, at a moment: `now()` is `now`, whatever the clock says. The same fence, limits of
    /// its own, never queued behind people's queries.
    pub async fn evaluate(
        &self,
        _sql: &str,
        _params: &[Param],
        _now: Timestamp,
    ) -> Result<QueryOutput, QueryError> {
        todo!()
    }

    /// The columns a statement would give, and whether it calls `now()`; runs nothing. For checking rules at load.
    pub async fn describe(&self, _sql: &str) -> Result<Description, QueryError> {
        todo!()
    }
}

#[derive(Clone, Debug)]
pub struct Description {
    pub schema: SchemaRef,
    pub reads_now: bool,
    /// Lake tables the statement reads, so that evaluation can be driven by what arrived.
    pub tables: Vec<plimsoll_model::Table>,
}

/// Serves PostgreSQL wire on `listener` until `stop`.
pub async fn serve_postgres(
    _engine: QueryEngine,
    _listener: tokio::net::TcpListener,
    _stop: tokio_util::sync::CancellationToken,
) -> Result<(), QueryError> {
    todo!()
}
