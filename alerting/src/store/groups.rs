//! Route groups with their clocks and members, the incidents they open, and what each integration was last told.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use plimsoll_model::{Labels, Timestamp};
use serde::{Deserialize, Serialize};

use super::sql::{SqlRow, values};
use super::{StoreTransaction, to_json};
use crate::AlertingError;
use crate::dedup::LogEntry;
use crate::grouping::GroupTimer;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupRow {
    pub(crate) group_id: i64,
    pub(crate) group_key: String,
    pub(crate) receiver: String,
    pub(crate) group_labels: Labels,
    pub(crate) timer: GroupTimer,
    pub(crate) incident_id: Option<String>,
    /// The time intervals that keep it silent.
    pub(crate) muted_by: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Incident<'a> {
    pub(crate) incident_id: &'a str,
    pub(crate) group: &'a GroupRow,
    pub(crate) opened_at: Timestamp,
    pub(crate) summary: &'a str,
}

/// A line of the notification log as the outbox remembers it, to put it back when delivery is given up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LogRow {
    pub(crate) firing: BTreeSet<String>,
    pub(crate) resolved: BTreeSet<String>,
    pub(crate) at: i64,
    pub(crate) notification_id: String,
}

impl LogRow {
    pub(crate) fn entry(&self) -> LogEntry {
        LogEntry {
            firing: self.firing.clone(),
            resolved: self.resolved.clone(),
            at: Timestamp::from_nanos(self.at),
        }
    }
}

/// What is known of the incidents that groups have now, so that a pass writes only what is new.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    alerts: HashMap<String, HashSet<String>>,
    summaries: HashMap<String, String>,
}

impl Followed {
    pub(crate) fn has(&self, incident_id: &str, fingerprint: &str) -> bool {
        self.alerts.get(incident_id).is_some_and(|alerts| alerts.contains(fingerprint))
    }

    pub(crate) fn says(&self, incident_id: &str, summary: &str) -> bool {
        self.summaries.get(incident_id).is_some_and(|known| known == summary)
    }
}

impl StoreTransaction<'_> {
    pub(crate) fn followed(&self) -> Result<Followed, AlertingError> {
        let mut followed = Followed::default();
        let query = "SELECT incident_id, fingerprint FROM incident_alerts
             WHERE incident_id IN (SELECT incident_id FROM groups)";
        for (incident_id, fingerprint) in self.sql.all(query, &[], |row| Ok((row.at(0)?, row.at(1)?)))? {
            followed.alerts.entry(incident_id).or_default().insert(fingerprint);
        }
        let query = "SELECT incident_id, summary FROM incidents
             WHERE incident_id IN (SELECT incident_id FROM groups)";
        followed.summaries =
            self.sql.all(query, &[], |row| Ok((row.at(0)?, row.at(1)?)))?.into_iter().collect();
        Ok(followed)
    }

    pub(crate) fn groups(&self) -> Result<Vec<GroupRow>, AlertingError> {
        self.sql.all("SELECT * FROM groups ORDER BY group_id", &[], group_row)
    }

    pub(crate) fn open_group(
        &self,
        group_key: String,
        receiver: &str,
        group_labels: Labels,
        timer: GroupTimer,
    ) -> Result<GroupRow, AlertingError> {
        let insert = "INSERT INTO groups (group_key, receiver, group_labels, next_flush, has_flushed)
             VALUES (?1, ?2, ?3, ?4, ?5) RETURNING group_id";
        let labels = to_json(&group_labels)?;
        let values = values![&group_key, receiver, labels, timer.next_flush, timer.has_flushed];
        let group_id = self.sql.single(insert, values)?;
        let receiver = receiver.to_owned();
        Ok(GroupRow {
            group_id,
            group_key,
            receiver,
            group_labels,
            timer,
            incident_id: None,
            muted_by: Vec::new(),
        })
    }

    pub(crate) fn put_group(&self, group: &GroupRow) -> Result<(), AlertingError> {
        let update = "UPDATE groups SET next_flush = ?2, has_flushed = ?3, incident_id = ?4, muted_by = ?5
             WHERE group_id = ?1";
        let GroupTimer { next_flush, has_flushed } = group.timer;
        let muted_by = to_json(&group.muted_by)?;
        let values = values![group.group_id, next_flush, has_flushed, group.incident_id.as_deref(), muted_by];
        self.sql.execute(update, values)?;
        Ok(())
    }

    pub(crate) fn close_group(&self, group_id: i64) -> Result<(), AlertingError> {
        self.sql.execute("DELETE FROM groups WHERE group_id = ?1", values![group_id])?;
        Ok(())
    }

    pub(crate) fn members(&self) -> Result<BTreeSet<(i64, String)>, AlertingError> {
        let query = "SELECT group_id, fingerprint FROM members";
        let members = self.sql.all(query, &[], |row| Ok((row.at(0)?, row.at(1)?)))?;
        Ok(members.into_iter().collect())
    }

    pub(crate) fn join(&self, group_id: i64, fingerprint: &str) -> Result<(), AlertingError> {
        let insert = "INSERT INTO members (group_id, fingerprint) VALUES (?1, ?2)";
        self.sql.execute(insert, values![group_id, fingerprint])?;
        Ok(())
    }

    pub(crate) fn leave(&self, group_id: i64, fingerprint: &str) -> Result<(), AlertingError> {
        let delete = "DELETE FROM members WHERE group_id = ?1 AND fingerprint = ?2";
        self.sql.execute(delete, values![group_id, fingerprint])?;
        Ok(())
    }

    pub(crate) fn incident_exists(&self, incident_id: &str) -> Result<bool, AlertingError> {
        let query = "SELECT count(*) FROM incidents WHERE incident_id = ?1";
        self.sql.single(query, values![incident_id])
    }

    pub(crate) fn open_incident(&self, incident: &Incident<'_>) -> Result<(), AlertingError> {
        let insert = "INSERT INTO incidents (incident_id, group_key, receiver, group_labels, state, opened_at, summary)
             VALUES (?1, ?2, ?3, ?4, 'triggered', ?5, ?6)";
        let values = values![
            incident.incident_id,
            &incident.group.group_key,
            &incident.group.receiver,
            to_json(&incident.group.group_labels)?,
            incident.opened_at,
            incident.summary,
        ];
        self.sql.execute(insert, values)?;
        Ok(())
    }

    pub(crate) fn incident_is_open(&self, incident_id: &str) -> Result<bool, AlertingError> {
        let query = "SELECT count(*) FROM incidents WHERE incident_id = ?1 AND resolved_at IS NULL";
        self.sql.single(query, values![incident_id])
    }

    pub(crate) fn incident_opened_at(&self, incident_id: &str) -> Result<Option<Timestamp>, AlertingError> {
        let query = "SELECT opened_at FROM incidents WHERE incident_id = ?1";
        self.sql.first(query, values![incident_id], |row| row.at(0))
    }

    pub(crate) fn add_to_incident(&self, incident_id: &str, fingerprint: &str) -> Result<(), AlertingError> {
        let insert = "INSERT INTO incident_alerts (incident_id, fingerprint) VALUES (?1, ?2)
             ON CONFLICT (incident_id, fingerprint) DO NOTHING";
        self.sql.execute(insert, values![incident_id, fingerprint])?;
        self.set_incident(fingerprint, incident_id)
    }

    pub(crate) fn summarize_incident(&self, incident_id: &str, summary: &str) -> Result<(), AlertingError> {
        let update = "UPDATE incidents SET summary = ?2 WHERE incident_id = ?1 AND summary <> ?2";
        self.sql.execute(update, values![incident_id, summary])?;
        Ok(())
    }

    pub(crate) fn close_incident(&self, incident_id: &str, at: Timestamp) -> Result<(), AlertingError> {
        let update = "UPDATE incidents SET state = 'resolved', resolved_at = ?2
             WHERE incident_id = ?1 AND state <> 'resolved'";
        self.sql.execute(update, values![incident_id, at])?;
        Ok(())
    }

    pub(crate) fn last_told(
        &self,
        group_key: &str,
        receiver: &str,
        integration: &str,
    ) -> Result<Option<LogRow>, AlertingError> {
        let query =
            "SELECT * FROM notification_log WHERE group_key = ?1 AND receiver = ?2 AND integration = ?3";
        self.sql.first(query, values![group_key, receiver, integration], log_row)
    }

    pub(crate) fn remember_told(
        &self,
        group_key: &str,
        receiver: &str,
        integration: &str,
        log: &LogRow,
    ) -> Result<(), AlertingError> {
        let upsert = "INSERT INTO notification_log
                 (group_key, receiver, integration, firing, resolved, at, notification_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (group_key, receiver, integration) DO UPDATE SET firing = excluded.firing,
                 resolved = excluded.resolved, at = excluded.at, notification_id = excluded.notification_id";
        let (firing, resolved) = (to_json(&log.firing)?, to_json(&log.resolved)?);
        let lane = [group_key, receiver, integration];
        let values = values![lane[0], lane[1], lane[2], firing, resolved, log.at, &log.notification_id];
        self.sql.execute(upsert, values)?;
        Ok(())
    }

    /// Lines that say "firing" stay as long as their group does: they are what a resolve is owed to.
    pub(crate) fn forget_told(&self, now: Timestamp, keep: Duration) -> Result<(), AlertingError> {
        let delete = "DELETE FROM notification_log WHERE at < ?1 AND (group_key, receiver) NOT IN
             (SELECT group_key, receiver FROM groups)";
        self.sql.execute(delete, values![now - keep])?;
        Ok(())
    }

    pub(crate) fn forget_incidents(&self, now: Timestamp, keep: Duration) -> Result<(), AlertingError> {
        self.sql.execute("DELETE FROM incidents WHERE resolved_at < ?1", values![now - keep])?;
        Ok(())
    }
}

fn group_row(row: &SqlRow<'_>) -> Result<GroupRow, AlertingError> {
    let labels: std::collections::BTreeMap<String, String> = row.json("group_labels")?;
    Ok(GroupRow {
        group_id: row.get("group_id")?,
        group_key: row.get("group_key")?,
        receiver: row.get("receiver")?,
        group_labels: labels.into_iter().collect(),
        timer: GroupTimer { next_flush: row.get("next_flush")?, has_flushed: row.get("has_flushed")? },
        incident_id: row.get("incident_id")?,
        muted_by: row.json("muted_by")?,
    })
}

fn log_row(row: &SqlRow<'_>) -> Result<LogRow, AlertingError> {
    Ok(LogRow {
        firing: row.json("firing")?,
        resolved: row.json("resolved")?,
        at: row.get("at")?,
        notification_id: row.get("notification_id")?,
    })
}
