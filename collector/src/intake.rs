//! What our own readers fetched, taken on the same way as what is sent to us: quota, checks, redaction, ledger and log
//! make no difference between them.

use std::sync::Arc;

use bytes::Bytes;
use plimsoll_model::{Intake, IntakeError, Signal, Taken, Taking, TenantName};

use crate::collector::{Collector, Parcel};
use crate::refusal::Refusal;
use crate::reply::Outcome;
use crate::tenant::Resident;
use crate::wire::Encoding;

/// A tenant's door for what was fetched for it.
#[derive(Clone, Debug)]
struct Inside {
    collector: Collector,
    resident: Arc<Resident>,
}

impl Collector {
    /// `None` when there is no such tenant.
    #[must_use]
    pub fn intake(&self, tenant: &TenantName) -> Option<Arc<dyn Intake>> {
        let resident = self.resident(tenant)?;
        Some(Arc::new(Inside { collector: self.clone(), resident }))
    }
}

impl Intake for Inside {
    fn take(&self, signal: Signal, request: Bytes) -> Taking<'_> {
        Box::pin(async move { self.ingest(signal, &request).await.map_err(IntakeError::from) })
    }
}

impl Inside {
    async fn ingest(&self, signal: Signal, request: &Bytes) -> Result<Taken, Refusal> {
        let collector = &self.collector;
        let taking = async {
            let lease = self.resident.admission.lease();
            let parcel = Parcel::plain(signal, Encoding::Protobuf, request.to_vec(), lease)?;
            collector.ingest(Arc::clone(&self.resident), parcel).await
        };
        collector.counted(signal, taking).await.map(Taken::from)
    }
}

impl From<Outcome> for Taken {
    fn from(outcome: Outcome) -> Self {
        Self { refused: outcome.rejected, complaint: outcome.message }
    }
}

impl From<Refusal> for IntakeError {
    fn from(refusal: Refusal) -> Self {
        Self { retry_after: refusal.retry_after(), message: refusal.message }
    }
}
