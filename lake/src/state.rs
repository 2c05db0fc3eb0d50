//! Everything that is visible, under one lock that is never held across I/O.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plimsoll_model::{Clock, RowsOutline, SignalBatch, Table, Timestamp};
use plimsoll_wal::Sequence;
use tokio::sync::Notify;

use crate::arrivals::{ArrivalLog, Arrivals};
use crate::hot::{Arrived, HotBatch, HotPart, HotRows, made};
use crate::late::LateRows;
use crate::room::Admission;
use crate::rows::memory_bytes;
use crate::stats::FileTotals;
use crate::{DataFile, LakeStats, TableSnapshot, season};

/// What a record that is left in the log takes in memory, generously.
const LOGGED_BYTES: usize = 512;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) buffer_limit_bytes: usize,
    state: Mutex<State>,
    /// Rows came, or wait for room; whoever flushes may want to look.
    pub(crate) appended: Notify,
    /// Room came, or a flush failed; whoever waits for room may want to look.
    pub(crate) room: Notify,
}

#[derive(Debug, Default)]
struct State {
    tables: [TableState; Table::ALL.len()],
    /// The last sequence whose rows are visible.
    visible: Sequence,
    stats: LakeStats,
}

#[derive(Debug, Default)]
struct TableState {
    hot: HotRows,
    cold: Vec<DataFile>,
    arrivals: ArrivalLog,
}

/// What a table's flush begins with.
#[derive(Debug)]
pub(crate) struct FlushInput {
    pub(crate) parts: Vec<HotBatch>,
    /// All rows of the table through here are in `parts` or in files.
    pub(crate) through: Sequence,
}

impl Shared {
    pub(crate) fn new(clock: Arc<dyn Clock>, buffer_limit_bytes: usize) -> Self {
        Self {
            clock,
            buffer_limit_bytes,
            state: Mutex::default(),
            appended: Notify::new(),
            room: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a durable group visible, all at once and in order.
    pub(crate) fn publish(&self, group: impl IntoIterator<Item = (Sequence, Arrived, Admission)>) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.stats.log_syncs += 1;
        state.stats.log_busy_since = None;
        for (sequence, arrived, admission) in group {
            state.stats.appends += 1;
            let moved_in = match arrived {
                Arrived::Made(batches) => {
                    for SignalBatch { table, batch } in &batches {
                        *state.stats.appended_rows.entry(*table).or_default() += batch.num_rows() as u64;
                    }
                    state.insert(sequence, batches, now)
                }
                Arrived::Late(rows) => {
                    let RowsOutline { table, rows: count, bytes, .. } = rows.outline();
                    *state.stats.appended_rows.entry(table).or_default() += count as u64;
                    state.insert_late(sequence, rows, bytes, now);
                    bytes
                }
            };
            admission.keep(moved_in, &mut state.stats);
        }
        drop(state);
        self.appended.notify_one();
    }

    /// What the log holds beyond the files, before anybody else may append.
    pub(crate) fn replayed(&self, sequence: Sequence, batches: Vec<SignalBatch>) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.stats.buffered_bytes += state.insert(sequence, batches, now);
    }

    /// The same of rows that need not be made for it. They are held like those that are received, in half of the buffer at
    /// most, so that there is room for what comes next; `held` and `logged` say what is left of a record then.
    pub(crate) fn replayed_late(
        &self,
        sequence: Sequence,
        outline: RowsOutline,
        [held, logged]: [&dyn Fn() -> LateRows; 2],
    ) {
        let now = self.clock.now();
        let mut state = self.lock();
        let is_held = state.stats.buffered_bytes.saturating_add(outline.bytes) <= self.buffer_limit_bytes / 2;
        let (rows, bytes) = if is_held { (held(), outline.bytes) } else { (logged(), LOGGED_BYTES) };
        state.stats.buffered_bytes += bytes;
        state.insert_late(sequence, rows, bytes, now);
    }

    /// The log holds nothing beyond `sequence`.
    pub(crate) fn replayed_through(&self, sequence: Sequence) {
        let mut state = self.lock();
        state.visible = state.visible.max(sequence);
    }

    /// What the files of a table hold.
    pub(crate) fn restored(&self, table: Table, through: Sequence, files: Vec<DataFile>) {
        let is_known = |file: &&DataFile| file.max_time < Timestamp::MAX;
        let earliest = files.iter().filter(is_known).map(|file| file.min_time).min();
        let watermark = files.iter().filter_map(season::watermark_of).max();
        let mut state = self.lock();
        state.visible = state.visible.max(through);
        let entry = &mut state.tables[table as usize];
        entry.arrivals = ArrivalLog::restored(through, earliest, watermark);
        entry.cold = files;
    }

    pub(crate) fn snapshot(&self, table: Table) -> TableSnapshot {
        let ((parts, late), cold) = {
            let state = self.lock();
            let entry = &state.tables[table as usize];
            (entry.hot.parts(), entry.cold.clone())
        };
        TableSnapshot { table, hot: made(parts), late, cold }
    }

    pub(crate) fn arrivals(&self, table: Table, since: Sequence) -> Arrivals {
        let state = self.lock();
        state.tables[table as usize].arrivals.since(since, state.visible)
    }

    /// About `most` of the oldest rows. `None` when there is nothing to flush.
    pub(crate) fn begin_flush(&self, table: Table, most: usize) -> Option<FlushInput> {
        let mut state = self.lock();
        let (parts, through) = state.tables[table as usize].hot.begin_flush(most);
        (!parts.is_empty()).then_some(FlushInput { parts, through: through.unwrap_or(state.visible) })
    }

    /// The last sequence whose rows are visible.
    pub(crate) fn visible(&self) -> Sequence {
        self.lock().visible
    }

    /// Swaps what `begin_flush` gave for the file it now lies in; in one step, so that no reader sees both or neither.
    pub(crate) fn flushed(&self, table: Table, files: Vec<DataFile>) {
        let mut state = self.lock();
        let entry = &mut state.tables[table as usize];
        let bytes = entry.hot.flushed();
        entry.cold.extend(files);
        state.stats.buffered_bytes = state.stats.buffered_bytes.saturating_sub(bytes);
        state.stats.is_buffer_full = false;
        state.stats.flushes += 1;
        drop(state);
        self.room.notify_waiters();
    }

    /// Every table that was due lies in files, or one of them could not be written.
    pub(crate) fn flush_ended(&self, has_failed: bool) {
        self.lock().stats.is_flush_failing = has_failed;
        self.room.notify_waiters();
    }

    /// Swaps files for others; a query that has begun keeps those it began with.
    pub(crate) fn replaced(&self, table: Table, removed: &[DataFile], added: Vec<DataFile>) {
        let mut state = self.lock();
        let cold = &mut state.tables[table as usize].cold;
        cold.retain(|file| !removed.iter().any(|removed| removed.path == file.path));
        cold.extend(added);
    }

    pub(crate) fn cold(&self, table: Table) -> Vec<DataFile> {
        self.lock().tables[table as usize].cold.clone()
    }

    /// Through here every row of every table is in a committed file.
    pub(crate) fn flushed_through(&self) -> Sequence {
        let state = self.lock();
        let waiting = state.tables.iter().filter_map(|entry| entry.hot.oldest());
        let before = waiting.map(|hot| Sequence(hot.sequence.0 - 1)).min();
        before.unwrap_or(state.visible)
    }

    /// Whether everything should go to files, whatever its size and age.
    pub(crate) fn is_pressed(&self) -> bool {
        let stats = &self.lock().stats;
        stats.buffered_bytes > self.buffer_limit_bytes / 2 || stats.waiting_for_room > 0
    }

    /// Rows in memory and since when the oldest of them is there.
    pub(crate) fn waiting(&self, table: Table) -> Option<(usize, Timestamp)> {
        let state = self.lock();
        let hot = &state.tables[table as usize].hot;
        hot.oldest().map(|oldest| (hot.rows(), oldest.since))
    }

    /// The log begins to write a group.
    pub(crate) fn log_is_busy(&self) {
        let now = self.clock.now();
        self.lock().stats.log_busy_since = Some(now);
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut LakeStats)) {
        count(&mut self.lock().stats);
    }

    pub(crate) fn stats(&self) -> LakeStats {
        let state = self.lock();
        let buffered_rows = state.tables.iter().map(|entry| entry.hot.rows()).sum();
        let oldest_row =
            state.tables.iter().filter_map(|entry| entry.hot.oldest()).map(|hot| hot.since).min();
        let files = Table::ALL.map(|table| (table, FileTotals::of(&state.tables[table as usize].cold)));
        LakeStats { buffered_rows, oldest_row, files: files.into(), ..state.stats.clone() }
    }
}

impl State {
    /// Returns the bytes that moved in.
    fn insert(&mut self, sequence: Sequence, batches: Vec<SignalBatch>, since: Timestamp) -> usize {
        self.visible = self.visible.max(sequence);
        let mut moved_in = 0;
        for rows in batches {
            let entry = &mut self.tables[rows.table as usize];
            if let Some((earliest, _)) = rows.time_range() {
                entry.arrivals.push(sequence, earliest, season::watermark_in(&rows, since));
            }
            let bytes = memory_bytes(&rows.batch);
            moved_in += bytes;
            let part = HotPart::Made(rows.batch);
            entry.hot.push(HotBatch { sequence, last: sequence, part, bytes, since });
        }
        moved_in
    }
}

impl State {
    /// As `insert`, of rows that are made later and take so much room.
    fn insert_late(&mut self, sequence: Sequence, rows: LateRows, bytes: usize, since: Timestamp) {
        self.visible = self.visible.max(sequence);
        let outline = rows.outline();
        let entry = &mut self.tables[outline.table as usize];
        entry.arrivals.push(sequence, outline.earliest, season::watermark(outline.latest, since));
        let part = HotPart::Late(rows);
        entry.hot.push(HotBatch { sequence, last: sequence, part, bytes, since });
    }
}
