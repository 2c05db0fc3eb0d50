//! The readers among the rooms: opened with each tenant's door, run beside the listeners, shown as metrics.

use std::sync::Arc;

use anyhow::Context;
use plimsoll_collector::Collector;
use plimsoll_dashboards::Sample;
use plimsoll_model::Clock;
use plimsoll_sources::{SourceStats, Sources};

use super::metrics::{counter, gauge, of_tenant};
use crate::config::Config;

pub(super) fn open(
    config: &Config,
    collector: &Collector,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Arc<Sources>> {
    let sources = Sources::open(&config.sources(), |tenant| collector.intake(tenant), Arc::clone(clock));
    Ok(Arc::new(sources.context("the sources can't be opened")?))
}

/// Of one source.
pub(super) fn samples(stats: &SourceStats) -> Vec<Sample> {
    let of_source = |mut sample: Sample| {
        sample.labels.push(("source", stats.name.clone()));
        sample.labels.push(("kind", stats.kind.as_str().to_owned()));
        of_tenant(sample, &stats.tenant)
    };
    let polls = &stats.polls;
    let mut samples = vec![
        gauge(
            "plimsoll_sources_blind",
            "1 while a source can't be read or is behind.",
            u64::from(stats.is_blind),
        ),
        counter("plimsoll_sources_polls_total", "Looks at a source.", polls.polls),
        counter("plimsoll_sources_failed_polls_total", "Looks that failed.", polls.failed),
        counter(
            "plimsoll_sources_deferred_total",
            "Times that our own door asked a reader to come back.",
            polls.deferred,
        ),
        counter(
            "plimsoll_sources_refused_items_total",
            "Fetched items that our own door refused for good.",
            polls.refused,
        ),
        Sample {
            value: polls.busy.as_secs_f64(),
            ..counter("plimsoll_sources_busy_seconds_total", "Time spent in looking at a source.", 0)
        },
    ];
    samples.extend(stats.items.iter().map(|(signal, items)| Sample {
        labels: vec![("signal", (*signal).to_owned())],
        ..counter("plimsoll_sources_items_total", "Items fetched and taken.", *items)
    }));
    samples.into_iter().map(of_source).collect()
}
