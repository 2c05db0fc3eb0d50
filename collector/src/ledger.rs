//! The ingest ledger: what came from each source in each minute, and what became of it. At every moment
//! `received = stored + refused by reason + in flight`, in every line and so in their sum.
//!
//! A minute is counted here until it is over and nothing of it is in flight; then whoever owns the process writes it into
//! the lake (table `ingest_ledger`). SQL sees both: [`IngestLedger`] is the newest part of that table.

mod lines;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use plimsoll_model::{Clock, Signal, StateTable, Table, TenantName, Timestamp, batch_from_rows};

use crate::convert::ItemReason;
use lines::{Line, Source, row};

const MINUTE: Duration = Duration::from_secs(60);
/// Minutes that stay here after they were written: a query that looked at the lake just before finds them here.
const KEPT_MINUTES: u32 = 2;
/// Sources of a minute with a line of their own; what others send is counted together.
const MAX_SOURCES: usize = 2_000;
const OTHER_SOURCES: &str = "(other sources)";
/// Minutes that may wait to be written, while the lake can't be: beyond, the oldest become part of the minute after them.
const MAX_UNWRITTEN: usize = 180;
/// Longer names are cut.
const MAX_NAME_BYTES: usize = 200;

/// What one source sent within a request.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// `service.name`
    pub(crate) source: String,
    pub(crate) bytes: u64,
    pub(crate) received: u64,
    pub(crate) refused: Vec<(ItemReason, u64)>,
    /// The latest event time among them.
    pub(crate) latest: Option<Timestamp>,
}

/// Clones share the lines.
#[derive(Clone, Debug)]
pub struct IngestLedger {
    tenant: TenantName,
    lines: Arc<Mutex<Lines>>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct Lines {
    by_minute: BTreeMap<Timestamp, BTreeMap<Source, Line>>,
    /// Through here every minute lies in the lake.
    written: Option<Timestamp>,
}

impl Lines {
    /// The books stay true, only coarser: an hour of an outage of a day is told as what it came to.
    fn bound(&mut self) {
        let written = self.written;
        while self.by_minute.len() > MAX_UNWRITTEN + KEPT_MINUTES as usize {
            let unwritten =
                self.by_minute.iter().filter(|(minute, _)| written.is_none_or(|through| **minute > through));
            let settled = unwritten.filter(|(_, lines)| lines.values().all(|line| line.in_flight() == 0));
            let mut oldest = settled.map(|(minute, _)| *minute).take(2);
            let (Some(first), Some(second)) = (oldest.next(), oldest.next()) else { return };
            let Some(older) = self.by_minute.remove(&first) else { return };
            let newer = self.by_minute.entry(second).or_default();
            for (source, line) in older {
                newer.entry(source).or_default().absorb(&line);
            }
        }
    }
}

/// A minute whose lines change no more.
#[derive(Debug)]
pub struct SettledMinute {
    pub minute: Timestamp,
    /// In the schema of `ingest_ledger`.
    pub rows: RecordBatch,
}

impl IngestLedger {
    pub(crate) fn new(tenant: TenantName, clock: Arc<dyn Clock>) -> Self {
        Self { tenant, lines: Arc::default(), clock }
    }

    /// Items of a request that is now being worked on. Who drops the answer without a word has not stored them.
    pub(crate) fn received(&self, signal: Signal, tallies: &[Tally]) -> Unsettled {
        let now = self.clock.now().floor_to(MINUTE);
        let mut lines = self.lock();
        // Neither a clock that was set back nor a quick restart opens a minute that is already written.
        let minute = lines.written.map_or(now, |written| now.max(written + MINUTE));
        let of_minute = lines.by_minute.entry(minute).or_default();
        let mut kept = Vec::with_capacity(tallies.len());
        for tally in tallies {
            let source = source_of(of_minute, signal, &tally.source);
            let line = of_minute.entry(source.clone()).or_default();
            kept.push((source, line.count(tally)));
        }
        Unsettled { ledger: self.clone(), minute, kept }
    }

    /// Minutes to be written, the oldest first. With `all`, also those that are not over: for the end of the process.
    #[must_use]
    pub fn settled(&self, all: bool) -> Vec<SettledMinute> {
        let now = self.clock.now();
        let mut lines = self.lock();
        // Here and nowhere else: between this answer and the word that a minute is written, none may change.
        lines.bound();
        let unwritten = lines
            .by_minute
            .iter()
            .filter(|(minute, _)| lines.written.is_none_or(|written| **minute > written));
        unwritten
            .take_while(|(minute, lines)| {
                all || (**minute + MINUTE <= now && lines.values().all(|line| line.in_flight() == 0))
            })
            .filter_map(|(minute, lines)| {
                Some(SettledMinute { minute: *minute, rows: self.batch(*minute, lines, now)? })
            })
            .collect()
    }

    /// Said after the minute's rows are visible in the lake, and at the start of what an earlier process wrote.
    pub fn written(&self, minute: Timestamp) {
        let mut lines = self.lock();
        lines.written = lines.written.max(Some(minute.floor_to(MINUTE)));
        lines.by_minute.retain(|old, _| *old + MINUTE * KEPT_MINUTES >= minute);
    }

    fn batch(
        &self,
        minute: Timestamp,
        lines: &BTreeMap<Source, Line>,
        now: Timestamp,
    ) -> Option<RecordBatch> {
        let row = |(source, line)| row(&self.tenant, minute, now, source, line);
        let rows: Vec<_> = lines.iter().map(row).collect();
        batch_from_rows(&Table::IngestLedger.schema(), &rows)
            .inspect_err(|error| tracing::error!(%error, "a minute of the ingest ledger can't be written"))
            .ok()
    }

    fn became(&self, minute: Timestamp, kept: &[(Source, u64)], change: impl Fn(&mut Line, u64)) {
        let mut lines = self.lock();
        let Some(of_minute) = lines.by_minute.get_mut(&minute) else { return };
        for (source, items) in kept {
            if let Some(line) = of_minute.get_mut(source) {
                change(line, *items);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateTable for IngestLedger {
    fn name(&self) -> &'static str {
        Table::IngestLedger.name()
    }

    fn schema(&self) -> SchemaRef {
        Table::IngestLedger.schema()
    }

    fn rows(&self) -> Result<RecordBatch, Box<dyn Error + Send + Sync>> {
        let now = self.clock.now();
        let lines = self.lock();
        let rows: Vec<_> = lines
            .by_minute
            .iter()
            .flat_map(|(minute, lines)| {
                lines.iter().map(move |(source, line)| row(&self.tenant, *minute, now, source, line))
            })
            .collect();
        Ok(batch_from_rows(&self.schema(), &rows)?)
    }
}

/// Items that are neither stored nor refused yet.
#[derive(Debug)]
#[must_use]
pub(crate) struct Unsettled {
    ledger: IngestLedger,
    minute: Timestamp,
    kept: Vec<(Source, u64)>,
}

impl Unsettled {
    pub(crate) fn stored(mut self) {
        let kept = std::mem::take(&mut self.kept);
        self.ledger.became(self.minute, &kept, |line, items| line.stored += items);
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        self.ledger.became(self.minute, &self.kept, |line, items| line.refuse(ItemReason::NotStored, items));
    }
}

fn source_of(of_minute: &BTreeMap<Source, Line>, signal: Signal, name: &str) -> Source {
    let end = (0..=MAX_NAME_BYTES.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    let name = end.and_then(|end| name.get(..end)).unwrap_or_default();
    let source = Source { name: name.into(), signal };
    if of_minute.len() < MAX_SOURCES || of_minute.contains_key(&source) {
        return source;
    }
    Source { name: OTHER_SOURCES.into(), signal }
}
