//! What came in, what was kept, and what was refused with which reason. Every reason is there from the start, at zero.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::convert::{ItemReason, Rejections};
use crate::refusal::RequestReason;
use crate::signal::Signal;

/// A snapshot for the metrics page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    pub signals: [SignalStats; 3],
    /// Requests to an address that is no signal's.
    pub unrouted_requests: u64,
}

/// In items (spans, log records, data points) unless it says otherwise. `received = stored + refused + in flight`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalStats {
    pub signal: Signal,
    pub requests: u64,
    /// After decompression.
    pub bytes: u64,
    pub received: u64,
    pub stored: u64,
    pub duplicate_keys: u64,
    pub refused: [(ItemReason, u64); ItemReason::ALL.len()],
    pub refused_requests: [(RequestReason, u64); RequestReason::ALL.len()],
}

impl SignalStats {
    #[must_use]
    pub fn refused_total(&self) -> u64 {
        self.refused.iter().map(|(_, count)| count).sum()
    }

    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.received.saturating_sub(self.stored + self.refused_total())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    signals: [SignalCounters; Signal::ALL.len()],
    unrouted_requests: AtomicU64,
}

#[derive(Debug, Default)]
struct SignalCounters {
    requests: AtomicU64,
    bytes: AtomicU64,
    received: AtomicU64,
    stored: AtomicU64,
    duplicate_keys: AtomicU64,
    refused: [AtomicU64; ItemReason::ALL.len()],
    refused_requests: [AtomicU64; RequestReason::ALL.len()],
}

impl Counters {
    pub(crate) fn request(&self, signal: Signal) {
        self.of(signal).requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn refused_request(&self, signal: Signal, reason: RequestReason) {
        self.of(signal).refused_requests[reason as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn unrouted_request(&self) {
        self.unrouted_requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn received(&self, signal: Signal, bytes: usize, items: u64, duplicate_keys: u64) {
        let counters = self.of(signal);
        counters.bytes.fetch_add(bytes as u64, Relaxed);
        counters.received.fetch_add(items, Relaxed);
        counters.duplicate_keys.fetch_add(duplicate_keys, Relaxed);
    }

    pub(crate) fn rejected(&self, signal: Signal, rejections: &Rejections) {
        for (reason, count) in rejections.by_reason() {
            self.of(signal).refused[reason as usize].fetch_add(count, Relaxed);
        }
    }

    pub(crate) fn not_stored(&self, signal: Signal, items: u64) {
        self.of(signal).refused[ItemReason::NotStored as usize].fetch_add(items, Relaxed);
    }

    pub(crate) fn stored(&self, signal: Signal, items: u64) {
        self.of(signal).stored.fetch_add(items, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Stats {
        Stats {
            signals: Signal::ALL.map(|signal| self.of(signal).snapshot(signal)),
            unrouted_requests: self.unrouted_requests.load(Relaxed),
        }
    }

    fn of(&self, signal: Signal) -> &SignalCounters {
        &self.signals[signal as usize]
    }
}

impl SignalCounters {
    /// What became of the items is read before how many came, so that nothing seems kept that never arrived.
    fn snapshot(&self, signal: Signal) -> SignalStats {
        let stored = self.stored.load(Relaxed);
        let refused = ItemReason::ALL.map(|reason| (reason, self.refused[reason as usize].load(Relaxed)));
        let refused_requests =
            RequestReason::ALL.map(|reason| (reason, self.refused_requests[reason as usize].load(Relaxed)));
        SignalStats {
            signal,
            requests: self.requests.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            received: self.received.load(Relaxed),
            stored,
            duplicate_keys: self.duplicate_keys.load(Relaxed),
            refused,
            refused_requests,
        }
    }
}
