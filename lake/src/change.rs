//! What one commit does to a table: files come, files go, and why.

use std::collections::HashSet;

use deltalake::protocol::{DeltaOperation, SaveMode};
use plimsoll_wal::Sequence;

use crate::DataFile;

#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) purpose: Purpose,
    pub(crate) removed: Vec<DataFile>,
    pub(crate) added: Vec<DataFile>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Rows from memory: the table then holds the log through here.
    Flush { through: Sequence },
    /// The same rows in fewer files.
    Compaction,
    /// Rows that have been kept long enough.
    Retention,
    /// The same rows without those of one person.
    Erasure,
}

impl Purpose {
    /// False when readers of changes have nothing to read.
    pub(crate) fn changes_data(self) -> bool {
        self != Self::Compaction
    }

    /// As the table's history shows it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flush { .. } => "flush",
            Self::Compaction => "compaction",
            Self::Retention => "retention",
            Self::Erasure => "erasure",
        }
    }

    pub(crate) fn operation(self) -> DeltaOperation {
        match self {
            Self::Flush { .. } => {
                DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None }
            }
            Self::Compaction => DeltaOperation::Optimize { predicate: None, target_size: 0 },
            Self::Retention | Self::Erasure => DeltaOperation::Delete { predicate: None },
        }
    }
}

impl Change {
    /// Whether a version of the table that has the files `names` contains it.
    pub(crate) fn is_in(&self, names: &HashSet<String>) -> bool {
        self.added.iter().all(|file| names.contains(&file.name()))
            && self.removed.iter().all(|file| !names.contains(&file.name()))
    }
}
