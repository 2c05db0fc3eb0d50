//! Whether the process does its work: the loops that must beat, and how long ago each did; and the lake, which tells.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plimsoll_lake::{Lake, LakeStats};
use plimsoll_model::{Clock, TenantName, Timestamp};

/// So long may one group of appends be under way: disks that are busy take seconds.
const LONGEST_WRITE: Duration = Duration::from_secs(20);
/// Rows may wait for their flush so much longer than they are meant to.
const FLUSH_PATIENCE: Duration = Duration::from_mins(2);

/// Heartbeats of the loops on which a page depends, and the state of the lake.
#[derive(Debug)]
pub(crate) struct HealthBoard {
    clock: Arc<dyn Clock>,
    /// The default tenant's comes first.
    lakes: Vec<(TenantName, Lake)>,
    /// How long a row waits for its flush when all is well.
    flush_age: Duration,
    parts: Mutex<BTreeMap<String, Part>>,
    /// What is worth knowing of a part though nothing is wrong with it.
    notes: Mutex<BTreeMap<String, String>>,
}

#[derive(Clone, Debug)]
struct Part {
    last_beat: Timestamp,
    allowed: Duration,
    trouble: Option<String>,
}

impl HealthBoard {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        lakes: Vec<(TenantName, Lake)>,
        flush_age: Duration,
    ) -> Arc<Self> {
        Arc::new(Self { clock, lakes, flush_age, parts: Mutex::default(), notes: Mutex::default() })
    }

    /// From now on `part` must beat at least every `allowed`.
    pub(crate) fn expect(&self, part: &str, allowed: Duration) {
        let beat = Part { last_beat: self.clock.now(), allowed, trouble: None };
        self.lock().insert(part.to_owned(), beat);
    }

    /// `part` finished a round; `trouble` says what went wrong in it.
    pub(crate) fn beat(&self, part: &str, trouble: Option<String>) {
        let now = self.clock.now();
        if let Some(part) = self.lock().get_mut(part) {
            part.last_beat = now;
            part.trouble = trouble;
        }
    }

    /// Replaces what was noted of `part`.
    pub(crate) fn note(&self, part: &str, note: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(part.to_owned(), note);
    }

    fn lake_parts(&self, tenant: &TenantName, lake: &Lake, now: Timestamp) -> [(String, Option<String>); 2] {
        let stats = lake.stats();
        let parts =
            [("log", log_trouble(&stats, now)), ("flush", flush_trouble(&stats, now, self.flush_age))];
        parts.map(|(name, trouble)| (part_of(name, tenant), trouble))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl plimsoll_dashboards::Health for HealthBoard {
    fn parts(&self) -> Vec<(String, Option<String>)> {
        let now = self.clock.now();
        let loops = self.lock().clone().into_iter().map(|(name, part)| (name, part.verdict(now)));
        self.lakes.iter().flat_map(|(tenant, lake)| self.lake_parts(tenant, lake, now)).chain(loops).collect()
    }

    fn notes(&self) -> Vec<String> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.iter().map(|(part, note)| format!("{part}: {note}")).collect()
    }

    fn not_ready(&self) -> Option<String> {
        let full = || "the buffer is full, senders are told to try again".to_owned();
        self.lakes.iter().find_map(|(tenant, lake)| {
            let stats = lake.stats();
            let trouble =
                log_trouble(&stats, self.clock.now()).or_else(|| stats.is_buffer_full.then(full))?;
            Some(if tenant.is_default() { trouble } else { format!("{tenant}: {trouble}") })
        })
    }
}

impl Part {
    fn verdict(self, now: Timestamp) -> Option<String> {
        let silent = now.since(self.last_beat);
        if silent > self.allowed {
            return Some(format!("no sign of life for {} s", silent.as_secs()));
        }
        self.trouble
    }
}

/// A part's name where all tenants' are told.
pub(crate) fn part_of(name: &str, tenant: &TenantName) -> String {
    if tenant.is_default() { name.to_owned() } else { format!("{name} of {tenant}") }
}

/// Nothing can be acknowledged.
fn log_trouble(stats: &LakeStats, now: Timestamp) -> Option<String> {
    if stats.is_log_stopped {
        return Some("the thread that writes the log is dead: restart the process".to_owned());
    }
    if stats.is_log_failing {
        return Some("the log can't be written, senders are told to try again".to_owned());
    }
    let busy = now.since(stats.log_busy_since?);
    (busy > LONGEST_WRITE).then(|| format!("the disk has been at one write for {} s", busy.as_secs()))
}

fn flush_trouble(stats: &LakeStats, now: Timestamp, flush_age: Duration) -> Option<String> {
    let waited = now.since(stats.oldest_row?);
    let is_late = waited > flush_age * 2 + FLUSH_PATIENCE;
    is_late.then(|| format!("rows have waited for their flush for {} s", waited.as_secs()))
}

#[cfg(test)]
mod tests;
