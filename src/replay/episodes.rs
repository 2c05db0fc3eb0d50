//! The life of each alert in a replay: from pending to resolved, and who was told.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_alerting::Delivery;
use plimsoll_model::{Labels, Timestamp};
use plimsoll_rules::instance::{Instance, State};
use serde::Serialize;

use super::history::ToldThen;

/// In truth somebody may have been told a little earlier than a step of the replay sees it.
const EARLIER: Duration = Duration::from_secs(900);

/// One alert, once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Episode {
    pub labels: Labels,
    /// `page` or `ticket`, as the label says.
    pub severity: String,
    /// It was there when the replay began, so its times are not known.
    pub is_carried_over: bool,
    /// The first bad event, as far as its rule knows it.
    #[serde(serialize_with = "rfc3339")]
    pub onset: Timestamp,
    #[serde(serialize_with = "rfc3339")]
    pub pending: Timestamp,
    #[serde(serialize_with = "maybe_rfc3339")]
    pub firing: Option<Timestamp>,
    #[serde(serialize_with = "maybe_rfc3339")]
    pub resolved: Option<Timestamp>,
    pub summary: String,
    /// `impact_*` at its worst moment known: the latest.
    pub impact: BTreeMap<String, String>,
    /// Who would have been told first that it fires.
    pub told: Vec<Told>,
    /// Who was told then, in truth.
    pub told_then: Vec<Told>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    pub receiver: String,
    #[serde(serialize_with = "rfc3339")]
    pub at: Timestamp,
}

impl Episode {
    fn begun(instance: &Instance, now: Timestamp, is_carried_over: bool) -> Self {
        Self {
            labels: instance.labels.clone(),
            severity: instance.labels.get("severity").to_owned(),
            is_carried_over,
            onset: instance.began,
            pending: now.min(instance.active_at),
            firing: None,
            resolved: None,
            summary: String::new(),
            impact: BTreeMap::new(),
            told: Vec::new(),
            told_then: Vec::new(),
        }
    }

    #[must_use]
    pub fn is_page(&self) -> bool {
        matches!(self.severity.as_str(), "page" | "critical")
    }

    /// How long it took from the onset to the alert.
    #[must_use]
    pub fn detected_after(&self) -> Option<Duration> {
        self.firing.filter(|_| !self.is_carried_over).map(|firing| firing.since(self.onset))
    }

    pub(super) fn remember(&mut self, told_then: &ToldThen) {
        let Some(firing) = self.firing else { return };
        let until = self.resolved.unwrap_or(Timestamp::MAX);
        let told = told_then.get(&self.labels.fingerprint().to_string());
        let told = told.into_iter().flatten().filter(|(at, _)| *at + EARLIER >= firing && *at <= until);
        for (at, receiver) in told {
            if self.told_then.iter().all(|told| told.receiver != *receiver) {
                self.told_then.push(Told { receiver: receiver.clone(), at: *at });
            }
        }
    }

    fn follow(&mut self, instance: &Instance, now: Timestamp) {
        match instance.state {
            State::Pending => {}
            State::Firing => {
                self.firing.get_or_insert(now);
            }
            State::Resolved { at } => self.resolved = Some(at),
        }
        if let Some(summary) = instance.annotations.get("summary") {
            self.summary.clone_from(summary);
        }
        let impact = instance.annotations.iter().filter(|(name, _)| name.starts_with("impact_"));
        self.impact.extend(impact.map(|(name, value)| (name.clone(), value.clone())));
    }
}

#[derive(Debug)]
pub(super) struct Episodes {
    since: Timestamp,
    open: BTreeMap<Labels, Episode>,
    ended: Vec<Episode>,
}

impl Episodes {
    pub(super) fn new(since: Timestamp) -> Self {
        Self { since, open: BTreeMap::new(), ended: Vec::new() }
    }

    pub(super) fn notice(&mut self, instances: &[Instance], now: Timestamp) {
        for instance in instances {
            if instance.is_active() && !self.open.contains_key(&instance.labels) {
                let is_carried_over = instance.active_at < self.since;
                let episode = Episode::begun(instance, now, is_carried_over);
                self.open.insert(instance.labels.clone(), episode);
            }
            if let Some(episode) = self.open.get_mut(&instance.labels) {
                episode.follow(instance, now);
            }
        }
        let active = |labels: &Labels| instances.iter().any(|it| it.labels == *labels && it.is_active());
        let gone: Vec<Labels> = self.open.keys().filter(|labels| !active(labels)).cloned().collect();
        self.ended.extend(gone.iter().filter_map(|labels| self.open.remove(labels)));
    }

    /// The first word to each receiver that it fires.
    pub(super) fn told(&mut self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            for alert in delivery.alerts.iter().filter(|alert| alert.is_firing) {
                let episode = match self.open.get_mut(&alert.labels) {
                    Some(episode) => Some(episode),
                    None => self.ended.iter_mut().rev().find(|episode| episode.labels == alert.labels),
                };
                if let Some(episode) = episode
                    && episode.told.iter().all(|told| told.receiver != delivery.receiver)
                {
                    episode.told.push(Told { receiver: delivery.receiver.clone(), at: delivery.at });
                }
            }
        }
    }

    pub(super) fn finished(mut self) -> Vec<Episode> {
        self.ended.extend(self.open.into_values());
        self.ended.sort_by(|left, right| (left.pending, &left.labels).cmp(&(right.pending, &right.labels)));
        self.ended
    }
}

fn rfc3339<S: serde::Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time.to_rfc3339())
}

fn maybe_rfc3339<S: serde::Serializer>(time: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    time.map(Timestamp::to_rfc3339).serialize(to)
}
