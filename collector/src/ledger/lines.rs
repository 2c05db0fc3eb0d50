//! A line of the ledger and how it lies in the table.

use std::sync::Arc;

use plimsoll_model::{Signal, TenantName, Timestamp};
use serde_json::{Map, Value, json};

use super::Tally;
use crate::convert::ItemReason;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) name: Arc<str>,
    pub(super) signal: Signal,
}

#[derive(Debug, Default)]
pub(super) struct Line {
    requests: u64,
    bytes: u64,
    received: u64,
    pub(super) stored: u64,
    refused: [u64; ItemReason::ALL.len()],
}

impl Line {
    /// Returns how many items are left to be stored.
    pub(super) fn count(&mut self, tally: &Tally) -> u64 {
        self.requests += 1;
        self.bytes += tally.bytes;
        self.received += tally.received;
        let mut kept = tally.received;
        for (reason, items) in &tally.refused {
            self.refuse(*reason, *items);
            kept = kept.saturating_sub(*items);
        }
        kept
    }

    /// Adds what another minute's line counted.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.requests += other.requests;
        self.bytes += other.bytes;
        self.received += other.received;
        self.stored += other.stored;
        for (total, more) in self.refused.iter_mut().zip(other.refused) {
            *total += more;
        }
    }

    pub(super) fn refuse(&mut self, reason: ItemReason, items: u64) {
        self.refused[reason as usize] += items;
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.received - self.stored - self.refused_total()
    }

    fn refused_total(&self) -> u64 {
        self.refused.iter().sum()
    }

    fn refused_by(&self) -> Map<String, Value> {
        let counts = ItemReason::ALL.into_iter().map(|reason| (reason, self.refused[reason as usize]));
        counts
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| (reason.as_str().to_owned(), json!(count)))
            .collect()
    }
}

pub(super) fn row(
    tenant: &TenantName,
    minute: Timestamp,
    now: Timestamp,
    source: &Source,
    line: &Line,
) -> Value {
    json!({
        "time": minute.nanos(),
        "ingest_time": now.nanos(),
        "tenant": tenant.as_str(),
        "source": &*source.name,
        "signal": source.signal.name(),
        "requests": line.requests,
        "bytes": line.bytes,
        "received": line.received,
        "stored": line.stored,
        "refused": line.refused_total(),
        "refused_by": line.refused_by(),
        "in_flight": line.in_flight(),
    })
}
