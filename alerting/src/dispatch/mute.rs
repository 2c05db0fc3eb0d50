//! Groups that say nothing for a while, because their route is muted by a time interval. They go on grouping and ticking;
//! what they would have said is not remembered as told, so it is told at the first tick after.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plimsoll_model::Timestamp;

use super::{Group, Pass};
use crate::AlertingError;
use crate::config::Routing;
use crate::grouping::GroupTimer;
use crate::ledger::suppressed;
use crate::merge::StoredAlert;
use crate::route::Route;
use crate::time_interval::Muted;

/// Each route's answer, asked once a pass.
#[derive(Debug, Default)]
pub(super) struct Mutes(HashMap<*const Route, Option<Muted>>);

impl Mutes {
    pub(super) fn of(&mut self, route: &Route, routing: &Routing, now: Timestamp) -> Option<&Muted> {
        let ask = || routing.time_intervals.muted(&route.active_during, &route.muted_during, now);
        self.0.entry(std::ptr::from_ref(route)).or_insert_with(ask).as_ref()
    }
}

impl Pass<'_> {
    /// Notes that the group is muted, or no longer, and writes it down for each alert it concerns.
    pub(super) fn mute(&mut self, group: &mut Group, alerts: &BTreeMap<String, StoredAlert>) {
        let by = group.muted.as_ref().map(|muted| muted.by.clone()).unwrap_or_default();
        let changed = group.row.muted_by != by;
        let ended = std::mem::replace(&mut group.row.muted_by, by);
        let (outcome, reason) = match &group.muted {
            Some(muted) => ("suppressed", muted.reason.clone()),
            None if changed => ("routed", format!("no longer muted by time interval {}", ended.join(", "))),
            None => return,
        };
        for alert in group.members(alerts).filter(|alert| !alert.is_resolved) {
            if changed || group.joined.contains(&alert.fingerprint) {
                self.decide_route(alert, Some(&group.row.receiver), outcome, reason.clone());
            }
        }
    }

    /// A muted group's tick. Returns whether the group goes on: it keeps the resolved alerts whose firing somebody was
    /// told of, who are owed their end.
    pub(super) fn hold(
        &mut self,
        group: &mut Group,
        alerts: &BTreeMap<String, StoredAlert>,
    ) -> Result<bool, AlertingError> {
        let incident_id = group.row.incident_id.clone();
        if let Some(open) = &incident_id
            && self.store.incident_is_open(open)?
        {
            self.close_incident(group, alerts)?;
        }
        group.row.incident_id = incident_id;
        let owed = self.told_firing(group)?;
        let is_gone = |alert: &&StoredAlert| alert.is_resolved && !owed.contains(&alert.fingerprint);
        let gone: Vec<String> =
            group.members(alerts).filter(is_gone).map(|alert| alert.fingerprint.clone()).collect();
        for fingerprint in &gone {
            let reason = "resolved before anybody was told";
            self.decisions.push(suppressed(&alerts[fingerprint], &group.row.receiver, reason, self.now));
            self.store.leave(group.row.group_id, fingerprint)?;
            group.members.remove(fingerprint);
        }
        if group.members.is_empty() {
            self.store.close_group(group.row.group_id)?;
            return Ok(false);
        }
        group.row.timer = GroupTimer::flushed(self.now, group.timing);
        Ok(true)
    }

    /// What any integration of the group's receiver holds to be firing; everything, when an escalation told others.
    fn told_firing(&self, group: &Group) -> Result<BTreeSet<String>, AlertingError> {
        let receiver = self.routing.receivers.get(&group.row.receiver);
        let mut told = BTreeSet::new();
        if let Some(incident_id) = &group.row.incident_id
            && self.store.told(incident_id)?.iter().any(|told| !told.by_route)
        {
            told.extend(group.members.iter().cloned());
        }
        for integration in receiver.iter().flat_map(|receiver| &receiver.integrations) {
            let log = self.store.last_told(&group.row.group_key, &group.row.receiver, &integration.name)?;
            told.extend(log.into_iter().flat_map(|log| log.firing));
        }
        Ok(told)
    }
}
