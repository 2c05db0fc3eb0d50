//! What a person may set about the lake.

use std::path::PathBuf;
use std::time::Duration;

/// `[lake]` in `plimsoll.toml`, plus the folder that `src/` resolved.
#[derive(Clone, Debug)]
pub struct Config {
    pub data_dir: PathBuf,
    /// A table is flushed when it holds this many rows in memory ...
    pub flush_rows: usize,
    /// ... or when its oldest row has been there this long.
    pub flush_age: Duration,
    /// Appends are refused (retryable) beyond this much unflushed Arrow memory.
    pub buffer_limit_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            flush_rows: 200_000,
            flush_age: Duration::from_secs(30),
            buffer_limit_bytes: 512 << 20,
        }
    }
}
