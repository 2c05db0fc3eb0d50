//! What the lake counts, for a metrics page to show.

use std::collections::BTreeMap;

use plimsoll_model::{Table, Timestamp};

use crate::DataFile;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LakeStats {
    /// Acknowledged since the start, without duplicate events.
    pub appended_rows: BTreeMap<Table, u64>,
    pub appends: u64,
    /// Business events that were acknowledged and not stored, because their `event_id` was there already.
    pub duplicate_events: u64,
    /// Group commits: at most one fsync for each append, fewer under load.
    pub log_syncs: u64,
    /// Bytes of the records in them.
    pub log_bytes: u64,
    pub log_failures: u64,
    /// Whether the last write or sync of the log failed: appends are refused until one succeeds.
    pub is_log_failing: bool,
    /// Since when the log has been at work on a group of appends; `None` when nothing is under way.
    pub log_busy_since: Option<Timestamp>,
    /// The log's thread is gone: nothing can be appended until the process starts again.
    pub is_log_stopped: bool,
    /// Appends, and bytes of their records, that wait for the log.
    pub waiting_appends: usize,
    pub waiting_bytes: usize,
    /// Log entries that had been acknowledged and were missing or unreadable at the start.
    pub lost_log_entries: u64,
    /// Because the buffer was full.
    pub refused_appends: u64,
    /// Appends that found the buffer full and waited for a flush, and those that wait now.
    pub delayed_appends: u64,
    pub waiting_for_room: usize,
    /// Whether the buffer was full for the last append.
    pub is_buffer_full: bool,
    /// Since when the oldest row has waited for its flush.
    pub oldest_row: Option<Timestamp>,
    pub buffered_bytes: usize,
    pub buffered_rows: usize,
    pub flushes: u64,
    pub flush_failures: u64,
    /// Whether the last flush failed.
    pub is_flush_failing: bool,
    /// Unreadable pieces of the log, log records and Delta commits that were kept aside.
    pub quarantined: u64,
    pub upkeep: UpkeepStats,
    /// What a table's newest version refers to.
    pub files: BTreeMap<Table, FileTotals>,
}

/// What the lake did for itself since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpkeepStats {
    /// Merges of small files, the files they replaced, and the bytes they wrote.
    pub compactions: u64,
    pub compacted_files: u64,
    pub compacted_bytes: u64,
    /// Files, and rows in them, that were kept long enough.
    pub expired_files: u64,
    pub expired_rows: u64,
    /// Deleted because nothing refers to them any more.
    pub vacuumed_files: u64,
    pub vacuumed_bytes: u64,
    pub checkpoints: u64,
    pub cleaned_log_files: u64,
    /// Passes in which something could not be done; it is tried again.
    pub failures: u64,
    /// Damaged commits that were written anew from their copies.
    pub restored_commits: u64,
    /// Files of the tables that are missing or unreadable, and the rows their commits say they have: no query sees them.
    pub damaged_files: u64,
    pub damaged_rows: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileTotals {
    pub files: u64,
    pub rows: u64,
    pub bytes: u64,
}

impl FileTotals {
    pub(crate) fn of(files: &[DataFile]) -> Self {
        Self {
            files: files.len() as u64,
            rows: files.iter().map(|file| file.rows).sum(),
            bytes: files.iter().map(|file| file.size_bytes).sum(),
        }
    }
}
