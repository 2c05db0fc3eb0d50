//! The one-time link of a message: `PUBLIC_URL/i/TOKEN`. The token is the notification's id and a MAC over it, so it
//! need not be stored to be known again, and a message that is sent twice has the same one. It stands for the receiver
//! that the message went to, ends with its incident or after a week, and works once.

use std::fmt;
use std::time::Duration;

use plimsoll_model::{Timestamp, TokenHash};
use serde::Serialize;

use super::mac::{hex, hmac_sha256};
use super::{Acted, Actor, IncidentAction, IncidentState, Way, act};
use crate::config::IntegrationKind;
use crate::notification::Notification;
use crate::store::{LinkRow, StoreTransaction};
use crate::{Alerting, AlertingError};

/// How long a link works.
pub(crate) const LINK_LIFE: Duration = Duration::from_secs(7 * 86_400);
const KEY_NAME: &str = "links";
const ID_CHARS: usize = 32;
/// 128 bits.
const MAC_BYTES: usize = 16;

/// What links are signed with. The first that a store sees is kept in it, so that links outlive a restart.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkKey([u8; 32]);

impl LinkKey {
    /// Of 256 random bits.
    #[must_use]
    pub const fn new(bits: [u8; 32]) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(..)")
    }
}

/// What a link leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "link")]
pub enum LinkState {
    /// It was never written by us, or is too old, or its incident is gone: nobody is told which.
    Unknown,
    Used {
        incident: LinkedIncident,
    },
    Open {
        incident: LinkedIncident,
    },
}

/// As much of an incident as the page behind a link shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkedIncident {
    pub incident_id: String,
    pub state: IncidentState,
    pub summary: String,
    pub acknowledged_by: Option<String>,
    /// Who acknowledges by it.
    pub receiver: String,
}

impl Alerting {
    /// Where the reader of a message acknowledges. Programs that are told get no link: they would follow it.
    pub(crate) async fn ack_url(
        &self,
        notification: &Notification,
        kind: &IntegrationKind,
    ) -> Result<Option<String>, AlertingError> {
        let is_for_a_person = !matches!(kind, IntegrationKind::PagerDuty(_) | IntegrationKind::Webhook(_));
        if !is_for_a_person || !notification.is_firing() || notification.incident_id.is_empty() {
            return Ok(None);
        }
        let token = token(self.link_key().await?, &notification.id);
        Ok(Some(format!("{}/i/{token}", self.inner.public_url)))
    }

    /// Looks, and changes nothing: mail scanners open links.
    pub async fn link(&self, token: &str, now: Timestamp) -> Result<LinkState, AlertingError> {
        let Some(id) = notification_id(self.link_key().await?, token) else {
            return Ok(LinkState::Unknown);
        };
        self.inner.store.transact(move |store| state(store, &id, now)).await
    }

    /// Acknowledges for the receiver of the message, once.
    pub async fn use_link(&self, token: &str, now: Timestamp) -> Result<LinkState, AlertingError> {
        let Some(id) = notification_id(self.link_key().await?, token) else {
            return Ok(LinkState::Unknown);
        };
        let routing = self.routing();
        let work = move |store: &StoreTransaction<'_>| {
            let found = state(store, &id, now)?;
            let LinkState::Open { incident } = &found else {
                return Ok((found, Vec::new()));
            };
            let actor = Actor::new(&incident.receiver, Way::Link);
            let (incident_id, action) = (&incident.incident_id, IncidentAction::Acknowledge);
            let (acted, decisions) = act::act(store, &routing, incident_id, &action, &actor, now)?;
            if acted == Acted::Done {
                store.use_link(&id, now)?;
            }
            let acknowledged = LinkedIncident {
                state: IncidentState::Acknowledged,
                acknowledged_by: Some(actor.name),
                ..incident.clone()
            };
            Ok((LinkState::Open { incident: acknowledged }, decisions))
        };
        let (found, decisions) = self.inner.store.transact(work).await?;
        self.publish(decisions);
        Ok(found)
    }

    async fn link_key(&self) -> Result<&LinkKey, AlertingError> {
        let inner = &self.inner;
        let kept = inner.link_key.get_or_try_init(|| async {
            let fresh = inner.fresh_link_key.clone();
            let kept = inner.store.transact(move |store| store.secret(KEY_NAME, &fresh.0)).await?;
            let bits = kept.try_into().map_err(|_| AlertingError::Column {
                column: "secrets.value".to_owned(),
                found: "bytes of another length",
            })?;
            Ok(LinkKey(bits))
        });
        kept.await
    }
}

fn state(store: &StoreTransaction<'_>, id: &str, now: Timestamp) -> Result<LinkState, AlertingError> {
    let Some(LinkRow { incident_id, receiver, written_at }) = store.link(id)? else {
        return Ok(LinkState::Unknown);
    };
    let (Some(row), Some(work)) = (store.incident(&incident_id)?, store.work_of(&incident_id)?) else {
        return Ok(LinkState::Unknown);
    };
    if now.since(written_at) >= LINK_LIFE {
        return Ok(LinkState::Unknown);
    }
    let incident = LinkedIncident {
        incident_id,
        state: work.state,
        summary: row.summary,
        acknowledged_by: work.acknowledged_by,
        receiver,
    };
    let is_spent = store.link_used_at(id)?.is_some() || work.state == IncidentState::Resolved;
    Ok(if is_spent { LinkState::Used { incident } } else { LinkState::Open { incident } })
}

fn token(key: &LinkKey, notification_id: &str) -> String {
    let mac = hmac_sha256(&key.0, format!("acknowledge {notification_id}").as_bytes());
    format!("{notification_id}{}", hex(&mac[..MAC_BYTES]))
}

/// Of a token that is ours. Hashes are compared, which takes as long for a near miss as for nonsense.
fn notification_id(key: &LinkKey, text: &str) -> Option<String> {
    let id = text.get(..ID_CHARS).filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    (TokenHash::of(&token(key, id)) == TokenHash::of(text)).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_signed_is_ours_and_the_key_is_shown_nowhere() {
        let key = LinkKey::new([7; 32]);
        let id = "0123456789abcdef0123456789abcdef";
        let ours = token(&key, id);
        assert_eq!(ours.len(), 64);
        assert_eq!(notification_id(&key, &ours).as_deref(), Some(id));
        let other = token(&LinkKey::new([8; 32]), id);
        let forged = format!("{}{}", "1".repeat(32), ours.get(32..).expect("ASCII"));
        for text in [other.as_str(), &forged, id, "", &ours.to_uppercase(), "é", &format!("{ours}0")] {
            assert_eq!(notification_id(&key, text), None, "{text}");
        }
        assert_eq!(format!("{key:?}"), "LinkKey(..)");
    }
}
