//! A notification that somebody asked for, to see whether it arrives: through the outbox and the sender like any other,
//! and given up at the first failure, which is what was to be learnt.

use plimsoll_model::{Alert, Labels, Timestamp};

use super::Delivery;
use crate::AlertingError;
use crate::dedup::NotifyReason;
use crate::dispatch::hash_of;
use crate::notification::{Handling, Notification, NotifiedAlert, Purpose};
use crate::pipeline::Alerting;

impl Alerting {
    /// Sends a test notification by every way of reaching the receiver, and returns what became of each. `None` when
    /// there is no receiver of that name; empty for one that tells nobody.
    pub async fn test_receiver(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<Delivery>>, AlertingError> {
        let routing = self.routing();
        let Some(receiver) = routing.receivers.get(name) else { return Ok(None) };
        let mut deliveries = Vec::new();
        for integration in &receiver.integrations {
            let notification = test_notification(name, &integration.name, &self.inner.public_url, now);
            let (integration, claims) = (integration.name.clone(), self.inner.claims.clone());
            let posted = self.inner.store.transact(move |store| {
                store.post(&notification, &integration, None)?;
                // Taken before anybody else can see the row.
                let row = store.posted(&notification.id)?;
                Ok(row.and_then(|row| Some((claims.take(row.seq)?, row))))
            });
            if let Some((claim, row)) = posted.await? {
                deliveries.push(self.send_row(claim, row, now).await?.0);
            }
        }
        Ok(Some(deliveries))
    }
}

fn test_notification(receiver: &str, integration: &str, public_url: &str, now: Timestamp) -> Notification {
    let labels: Labels =
        [("alertname", "PlimsollTest"), ("receiver", receiver), ("severity", "info")].into_iter().collect();
    let annotations = [
        ("summary", "A test: this receiver hears Plimsoll"),
        (
            "description",
            "Somebody asked Plimsoll to try this receiver. Nothing is wrong; there is nothing to do.",
        ),
    ];
    let annotations = annotations.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    let alert =
        Alert { labels, annotations, starts_at: now, ends_at: None, generator_url: public_url.to_owned() };
    let group_key = format!("{{test}}:{receiver}:{integration}");
    let id = hash_of(&[&group_key, &now.nanos().to_string()]);
    let fingerprint = alert.fingerprint().to_string();
    Notification {
        id: id.get(..32).expect("a hash is ASCII").to_owned(),
        incident_id: String::new(),
        group_key,
        group_labels: alert.labels.clone(),
        receiver: receiver.to_owned(),
        reason: NotifyReason::First,
        opened_at: now,
        decided_at: now,
        alerts: vec![NotifiedAlert::new(&alert, fingerprint, None)],
        purpose: Purpose::Test,
        handling: Handling::default(),
    }
}
