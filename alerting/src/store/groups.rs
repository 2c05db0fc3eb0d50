//! Route groups with their clocks and members, the incidents they open, and what each integration was last told.

use std::collections::BTreeSet;
use std::time::Duration;

use plimsoll_model::{Labels, Timestamp};
use rusqlite::{OptionalExtension, Row, named_params, params};
use serde::{Deserialize, Serialize};

use super::{StoreTransaction, from_json, to_json};
use crate::AlertingError;
use crate::dedup::LogEntry;
use crate::grouping::GroupTimer;

#[derive(Clone, Debug)]
pub(crate) struct GroupRow {
    pub(crate) group_id: i64,
    pub(crate) group_key: String,
    pub(crate) receiver: String,
    pub(crate) group_labels: Labels,
    pub(crate) timer: GroupTimer,
    pub(crate) incident_id: Option<String>,
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

impl StoreTransaction<'_> {
    pub(crate) fn groups(&self) -> Result<Vec<GroupRow>, AlertingError> {
        let mut statement = self.transaction.prepare_cached("SELECT * FROM groups ORDER BY group_id")?;
        let groups = statement.query_map([], group_row)?;
        Ok(groups.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn open_group(
        &self,
        group_key: String,
        receiver: &str,
        group_labels: Labels,
        timer: GroupTimer,
    ) -> Result<GroupRow, AlertingError> {
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO groups (group_key, receiver, group_labels, next_flush, has_flushed)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let labels = to_json(&group_labels)?;
        let group_id = statement.insert(params![
            group_key,
            receiver,
            labels,
            timer.next_flush.nanos(),
            timer.has_flushed
        ])?;
        let receiver = receiver.to_owned();
        Ok(GroupRow { group_id, group_key, receiver, group_labels, timer, incident_id: None })
    }

    pub(crate) fn put_group(&self, group: &GroupRow) -> Result<(), AlertingError> {
        let mut statement = self.transaction.prepare_cached(
            "UPDATE groups SET next_flush = ?2, has_flushed = ?3, incident_id = ?4 WHERE group_id = ?1",
        )?;
        let timer = group.timer;
        statement.execute(params![
            group.group_id,
            timer.next_flush.nanos(),
            timer.has_flushed,
            group.incident_id
        ])?;
        Ok(())
    }

    pub(crate) fn close_group(&self, group_id: i64) -> Result<(), AlertingError> {
        self.transaction.execute("DELETE FROM groups WHERE group_id = ?1", [group_id])?;
        Ok(())
    }

    pub(crate) fn members(&self) -> Result<BTreeSet<(i64, String)>, AlertingError> {
        let mut statement = self.transaction.prepare_cached("SELECT group_id, fingerprint FROM members")?;
        let members = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(members.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn join(&self, group_id: i64, fingerprint: &str) -> Result<(), AlertingError> {
        let mut statement = self.transaction.prepare_cached("INSERT INTO members VALUES (?1, ?2)")?;
        statement.execute(params![group_id, fingerprint])?;
        Ok(())
    }

    pub(crate) fn leave(&self, group_id: i64, fingerprint: &str) -> Result<(), AlertingError> {
        let mut statement = self
            .transaction
            .prepare_cached("DELETE FROM members WHERE group_id = ?1 AND fingerprint = ?2")?;
        statement.execute(params![group_id, fingerprint])?;
        Ok(())
    }

    pub(crate) fn incident_exists(&self, incident_id: &str) -> Result<bool, AlertingError> {
        let mut statement =
            self.transaction.prepare_cached("SELECT 1 FROM incidents WHERE incident_id = ?1")?;
        Ok(statement.exists([incident_id])?)
    }

    pub(crate) fn open_incident(&self, incident: &Incident<'_>) -> Result<(), AlertingError> {
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO incidents VALUES (:incident_id, :group_key, :receiver, :group_labels, 'triggered', :opened_at,
                 NULL, :summary)",
        )?;
        statement.execute(named_params! {
            ":incident_id": incident.incident_id,
            ":group_key": incident.group.group_key,
            ":receiver": incident.group.receiver,
            ":group_labels": to_json(&incident.group.group_labels)?,
            ":opened_at": incident.opened_at.nanos(),
            ":summary": incident.summary,
        })?;
        Ok(())
    }

    pub(crate) fn incident_opened_at(&self, incident_id: &str) -> Result<Option<Timestamp>, AlertingError> {
        let query = "SELECT opened_at FROM incidents WHERE incident_id = ?1";
        let nanos = self.transaction.query_row(query, [incident_id], |row| row.get(0)).optional()?;
        Ok(nanos.map(Timestamp::from_nanos))
    }

    pub(crate) fn add_to_incident(&self, incident_id: &str, fingerprint: &str) -> Result<(), AlertingError> {
        let mut statement =
            self.transaction.prepare_cached("INSERT OR IGNORE INTO incident_alerts VALUES (?1, ?2)")?;
        statement.execute([incident_id, fingerprint])?;
        self.set_incident(fingerprint, incident_id)
    }

    pub(crate) fn summarize_incident(&self, incident_id: &str, summary: &str) -> Result<(), AlertingError> {
        let mut statement = self
            .transaction
            .prepare_cached("UPDATE incidents SET summary = ?2 WHERE incident_id = ?1 AND summary <> ?2")?;
        statement.execute([incident_id, summary])?;
        Ok(())
    }

    pub(crate) fn close_incident(&self, incident_id: &str, at: Timestamp) -> Result<(), AlertingError> {
        let query = "UPDATE incidents SET state = 'resolved', resolved_at = ?2 WHERE incident_id = ?1";
        self.transaction.execute(query, params![incident_id, at.nanos()])?;
        Ok(())
    }

    pub(crate) fn last_told(
        &self,
        group_key: &str,
        receiver: &str,
        integration: &str,
    ) -> Result<Option<LogRow>, AlertingError> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT * FROM notification_log WHERE group_key = ?1 AND receiver = ?2 AND integration = ?3",
        )?;
        Ok(statement.query_row([group_key, receiver, integration], log_row).optional()?)
    }

    pub(crate) fn remember_told(
        &self,
        group_key: &str,
        receiver: &str,
        integration: &str,
        log: &LogRow,
    ) -> Result<(), AlertingError> {
        let mut statement = self
            .transaction
            .prepare_cached("INSERT OR REPLACE INTO notification_log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        let (firing, resolved) = (to_json(&log.firing)?, to_json(&log.resolved)?);
        statement.execute(params![
            group_key,
            receiver,
            integration,
            firing,
            resolved,
            log.at,
            log.notification_id
        ])?;
        Ok(())
    }

    /// Lines that say "firing" stay as long as their group does: they are what a resolve is owed to.
    pub(crate) fn forget_told(&self, now: Timestamp, keep: Duration) -> Result<(), AlertingError> {
        let mut statement = self.transaction.prepare_cached(
            "DELETE FROM notification_log WHERE at < ?1 AND (group_key, receiver) NOT IN
                 (SELECT group_key, receiver FROM groups)",
        )?;
        statement.execute([(now - keep).nanos()])?;
        Ok(())
    }

    pub(crate) fn forget_incidents(&self, now: Timestamp, keep: Duration) -> Result<(), AlertingError> {
        let mut statement =
            self.transaction.prepare_cached("DELETE FROM incidents WHERE resolved_at < ?1")?;
        statement.execute([(now - keep).nanos()])?;
        Ok(())
    }
}

fn group_row(row: &Row<'_>) -> rusqlite::Result<GroupRow> {
    let labels: std::collections::BTreeMap<String, String> = from_json(row, "group_labels")?;
    Ok(GroupRow {
        group_id: row.get("group_id")?,
        group_key: row.get("group_key")?,
        receiver: row.get("receiver")?,
        group_labels: labels.into_iter().collect(),
        timer: GroupTimer {
            next_flush: Timestamp::from_nanos(row.get("next_flush")?),
            has_flushed: row.get("has_flushed")?,
        },
        incident_id: row.get("incident_id")?,
    })
}

fn log_row(row: &Row<'_>) -> rusqlite::Result<LogRow> {
    Ok(LogRow {
        firing: from_json(row, "firing")?,
        resolved: from_json(row, "resolved")?,
        at: row.get("at")?,
        notification_id: row.get("notification_id")?,
    })
}
