//! What deliveries and heartbeats count, as `/metrics` shows it.

use plimsoll_alerting::{DeliveryStats, Heartbeat};
use plimsoll_dashboards::Sample;

use super::metrics::counter;

/// Of one kind of integration.
pub(super) fn samples(stats: &DeliveryStats) -> Vec<Sample> {
    let name = "plimsoll_alerting_deliveries_total";
    let help = "What became of deliveries: sent, tried again later, failed for good, held back by a rate limit, or \
                told on a second channel.";
    let outcomes = [
        ("sent", stats.sent),
        ("retried", stats.retried),
        ("failed", stats.failed),
        ("held_back", stats.held_back),
        ("second_channel", stats.to_second_channel),
    ];
    let kind = || ("integration", stats.kind.to_owned());
    let counted = outcomes.into_iter().map(|(outcome, count)| Sample {
        labels: vec![kind(), ("outcome", outcome.to_owned())],
        ..counter(name, help, count)
    });
    let lag =
        counter("plimsoll_alerting_delivery_seconds_total", "From decisions to receipts, all together.", 0);
    counted.chain([Sample { labels: vec![kind()], value: stats.lag.as_secs_f64(), ..lag }]).collect()
}

/// Zero when there is no switch to tell.
pub(super) fn heartbeat(heartbeat: Option<&Heartbeat>) -> Vec<Sample> {
    let stats = heartbeat.map(Heartbeat::stats).unwrap_or_default();
    let outcomes = [("sent", stats.sent), ("failed", stats.failed), ("withheld", stats.withheld)];
    let counted = outcomes.into_iter().map(|(outcome, count)| Sample {
        labels: vec![("outcome", outcome.to_owned())],
        ..counter("plimsoll_alerting_heartbeats_total", "Heartbeats for the dead-man's switch.", count)
    });
    counted.collect()
}
