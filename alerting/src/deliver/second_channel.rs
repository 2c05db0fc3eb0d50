//! When the first channel fails: after a while, or as soon as it is given up, another receiver is told the same, and why
//! it is told. Who was told of a beginning there hears of the end there, too.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_model::{Decision, Timestamp};

use super::counts::Fate;
use crate::AlertingError;
use crate::config::Routing;
use crate::dispatch::hash_of;
use crate::ledger::record_of;
use crate::notification::{Notification, Purpose};
use crate::pipeline::Alerting;
use crate::store::{OutboxRow, Outcome, StoreTransaction};

/// `[alerting] second_channels` and `second_channel_after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondChannels {
    /// By receiver, or `*` for those that aren't named: the receiver that is told in its place.
    pub by_receiver: BTreeMap<String, String>,
    /// How long a receiver may fail.
    pub after: Duration,
}

impl Default for SecondChannels {
    fn default() -> Self {
        Self { by_receiver: BTreeMap::new(), after: Duration::from_secs(300) }
    }
}

impl SecondChannels {
    pub(crate) fn of(&self, receiver: &str) -> Option<&str> {
        let named = self.by_receiver.get(receiver).or_else(|| self.by_receiver.get("*"))?;
        Some(named.as_str()).filter(|channel| *channel != receiver)
    }
}

impl Alerting {
    /// Tells others of what has waited for too long. Says when the next will have.
    pub(super) async fn tell_second_channels(
        &self,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, AlertingError> {
        let channels = self.inner.second_channels.clone();
        if channels.by_receiver.is_empty() {
            return Ok(None);
        }
        let (routing, after) = (self.routing(), channels.after);
        let (told, next) = self
            .inner
            .store
            .transact(move |store| {
                let mut told = Vec::new();
                for row in store.overdue(now - after)? {
                    let minutes = now.since(row.waiting_since).as_secs() / 60;
                    let why = format!("it has not been reached for {minutes} min");
                    told.extend(copy(store, &routing, &channels, &row, &why, now)?);
                }
                Ok((told, store.waits_untold_since()?))
            })
            .await?;
        self.publish_told(told);
        Ok(next.map(|since| (since + after).max(now)))
    }

    fn publish_told(&self, told: Vec<Told>) {
        for Told { integration, decisions } in told {
            self.inner.counts.note(&integration, Fate::ToSecondChannel);
            self.publish(decisions);
        }
    }

    /// Marks the row; in the same transaction a second channel gets what the first gave up, and the end of what it was
    /// told the beginning of.
    pub(super) async fn mark(
        &self,
        row: &OutboxRow,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), AlertingError> {
        let (row, outcome, routing) = (row.clone(), outcome.clone(), self.routing());
        let channels = self.inner.second_channels.clone();
        let settled = self.inner.store.transact(move |store| {
            store.settle(row.seq, &outcome, now)?;
            if matches!(outcome, Outcome::Sent { .. }) && row.attempts > 0 {
                store.wake(&row, now)?;
            }
            let why = match &outcome {
                Outcome::GaveUp { error } => Some(format!("it refused: {error}")),
                _ if !row.notification.is_firing() && knows(store, &channels, &row)? => {
                    Some("it is over, and you were told of it".to_owned())
                }
                _ => None,
            };
            let told = match why {
                Some(why) => copy(store, &routing, &channels, &row, &why, now)?,
                None => Vec::new(),
            };
            crate::steps::reached(crate::steps::DELIVER_MARKING);
            Ok(told)
        });
        self.publish_told(settled.await?);
        Ok(())
    }
}

fn knows(
    store: &StoreTransaction<'_>,
    channels: &SecondChannels,
    row: &OutboxRow,
) -> Result<bool, AlertingError> {
    match channels.of(&row.notification.receiver) {
        Some(channel) if row.notification.purpose == Purpose::Tell => {
            store.second_channel_knows(row, channel)
        }
        _ => Ok(false),
    }
}

struct Told {
    integration: String,
    decisions: Vec<Decision>,
}

/// One row for each way of reaching the second receiver. Copies are not copied, and neither are tests.
fn copy(
    store: &StoreTransaction<'_>,
    routing: &Routing,
    channels: &SecondChannels,
    row: &OutboxRow,
    why: &str,
    now: Timestamp,
) -> Result<Vec<Told>, AlertingError> {
    let first = &row.notification;
    // What people made of it is for pagers that were told.
    if first.is_firing() && !first.pages() {
        return Ok(Vec::new());
    }
    let Some(channel) = channels.of(&first.receiver).filter(|_| first.purpose == Purpose::Tell) else {
        return Ok(Vec::new());
    };
    let mut told = Vec::new();
    for integration in routing.receivers.get(channel).into_iter().flat_map(|found| &found.integrations) {
        let id = hash_of(&[&first.id, channel, &integration.name]);
        let second = Notification {
            id: id.get(..32).expect("a hash is ASCII").to_owned(),
            receiver: channel.to_owned(),
            decided_at: now,
            purpose: Purpose::InsteadOf {
                notification_id: first.id.clone(),
                receiver: first.receiver.clone(),
                integration: row.integration.clone(),
                why: why.to_owned(),
            },
            ..first.clone()
        };
        store.post(&second, &integration.name, None)?;
        let reason = format!("instead of {}, {}: {why}", first.receiver, row.integration);
        let decisions = record_of(&second, &integration.name, "queued", &reason, now);
        told.push(Told { integration: integration.name.clone(), decisions });
    }
    Ok(told)
}
