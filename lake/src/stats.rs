//! What the lake counts, for a metrics page to show.

use std::collections::BTreeMap;

use plimsoll_model::Table;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LakeStats {
    /// Acknowledged since the start.
    pub appended_rows: BTreeMap<Table, u64>,
    pub appends: u64,
    /// Group commits: at most one fsync for each append, fewer under load.
    pub log_syncs: u64,
    pub log_failures: u64,
    /// Because the buffer was full.
    pub refused_appends: u64,
    pub buffered_bytes: usize,
    pub buffered_rows: usize,
    pub flushes: u64,
    pub flush_failures: u64,
    /// Unreadable pieces of the log, log records and Delta commits that were kept aside.
    pub quarantined: u64,
}
