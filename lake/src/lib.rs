//! The write path behind the log: a batch is appended to the WAL and fsynced, becomes queryable in memory, and is
//! flushed to a Delta table whose commit says how far the log is contained in it.
//!
//! | below `data_dir` | what |
//! | --- | --- |
//! | `wal/` | the log, format in `plimsoll-wal`; an entry is one append, an original or rows, format in `record` |
//! | `lake/lock` | held by the process that has the lake open |
//! | `lake/schemas/` | the Arrow schema of every log record there may be, by fingerprint |
//! | `lake/default/<table>/` | a Delta table of the tenant `default` |
//! | `lake/default/<table>/_commits/` | a second copy of each commit, with its checksum |
//! | `lake/default/<table>/_quarantine/` | damaged commits and checkpoints, kept for a person |
//! | `lake/quarantine/` | log records that nobody could read, kept for a person |
//! | `lake/<tenant>/` | of any other tenant, all of the above: `wal/`, `lock`, `schemas/`, `quarantine/`, `<table>/` |
//!
//! What holds, always:
//!
//! 1. An append is answered after its record is durable in the log and its rows are visible.
//! 2. A table's commit carries, as the Delta application transaction `plimsoll-wal`, the sequence of the log through
//!    which all of its rows are in files. Replay skips what a table has: exactly once, however often we crash.
//! 3. A business event is one row, however often it is sent within `Config::event_window`; its log record is stored
//!    each time. See `event_ids`.
//! 4. The log is trimmed only through what every table with rows in memory has durably committed, and what was written
//!    for it was read back.
//! 5. A file that a snapshot names exists for `vacuum_grace` after the snapshot was taken.

mod arrivals;
mod change;
mod check;
mod commit_copy;
mod commit_log;
mod compaction;
mod config;
mod data_file;
mod delta;
mod durable_store;
mod erase;
mod error;
mod event_ids;
mod flush;
mod gather;
mod home;
mod hot;
mod in_order;
mod lake;
mod late;
mod layout;
mod lock;
mod maintain;
mod merge;
mod needle;
mod physical;
mod quarantine;
mod record;
mod replay;
mod room;
mod rows;
mod schemas;
mod seams;
mod season;
mod state;
mod stats;
mod table_snapshot;
mod tables;
mod upkeep;
mod vacuum;
mod writer;

pub use arrivals::Arrivals;
pub use check::{CheckReport, TableReport, check};
pub use config::{Config, UpkeepConfig};
pub use erase::Erased;
pub use error::LakeError;
pub use gather::{Place, gather};
pub use lake::Lake;
pub use late::{LateRows, Unmakable};
pub use layout::properties as file_properties;
pub use needle::{ColumnPath, Needle};
pub use physical::{from_physical, physical_schema, to_physical};
pub use plimsoll_wal::{Disk, LocalDisk, Sequence};
pub use seams::{FlushStep, FlushSteps, Seams};
pub use stats::{FileTotals, LakeStats, UpkeepStats};
pub use table_snapshot::{DataFile, TableSnapshot};
