//! Incidents as people work on them: acknowledged, taken back, resolved, annotated, by whichever way. Every act is one
//! transaction with what it causes and a line of the audit, and wakes the pipeline.

mod act;
mod draft;
mod links;
mod mac;
mod pagerduty;
mod pagers;
mod shown;

use plimsoll_model::Timestamp;
use serde::Serialize;

pub(crate) use act::{about, put_on_record};
pub(crate) use draft::Draft;
pub(crate) use links::LINK_LIFE;
pub use links::{LinkKey, LinkState, LinkedIncident};
#[cfg(test)]
pub(crate) use pagerduty::signature_for_tests;
pub use pagerduty::{PagerDutyAnswer, WebhookSecret};
pub(crate) use pagers::tell_pagers;
pub use shown::{IncidentDetail, OnCallShift};

use crate::{Alerting, AlertingError};

/// The longest note, and the longest name that is kept of whoever acted.
const MAX_NOTE_CHARS: usize = 4_000;
const MAX_ACTOR_CHARS: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentState {
    Triggered,
    Acknowledged,
    Resolved,
}

/// By which way somebody acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The one-time link of a message.
    Link,
    Api,
    Cli,
    Console,
    PagerDuty,
    /// Nobody did: time passed.
    Escalation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub name: String,
    pub way: Way,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncidentAction {
    /// Stops the escalation. Who acknowledges what is acknowledged already takes it over.
    Acknowledge,
    /// Nobody works on it after all: whoever was told last is told again.
    Unacknowledge,
    /// For good, though alerts of it may fire on; another alert of the group opens another incident.
    Resolve,
    Note(String),
}

/// What became of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acted {
    Done,
    NotFound,
    /// It makes no sense in the state that the incident is in.
    Refused(String),
}

impl IncidentState {
    pub(crate) const ALL: [Self; 3] = [Self::Triggered, Self::Acknowledged, Self::Resolved];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Triggered => "triggered",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

impl Way {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Api => "api",
            Self::Cli => "cli",
            Self::Console => "console",
            Self::PagerDuty => "pagerduty",
            Self::Escalation => "escalation",
        }
    }
}

impl Actor {
    /// Whatever somebody calls themselves, as one bounded line.
    #[must_use]
    pub fn new(name: &str, way: Way) -> Self {
        let words: Vec<&str> = name
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .collect();
        Self { name: words.join(" ").chars().take(MAX_ACTOR_CHARS).collect(), way }
    }
}

impl IncidentAction {
    /// As the audit calls it.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Unacknowledge => "unacknowledge",
            Self::Resolve => "resolve",
            Self::Note(_) => "note",
        }
    }
}

impl Alerting {
    /// One person's action. What it causes is in the outbox when this returns.
    pub async fn act_on_incident(
        &self,
        incident_id: &str,
        action: IncidentAction,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Acted, AlertingError> {
        let (routing, incident_id) = (self.routing(), incident_id.to_owned());
        let work = move |store: &crate::store::StoreTransaction<'_>| {
            act::act(store, &routing, &incident_id, &action, &actor, now)
        };
        let (acted, decisions) = self.inner.store.transact(work).await?;
        self.publish(decisions);
        Ok(acted)
    }
}
