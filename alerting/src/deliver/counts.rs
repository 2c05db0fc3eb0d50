//! What became of deliveries since the start, by kind of integration.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::pace::kind_of;

/// As Alertmanager names them.
pub const INTEGRATION_KINDS: [&str; 5] = ["email", "pagerduty", "webhook", "slack", "msteamsv2"];

#[derive(Debug, Default)]
pub(crate) struct Counts([KindCounts; INTEGRATION_KINDS.len()]);

#[derive(Debug, Default)]
struct KindCounts {
    sent: AtomicU64,
    retried: AtomicU64,
    failed: AtomicU64,
    held_back: AtomicU64,
    to_second_channel: AtomicU64,
    seconds: AtomicU64,
}

/// What became of one attempt, or why there was none.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// With the time from the decision to the receipt.
    Sent(Duration),
    Retried,
    Failed,
    /// By the rate limit.
    HeldBack,
    ToSecondChannel,
}

/// Of one kind of integration, since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryStats {
    pub kind: &'static str,
    pub sent: u64,
    /// Attempts after which there will be another.
    pub retried: u64,
    /// Given up.
    pub failed: u64,
    /// Waits for the rate limit; one that waits for several passes counts at each.
    pub held_back: u64,
    pub to_second_channel: u64,
    /// From the decision to the receipt, of all that were sent.
    pub lag: Duration,
}

impl Counts {
    pub(crate) fn note(&self, integration: &str, fate: Fate) {
        let Some(place) = INTEGRATION_KINDS.iter().position(|kind| *kind == kind_of(integration)) else {
            return;
        };
        let counts = &self.0[place];
        let counter = match fate {
            Fate::Sent(lag) => {
                let micros = u64::try_from(lag.as_micros()).unwrap_or(u64::MAX);
                counts.seconds.fetch_add(micros, Ordering::Relaxed);
                &counts.sent
            }
            Fate::Retried => &counts.retried,
            Fate::Failed => &counts.failed,
            Fate::HeldBack => &counts.held_back,
            Fate::ToSecondChannel => &counts.to_second_channel,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> Vec<DeliveryStats> {
        let stats = INTEGRATION_KINDS.into_iter().zip(&self.0).map(|(kind, counts)| DeliveryStats {
            kind,
            sent: counts.sent.load(Ordering::Relaxed),
            retried: counts.retried.load(Ordering::Relaxed),
            failed: counts.failed.load(Ordering::Relaxed),
            held_back: counts.held_back.load(Ordering::Relaxed),
            to_second_channel: counts.to_second_channel.load(Ordering::Relaxed),
            lag: Duration::from_micros(counts.seconds.load(Ordering::Relaxed)),
        });
        stats.collect()
    }
}
