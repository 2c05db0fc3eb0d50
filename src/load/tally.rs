//! What is counted while requests go out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::latency::Latencies;
use super::signal::Signal;

/// Reasons beyond this many are counted as one more, so that no receiver's texts fill our memory.
const REASONS: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) signals: BTreeMap<Signal, Items>,
    pub(super) latencies: Latencies,
    /// Attempts that were told, or thought, to try again, by why.
    pub(super) retries: BTreeMap<String, u64>,
    /// Requests that were dropped, by why.
    pub(super) refusals: BTreeMap<String, u64>,
    /// The first refusal in the receiver's own words.
    pub(super) first_refusal: Option<String>,
    /// Of acknowledged requests, before compression and as sent.
    pub(super) body_bytes: u64,
    pub(super) wire_bytes: u64,
    pub(super) last_answer: Option<Instant>,
}

/// Items of one signal.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Items {
    pub(super) requests: u64,
    pub(super) sent: u64,
    pub(super) acknowledged: u64,
    pub(super) rejected: u64,
    pub(super) refused: u64,
    pub(super) unknown: u64,
}

impl Tally {
    pub(super) fn items(&mut self, signal: Signal) -> &mut Items {
        self.signals.entry(signal).or_default()
    }

    pub(super) fn acknowledged(&mut self, latency: Duration, body: usize, wire: usize) {
        self.latencies.add(latency);
        self.body_bytes += body as u64;
        self.wire_bytes += wire as u64;
        self.last_answer = Some(Instant::now());
    }

    pub(super) fn retry(&mut self, code: &str) {
        count(&mut self.retries, code);
    }

    pub(super) fn refusal(&mut self, code: &str, message: &str) {
        count(&mut self.refusals, code);
        self.first_refusal.get_or_insert_with(|| format!("{code}: {message}"));
    }

    pub(super) fn total(&self) -> Items {
        let mut total = Items::default();
        for items in self.signals.values() {
            total.requests += items.requests;
            total.sent += items.sent;
            total.acknowledged += items.acknowledged;
            total.rejected += items.rejected;
            total.refused += items.refused;
            total.unknown += items.unknown;
        }
        total
    }
}

fn count(reasons: &mut BTreeMap<String, u64>, reason: &str) {
    let known = reasons.contains_key(reason) || reasons.len() < REASONS;
    *reasons.entry(if known { reason } else { "other" }.to_owned()).or_default() += 1;
}
