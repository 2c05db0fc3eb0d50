//! A due group speaks: for each integration, is there anything new to say, and if so, into the outbox with it.

use std::collections::{BTreeMap, BTreeSet};

use super::incident::hash_of;
use super::{Group, Pass};
use crate::AlertingError;
use crate::config::Integration;
use crate::dedup::{GroupNow, NotifyReason, Policy, decide};
use crate::grouping::GroupTimer;
use crate::ledger::{record_of, suppressed};
use crate::merge::StoredAlert;
use crate::notification::{Handling, Notification, NotifiedAlert, Purpose};
use crate::store::LogRow;

/// What one integration hears of a group: whatever isn't suppressed, and the end of what it was told of.
struct Heard<'a> {
    alerts: Vec<&'a StoredAlert>,
    firing: BTreeSet<String>,
    resolved: BTreeSet<String>,
}

impl<'a> Heard<'a> {
    fn new(alerts: Vec<&'a StoredAlert>) -> Self {
        let of = |is_resolved: bool| {
            let chosen = alerts.iter().filter(|alert| alert.is_resolved == is_resolved);
            chosen.map(|alert| alert.fingerprint.clone()).collect()
        };
        Self { firing: of(false), resolved: of(true), alerts }
    }
}

impl Pass<'_> {
    /// Returns whether the group goes on. Its resolved alerts have been spoken about and leave.
    pub(super) fn flush(
        &mut self,
        group: &mut Group,
        alerts: &BTreeMap<String, StoredAlert>,
    ) -> Result<bool, AlertingError> {
        if group.muted.is_some() {
            return self.hold(group, alerts);
        }
        self.tell_receiver(group, alerts)?;
        self.close_incident(group, alerts)?;
        let gone: Vec<String> = group
            .members(alerts)
            .filter(|alert| alert.is_resolved)
            .map(|alert| alert.fingerprint.clone())
            .collect();
        for fingerprint in &gone {
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

    fn tell_receiver(
        &mut self,
        group: &Group,
        alerts: &BTreeMap<String, StoredAlert>,
    ) -> Result<(), AlertingError> {
        let routing = self.routing;
        let Some(receiver) = routing.receivers.get(&group.row.receiver) else {
            tracing::warn!(receiver = group.row.receiver, "a group's receiver is no longer configured");
            return Ok(());
        };
        let mut ever_told = BTreeSet::new();
        for integration in &receiver.integrations {
            ever_told.extend(self.tell(group, alerts, integration)?);
        }
        self.begin_escalation(group, alerts)?;
        let ended = group.members(alerts).filter(|alert| alert.is_resolved);
        for alert in ended.filter(|alert| !ever_told.contains(&alert.fingerprint)) {
            let reason = "resolved before anybody was told";
            self.decisions.push(suppressed(alert, &group.row.receiver, reason, self.now));
        }
        Ok(())
    }

    /// The decision, what it remembers and the outbox row, in the pass's transaction. Returns whom this integration
    /// had been told about before.
    fn tell(
        &mut self,
        group: &Group,
        alerts: &BTreeMap<String, StoredAlert>,
        integration: &Integration,
    ) -> Result<BTreeSet<String>, AlertingError> {
        let row = &group.row;
        let before = self.store.last_told(&row.group_key, &row.receiver, &integration.name)?;
        let entry = before.as_ref().map(LogRow::entry);
        let told = entry.as_ref().map(|entry| &entry.firing | &entry.resolved).unwrap_or_default();
        // Who was told that it fires hears that it is over, even if it was silenced or inhibited in between.
        let is_owed = |alert: &&StoredAlert| {
            alert.is_resolved && entry.as_ref().is_some_and(|entry| entry.firing.contains(&alert.fingerprint))
        };
        let heard = Heard::new(
            group.members(alerts).filter(|alert| !alert.is_suppressed() || is_owed(alert)).collect(),
        );
        // All members suppressed: silence, not "resolved". No members at all: they moved to another group.
        if heard.alerts.is_empty() && !group.members.is_empty() {
            return Ok(told);
        }
        let policy = Policy {
            send_resolved: integration.send_resolved,
            repeat_interval: group.timing.repeat_interval,
        };
        let state = GroupNow { firing: &heard.firing, resolved: &heard.resolved };
        let Some(reason) = decide(entry.as_ref(), state, policy, self.now) else {
            return Ok(told);
        };
        // What waits in the outbox told nobody anything: the reason is that of whoever hears of it only now.
        let untold =
            self.store.log_before_untold(row, &integration.name)?.filter(|_| !heard.firing.is_empty());
        let known = untold
            .and_then(|before| decide(before.as_ref().map(LogRow::entry).as_ref(), state, policy, self.now));
        let reason = known.unwrap_or(reason);
        let notification = self.notification(group, &heard, integration, reason)?;
        let in_hand = self.is_in_hand(group).filter(|_| reason == NotifyReason::Repeat);
        let in_hand = in_hand.map(|by| format!("acknowledged by {by}: it is not told again"));
        let log = LogRow {
            firing: heard.firing.clone(),
            resolved: heard.resolved.clone(),
            at: self.now.nanos(),
            notification_id: notification.id.clone(),
        };
        self.store.remember_told(&row.group_key, &row.receiver, &integration.name, &log)?;
        // Without `send_resolved` a notice left empty counts as sent: the log is cleared, nobody is told.
        if heard.firing.is_empty() && !integration.send_resolved {
            let why = "all alerts resolved, and send_resolved is false";
            for alert in &heard.alerts {
                self.decisions.push(suppressed(alert, &row.receiver, why, self.now));
            }
            return Ok(told);
        }
        if let Some(why) = in_hand {
            for alert in &heard.alerts {
                self.decisions.push(suppressed(alert, &row.receiver, &why, self.now));
            }
            return Ok(told);
        }
        self.store.post(&notification, &integration.name, before.as_ref())?;
        self.decisions.extend(record_of(
            &notification,
            &integration.name,
            "queued",
            reason.as_str(),
            self.now,
        ));
        Ok(told)
    }

    fn notification(
        &self,
        group: &Group,
        heard: &Heard<'_>,
        integration: &Integration,
        reason: NotifyReason,
    ) -> Result<Notification, AlertingError> {
        let row = &group.row;
        let incident_id = row.incident_id.clone().unwrap_or_default();
        let shown = heard.alerts.iter().filter(|alert| integration.send_resolved || !alert.is_resolved);
        let alerts = shown
            .map(|alert| {
                let resolved_at = alert.is_resolved.then_some(alert.ends_at);
                NotifiedAlert::new(&alert.alert, alert.fingerprint.clone(), resolved_at)
            })
            .collect();
        let now = self.now.nanos().to_string();
        let hash =
            hash_of(&[&row.group_key, &row.receiver, &integration.name, &incident_id, reason.as_str(), &now]);
        let mut notification = Notification {
            id: hash.get(..32).expect("a hash is ASCII").to_owned(),
            opened_at: self.store.incident_opened_at(&incident_id)?.unwrap_or(self.now),
            incident_id,
            group_key: row.group_key.clone(),
            group_labels: row.group_labels.clone(),
            receiver: row.receiver.clone(),
            reason,
            decided_at: self.now,
            alerts,
            purpose: Purpose::Tell,
            handling: Handling::default(),
        };
        notification.sort_alerts();
        Ok(notification)
    }
}
