//! A notification about an incident that is not its route's doing: an escalation, or a word to a pager.

use plimsoll_model::Timestamp;

use crate::dedup::NotifyReason;
use crate::dispatch::hash_of;
use crate::merge::StoredAlert;
use crate::notification::{Handling, Notification, NotifiedAlert, Purpose};
use crate::store::IncidentRow;

#[derive(Debug)]
pub(crate) struct Draft<'d> {
    pub(crate) incident: &'d IncidentRow,
    pub(crate) receiver: &'d str,
    pub(crate) integration: &'d str,
    pub(crate) reason: NotifyReason,
    pub(crate) purpose: Purpose,
    pub(crate) handling: Handling,
    pub(crate) now: Timestamp,
}

impl Draft<'_> {
    pub(crate) fn write<'a>(self, alerts: impl IntoIterator<Item = &'a StoredAlert>) -> Notification {
        let incident = self.incident;
        let escalated = self.handling.escalated.as_ref();
        let position = escalated.map(|to| format!("{}/{}", to.round, to.step)).unwrap_or_default();
        let now = self.now.nanos().to_string();
        let parts = [&incident.group_key, self.receiver, self.integration, &incident.incident_id];
        let hash = hash_of(&[&parts[..], &[self.reason.as_str(), &position, &now]].concat());
        let notified = |alert: &StoredAlert| {
            let resolved_at = alert.is_resolved.then_some(alert.ends_at);
            NotifiedAlert::new(&alert.alert, alert.fingerprint.clone(), resolved_at)
        };
        let mut notification = Notification {
            id: hash.get(..32).expect("a hash is ASCII").to_owned(),
            incident_id: incident.incident_id.clone(),
            group_key: incident.group_key.clone(),
            group_labels: incident.group_labels.clone(),
            receiver: self.receiver.to_owned(),
            reason: self.reason,
            opened_at: incident.opened_at,
            decided_at: self.now,
            alerts: alerts.into_iter().map(notified).collect(),
            purpose: self.purpose,
            handling: self.handling,
        };
        notification.sort_alerts();
        notification
    }
}
