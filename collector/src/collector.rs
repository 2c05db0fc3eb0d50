//! The one path that both transports share.

use std::sync::Arc;
use std::time::Duration;

use ::http::HeaderMap;
use plimsoll_lake::{Lake, LakeError};
use plimsoll_model::{Clock, Original, Signal, TenantName, Timestamp};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::admission::{Admission, Lease, Received};
use crate::config::Config;
use crate::convert::{self, Converted};
use crate::decompress::{Compression, decompress};
use crate::ledger::IngestLedger;
use crate::quota::Meter;
use crate::refusal::{Refusal, RequestReason};
use crate::reply::Outcome;
use crate::senders::SentSources;
use crate::serve::serve;
use crate::signal::OnTheWire;
use crate::stats::{Counters, Stats};
use crate::tenant::{Door, Resident, Tenant, TenantStats};
use crate::wire::{self, Encoding};
use crate::{grpc, http, reader};

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CollectorError(pub String);

/// Takes OTLP into the lake; clones share counters and limits.
#[derive(Clone, Debug)]
pub struct Collector {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    clock: Arc<dyn Clock>,
    /// Of all tenants together.
    admission: Admission,
    counters: Counters,
    door: Door,
}

/// What the log takes as one record is 256 MiB; a request is one record, so that it is kept whole or not at all.
const MAX_ROWS_BYTES: usize = 224 * 1024 * 1024;

/// A request without its envelope.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) signal: Signal,
    pub(crate) encoding: Encoding,
    pub(crate) compression: Compression,
    pub(crate) received: Received,
}

impl Parcel {
    /// What we made ourselves; `lease` pays for it.
    pub(crate) fn plain(
        signal: Signal,
        encoding: Encoding,
        bytes: Vec<u8>,
        mut lease: Lease,
    ) -> Result<Self, Refusal> {
        lease.grow(bytes.len())?;
        let received = Received { bytes, lease };
        Ok(Self { signal, encoding, compression: Compression::Identity, received })
    }

    /// Whether it is decoded in less time than another thread takes to begin with it: a few tenths of a millisecond.
    fn is_quick(&self) -> bool {
        self.encoding == Encoding::Protobuf
            && self.compression == Compression::Identity
            && self.received.bytes.len() <= QUICK_BYTES
    }
}

const QUICK_BYTES: usize = 64 * 1024;

/// A request on its way into the lake.
#[derive(Debug)]
struct Work {
    converted: Converted,
    /// What goes into the log in place of rows, if all of it is kept.
    original: Option<Original>,
    /// After decompression.
    body_bytes: usize,
    /// The memory is paid for until the answer.
    lease: Lease,
}

impl Collector {
    /// For tenants with names and tokens of their own; at most one of them is without tokens.
    #[must_use]
    pub fn new(config: Config, tenants: Vec<Tenant>, clock: Arc<dyn Clock>) -> Self {
        let config = config.within_bounds();
        let admission = Admission::new(&config);
        let door = Door::new(tenants, &admission, &config, &clock);
        Self { inner: Arc::new(Inner { config, clock, admission, counters: Counters::default(), door }) }
    }

    /// Returns when `stop` is cancelled and every request that was taken has been answered.
    pub async fn serve_grpc(
        &self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), CollectorError> {
        serve(listener, grpc::router(self.clone()), stop).await?;
        self.inner.admission.drained().await;
        Ok(())
    }

    /// As [`Self::serve_grpc`], for HTTP/1.1 and HTTP/2.
    pub async fn serve_http(
        &self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), CollectorError> {
        serve(listener, http::router(self.clone()), stop).await?;
        self.inner.admission.drained().await;
        Ok(())
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.counters.snapshot()
    }

    /// Requests that are being decoded and stored, and the bytes of memory that all requests hold.
    #[must_use]
    pub fn taken(&self) -> (usize, usize) {
        self.inner.admission.taken()
    }

    #[must_use]
    pub fn tenant_stats(&self) -> Vec<TenantStats> {
        self.inner.door.stats()
    }

    /// What came from whom, minute by minute.
    #[must_use]
    pub fn ledger(&self, tenant: &TenantName) -> Option<IngestLedger> {
        self.resident(tenant).map(|resident| resident.ledger.clone())
    }

    /// Who sends, and who has stopped.
    #[must_use]
    pub fn sources(&self, tenant: &TenantName) -> Option<SentSources> {
        self.resident(tenant).map(SentSources::of)
    }

    pub(crate) fn resident(&self, tenant: &TenantName) -> Option<Arc<Resident>> {
        self.inner.door.residents().iter().find(|resident| resident.name == *tenant).cloned()
    }

    /// Counts a request, and if it was turned away counts and logs that: here and nowhere else.
    pub(crate) async fn counted<T>(
        &self,
        signal: Signal,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        self.inner.counters.request(signal);
        work.await.inspect_err(|refusal| {
            self.inner.counters.refused_request(signal, refusal.reason);
            refusal.log(signal.name());
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Whose request it is.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<Arc<Resident>, Refusal> {
        let resident = self.inner.door.admit(headers)?;
        resident.count_request();
        Ok(Arc::clone(resident))
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// True when it returns `Ok`: every item is durable or counted in the outcome. A sender that hangs up meanwhile
    /// stops nothing: the work is a task of its own, and its slot keeps `serve` from returning before it.
    pub(crate) async fn ingest(&self, resident: Arc<Resident>, parcel: Parcel) -> Result<Outcome, Refusal> {
        let within_quota = resident.meter.check(self.inner.clock.now());
        within_quota.inspect_err(|refusal| resident.count_refusal(refusal))?;
        let slot = resident.admission.slot()?;
        let inner = Arc::clone(&self.inner);
        let work = tokio::spawn(async move {
            let outcome = inner.ingest(&resident, parcel).await;
            drop(slot);
            outcome
        });
        work.await.unwrap_or_else(|error| Err(fault(&error)))
    }
}

impl Inner {
    async fn ingest(self: &Arc<Self>, resident: &Arc<Resident>, parcel: Parcel) -> Result<Outcome, Refusal> {
        let signal = parcel.signal;
        let (inner, owner) = (Arc::clone(self), Arc::clone(resident));
        let work = if parcel.is_quick() {
            inner.convert(&owner.meter, parcel)
        } else {
            // Up to a second of arithmetic for the largest body: not on a thread that others wait for.
            let converting = tokio::task::spawn_blocking(move || inner.convert(&owner.meter, parcel));
            converting.await.unwrap_or_else(|error| Err(fault(&error)))
        };
        let Work { mut converted, original, body_bytes, lease: _lease } = work?;
        let in_flight = self.counters.received(signal, body_bytes, &converted);
        resident.meter.spend(converted.received, body_bytes);
        let tallies = std::mem::take(&mut converted.tallies);
        let unsettled = resident.ledger.received(signal, &tallies);
        let outcome = Outcome::new(signal, converted.received, &converted.rejections);
        append(&resident.lake, converted, original).await?;
        in_flight.stored();
        unsettled.stored();
        resident.senders.heard(signal, &tallies, self.clock.now());
        Ok(outcome)
    }

    fn convert(&self, meter: &Meter, parcel: Parcel) -> Result<Work, Refusal> {
        let Parcel { signal, encoding, compression, received } = parcel;
        let received = decompress(received, compression, &self.config)?;
        let body_bytes = received.bytes.len();
        let Received { bytes, mut lease } =
            wire::check(received, encoding, signal.request(), self.config.max_depth)?;
        let now = self.clock.now();
        let outlined = convert::outline(signal, &bytes, now, &self.config, &mut lease)?;
        let converted = match outlined {
            Some(outlined) => outlined,
            None => convert::convert(signal, &bytes, now, &self.config, &mut lease, Some(meter))?,
        };
        check_rows_size(&converted)?;
        // Neither what was refused nor what was taken out may come back from the log, whatever the configuration is then.
        let is_whole = converted.rejections.total() == 0 && converted.redacted_values == 0;
        let original = is_whole.then(|| reader::original(signal, now, bytes));
        Ok(Work { converted, original, body_bytes, lease })
    }
}

/// When a full buffer will have been flushed at the latest.
const FLUSH_DELAY: Duration = Duration::from_secs(1);

/// When it returns, the rows are fsynced and queryable, and not before.
async fn append(lake: &Lake, converted: Converted, original: Option<Original>) -> Result<(), Refusal> {
    let Converted { batches, outline, .. } = converted;
    let appended = match (original, outline) {
        (Some(original), Some(outline)) => lake.append_outlined(original, outline).await,
        _ if batches.is_empty() => return Ok(()),
        (Some(original), None) => lake.append_original(original, batches).await,
        (None, _) => lake.append(batches).await,
    };
    // Whatever it is, the client must keep its data: no code here that means "drop it".
    appended.map_err(|error| {
        let message = format!("nothing was stored: {error}; send it again");
        let refusal = Refusal::new(RequestReason::NotStored, message);
        if let LakeError::Full(_) = error { refusal.later(FLUSH_DELAY) } else { refusal }
    })
}

fn check_rows_size(converted: &Converted) -> Result<(), Refusal> {
    let bytes: usize = converted.batches.iter().map(|rows| rows.batch.get_array_memory_size()).sum();
    if bytes <= MAX_ROWS_BYTES {
        return Ok(());
    }
    let message = format!(
        "as rows the request takes {bytes} bytes, more than {MAX_ROWS_BYTES}; send fewer records a request"
    );
    Err(Refusal::new(RequestReason::TooLarge, message))
}

/// A bug of ours. The same bytes would do it again, so the client is told not to retry.
fn fault(error: &tokio::task::JoinError) -> Refusal {
    Refusal::new(RequestReason::Fault, format!("the collector failed on this request: {error}"))
}
