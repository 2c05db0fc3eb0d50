//! What came in, what was kept, and what was refused with which reason. Every reason is there from the start, at zero, and
//! at every moment `received = stored + refused + in flight`: the four change together.

use plimsoll_model::Signal;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::convert::{Converted, ItemFlag, ItemReason};
use crate::refusal::RequestReason;

/// A snapshot for the metrics page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    pub signals: [SignalStats; 3],
    /// Requests to an address that is no signal's.
    pub unrouted_requests: u64,
}

/// In items (spans, log records, data points) unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalStats {
    pub signal: Signal,
    pub requests: u64,
    /// After decompression.
    pub bytes: u64,
    pub received: u64,
    pub stored: u64,
    /// Decoded, and not yet durable or refused.
    pub in_flight: u64,
    pub duplicate_keys: u64,
    /// Values of which personal data was taken out.
    pub redacted_values: u64,
    pub refused: [(ItemReason, u64); ItemReason::ALL.len()],
    /// Kept all the same.
    pub flagged: [(ItemFlag, u64); ItemFlag::ALL.len()],
    pub refused_requests: [(RequestReason, u64); RequestReason::ALL.len()],
}

impl SignalStats {
    #[must_use]
    pub fn refused_total(&self) -> u64 {
        self.refused.iter().map(|(_, count)| count).sum()
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
    refused_requests: [AtomicU64; RequestReason::ALL.len()],
    items: Mutex<ItemCounts>,
}

/// Taken for a few additions once or twice a request, never across an `await`.
#[derive(Clone, Copy, Debug, Default)]
struct ItemCounts {
    bytes: u64,
    received: u64,
    stored: u64,
    in_flight: u64,
    duplicate_keys: u64,
    redacted_values: u64,
    refused: [u64; ItemReason::ALL.len()],
    flagged: [u64; ItemFlag::ALL.len()],
}

/// Items on their way into the log. Whoever drops it without a word has not stored them.
#[derive(Debug)]
pub(crate) struct InFlight<'c> {
    counters: &'c SignalCounters,
    items: u64,
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

    /// A request was decoded: what it refuses is counted at once, the rest is in flight.
    pub(crate) fn received(&self, signal: Signal, bytes: usize, converted: &Converted) -> InFlight<'_> {
        let counters = self.of(signal);
        let items = converted.received - converted.rejections.total();
        let mut counts = counters.items();
        counts.bytes += bytes as u64;
        counts.received += converted.received;
        counts.in_flight += items;
        counts.duplicate_keys += converted.duplicate_keys;
        counts.redacted_values += converted.redacted_values;
        for (reason, count) in converted.rejections.by_reason() {
            counts.refused[reason as usize] += count;
        }
        for (flag, count) in converted.flags.by_flag() {
            counts.flagged[flag as usize] += count;
        }
        drop(counts);
        InFlight { counters, items }
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

impl InFlight<'_> {
    pub(crate) fn stored(mut self) {
        let items = std::mem::take(&mut self.items);
        let mut counts = self.counters.items();
        counts.in_flight -= items;
        counts.stored += items;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let items = std::mem::take(&mut self.items);
        let mut counts = self.counters.items();
        counts.in_flight -= items;
        counts.refused[ItemReason::NotStored as usize] += items;
    }
}

impl SignalCounters {
    fn items(&self) -> MutexGuard<'_, ItemCounts> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self, signal: Signal) -> SignalStats {
        let items = *self.items();
        SignalStats {
            signal,
            requests: self.requests.load(Relaxed),
            bytes: items.bytes,
            received: items.received,
            stored: items.stored,
            in_flight: items.in_flight,
            duplicate_keys: items.duplicate_keys,
            redacted_values: items.redacted_values,
            refused: ItemReason::ALL.map(|reason| (reason, items.refused[reason as usize])),
            flagged: ItemFlag::ALL.map(|flag| (flag, items.flagged[flag as usize])),
            refused_requests: RequestReason::ALL
                .map(|reason| (reason, self.refused_requests[reason as usize].load(Relaxed))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_flight_ends_as_stored_or_refused_and_the_sum_holds_throughout() {
        let counters = Counters::default();
        let logs = || counters.snapshot().signals[Signal::Logs as usize].clone();
        let balanced = |in_flight| {
            let stats = logs();
            assert_eq!(stats.in_flight, in_flight);
            assert_eq!(stats.received, stats.stored + stats.refused_total() + stats.in_flight);
        };
        let converted = Converted { received: 3, ..Converted::default() };
        let first = counters.received(Signal::Logs, 10, &converted);
        let second = counters.received(Signal::Logs, 10, &converted);
        balanced(6);
        first.stored();
        balanced(3);
        drop(second);
        balanced(0);
        let stats = logs();
        assert_eq!((stats.received, stats.stored, stats.refused_total(), stats.bytes), (6, 3, 3, 20));
    }
}
