//! One pass over the alerts, inside one transaction: inhibit, route into groups, open and close incidents, and put
//! what is worth saying into the outbox. It writes only what changed, so an idle pass costs no fsync.

pub(crate) use incident::hash_of;

mod escalate;
mod incident;
mod mute;
mod suppress;
mod tell;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use plimsoll_model::{Decision, Stage, Timestamp};
use serde_json::json;

use crate::config::Routing;
use crate::escalation::Clocks;
use crate::grouping::GroupTimer;
use crate::incident::LINK_LIFE;
use crate::merge::StoredAlert;
use crate::route::{Route, Timing};
use crate::store::{Followed, GroupRow, StoreTransaction, Work};
use crate::time_interval::Muted;
use crate::{AlertingError, steps};
use mute::Mutes;

const KEEP_ALERTS: Duration = Duration::from_secs(24 * 3600);
/// As Alertmanager's retention: how long an integration is remembered to have been told.
const KEEP_TOLD: Duration = Duration::from_secs(120 * 3600);
const KEEP_NOTIFICATIONS: Duration = Duration::from_secs(30 * 24 * 3600);
/// Counted from the silence's end.
const KEEP_SILENCES: Duration = Duration::from_secs(120 * 3600);
const KEEP_INCIDENTS: Duration = Duration::from_secs(90 * 24 * 3600);

/// What one pass decided, to be published once it is committed.
#[derive(Debug, Default)]
pub(crate) struct Dispatched {
    pub(crate) decisions: Vec<Decision>,
    /// When the next group wants to speak.
    pub(crate) next: Option<Timestamp>,
}

pub(crate) fn dispatch(
    store: &StoreTransaction<'_>,
    clocks: &Clocks,
    now: Timestamp,
) -> Result<Dispatched, AlertingError> {
    store.resolve_expired(now)?;
    let mut pass = Pass::new(store, clocks, now)?;
    let alerts = pass.alerts()?;
    pass.followed = store.followed()?;
    let mut next: Option<Timestamp> = None;
    for mut group in pass.assign(&alerts)? {
        group.row.timer = group.row.timer.within(now, group.timing);
        pass.mute(&mut group, &alerts);
        pass.follow_incident(&mut group, &alerts)?;
        let stays = !group.row.timer.is_due(now) || pass.flush(&mut group, &alerts)?;
        if stays {
            if group.row != group.stored {
                pass.store.put_group(&group.row)?;
            }
            let due = pass.escalate(&group, &alerts)?;
            next = [next, due, Some(group.row.timer.next_flush)].into_iter().flatten().min();
        }
    }
    forget(store, now)?;
    steps::reached(steps::DISPATCH_DECIDED);
    Ok(Dispatched { decisions: pass.decisions, next })
}

/// Only says of each alert whether it is suppressed: for whoever changed a silence and looks at what came of it.
pub(crate) fn mark_suppressed(
    store: &StoreTransaction<'_>,
    clocks: &Clocks,
    now: Timestamp,
) -> Result<Vec<Decision>, AlertingError> {
    let mut pass = Pass::new(store, clocks, now)?;
    pass.alerts()?;
    Ok(pass.decisions)
}

/// What all steps of one pass share.
struct Pass<'p> {
    store: &'p StoreTransaction<'p>,
    routing: &'p Routing,
    clocks: &'p Clocks,
    now: Timestamp,
    /// What people made of the incidents of groups.
    work: HashMap<String, Work>,
    decisions: Vec<Decision>,
    /// What is known of the groups' incidents.
    followed: Followed,
}

/// A group with the fingerprints of those in it.
struct Group {
    row: GroupRow,
    /// As the store has it.
    stored: GroupRow,
    timing: Timing,
    members: BTreeSet<String>,
    /// Those that came in this pass.
    joined: BTreeSet<String>,
    /// Whether any route leads here still.
    is_routed: bool,
    /// Set while every route that leads here is muted.
    muted: Option<Muted>,
}

impl Group {
    fn new(row: GroupRow, members: BTreeSet<String>) -> Self {
        let (timing, joined) = (Timing::default(), BTreeSet::new());
        Self { stored: row.clone(), row, timing, members, joined, is_routed: false, muted: None }
    }

    /// Routes of the same path and receiver share their group. The first one's timing holds; one that isn't muted is enough.
    fn led_by(&mut self, route: &Route, muted: Option<&Muted>) {
        if !self.is_routed {
            (self.timing, self.muted) = (route.timing, muted.cloned());
        } else if muted.is_none() {
            self.muted = None;
        }
        self.is_routed = true;
    }

    fn members<'a>(
        &'a self,
        alerts: &'a BTreeMap<String, StoredAlert>,
    ) -> impl Iterator<Item = &'a StoredAlert> {
        self.members.iter().filter_map(|fingerprint| alerts.get(fingerprint))
    }
}

impl<'p> Pass<'p> {
    fn new(
        store: &'p StoreTransaction<'p>,
        clocks: &'p Clocks,
        now: Timestamp,
    ) -> Result<Self, AlertingError> {
        let (routing, work) = (clocks.routing.as_ref(), store.work_of_groups()?);
        let followed = Followed::default();
        Ok(Self { store, routing, clocks, now, work, decisions: Vec::new(), followed })
    }
}

impl Pass<'_> {
    /// Every alert that somebody may have to hear about, with what suppresses it now.
    fn alerts(&mut self) -> Result<BTreeMap<String, StoredAlert>, AlertingError> {
        let live = self.store.live_alerts()?;
        let mut alerts = live.into_iter().map(|alert| (alert.fingerprint.clone(), alert)).collect();
        self.inhibit(&mut alerts)?;
        self.silence(&mut alerts)?;
        Ok(alerts)
    }

    /// Every group with its members: the firing alerts the tree puts there now, and the resolved ones it has yet to
    /// speak about.
    fn assign(&mut self, alerts: &BTreeMap<String, StoredAlert>) -> Result<Vec<Group>, AlertingError> {
        let mut groups = self.stored_groups()?;
        let mut wanted: BTreeSet<(i64, &str)> = BTreeSet::new();
        let mut mutes = Mutes::default();
        for alert in alerts.values() {
            for route in self.routing.root.matching(&alert.alert.labels) {
                let muted = mutes.of(route, self.routing, self.now);
                let Some(group) = self.group_of(route, alert, &mut groups)? else {
                    continue;
                };
                group.led_by(route, muted);
                if alert.is_resolved {
                    continue;
                }
                wanted.insert((group.row.group_id, &alert.fingerprint));
                if group.members.insert(alert.fingerprint.clone()) {
                    group.joined.insert(alert.fingerprint.clone());
                    self.store.join(group.row.group_id, &alert.fingerprint)?;
                    group.row.timer = group.row.timer.joined(alert.alert.starts_at, self.now, group.timing);
                    let reason = format!("route {} groups it as {}", route.path, group.row.group_key);
                    self.decide_route(alert, Some(&route.receiver), "routed", reason);
                }
            }
        }
        for group in groups.values_mut() {
            self.drop_strays(group, alerts, &wanted)?;
        }
        Ok(groups.into_values().collect())
    }

    fn stored_groups(&self) -> Result<BTreeMap<(String, String), Group>, AlertingError> {
        let mut members: HashMap<i64, BTreeSet<String>> = HashMap::new();
        for (group_id, fingerprint) in self.store.members()? {
            members.entry(group_id).or_default().insert(fingerprint);
        }
        let with_members = |row: GroupRow| {
            let members = members.remove(&row.group_id).unwrap_or_default();
            ((row.group_key.clone(), row.receiver.clone()), Group::new(row, members))
        };
        Ok(self.store.groups()?.into_iter().map(with_members).collect())
    }

    /// The group that a route gives an alert. One that has ended opens none.
    fn group_of<'g>(
        &self,
        route: &Route,
        alert: &StoredAlert,
        groups: &'g mut BTreeMap<(String, String), Group>,
    ) -> Result<Option<&'g mut Group>, AlertingError> {
        let labels = route.group_labels(&alert.alert.labels);
        let key = (route.group_key(&labels), route.receiver.clone());
        Ok(match groups.entry(key) {
            Entry::Occupied(group) => Some(group.into_mut()),
            Entry::Vacant(_) if alert.is_resolved => None,
            Entry::Vacant(place) => {
                let timer = GroupTimer::opened(self.now, route.timing);
                let row = self.store.open_group(place.key().0.clone(), &route.receiver, labels, timer)?;
                Some(place.insert(Group::new(row, BTreeSet::new())))
            }
        })
    }

    /// After the routing file changed, an alert may belong elsewhere: whoever was told by the old group hears at once
    /// that it is over there.
    fn drop_strays(
        &self,
        group: &mut Group,
        alerts: &BTreeMap<String, StoredAlert>,
        wanted: &BTreeSet<(i64, &str)>,
    ) -> Result<(), AlertingError> {
        let is_stray = |fingerprint: &&String| {
            alerts.get(*fingerprint).is_none_or(|alert| !alert.is_resolved)
                && !wanted.contains(&(group.row.group_id, fingerprint.as_str()))
        };
        let strays: Vec<String> = group.members.iter().filter(is_stray).cloned().collect();
        for fingerprint in &strays {
            self.store.leave(group.row.group_id, fingerprint)?;
            group.members.remove(fingerprint);
        }
        if group.members.is_empty() {
            group.row.timer.next_flush = self.now;
        }
        Ok(())
    }

    fn decide_route(&mut self, alert: &StoredAlert, receiver: Option<&str>, outcome: &str, reason: String) {
        self.decisions.push(Decision {
            time: self.now,
            stage: Stage::Route,
            fingerprint: alert.fingerprint.clone(),
            incident_id: alert.incident_id.clone(),
            receiver: receiver.map(ToOwned::to_owned),
            outcome: outcome.to_owned(),
            reason,
            details: json!({"labels": alert.alert.labels}).to_string(),
        });
    }
}

fn forget(store: &StoreTransaction<'_>, now: Timestamp) -> Result<(), AlertingError> {
    store.forget_alerts(now, KEEP_ALERTS)?;
    store.forget_told(now, KEEP_TOLD)?;
    store.forget_notifications(now, KEEP_NOTIFICATIONS)?;
    store.forget_silences(now, KEEP_SILENCES)?;
    store.forget_handling(now - LINK_LIFE, now - KEEP_INCIDENTS)?;
    store.forget_incidents(now, KEEP_INCIDENTS)
}
