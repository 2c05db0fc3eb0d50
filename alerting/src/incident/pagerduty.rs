//! What PagerDuty tells us: webhooks v3. An incident that somebody acknowledged, took back or resolved there is ours by
//! the key that we triggered it under.

use std::fmt;
use std::time::Duration;

use plimsoll_model::{Timestamp, TokenHash};
use serde::Deserialize;

use super::mac::{hex, hmac_sha256};
use super::{Acted, Actor, IncidentAction, Way, act, put_on_record};
use crate::dispatch::hash_of;
use crate::store::StoreTransaction;
use crate::{Alerting, AlertingError};

/// Older events are not believed: PagerDuty has long given up on delivering them. Those that are younger are remembered,
/// so none counts twice.
pub(crate) const OLDEST_EVENT: Duration = Duration::from_secs(86_400);
/// A header with more is not PagerDuty's.
const MAX_SIGNATURES: usize = 16;

/// The secret of one webhook subscription.
#[derive(Clone)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// Whether one of the signatures (`v1=HEX,v1=HEX`) is of this secret. While a secret is replaced there are two.
    fn signed(&self, body: &[u8], signatures: &str) -> bool {
        let ours = TokenHash::of(&format!("v1={}", hex(&hmac_sha256(self.0.as_bytes(), body))));
        let mut theirs = signatures.split(',').take(MAX_SIGNATURES);
        theirs.any(|signature| TokenHash::of(signature.trim()) == ours)
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// What we make of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PagerDutyAnswer {
    Done,
    /// It is genuine, and there is nothing to do for this reason.
    Ignored(&'static str),
    /// Not signed with a secret of ours.
    NotSigned,
    Malformed(String),
}

#[derive(Debug, Deserialize)]
struct Webhook {
    event: Event,
}

#[derive(Debug, Deserialize)]
struct Event {
    id: String,
    event_type: String,
    occurred_at: String,
    #[serde(default)]
    agent: Option<Reference>,
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Data {
    /// The `dedup_key` of our event.
    incident_key: Option<String>,
    assignees: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    #[serde(default)]
    summary: Option<String>,
}

/// What an event asks for.
enum Wish {
    Act(IncidentAction),
    Record(&'static str),
}

impl Event {
    fn wish(&self) -> Option<Wish> {
        Some(match self.event_type.as_str() {
            "incident.acknowledged" => Wish::Act(IncidentAction::Acknowledge),
            "incident.unacknowledged" => Wish::Act(IncidentAction::Unacknowledge),
            "incident.resolved" => Wish::Act(IncidentAction::Resolve),
            "incident.reassigned" | "incident.delegated" => Wish::Record("reassigned"),
            "incident.escalated" => Wish::Record("escalated"),
            _ => return None,
        })
    }

    fn actor(&self) -> Actor {
        let name = self.agent.as_ref().and_then(|agent| agent.summary.as_deref());
        Actor::new(name.unwrap_or("PagerDuty"), Way::PagerDuty)
    }
}

impl Alerting {
    /// One webhook, as it came. `signatures` is what the header `X-PagerDuty-Signature` says.
    pub async fn pagerduty_webhook(
        &self,
        body: &[u8],
        signatures: &str,
        now: Timestamp,
    ) -> Result<PagerDutyAnswer, AlertingError> {
        let secrets = &self.inner.pagerduty_secrets;
        if !secrets.iter().any(|secret| secret.signed(body, signatures)) {
            return Ok(PagerDutyAnswer::NotSigned);
        }
        let event = match serde_json::from_slice::<Webhook>(body) {
            Ok(webhook) => webhook.event,
            Err(error) => return Ok(PagerDutyAnswer::Malformed(error.to_string())),
        };
        let Some(occurred_at) = Timestamp::parse_rfc3339(&event.occurred_at) else {
            return Ok(PagerDutyAnswer::Malformed("event.occurred_at is not a time".to_owned()));
        };
        if now.since(occurred_at) >= OLDEST_EVENT || occurred_at.since(now) >= OLDEST_EVENT {
            return Ok(PagerDutyAnswer::Ignored("the event is too old, or from the future"));
        }
        let routing = self.routing();
        let work = move |store: &StoreTransaction<'_>| {
            if !store.note_pagerduty_event(&event.id, now)? {
                return Ok((PagerDutyAnswer::Ignored("the event was told before"), Vec::new()));
            }
            take(store, &routing, &event, now)
        };
        let (answer, decisions) = self.inner.store.transact(work).await?;
        self.publish(decisions);
        Ok(answer)
    }
}

fn take(
    store: &StoreTransaction<'_>,
    routing: &crate::Routing,
    event: &Event,
    now: Timestamp,
) -> Result<(PagerDutyAnswer, Vec<plimsoll_model::Decision>), AlertingError> {
    let ignored = |why| Ok((PagerDutyAnswer::Ignored(why), Vec::new()));
    let Some(wish) = event.wish() else { return ignored("nothing follows from events of this type") };
    let Some(key) = event.data.incident_key.as_deref().filter(|key| !key.is_empty()) else {
        return ignored("the incident has no key");
    };
    let Some(incident_id) = known_by(store, key)? else {
        return ignored("no open incident of ours has this key");
    };
    let actor = event.actor();
    match wish {
        Wish::Act(action) => {
            let (acted, decisions) = act::act(store, routing, &incident_id, &action, &actor, now)?;
            Ok(match acted {
                Acted::Done => (PagerDutyAnswer::Done, decisions),
                Acted::NotFound | Acted::Refused(_) => {
                    (PagerDutyAnswer::Ignored("the incident is in that state already"), decisions)
                }
            })
        }
        Wish::Record(action) => {
            let names: Vec<&str> =
                event.data.assignees.iter().filter_map(|to| to.summary.as_deref()).take(10).collect();
            let to = Actor::new(&names.join(", "), Way::PagerDuty).name;
            put_on_record(store, &incident_id, &actor, action, serde_json::json!({"to": to}), now)?;
            Ok((PagerDutyAnswer::Done, Vec::new()))
        }
    }
}

/// The group's key or, where each alert is an incident of PagerDuty's own, that of one of its alerts.
fn known_by(store: &StoreTransaction<'_>, key: &str) -> Result<Option<String>, AlertingError> {
    for incident in store.open_incidents()? {
        let group_key = &incident.group_key;
        let alerts = store.incident_fingerprints(&incident.incident_id)?;
        let of_alert = |alert: &String| hash_of(&[group_key, alert]) == key;
        if hash_of(&[group_key]) == key || alerts.iter().any(of_alert) {
            return Ok(Some(incident.incident_id));
        }
    }
    Ok(None)
}

#[cfg(test)]
pub(crate) fn signature_for_tests(secret: &str, body: &[u8]) -> String {
    format!("v1={}", hex(&hmac_sha256(secret.as_bytes(), body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_signatures_is_enough_and_nothing_else_is() {
        let secret = WebhookSecret::new("s3cret\n");
        let body = br#"{"event": {}}"#;
        let good = format!("v1={}", hex(&hmac_sha256(b"s3cret", body)));
        assert!(secret.signed(body, &good));
        assert!(secret.signed(body, &format!("v1=00, {good}")));
        assert!(!secret.signed(b"{}", &good));
        for bad in ["", "v1=", "v1=00", good.get(3..).expect("ASCII"), &good.replace("v1", "v0")] {
            assert!(!secret.signed(body, bad), "{bad}");
        }
        assert!(!WebhookSecret::new("other").signed(body, &good));
        assert_eq!(format!("{secret:?}"), "WebhookSecret(..)");
    }
}
