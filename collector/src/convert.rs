//! OpenTelemetry's messages become rows of the lake's tables. Each item is checked by itself: one that can't be kept
//! is counted with its reason, and its neighbours stay.

mod attributes;
mod business;
mod columns;
mod items;
mod logs;
mod metric_columns;
mod metrics;
mod origin;
mod points;
mod rejections;
mod span_lists;
mod spans;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use plimsoll_model::{SignalBatch, Timestamp};

use crate::admission::Lease;
use crate::config::Config;
use crate::refusal::Refusal;
use crate::signal::Signal;
use crate::wire;
pub use rejections::ItemReason;
pub(crate) use rejections::Rejections;

/// What a request turned into.
#[derive(Debug, Default)]
pub(crate) struct Converted {
    pub(crate) batches: Vec<SignalBatch>,
    pub(crate) received: u64,
    pub(crate) rejections: Rejections,
    /// Attributes whose key came twice; the last one was kept.
    pub(crate) duplicate_keys: u64,
}

/// What a conversion needs besides the request.
#[derive(Debug)]
struct Context<'a> {
    now: i64,
    config: &'a Config,
    lease: &'a mut Lease,
    converted: Converted,
}

/// `bytes` have passed [`wire::check`] for the same signal.
pub(crate) fn convert(
    signal: Signal,
    bytes: &[u8],
    now: Timestamp,
    config: &Config,
    lease: &mut Lease,
) -> Result<Converted, Refusal> {
    let context = Context { now: now.nanos(), config, lease, converted: Converted::default() };
    match signal {
        Signal::Traces => spans::convert(wire::decode::<ExportTraceServiceRequest>(bytes)?, context),
        Signal::Logs => logs::convert(wire::decode::<ExportLogsServiceRequest>(bytes)?, context),
        Signal::Metrics => metrics::convert(wire::decode::<ExportMetricsServiceRequest>(bytes)?, context),
    }
}

impl Context<'_> {
    /// Pays for text that is repeated on each of `rows`: a large resource over many small records is the one way in
    /// which a request grows here.
    fn repeat(&mut self, rows: usize, bytes_per_row: usize) -> Result<(), Refusal> {
        self.lease.grow(rows.saturating_mul(bytes_per_row))
    }

    fn reject(&mut self, reason: ItemReason, count: u64, place: impl FnOnce() -> String) {
        self.converted.rejections.add(reason, count, place);
    }

    fn finish(mut self, batches: impl IntoIterator<Item = SignalBatch>) -> Converted {
        self.converted.batches = batches.into_iter().filter(|batch| batch.batch.num_rows() > 0).collect();
        self.converted
    }
}

#[cfg(test)]
mod tests;
