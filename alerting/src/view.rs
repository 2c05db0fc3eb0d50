//! What the pipeline holds now, for whoever shows it: alerts with what becomes of them, and the groups they stand in.

mod filter;
mod order;

use std::collections::{BTreeMap, HashMap};

use plimsoll_model::{Labels, Timestamp};

pub use filter::AlertFilter;

use crate::inhibit::inhibited;
use crate::merge::StoredAlert;
use crate::silence::Muting;
use crate::store::StoreTransaction;
use crate::{Alerting, AlertingError};

/// An alert that fires, and what keeps it from being told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertView {
    /// 16 hex digits, as Alertmanager reckons them.
    pub fingerprint: String,
    pub labels: Labels,
    pub annotations: BTreeMap<String, String>,
    pub starts_at: Timestamp,
    /// When it ends unless it is stated again.
    pub ends_at: Timestamp,
    pub updated_at: Timestamp,
    pub generator_url: String,
    /// Of every route that takes it, in the order of the tree.
    pub receivers: Vec<String>,
    /// Ids of silences.
    pub silenced_by: Vec<String>,
    /// Fingerprints.
    pub inhibited_by: Vec<String>,
    /// Names of time intervals; of the group, so always empty where an alert stands alone.
    pub muted_by: Vec<String>,
}

/// A route's group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    pub labels: Labels,
    pub receiver: String,
    /// Names of time intervals.
    pub muted_by: Vec<String>,
    pub alerts: Vec<AlertView>,
}

impl AlertView {
    /// Reckoned when it is asked for, so there is no state in which nobody has looked at it yet.
    #[must_use]
    pub fn is_suppressed(&self) -> bool {
        !(self.silenced_by.is_empty() && self.inhibited_by.is_empty() && self.muted_by.is_empty())
    }
}

impl Alerting {
    /// Names of receivers, sorted.
    #[must_use]
    pub fn receivers(&self) -> Vec<String> {
        self.routing().receivers.keys().cloned().collect()
    }

    /// The routing file in use as YAML, its secrets hidden.
    #[must_use]
    pub fn routing_text(&self) -> String {
        self.routing().shown.clone()
    }

    /// Alerts that fire at `now` and pass the filter, by fingerprint.
    pub async fn alerts(
        &self,
        filter: &AlertFilter,
        now: Timestamp,
    ) -> Result<Vec<AlertView>, AlertingError> {
        let read = move |store: &StoreTransaction<'_>| Ok((store.live_alerts()?, muting(store, now)?));
        let (stored, muting) = self.inner.store.look(read).await?;
        let mut alerts: Vec<AlertView> = self.views(stored, &muting, now).into_values().collect();
        alerts.retain(|alert| {
            filter.takes(alert) && alert.receivers.iter().any(|receiver| filter.takes_receiver(receiver))
        });
        alerts.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
        Ok(alerts)
    }

    /// Groups with an alert that passes the filter, in Alertmanager's order.
    pub async fn groups(
        &self,
        filter: &AlertFilter,
        now: Timestamp,
    ) -> Result<Vec<GroupView>, AlertingError> {
        let read = move |store: &StoreTransaction<'_>| {
            Ok((store.live_alerts()?, muting(store, now)?, store.groups()?, store.members()?))
        };
        let (stored, muting, rows, members) = self.inner.store.look(read).await?;
        let alerts = self.views(stored, &muting, now);
        let mut of_group: HashMap<i64, Vec<AlertView>> = HashMap::new();
        for (group_id, fingerprint) in members {
            let alert = alerts.get(&fingerprint).filter(|alert| filter.takes(alert));
            of_group.entry(group_id).or_default().extend(alert.cloned());
        }
        let mut groups = Vec::new();
        for row in rows.into_iter().filter(|row| filter.takes_receiver(&row.receiver)) {
            let mut alerts = of_group.remove(&row.group_id).unwrap_or_default();
            if alerts.is_empty() || !(filter.muted || row.muted_by.is_empty()) {
                continue;
            }
            alerts.sort_by(|a, b| order::of_alerts(&a.labels, &b.labels));
            for alert in &mut alerts {
                alert.receivers.sort();
                alert.muted_by.clone_from(&row.muted_by);
            }
            groups.push(GroupView {
                labels: row.group_labels,
                receiver: row.receiver,
                muted_by: row.muted_by,
                alerts,
            });
        }
        groups
            .sort_by(|a, b| order::of_labels(&a.labels, &b.labels).then_with(|| a.receiver.cmp(&b.receiver)));
        Ok(groups)
    }

    /// Those that fire at `now`, by fingerprint.
    fn views(
        &self,
        stored: Vec<StoredAlert>,
        muting: &Muting,
        now: Timestamp,
    ) -> BTreeMap<String, AlertView> {
        let routing = self.routing();
        let firing: Vec<StoredAlert> =
            stored.into_iter().filter(|alert| !alert.is_resolved && alert.ends_at >= now).collect();
        let labels: Vec<_> =
            firing.iter().map(|alert| (alert.fingerprint.as_str(), &alert.alert.labels)).collect();
        let inhibitors: HashMap<String, String> = inhibited(&routing.inhibit_rules, &labels, &labels)
            .into_iter()
            .map(|(target, source)| (target.to_owned(), source.to_owned()))
            .collect();
        let view = |stored: StoredAlert| {
            let routes = routing.root.matching(&stored.alert.labels);
            let alert = AlertView {
                receivers: routes.into_iter().map(|route| route.receiver.clone()).collect(),
                silenced_by: muting.silenced_by(&stored.alert.labels),
                inhibited_by: inhibitors.get(&stored.fingerprint).cloned().into_iter().collect(),
                muted_by: Vec::new(),
                fingerprint: stored.fingerprint,
                labels: stored.alert.labels,
                annotations: stored.alert.annotations,
                starts_at: stored.alert.starts_at,
                ends_at: stored.ends_at,
                updated_at: stored.updated_at,
                generator_url: stored.alert.generator_url,
            };
            (alert.fingerprint.clone(), alert)
        };
        firing.into_iter().map(view).collect()
    }
}

fn muting(store: &StoreTransaction<'_>, now: Timestamp) -> Result<Muting, AlertingError> {
    Ok(Muting::new(store.unexpired_silences(now)?, now))
}
