//! The pipeline as the binary sees it: take alerts, decide, deliver. What it knows is in the store, so that it may
//! stop between any two of these steps.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use plimsoll_model::{Alert, BusinessClock, Decision, DecisionLedger, Stage, StateTable, Timestamp};
use serde_json::json;
use tokio::sync::{Notify, OnceCell};

use crate::config::{Config, Routing};
use crate::deliver::{Claims, Counts, Pace, SecondChannels, Unmarked};
use crate::dispatch::dispatch;
use crate::escalation::Clocks;
use crate::incident::{LinkKey, WebhookSecret};
use crate::merge::merge;
use crate::receiver::Senders;
use crate::store::{Store, StoreTransaction};
use crate::{AlertingError, steps, tables};

/// More alerts firing at once than anybody could route by hand: the rest is refused, loudly.
const MAX_FIRING: u32 = 50_000;

/// When the pipeline last looked at its alerts: what it has acted on, whoever asks about it later.
#[derive(Debug, Default)]
pub(crate) struct LastPass(AtomicI64);

impl LastPass {
    pub(crate) fn note(&self, now: Timestamp) {
        self.0.fetch_max(now.nanos(), Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// The pipeline; clones share it.
#[derive(Clone, Debug)]
pub struct Alerting {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    /// Read once a pass, so that one that runs while the file is read anew keeps to what it began with.
    routing: RwLock<Arc<Routing>>,
    pub(crate) public_url: String,
    pub(crate) ledger: Arc<dyn DecisionLedger>,
    pub(crate) store: Store,
    pub(crate) senders: Senders,
    pub(crate) claims: Claims,
    pub(crate) unmarked: Unmarked,
    pub(crate) pace: Pace,
    pub(crate) counts: Counts,
    pub(crate) second_channels: SecondChannels,
    pub(crate) last_pass: Arc<LastPass>,
    /// Something came that the next pass need not wait for.
    news: Notify,
    /// At which turn of deciding what ran out before it was looked after; 0 when that is yet to be done.
    resumed: AtomicU64,
    /// The calendars, once they are read.
    business_clock: OnceLock<Arc<dyn BusinessClock>>,
    /// Becomes the store's when it has none.
    pub(crate) fresh_link_key: LinkKey,
    pub(crate) link_key: OnceCell<LinkKey>,
    pub(crate) pagerduty_secrets: Vec<WebhookSecret>,
}

impl Alerting {
    /// Opens or makes the store. What an earlier process decided and didn't deliver is still there.
    pub fn open(
        config: Config,
        routing: Routing,
        ledger: Arc<dyn DecisionLedger>,
    ) -> Result<Self, AlertingError> {
        let inner = Inner {
            store: Store::open(&config.data_dir, config.database.as_ref())?,
            pace: Pace::new(config.outbound.rate_limits),
            second_channels: config.outbound.second_channels.clone(),
            senders: Senders::new(config.sending, config.outbound),
            counts: Counts::default(),
            routing: RwLock::new(Arc::new(routing)),
            public_url: config.public_url.trim_end_matches('/').to_owned(),
            ledger,
            claims: Claims::default(),
            unmarked: Unmarked::default(),
            last_pass: Arc::default(),
            news: Notify::new(),
            resumed: AtomicU64::new(0),
            business_clock: OnceLock::new(),
            fresh_link_key: config.link_key,
            link_key: OnceCell::new(),
            pagerduty_secrets: config.pagerduty_secrets,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Puts another routing in place of the one in use, from the next pass on. Alerts whose route went elsewhere are told
    /// there, and whoever was told of them before hears that it is over.
    pub fn reload(&self, routing: Routing) {
        *self.inner.routing.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(routing);
    }

    /// What escalations ask for calendars. The first that is set stays.
    pub fn set_business_clock(&self, clock: Arc<dyn BusinessClock>) {
        self.inner.business_clock.get_or_init(|| clock);
    }

    pub(crate) fn clocks(&self) -> Clocks {
        Clocks { routing: self.routing(), business: self.inner.business_clock.get().cloned() }
    }

    pub(crate) fn routing(&self) -> Arc<Routing> {
        Arc::clone(&self.inner.routing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether this process is the one of several on one database that decides and sends; it renews its lease or takes
    /// one that nobody has. To be asked every second; the only process on its SQLite file always is.
    pub async fn lead(&self) -> Result<bool, AlertingError> {
        self.inner.store.seek_lease().await
    }

    /// As of the last time that it was asked, and how often this process came to lead.
    #[must_use]
    pub fn leadership(&self) -> (bool, u64) {
        (self.inner.store.leads(), self.inner.store.times_taken())
    }

    /// The clock went forward by more than time passed. What seems to have run out since gets another resolve timeout,
    /// as after a stop: nobody could restate it.
    pub fn clock_jumped(&self) {
        self.inner.resumed.store(0, Ordering::Release);
    }

    /// Takes one tick's alerts. When it returns they are in the store; one that stands by leaves them to the leader,
    /// who sees the same, and to the next tick.
    pub async fn receive(&self, alerts: Vec<Alert>, now: Timestamp) -> Result<(), AlertingError> {
        if !self.inner.store.decides().await? {
            return Ok(());
        }
        self.post(alerts, now).await.map(|_left_out| ())
    }

    /// The same for alerts of others, who must know: when it returns they are in the store, but for as many as it says,
    /// which there was no room for. One that stands by takes none, and says so as an error.
    pub async fn post(&self, alerts: Vec<Alert>, now: Timestamp) -> Result<usize, AlertingError> {
        self.resume(now).await?;
        let timeout = self.routing().resolve_timeout;
        let refused = self.inner.store.transact(move |store| keep(store, alerts, now, timeout)).await?;
        steps::reached(steps::RECEIVE_STORED);
        let left_out = refused.len();
        if left_out > 0 {
            tracing::error!(refused = left_out, limit = MAX_FIRING, "too many alerts fire at once");
        }
        self.publish(refused);
        Ok(left_out)
    }

    /// Ends the wait of [`Self::news`]: somebody else than the rules changed what there is to tell.
    pub fn wake(&self) {
        self.inner.news.notify_one();
    }

    /// Until the next pass is due at once. For one waiter; what was told while nobody waited is not forgotten.
    pub async fn news(&self) {
        self.inner.news.notified().await;
    }

    /// Flushes every group that is due into the outbox (decision and outbox row in one transaction) and says when it
    /// wants to be called next at the latest.
    pub async fn dispatch(&self, now: Timestamp) -> Result<Option<Timestamp>, AlertingError> {
        if !self.inner.store.decides().await? {
            return Ok(None);
        }
        self.resume(now).await?;
        self.inner.last_pass.note(now);
        let clocks = self.clocks();
        let dispatched = self.inner.store.transact(move |store| dispatch(store, &clocks, now)).await?;
        steps::reached(steps::DISPATCH_QUEUED);
        self.publish(dispatched.decisions);
        Ok(dispatched.next)
    }

    /// Notifications that no receiver has taken yet.
    pub fn waiting_notifications(&self) -> Result<u64, AlertingError> {
        self.inner.store.waiting_notifications()
    }

    /// `alerts`, `incidents`, `notifications`, `silences`.
    #[must_use]
    pub fn state_tables(&self) -> Vec<Arc<dyn StateTable>> {
        tables::all(&self.inner.store, &self.inner.last_pass)
    }

    pub(crate) fn publish(&self, decisions: Vec<Decision>) {
        for decision in decisions {
            self.inner.ledger.record(decision);
        }
    }

    /// While we were down nobody could restate an alert: what ran out then gets one more resolve timeout, or every
    /// restart would resolve what still burns and page for it again.
    async fn resume(&self, now: Timestamp) -> Result<(), AlertingError> {
        let turn = 1 + self.inner.store.times_taken();
        if self.inner.resumed.load(Ordering::Acquire) == turn {
            return Ok(());
        }
        let until = now + self.routing().resolve_timeout;
        let extended = self.inner.store.transact(move |store| store.extend_expired(now, until)).await?;
        self.inner.resumed.store(turn, Ordering::Release);
        if extended > 0 {
            tracing::info!(
                alerts = extended,
                "alerts that ran out while this process was down or stood by wait to be restated"
            );
        }
        Ok(())
    }
}

/// Merges each statement into the store; returns what there was no room for.
fn keep(
    store: &StoreTransaction<'_>,
    alerts: Vec<Alert>,
    now: Timestamp,
    resolve_timeout: std::time::Duration,
) -> Result<Vec<Decision>, AlertingError> {
    let mut firing = store.firing_count()?;
    let fingerprints: Vec<String> = alerts.iter().map(|alert| alert.fingerprint().to_string()).collect();
    let mut stored = store.alerts_of(&fingerprints)?;
    let (mut changed, mut refused) = (BTreeSet::new(), Vec::new());
    for (fingerprint, alert) in fingerprints.into_iter().zip(alerts) {
        let before = stored.get(&fingerprint);
        let Some(merged) = merge(before, alert, now, resolve_timeout) else {
            continue;
        };
        let begins = !merged.is_resolved && before.is_none_or(|before| before.is_resolved);
        if begins && firing >= MAX_FIRING {
            refused.push(no_room(fingerprint, now));
            continue;
        }
        firing += u32::from(begins);
        stored.insert(fingerprint.clone(), merged);
        changed.insert(fingerprint);
    }
    store.put_alerts(changed.iter().map(|fingerprint| &stored[fingerprint]))?;
    steps::reached(steps::RECEIVE_MERGED);
    Ok(refused)
}

fn no_room(fingerprint: String, now: Timestamp) -> Decision {
    Decision {
        time: now,
        stage: Stage::Route,
        fingerprint,
        incident_id: None,
        receiver: None,
        outcome: "refused".to_owned(),
        reason: format!("{MAX_FIRING} alerts fire already"),
        details: json!({"limit": MAX_FIRING}).to_string(),
    }
}
