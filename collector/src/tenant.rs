//! Who may send, and into whose lake it goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, header};
use plimsoll_lake::Lake;
use plimsoll_model::{Clock, TenantName, TokenHash};

use crate::admission::Admission;
use crate::config::Config;
use crate::ledger::IngestLedger;
use crate::quota::{Meter, Quota};
use crate::refusal::{Refusal, RequestReason};
use crate::remote_write::Families;
use crate::senders::{Heartbeats, Senders};

/// How long a request waits for a flush when the buffer is full, with its place and its memory taken. A flush of half a
/// buffer takes half a second.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

/// A tenant as the configuration has it.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub name: TenantName,
    pub lake: Lake,
    /// Whoever brings one of these sends for this tenant. Without any, it is the tenant of whoever brings none.
    pub tokens: Vec<TokenHash>,
    pub quota: Quota,
}

/// What a tenant is to the collector.
#[derive(Debug)]
pub(crate) struct Resident {
    pub(crate) name: TenantName,
    pub(crate) lake: Lake,
    pub(crate) ledger: IngestLedger,
    pub(crate) admission: Admission,
    pub(crate) meter: Meter,
    pub(crate) senders: Senders,
    pub(crate) heartbeats: Heartbeats,
    pub(crate) families: Families,
    requests: AtomicU64,
    over_quota: AtomicU64,
}

/// Since the start; `series` of this hour.
#[derive(Clone, Debug)]
pub struct TenantStats {
    pub tenant: TenantName,
    pub requests: u64,
    /// Requests that were told to come back later.
    pub over_quota: u64,
    /// Counted only where they are limited.
    pub series: usize,
}

/// All residents, by what they show at the door.
#[derive(Debug)]
pub(crate) struct Door {
    residents: Vec<Arc<Resident>>,
    by_token: HashMap<TokenHash, Arc<Resident>>,
    without_token: Option<Arc<Resident>>,
}

impl Tenant {
    /// Without tokens and limits: what there is unless tenants are configured.
    #[must_use]
    pub fn open(name: TenantName, lake: Lake) -> Self {
        Self { name, lake, tokens: Vec::new(), quota: Quota::default() }
    }
}

impl Resident {
    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_refusal(&self, refusal: &Refusal) {
        let over_quota = u64::from(refusal.reason == RequestReason::Quota);
        self.over_quota.fetch_add(over_quota, Ordering::Relaxed);
    }
}

impl Door {
    pub(crate) fn new(
        tenants: Vec<Tenant>,
        whole: &Admission,
        config: &Config,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let is_shared = tenants.len() > 1;
        let mut door = Self { residents: Vec::new(), by_token: HashMap::new(), without_token: None };
        for Tenant { name, lake, tokens, quota } in tenants {
            let resident = Arc::new(Resident {
                ledger: IngestLedger::new(name.clone(), Arc::clone(clock)),
                // No tenant alone can take every place or all the memory.
                admission: if is_shared { whole.half(config) } else { whole.clone() },
                meter: Meter::new(quota),
                senders: Senders::default(),
                heartbeats: Heartbeats::default(),
                families: Families::default(),
                requests: AtomicU64::new(0),
                over_quota: AtomicU64::new(0),
                name,
                lake: lake.patient(FLUSH_PATIENCE),
            });
            if tokens.is_empty() {
                door.without_token = Some(Arc::clone(&resident));
            }
            door.by_token.extend(tokens.into_iter().map(|token| (token, Arc::clone(&resident))));
            door.residents.push(resident);
        }
        door
    }

    pub(crate) fn residents(&self) -> &[Arc<Resident>] {
        &self.residents
    }

    /// Once there are tokens, one that nobody has is refused even where none is needed: its sender means to be somebody.
    /// Without any, the header is some proxy's affair.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<&Arc<Resident>, Refusal> {
        if self.by_token.is_empty()
            && let Some(resident) = &self.without_token
        {
            return Ok(resident);
        }
        let mut presented = headers.get_all(header::AUTHORIZATION).iter();
        let resident = match (presented.next(), presented.next()) {
            (None, _) => self.without_token.as_ref(),
            (Some(value), None) => bearer(value.as_bytes()).and_then(|token| self.by_token.get(&token)),
            (Some(_), Some(_)) => None,
        };
        resident.ok_or_else(|| {
            let message = "no tenant has this token; send \"Authorization: Bearer TOKEN\" with the tenant's ingest token";
            Refusal::new(RequestReason::Unauthenticated, message)
        })
    }

    pub(crate) fn stats(&self) -> Vec<TenantStats> {
        let stats = |resident: &Arc<Resident>| TenantStats {
            tenant: resident.name.clone(),
            requests: resident.requests.load(Ordering::Relaxed),
            over_quota: resident.over_quota.load(Ordering::Relaxed),
            series: resident.meter.series(),
        };
        self.residents.iter().map(stats).collect()
    }
}

fn bearer(value: &[u8]) -> Option<TokenHash> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| TokenHash::of(token.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_is_read() {
        let token = Some(TokenHash::of("abc"));
        for good in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(bearer(good.as_bytes()), token, "{good}");
        }
        for bad in ["Basic abc", "abc", "Bearer", "Bearerabc", "", "Bearer ab", "Bearer abcd", "Bearer ABC"] {
            assert_ne!(bearer(bad.as_bytes()), token, "{bad}");
        }
        assert_eq!(bearer(b"Bearer \xff"), None);
    }
}
