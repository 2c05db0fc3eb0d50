//! What the log holds beyond the files comes back into memory. A record that nobody can read is kept aside: it must not
//! stop this start, nor the ones to come.

use std::path::Path;

use plimsoll_model::Table;
use plimsoll_wal::{Disk, Options, Sequence, Wal};

use crate::LakeError;
use crate::quarantine::Quarantine;
use crate::record::RecordReader;
use crate::state::Shared;

/// Through where each table's files hold the log.
pub(crate) type HeldThrough = [Sequence; Table::ALL.len()];

/// The log, open, with everything that only it holds in memory.
pub(crate) fn replay(
    data_dir: &Path,
    disk: Box<dyn Disk>,
    reader: &RecordReader,
    shared: &Shared,
    held: HeldThrough,
) -> Result<Wal, LakeError> {
    let quarantine = Quarantine::below(data_dir);
    let mut outcome = Ok(());
    let mut wal = Wal::open_on(disk, &data_dir.join("wal"), Options::default(), |sequence, record| {
        if outcome.is_ok() {
            outcome = take(sequence, record, reader, shared, &quarantine, held);
        }
    })?;
    outcome?;
    // Should somebody have removed the log: sequences that a table already has must not be given again.
    wal.continue_after(held.into_iter().max().unwrap_or_default());
    shared.replayed_through(wal.synced());
    shared.count(|stats| {
        stats.quarantined += wal.quarantined() as u64;
        stats.lost_log_entries = wal.lost_entries();
    });
    Ok(wal)
}

fn take(
    sequence: Sequence,
    record: &[u8],
    reader: &RecordReader,
    shared: &Shared,
    quarantine: &Quarantine,
    held: HeldThrough,
) -> Result<(), LakeError> {
    let recovered = reader.read(record, |table| held[table as usize] < sequence)?;
    if let Some(complaint) = recovered.complaint {
        shared.count(|stats| stats.quarantined += 1);
        quarantine.keep(sequence, record, &complaint)?;
    }
    shared.replayed(sequence, recovered.batches);
    Ok(())
}
