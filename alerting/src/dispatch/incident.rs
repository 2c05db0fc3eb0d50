//! Incidents: one per route group, from the first alert that fires in it until none does.

use std::collections::BTreeMap;

use plimsoll_model::Timestamp;
use sha2::{Digest, Sha256};

use super::{Group, Pass};
use crate::AlertingError;
use crate::incident::IncidentState;
use crate::merge::StoredAlert;
use crate::message;
use crate::notification::{NotifiedAlert, severity_rank};
use crate::store::{Incident, Work};

/// Enough of the hash that people can tell a day's incidents apart; longer when two begin alike.
const SHORTEST_HASH: usize = 4;

impl Pass<'_> {
    /// Opens the group's incident at its first firing alert that isn't inhibited, and collects those that join. A silence
    /// mutes the page, not the incident.
    pub(super) fn follow_incident(
        &mut self,
        group: &mut Group,
        alerts: &BTreeMap<String, StoredAlert>,
    ) -> Result<(), AlertingError> {
        let firing: Vec<_> = group
            .members(alerts)
            .filter(|alert| alert.inhibited_by.is_none() && !alert.is_resolved)
            .collect();
        if firing.is_empty() {
            return Ok(());
        }
        let summary = summary(&firing);
        let incident_id = match self.incident_of(group, &firing)? {
            Some(incident_id) => incident_id,
            None => self.open_incident(group, &summary)?,
        };
        for alert in firing {
            if !self.followed.has(&incident_id, &alert.fingerprint) {
                self.store.add_to_incident(&incident_id, &alert.fingerprint)?;
            }
        }
        if !self.followed.says(&incident_id, &summary) {
            self.store.summarize_incident(&incident_id, &summary)?;
        }
        group.row.incident_id = Some(incident_id);
        Ok(())
    }

    /// One that was resolved while its alerts fired stays so for them; an alert that it doesn't have, or that began since,
    /// opens another.
    fn incident_of(
        &mut self,
        group: &Group,
        firing: &[&StoredAlert],
    ) -> Result<Option<String>, AlertingError> {
        let Some(incident_id) = group.row.incident_id.clone() else { return Ok(None) };
        if self.work.get(&incident_id).is_none_or(|work| work.state != IncidentState::Resolved) {
            return Ok(Some(incident_id));
        }
        let known = self.store.incident_fingerprints(&incident_id)?;
        let resolved_at = self.store.incident(&incident_id)?.and_then(|incident| incident.resolved_at);
        let is_of_it = |alert: &&StoredAlert| {
            known.contains(&alert.fingerprint) && resolved_at.is_none_or(|end| alert.alert.starts_at < end)
        };
        if firing.iter().all(is_of_it) {
            return Ok(Some(incident_id));
        }
        Ok(None)
    }

    fn open_incident(&mut self, group: &Group, summary: &str) -> Result<String, AlertingError> {
        let hash = hash_of(&[&group.row.group_key, &group.row.receiver, &self.now.nanos().to_string()]);
        let day = self.now.to_utc().format("%Y%m%d");
        let mut incident_id = String::new();
        for length in SHORTEST_HASH..=hash.len() {
            incident_id = format!("INC-{day}-{}", hash.get(..length).expect("a hash is ASCII"));
            if !self.store.incident_exists(&incident_id)? {
                break;
            }
        }
        let incident =
            Incident { incident_id: &incident_id, group: &group.row, opened_at: self.now, summary };
        self.store.open_incident(&incident)?;
        if let Some(before) = &group.row.incident_id {
            self.store.inherit_told(before, &incident_id)?;
        }
        let work = Work { state: IncidentState::Triggered, acknowledged_by: None, progress: None };
        self.work.insert(incident_id.clone(), work);
        tracing::info!(incident_id, receiver = group.row.receiver, "incident opened");
        Ok(incident_id)
    }

    /// Closes the incident when nothing of its group fires any more, at the moment the last alert ended.
    pub(super) fn close_incident(
        &mut self,
        group: &mut Group,
        alerts: &BTreeMap<String, StoredAlert>,
    ) -> Result<(), AlertingError> {
        if group.members(alerts).any(|alert| !alert.is_resolved) {
            return Ok(());
        }
        let Some(incident_id) = group.row.incident_id.take() else {
            return Ok(());
        };
        let ended: Option<Timestamp> = group.members(alerts).map(|alert| alert.ends_at).max();
        self.store.close_incident(&incident_id, ended.unwrap_or(self.now))?;
        self.store.stop_progress(&incident_id)?;
        // While the route is muted nobody is told, and the group waits for the end of that.
        if group.muted.is_none() {
            self.end_escalation(&incident_id, group, alerts)?;
        }
        tracing::info!(incident_id, "incident resolved");
        Ok(())
    }
}

fn summary(firing: &[&StoredAlert]) -> String {
    let urgency = |alert: &&&StoredAlert| (severity_rank(&alert.alert.labels), alert.alert.starts_at);
    let Some(most_urgent) = firing.iter().min_by_key(urgency) else { return String::new() };
    let fingerprint = most_urgent.fingerprint.clone();
    message::headline(&NotifiedAlert::new(&most_urgent.alert, fingerprint, None))
}

/// SHA-256 over the parts, told apart, in hex.
pub(crate) fn hash_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
