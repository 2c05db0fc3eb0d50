//! What a person may set about the lake.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use plimsoll_model::{Table, TenantName};

use crate::season::default_retention;

/// `[lake]` in `plimsoll.toml`, plus the folder that `src/` resolved.
#[derive(Clone, Debug)]
pub struct Config {
    pub data_dir: PathBuf,
    /// Whose lake it is: its files lie apart from every other tenant's.
    pub tenant: TenantName,
    /// A table is flushed when it holds this many rows in memory ...
    pub flush_rows: usize,
    /// ... or when its oldest row has been there this long.
    pub flush_age: Duration,
    /// Appends are refused (retryable) beyond this much unflushed Arrow memory.
    pub buffer_limit_bytes: usize,
    /// A file of the log that has grown to this size is followed by another. Files go as a whole, once nothing in them is
    /// needed; at least 4 KiB.
    pub log_segment_bytes: u64,
    /// A business event that comes again with its `event_id` this long after the first (in ingest time) is no new row.
    pub event_window: Duration,
    /// At most this many of the newest ids are remembered: about 30 bytes each.
    pub event_ids: usize,
    pub upkeep: UpkeepConfig,
}

/// What the lake does with its files by itself.
#[derive(Clone, Debug)]
pub struct UpkeepConfig {
    /// Small files are merged into files of about this size.
    pub target_file_bytes: u64,
    /// So often at most; a merge reads and writes up to 256 MiB.
    pub compactions_per_hour: u32,
    /// A file is deleted when nothing has referred to it for this long: longer than any query takes.
    pub vacuum_grace: Duration,
    /// For how long rows are kept, where it differs from the default of their table.
    pub retention: BTreeMap<Table, Duration>,
}

impl UpkeepConfig {
    /// By event time; by arrival for rows that claim to be from the future.
    #[must_use]
    pub fn retention_of(&self, table: Table) -> Duration {
        self.retention.get(&table).copied().unwrap_or_else(|| default_retention(table))
    }

    pub(crate) fn pause(&self) -> Duration {
        Duration::from_hours(1) / self.compactions_per_hour.max(1)
    }
}

impl Default for UpkeepConfig {
    fn default() -> Self {
        Self {
            target_file_bytes: 128 << 20,
            compactions_per_hour: 120,
            vacuum_grace: Duration::from_hours(1),
            retention: BTreeMap::new(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            tenant: TenantName::default(),
            flush_rows: 200_000,
            flush_age: Duration::from_secs(30),
            buffer_limit_bytes: 512 << 20,
            upkeep: UpkeepConfig::default(),
            log_segment_bytes: 16 << 20,
            event_window: Duration::from_secs(3 * 24 * 60 * 60),
            event_ids: 2_000_000,
        }
    }
}
