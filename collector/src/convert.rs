//! OpenTelemetry's messages become rows of the lake's tables: from the fields of a checked body straight into columns,
//! with nothing built in between. Each item is checked by itself before any of its row is written; one that can't be
//! kept is counted with its reason, and its neighbours stay.

mod attributes;
mod business;
mod changes;
mod columns;
mod envelope;
mod flags;
mod items;
mod logs;
mod metric_columns;
mod metrics;
mod origin;
mod points;
mod rejections;
mod span_lists;
mod spans;
mod spellings;
mod values;

use plimsoll_model::{RowsOutline, Signal, SignalBatch, Timestamp};

use crate::admission::Lease;
use crate::config::Config;
use crate::ledger::Tally;
use crate::quota::Meter;
use crate::refusal::Refusal;
use flags::Flags;
pub use flags::ItemFlag;
use origin::Resource;
pub use rejections::ItemReason;
pub(crate) use rejections::Rejections;

/// What a request turned into.
#[derive(Debug, Default)]
pub(crate) struct Converted {
    pub(crate) batches: Vec<SignalBatch>,
    /// In place of rows: all of the request is kept, and what it would become is known well enough to make it later.
    pub(crate) outline: Option<RowsOutline>,
    pub(crate) received: u64,
    pub(crate) rejections: Rejections,
    pub(crate) flags: Flags,
    /// Attributes whose key came twice; the last one was kept.
    pub(crate) duplicate_keys: u64,
    /// Values of which something was taken out: what was sent is not what is kept.
    pub(crate) redacted_values: u64,
    /// What came from whom.
    pub(crate) tallies: Vec<Tally>,
}

/// What a conversion needs besides the request.
#[derive(Debug)]
struct Context<'a> {
    now: i64,
    config: &'a Config,
    lease: &'a mut Lease,
    meter: Option<&'a Meter>,
    payment: Payment,
    /// Memory that is taken and not yet paid for.
    owed: usize,
    converted: Converted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Payment {
    AsItGoes,
    /// Nothing is written meanwhile.
    AtTheEnd,
}

/// Small debts are paid together: this much of a request may be unpaid.
const PAY_AT_BYTES: usize = 64 * 1024;

/// `bytes` have passed [`crate::wire::check`] for the same signal. Without a meter, series are not counted.
pub(crate) fn convert(
    signal: Signal,
    bytes: &[u8],
    now: Timestamp,
    config: &Config,
    lease: &mut Lease,
    meter: Option<&Meter>,
) -> Result<Converted, Refusal> {
    let meter = meter.filter(|meter| meter.limits_series());
    let context = Context { meter, ..Context::new(now, config, lease, Payment::AsItGoes) };
    match signal {
        Signal::Traces => spans::convert(bytes, context),
        Signal::Logs => logs::convert(bytes, context),
        Signal::Metrics => metrics::convert(bytes, context),
    }
}

/// As `convert`, but for a request of which all is kept as it was sent: that one is only looked at, at a fraction of the
/// price, and outlined. `None` for any other; nothing was paid then.
pub(crate) fn outline(
    signal: Signal,
    bytes: &[u8],
    now: Timestamp,
    config: &Config,
    lease: &mut Lease,
) -> Result<Option<Converted>, Refusal> {
    let context = Context::new(now, config, lease, Payment::AtTheEnd);
    match signal {
        Signal::Traces => spans::outline(bytes, context),
        // Most of them are small, and a business event is looked at one by one.
        Signal::Logs | Signal::Metrics => Ok(None),
    }
}

impl<'a> Context<'a> {
    fn new(now: Timestamp, config: &'a Config, lease: &'a mut Lease, payment: Payment) -> Self {
        let converted = Converted::default();
        Self { now: now.nanos(), config, lease, meter: None, payment, owed: 0, converted }
    }
}

impl Context<'_> {
    /// Pays for what is written more often than it was sent: a large resource over many small records is the one way in
    /// which a request grows here.
    fn pay(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.owed = self.owed.saturating_add(bytes);
        if self.owed < PAY_AT_BYTES || self.payment == Payment::AtTheEnd {
            return Ok(());
        }
        self.lease.grow(std::mem::take(&mut self.owed))
    }

    fn reject(&mut self, reason: ItemReason, count: u64, place: impl FnOnce() -> String) {
        self.converted.rejections.add(reason, count, place);
    }

    /// Counts what a resource sent since `before`.
    fn tally(&mut self, resource: &Resource<'_>, bytes: usize, before: (u64, [u64; ItemReason::ALL.len()])) {
        let (received, rejections) = before;
        self.converted.tallies.push(Tally {
            source: resource.source(),
            bytes: bytes as u64,
            received: self.converted.received - received,
            refused: self.converted.rejections.since(&rejections),
            latest: self.converted.flags.take_latest().map(Timestamp::from_nanos),
        });
    }

    fn finish(mut self, batches: impl IntoIterator<Item = SignalBatch>) -> Result<Converted, Refusal> {
        self.lease.grow(self.owed)?;
        self.converted.batches = batches.into_iter().filter(|batch| batch.batch.num_rows() > 0).collect();
        Ok(self.converted)
    }
}

#[cfg(test)]
mod tests;
