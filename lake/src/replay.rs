//! What the log holds beyond the files comes back into memory. A record that nobody can read is kept aside in a file
//! and counted: it must not stop this start, nor the ones to come.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use plimsoll_model::Table;
use plimsoll_wal::{Disk, Options, Sequence, Wal};

use crate::durable_store::create_folders;
use crate::error::at;
use crate::schemas::Schemas;
use crate::state::Shared;
use crate::{LakeError, record};

/// Through where each table's files hold the log.
pub(crate) type HeldThrough = [Sequence; Table::ALL.len()];

/// The log, open, with everything that only it holds in memory.
pub(crate) fn replay(
    data_dir: &Path,
    disk: Box<dyn Disk>,
    shared: &Shared,
    held: HeldThrough,
) -> Result<Wal, LakeError> {
    let schemas = Schemas::open(data_dir)?;
    let mut outcome = Ok(());
    let mut wal =
        Wal::open_on(
            disk,
            &data_dir.join("wal"),
            Options::default(),
            |sequence, bytes| match record::decode(bytes, &schemas) {
                Ok(mut batches) => {
                    batches.retain(|rows| held[rows.table as usize] < sequence);
                    shared.replayed(sequence, batches);
                }
                Err(error) => {
                    shared.count(|stats| stats.quarantined += 1);
                    let kept = keep_aside(data_dir, sequence, bytes, &error);
                    outcome = std::mem::replace(&mut outcome, Ok(())).and(kept);
                }
            },
        )?;
    outcome?;
    // Should somebody have removed the log: sequences that a table already has must not be given again.
    wal.continue_after(held.into_iter().max().unwrap_or_default());
    shared.replayed_through(wal.synced());
    shared.count(|stats| stats.quarantined += wal.quarantined() as u64);
    Ok(wal)
}

fn keep_aside(data_dir: &Path, sequence: Sequence, bytes: &[u8], error: &LakeError) -> Result<(), LakeError> {
    let folder = data_dir.join("quarantine");
    let path = folder.join(format!("{:020}.record", sequence.0));
    tracing::error!(%error, sequence = sequence.0, kept = %path.display(), "a log record is kept aside");
    let keep = || -> io::Result<()> {
        create_folders(&folder)?;
        if fs::read(&path).is_ok_and(|kept| kept == bytes) {
            return Ok(());
        }
        let mut file = File::create(&path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        File::open(&folder)?.sync_all()
    };
    keep().map_err(at(&path))
}
