//! Out of the outbox: claim, send, mark. At least once, in order within a lane, each receiver by itself, and a
//! receiver that is down costs the others nothing but one timeout.

mod claims;
mod counts;
mod pace;
mod second_channel;
mod trial;
mod unmarked;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use plimsoll_model::{Labels, Timestamp};

use crate::ledger::record_of;
use crate::message;
use crate::notification::{NotifiedAlert, Purpose};
use crate::pipeline::Alerting;
use crate::receiver::{Parcel, Retry, SendError};
use crate::store::{OutboxRow, Outcome};
use crate::{AlertingError, steps};
use unmarked::Answer;
pub(crate) use unmarked::Unmarked;

pub(crate) use claims::{Claim, Claims};
pub(crate) use counts::{Counts, Fate};
pub use counts::{DeliveryStats, INTEGRATION_KINDS};
pub(crate) use pace::Pace;
pub use pace::{RateLimit, RateLimits};
pub use second_channel::SecondChannels;

/// Of each integration, before it is asked again what is most urgent.
const BATCH: u32 = 128;
const MAX_ROUNDS: usize = 128;
/// How many an integration gets at the same time.
const CONCURRENT: usize = 4;
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(120);
/// After that the news is no news.
const GIVE_UP_AFTER: Duration = Duration::from_secs(72 * 3600);

/// Receiver and integration.
type Destination = (String, String);

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

impl Alerting {
    /// Sends what the outbox holds and is due; failures stay with a later `not_before`. Says when to come back.
    pub async fn deliver(&self, now: Timestamp) -> Result<(Vec<Delivery>, Option<Timestamp>), AlertingError> {
        if !self.inner.store.decides().await? {
            return Ok((Vec::new(), None));
        }
        self.mark_what_was_answered().await?;
        let mut deliveries = Vec::new();
        let mut closed = BTreeSet::new();
        let overdue = self.tell_second_channels(now).await?;
        for _ in 0..MAX_ROUNDS {
            let queues = self.claim(&closed, now).await?;
            if queues.is_empty() {
                break;
            }
            steps::reached(steps::DELIVER_CLAIMED);
            let sent = join_all(queues.into_iter().map(|(to, queue)| self.send_queue(to, queue, now))).await;
            for result in sent {
                let (delivered, unreachable) = result?;
                deliveries.extend(delivered);
                closed.extend(unreachable);
            }
        }
        let next = self.inner.store.transact(|store| store.next_due()).await?;
        let next = next.into_iter().chain(overdue).min();
        Ok((deliveries, next.map(|next| next.max(now + FIRST_BACK_OFF))))
    }

    /// The due rows by integration, without those that failed or had enough within this call.
    async fn claim(
        &self,
        closed: &BTreeSet<Destination>,
        now: Timestamp,
    ) -> Result<BTreeMap<Destination, Vec<(Claim, OutboxRow)>>, AlertingError> {
        let rows = self.inner.store.transact(move |store| store.due(now, BATCH)).await?;
        let mut queues: BTreeMap<Destination, Vec<(Claim, OutboxRow)>> = BTreeMap::new();
        for row in rows {
            let to = (row.notification.receiver.clone(), row.integration.clone());
            if closed.contains(&to) {
                continue;
            }
            if let Some(claim) = self.inner.claims.take(row.seq) {
                queues.entry(to).or_default().push((claim, row));
            }
        }
        Ok(queues)
    }

    /// One integration's rows, the most urgent first. After the first that must be retried, and when it has had as many
    /// as it may, no other is begun, and those begun are finished: one that is cut off after it was sent would be sent
    /// again.
    async fn send_queue(
        &self,
        to: Destination,
        queue: Vec<(Claim, OutboxRow)>,
        now: Timestamp,
    ) -> Result<(Vec<Delivery>, Option<Destination>), AlertingError> {
        let is_closed = AtomicBool::new(false);
        let sends = queue.into_iter().map(|(claim, row)| async {
            if is_closed.load(Ordering::Relaxed) || !self.inner.store.covers_a_send().await? {
                return Ok(None);
            }
            if !self.may_go(&to, now) {
                is_closed.store(true, Ordering::Relaxed);
                return Ok(None);
            }
            let (delivery, outcome) = self.send_row(claim, row, now).await?;
            is_closed.fetch_or(matches!(outcome, Outcome::Retry { .. }), Ordering::Relaxed);
            Ok::<_, AlertingError>(Some(delivery))
        });
        let sent: Vec<_> = futures::stream::iter(sends).buffer_unordered(CONCURRENT).collect().await;
        let deliveries = sent.into_iter().filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
        Ok((deliveries, is_closed.into_inner().then_some(to)))
    }

    /// A simulation leaves the house by no way, and shows everything.
    fn may_go(&self, (receiver, integration): &Destination, now: Timestamp) -> bool {
        if self.inner.senders.are_captured() || self.inner.pace.take(receiver, integration, now).is_ok() {
            return true;
        }
        self.inner.counts.note(integration, Fate::HeldBack);
        tracing::warn!(receiver, integration, "notifications wait: the rate limit is reached");
        false
    }

    /// By kind of integration, since the start.
    #[must_use]
    pub fn delivery_stats(&self) -> Vec<DeliveryStats> {
        self.inner.counts.stats()
    }

    /// Since when the notification that waits the longest does: of all, and of pages.
    pub fn waiting_since(&self) -> Result<(Option<Timestamp>, Option<Timestamp>), AlertingError> {
        self.inner.store.waiting_since()
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
        self.mark(row, outcome, now).await?;
        steps::reached(steps::DELIVER_MARKED);
        let (receiver, integration) = (&row.notification.receiver, &row.integration);
        let (word, reason) = match outcome {
            Outcome::Sent { receipt } => {
                self.inner.counts.note(integration, Fate::Sent(now.since(row.waiting_since)));
                tracing::info!(
                    receiver,
                    integration,
                    incident_id = row.notification.incident_id,
                    "notification sent"
                );
                ("sent", receipt)
            }
            Outcome::Retry { error, .. } => {
                self.inner.counts.note(integration, Fate::Retried);
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
                self.inner.counts.note(integration, Fate::Failed);
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
        Retry::After(_) if row.notification.purpose == Purpose::Test => Outcome::GaveUp { error: message },
        Retry::After(_) if now.since(row.created_at) >= GIVE_UP_AFTER => Outcome::GaveUp {
            error: format!("given up after {} h: {message}", GIVE_UP_AFTER.as_secs() / 3600),
        },
        Retry::After(least) => {
            Outcome::Retry { error: message, not_before: now + back_off(row.attempts).max(least) }
        }
    }
}

/// Doubles from a second to two minutes.
fn back_off(attempts: u32) -> Duration {
    FIRST_BACK_OFF.saturating_mul(1_u32 << attempts.min(16)).min(LONGEST_BACK_OFF)
}
