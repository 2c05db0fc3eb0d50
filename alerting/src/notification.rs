//! A notification: what one receiver is told about one group, as it was when it was decided. It is stored with the
//! decision, so that a retry after a restart says the same.

use std::collections::BTreeMap;

use plimsoll_model::{Alert, Labels, Timestamp};
use serde::{Deserialize, Serialize};

use crate::dedup::NotifyReason;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notification {
    /// Stable over retries: what a receiver can recognise a repetition by.
    pub(crate) id: String,
    pub(crate) incident_id: String,
    pub(crate) group_key: String,
    #[serde(with = "labels")]
    pub(crate) group_labels: Labels,
    pub(crate) receiver: String,
    pub(crate) reason: NotifyReason,
    #[serde(with = "nanos")]
    pub(crate) opened_at: Timestamp,
    #[serde(with = "nanos")]
    pub(crate) decided_at: Timestamp,
    /// Firing ones first, the most severe and then the oldest at the front.
    pub(crate) alerts: Vec<NotifiedAlert>,
    #[serde(default)]
    pub(crate) purpose: Purpose,
    #[serde(default)]
    pub(crate) handling: Handling,
}

/// Why a notification is sent, beside the news in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    #[default]
    Tell,
    /// To a pager that was told: somebody has taken it.
    Acknowledge,
    /// To a second channel, since the first could not be reached.
    InsteadOf { notification_id: String, receiver: String, integration: String, why: String },
    /// Somebody asked for it, to see whether it arrives.
    Test,
    /// To a pager that was told: somebody has resolved it, though it may still fire.
    Resolve,
}

/// What people make of the incident, beyond its alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Handling {
    /// Set when an escalation sends it rather than the route.
    pub(crate) escalated: Option<Escalated>,
    /// Where this receiver acknowledges with one click; it is a secret, so it is never stored, and known only while the
    /// message is written.
    #[serde(skip)]
    pub(crate) ack_url: Option<String>,
}

/// A message that goes up a step, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Escalated {
    /// From 1, of `steps`, in the `round` from 1.
    pub(crate) step: u32,
    pub(crate) steps: u32,
    pub(crate) round: u32,
    /// Since when nobody has acknowledged.
    #[serde(with = "nanos")]
    pub(crate) unanswered_since: Timestamp,
    /// Who was told before, in that order, each at the last time.
    pub(crate) told: Vec<ToldBefore>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToldBefore {
    pub(crate) receiver: String,
    #[serde(with = "nanos")]
    pub(crate) at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotifiedAlert {
    pub(crate) fingerprint: String,
    #[serde(with = "labels")]
    pub(crate) labels: Labels,
    pub(crate) annotations: BTreeMap<String, String>,
    #[serde(with = "nanos")]
    pub(crate) starts_at: Timestamp,
    /// Set once it is resolved.
    #[serde(with = "maybe_nanos")]
    pub(crate) resolved_at: Option<Timestamp>,
    pub(crate) generator_url: String,
}

impl Notification {
    pub(crate) fn is_firing(&self) -> bool {
        self.alerts.iter().any(NotifiedAlert::is_firing)
    }

    /// Whether it says that something fires, and not what became of that at another's hands.
    pub(crate) fn pages(&self) -> bool {
        !matches!(self.purpose, Purpose::Acknowledge | Purpose::Resolve) && self.is_firing()
    }

    pub(crate) fn firing(&self) -> impl Iterator<Item = &NotifiedAlert> {
        self.alerts.iter().filter(|alert| alert.is_firing())
    }

    /// Labels that every alert of the notification has alike.
    pub(crate) fn common_labels(&self) -> Labels {
        let Some((first, others)) = self.alerts.split_first() else {
            return self.group_labels.clone();
        };
        let shared =
            |(name, value): &(&str, &str)| others.iter().all(|alert| alert.labels.get(name) == *value);
        first.labels.iter().filter(shared).collect()
    }

    pub(crate) fn common_annotations(&self) -> BTreeMap<&str, &str> {
        let Some((first, others)) = self.alerts.split_first() else {
            return BTreeMap::new();
        };
        let shared = |(name, value): &(&String, &String)| {
            others.iter().all(|alert| alert.annotations.get(*name) == Some(*value))
        };
        first.annotations.iter().filter(shared).map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    pub(crate) fn sort_alerts(&mut self) {
        self.alerts.sort_by(|a, b| a.urgency().cmp(&b.urgency()));
    }

    /// In the outbox: pages first, the end of something last.
    pub(crate) fn urgency(&self) -> u32 {
        let firing = self.alerts.iter().filter(|alert| alert.is_firing());
        firing.map(|alert| severity_rank(&alert.labels)).min().unwrap_or(3).into()
    }
}

impl NotifiedAlert {
    pub(crate) fn new(alert: &Alert, fingerprint: String, resolved_at: Option<Timestamp>) -> Self {
        Self {
            fingerprint,
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            starts_at: alert.starts_at,
            resolved_at,
            generator_url: alert.generator_url.clone(),
        }
    }

    pub(crate) fn is_firing(&self) -> bool {
        self.resolved_at.is_none()
    }

    /// That an objective can't be judged, rather than that it burns.
    pub(crate) fn is_blindness(&self) -> bool {
        self.labels.get("alertname") == "ObjectiveBlind"
    }

    /// Smaller is more urgent.
    pub(crate) fn urgency(&self) -> (bool, u8, Timestamp, &str) {
        (!self.is_firing(), severity_rank(&self.labels), self.starts_at, &self.fingerprint)
    }
}

/// 0 is what wakes people.
pub(crate) fn severity_rank(labels: &Labels) -> u8 {
    match labels.get("severity") {
        "page" | "critical" => 0,
        "ticket" | "error" | "warning" => 1,
        _ => 2,
    }
}

mod nanos {
    use super::{Deserialize, Timestamp};

    pub(super) fn serialize<S: serde::Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(time.nanos())
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_nanos)
    }
}

mod maybe_nanos {
    use super::{Deserialize, Serialize, Timestamp};

    pub(super) fn serialize<S: serde::Serializer>(
        time: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Timestamp::nanos).serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(Timestamp::from_nanos))
    }
}

mod labels {
    use super::{BTreeMap, Deserialize, Labels, Serialize};

    pub(super) fn serialize<S: serde::Serializer>(labels: &Labels, to: S) -> Result<S::Ok, S::Error> {
        labels.serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Labels, D::Error> {
        Ok(BTreeMap::<String, String>::deserialize(from)?.into_iter().collect())
    }
}
