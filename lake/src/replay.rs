//! What the log holds beyond the files comes back into memory. A record that nobody can read is kept aside: it must not
//! stop this start, nor the ones to come.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use plimsoll_model::Table;
use plimsoll_wal::{Disk, Entry, Options, Sequence, Wal};

use crate::LakeError;
use crate::event_ids::EventIds;
use crate::late::{LateRows, Record};
use crate::quarantine::Quarantine;
use crate::record::{RecordReader, Trust, outline_of};
use crate::state::Shared;

/// Through where each table's files hold the log.
pub(crate) type HeldThrough = [Sequence; Table::ALL.len()];

/// Where the entries of the log go.
#[derive(Debug)]
pub(crate) struct Replay<'a> {
    pub(crate) reader: RecordReader,
    pub(crate) quarantine: Quarantine,
    pub(crate) held: HeldThrough,
    pub(crate) segment_bytes: u64,
    /// Knows the events in files already.
    pub(crate) event_ids: &'a mut EventIds,
    pub(crate) shared: &'a Shared,
}

impl Replay<'_> {
    /// The log, open, with everything that only it holds in memory.
    pub(crate) fn run(mut self, log: &Path, disk: Box<dyn Disk>) -> Result<Wal, LakeError> {
        let mut outcome = Ok(());
        let options = Options { segment_bytes: self.segment_bytes };
        let mut wal = Wal::replay_on(disk, log, options, |entry| {
            if outcome.is_ok() {
                outcome = self.take(entry);
            }
        })?;
        outcome?;
        // Should somebody have removed the log: sequences that a table already has must not be given again.
        wal.continue_after(self.held.into_iter().max().unwrap_or_default());
        self.shared.replayed_through(wal.synced());
        self.shared.count(|stats| {
            stats.quarantined += wal.quarantined() as u64;
            stats.lost_log_entries = wal.lost_entries();
        });
        Ok(wal)
    }

    /// Of outlined rows no more than the outline is read: who asks for them makes them, and the checks are theirs then.
    fn take(&mut self, Entry { sequence, payload, place }: Entry<'_>) -> Result<(), LakeError> {
        if let Some(outline) = outline_of(payload) {
            if self.held[outline.table as usize] < sequence {
                let rows = |record| LateRows::of(outline, record, Arc::clone(&self.reader.originals));
                let held = || rows(Record::Held(Bytes::copy_from_slice(payload), Trust::FromDisk));
                let logged = || rows(Record::Logged(place.clone()));
                self.shared.replayed_late(sequence, outline, [&held, &logged]);
            }
            return Ok(());
        }
        let mut recovered = self.reader.read(payload, |table| self.held[table as usize] < sequence)?;
        if let Some(complaint) = recovered.complaint {
            self.shared.count(|stats| stats.quarantined += 1);
            self.quarantine.keep(sequence, payload, &complaint)?;
        }
        self.event_ids.keep_first(&mut recovered.batches);
        self.shared.replayed(sequence, recovered.batches);
        Ok(())
    }
}
