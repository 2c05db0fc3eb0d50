//! What an operator may set, and the limits nobody needs to.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::View;

/// Statements of people that run at a time; others wait for their turn within their own deadline.
pub(crate) const CONCURRENT_STATEMENTS: usize = 4;

/// Statements of rules that run at a time, in threads and memory of their own.
pub(crate) const CONCURRENT_EVALUATIONS: usize = 4;

/// Statements that may wait for their turn; the next one is told to come back.
pub(crate) const WAITING_STATEMENTS: usize = 256;

/// What one answer may hold in memory.
pub(crate) const RESULT_LIMIT_BYTES: usize = 128 * 1024 * 1024;

/// Parquet footers kept between statements.
pub(crate) const METADATA_CACHE_BYTES: usize = 16 * 1024 * 1024;

/// `[query]` in `plimsoll.toml`.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where `src/` listens for PostgreSQL clients.
    pub postgres: SocketAddr,
    /// A statement is cancelled when it took this long, waiting for its turn included.
    pub timeout: Duration,
    /// For all statements of people together; rules have as much again for themselves.
    pub memory_limit_bytes: usize,
    /// A statement that answers more rows than this is an error, never a silent cut.
    pub max_rows: usize,
    /// Sorts and aggregations that outgrow their memory continue here.
    pub spill_dir: PathBuf,
    /// For people and rules each.
    pub spill_limit_bytes: u64,
    /// Beside our own.
    pub views: Vec<View>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            postgres: SocketAddr::from((Ipv4Addr::LOCALHOST, 5433)),
            timeout: Duration::from_secs(30),
            memory_limit_bytes: 256 * 1024 * 1024,
            max_rows: 100_000,
            spill_dir: PathBuf::from("data/spill"),
            spill_limit_bytes: 1024 * 1024 * 1024,
            views: Vec::new(),
        }
    }
}
