//! Out of the outbox: claim, send, mark. At least once, in order within a lane, each receiver by itself, and a
//! receiver that is down costs the others nothing but one timeout.

mod unmarked;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use plimsoll_model::{Labels, Timestamp};

use crate::ledger::record_of;
use crate::message;
use crate::notification::NotifiedAlert;
use crate::pipeline::Alerting;
use crate::receiver::{Parcel, Retry, SendError};
use crate::store::{OutboxRow, Outcome};
use crate::{AlertingError, steps};
use unmarked::Answer;
pub(crate) use unmarked::Unmarked;

/// Of each receiver, before it is asked again what is most urgent.
const BATCH: u32 = 128;
const MAX_ROUNDS: usize = 128;
/// How many a receiver gets at the same time.
const CONCURRENT_PER_RECEIVER: usize = 4;
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(300);
/// After that the news is no news.
const GIVE_UP_AFTER: Duration = Duration::from_secs(72 * 3600);

/// What left, for whoever shows it (the demo prints the page as the person gets it).
#[derive(Clone, Debug)]
pub struct Delivery {
    pub receiver: String,
    pub integration: String,
    pub incident_id: String,
    pub firing: bool,
    pub group_labels: Labels,
    /// Why it was sent, in Alertmanager's words: `first notification`, `repeat interval elapsed`, ...
    pub reason: &'static str,
    /// Those that it tells of, and whether each fires or has resolved.
    pub alerts: Vec<DeliveredAlert>,
    pub subject: String,
    /// The plain text as the person reads it.
    pub text: String,
    pub at: Timestamp,
    /// `Ok(receipt)` or what the receiver said.
    pub outcome: Result<String, String>,
}

/// An alert as a notification told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveredAlert {
    pub labels: Labels,
    pub annotations: BTreeMap<String, String>,
    pub starts_at: Timestamp,
    pub is_firing: bool,
}

/// Outbox rows that are on their way now, so that two calls side by side don't send one twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(Arc<Mutex<BTreeSet<i64>>>);

/// Held while a row is on its way; dropping it, also by cancellation, lets others try.
#[derive(Debug)]
struct Claim {
    seq: i64,
    claims: Claims,
}

impl Claims {
    fn take(&self, seq: i64) -> Option<Claim> {
        let is_free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(seq);
        is_free.then(|| Claim { seq, claims: self.clone() })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.seq);
    }
}

impl Alerting {
    /// Sends what the outbox holds and is due; failures stay with a later `not_before`. Says when to come back.
    pub async fn deliver(&self, now: Timestamp) -> Result<(Vec<Delivery>, Option<Timestamp>), AlertingError> {
        if !self.inner.store.decides().await? {
            return Ok((Vec::new(), None));
        }
        self.mark_what_was_answered().await?;
        let mut deliveries = Vec::new();
        let mut down = BTreeSet::new();
        for _ in 0..MAX_ROUNDS {
            let queues = self.claim(&down, now).await?;
            if queues.is_empty() {
                break;
            }
            steps::reached(steps::DELIVER_CLAIMED);
            let sent = join_all(queues.into_values().map(|queue| self.send_queue(queue, now))).await;
            for result in sent {
                let (delivered, unreachable) = result?;
                deliveries.extend(delivered);
                down.extend(unreachable);
            }
        }
        let next = self.inner.store.transact(|store| store.next_due()).await?;
        Ok((deliveries, next.map(|next| next.max(now + FIRST_BACK_OFF))))
    }

    /// The due rows by receiver, without receivers that failed within this call.
    async fn claim(
        &self,
        down: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<BTreeMap<String, Vec<(Claim, OutboxRow)>>, AlertingError> {
        let rows = self.inner.store.transact(move |store| store.due(now, BATCH)).await?;
        let mut queues: BTreeMap<String, Vec<(Claim, OutboxRow)>> = BTreeMap::new();
        for row in rows.into_iter().filter(|row| !down.contains(&row.notification.receiver)) {
            if let Some(claim) = self.inner.claims.take(row.seq) {
                queues.entry(row.notification.receiver.clone()).or_default().push((claim, row));
            }
        }
        Ok(queues)
    }

    /// One receiver's rows. After the first that must be retried no other is begun, and those begun are finished:
    /// one that is cut off after it was sent would be sent again.
    async fn send_queue(
        &self,
        queue: Vec<(Claim, OutboxRow)>,
        now: Timestamp,
    ) -> Result<(Vec<Delivery>, Option<String>), AlertingError> {
        let is_down = AtomicBool::new(false);
        let sends = queue.into_iter().map(|(claim, row)| async {
            if is_down.load(Ordering::Relaxed) || !self.inner.store.covers_a_send().await? {
                return Ok(None);
            }
            let (delivery, outcome) = self.send_row(claim, row, now).await?;
            is_down.fetch_or(matches!(outcome, Outcome::Retry { .. }), Ordering::Relaxed);
            Ok::<_, AlertingError>(Some(delivery))
        });
        let sent: Vec<_> =
            futures::stream::iter(sends).buffer_unordered(CONCURRENT_PER_RECEIVER).collect().await;
        let deliveries = sent.into_iter().filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
        let receiver = deliveries.first().map(|delivery| delivery.receiver.clone());
        Ok((deliveries, receiver.filter(|_| is_down.into_inner())))
    }

    async fn send_row(
        &self,
        claim: Claim,
        row: OutboxRow,
        now: Timestamp,
    ) -> Result<(Delivery, Outcome), AlertingError> {
        let mut row = row;
        row.notification.handling.ack_url = self.ack_url_of(&row).await?;
        let notification = &row.notification;
        let message = message::render(notification, &self.inner.public_url);
        steps::reached(steps::DELIVER_SENDING);
        let result = self.send(&row, &message, now).await;
        steps::reached(steps::DELIVER_SENT);
        let outcome = outcome_of(&row, &result, now);
        if let Err(error) = self.settle(&row, &outcome, now).await {
            self.inner.unmarked.keep(Answer { claim, row, outcome, at: now });
            return Err(error);
        }
        drop(claim);
        let delivery = Delivery {
            receiver: notification.receiver.clone(),
            integration: row.integration.clone(),
            incident_id: notification.incident_id.clone(),
            firing: notification.is_firing(),
            group_labels: notification.group_labels.clone(),
            reason: notification.reason.as_str(),
            alerts: notification.alerts.iter().map(DeliveredAlert::from).collect(),
            subject: message.subject,
            text: message.text,
            at: now,
            outcome: result.map_err(|error| error.message),
        };
        Ok((delivery, outcome))
    }

    /// Known only while the message is written.
    async fn ack_url_of(&self, row: &OutboxRow) -> Result<Option<String>, AlertingError> {
        let routing = self.routing();
        let receiver = routing.receivers.get(&row.notification.receiver);
        let mut integrations = receiver.into_iter().flat_map(|receiver| &receiver.integrations);
        match integrations.find(|found| found.name == row.integration) {
            Some(integration) => self.ack_url(&row.notification, &integration.kind).await,
            None => Ok(None),
        }
    }

    async fn send(
        &self,
        row: &OutboxRow,
        message: &message::Message,
        now: Timestamp,
    ) -> Result<String, SendError> {
        let routing = self.routing();
        let receiver = routing.receivers.get(&row.notification.receiver);
        let integration = receiver
            .and_then(|receiver| receiver.integrations.iter().find(|found| found.name == row.integration))
            .ok_or_else(|| SendError::give_up("the integration is no longer configured".to_owned()))?;
        let (notification, public_url) = (&row.notification, self.inner.public_url.as_str());
        let parcel = Parcel { notification, message, public_url, timeout: None, now };
        self.inner.senders.send(integration, parcel).await
    }

    /// The mark, then the ledger: the first failure, the end, and nothing in between.
    async fn settle(&self, row: &OutboxRow, outcome: &Outcome, now: Timestamp) -> Result<(), AlertingError> {
        let (seq, marked) = (row.seq, outcome.clone());
        let settled = self.inner.store.transact(move |store| {
            store.settle(seq, &marked, now)?;
            steps::reached(steps::DELIVER_MARKING);
            Ok(())
        });
        settled.await?;
        steps::reached(steps::DELIVER_MARKED);
        let (receiver, integration) = (&row.notification.receiver, &row.integration);
        let (word, reason) = match outcome {
            Outcome::Sent { receipt } => {
                tracing::info!(
                    receiver,
                    integration,
                    incident_id = row.notification.incident_id,
                    "notification sent"
                );
                ("sent", receipt)
            }
            Outcome::Retry { error, .. } => {
                tracing::warn!(
                    receiver,
                    integration,
                    error,
                    attempts = row.attempts + 1,
                    "notification will be retried"
                );
                ("retrying", error)
            }
            Outcome::GaveUp { error } => {
                tracing::error!(receiver, integration, error, "notification given up: nobody was told");
                ("failed", error)
            }
        };
        if word != "retrying" || row.attempts == 0 {
            self.publish(record_of(&row.notification, integration, word, reason, now));
        }
        Ok(())
    }
}

impl From<&NotifiedAlert> for DeliveredAlert {
    fn from(alert: &NotifiedAlert) -> Self {
        Self {
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            starts_at: alert.starts_at,
            is_firing: alert.is_firing(),
        }
    }
}

fn outcome_of(row: &OutboxRow, result: &Result<String, SendError>, now: Timestamp) -> Outcome {
    let error = match result {
        Ok(receipt) => return Outcome::Sent { receipt: receipt.clone() },
        Err(error) => error,
    };
    let message = error.message.clone();
    match error.retry {
        Retry::Never => Outcome::GaveUp { error: message },
        Retry::After(_) if now.since(row.created_at) >= GIVE_UP_AFTER => Outcome::GaveUp {
            error: format!("given up after {} h: {message}", GIVE_UP_AFTER.as_secs() / 3600),
        },
        Retry::After(least) => {
            Outcome::Retry { error: message, not_before: now + back_off(row.attempts).max(least) }
        }
    }
}

/// Doubles from a second to five minutes.
fn back_off(attempts: u32) -> Duration {
    FIRST_BACK_OFF.saturating_mul(1_u32 << attempts.min(16)).min(LONGEST_BACK_OFF)
}
