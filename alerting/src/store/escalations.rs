//! What people have made of incidents: how far the escalation went, who was told, who acknowledged, and who did what.

use std::collections::HashMap;

use plimsoll_model::Timestamp;

use super::sql::{FromSql, SqlRow, SqlValue, values};
use super::{StoreTransaction, to_json};
use crate::AlertingError;
use crate::escalation::{Progress, Urgency};
use crate::incident::{IncidentState, Way};

/// Rows go with their incident, but for the audit, which is kept as long as incidents are.
pub(super) const TABLES: &str = "
    CREATE TABLE escalations (
        incident_id  TEXT PRIMARY KEY REFERENCES incidents (incident_id) ON DELETE CASCADE,
        urgency      TEXT NOT NULL,
        triggered_at INTEGER NOT NULL,
        round        INTEGER NOT NULL,
        step         INTEGER NOT NULL,
        next_step_at INTEGER,
        renotify_at  INTEGER,
        ack_until    INTEGER,
        resolve_at   INTEGER
    ) STRICT;

    CREATE TABLE escalation_told (
        incident_id TEXT NOT NULL REFERENCES incidents (incident_id) ON DELETE CASCADE,
        receiver    TEXT NOT NULL,
        told_at     INTEGER NOT NULL,
        by_route    INTEGER NOT NULL,
        PRIMARY KEY (incident_id, receiver)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE acknowledgements (
        incident_id     TEXT PRIMARY KEY REFERENCES incidents (incident_id) ON DELETE CASCADE,
        acknowledged_by TEXT NOT NULL,
        acknowledged_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE used_links (
        notification_id TEXT PRIMARY KEY,
        used_at         INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE pagerduty_events (
        event_id TEXT PRIMARY KEY,
        seen_at  INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE secrets (
        name  TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) STRICT;

    CREATE TABLE audit (
        audit_id    INTEGER PRIMARY KEY,
        done_at     INTEGER NOT NULL,
        actor       TEXT NOT NULL,
        way         TEXT NOT NULL,
        action      TEXT NOT NULL,
        incident_id TEXT NOT NULL,
        details     TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_by_incident ON audit (incident_id, audit_id);
    CREATE INDEX audit_by_age ON audit (done_at);
    ";

/// An incident as a pass needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) state: IncidentState,
    pub(crate) acknowledged_by: Option<String>,
    /// None until the first step.
    pub(crate) progress: Option<Progress>,
}

/// Who was told of an incident, the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) receiver: String,
    pub(crate) at: Timestamp,
    /// Its route tells it, and will tell it that it is over.
    pub(crate) by_route: bool,
}

/// Who did what, when, by which way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditRow {
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    pub(crate) way: Way,
    pub(crate) action: &'static str,
    pub(crate) incident_id: String,
    pub(crate) details: serde_json::Value,
}

const WORK: &str = "
    SELECT i.incident_id, i.state, a.acknowledged_by, e.urgency, e.triggered_at, e.round, e.step, e.next_step_at,
        e.renotify_at, e.ack_until, e.resolve_at
    FROM incidents i LEFT JOIN escalations e ON e.incident_id = i.incident_id
        LEFT JOIN acknowledgements a ON a.incident_id = i.incident_id";

impl StoreTransaction<'_> {
    /// The incidents that groups have now.
    pub(crate) fn work_of_groups(&self) -> Result<HashMap<String, Work>, AlertingError> {
        let query = format!(
            "{WORK} WHERE i.incident_id IN (SELECT incident_id FROM groups WHERE incident_id IS NOT NULL)"
        );
        let rows = self.sql.all(&query, &[], |row| Ok((row.get("incident_id")?, work(row)?)))?;
        Ok(rows.into_iter().collect())
    }

    pub(crate) fn work_of(&self, incident_id: &str) -> Result<Option<Work>, AlertingError> {
        self.sql.first(&format!("{WORK} WHERE i.incident_id = ?1"), values![incident_id], work)
    }

    pub(crate) fn put_progress(&self, incident_id: &str, progress: &Progress) -> Result<(), AlertingError> {
        let upsert = "INSERT INTO escalations (incident_id, urgency, triggered_at, round, step, next_step_at,
                 renotify_at, ack_until, resolve_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (incident_id) DO UPDATE SET urgency = excluded.urgency,
                 triggered_at = excluded.triggered_at, round = excluded.round, step = excluded.step,
                 next_step_at = excluded.next_step_at, renotify_at = excluded.renotify_at,
                 ack_until = excluded.ack_until, resolve_at = excluded.resolve_at";
        let values = values![
            incident_id,
            progress.urgency.as_str(),
            progress.triggered_at,
            progress.round,
            progress.step,
            progress.next_step_at,
            progress.renotify_at,
            progress.ack_until,
            progress.resolve_at,
        ];
        self.sql.execute(upsert, values)?;
        Ok(())
    }

    /// What is over has no timers.
    pub(crate) fn stop_progress(&self, incident_id: &str) -> Result<(), AlertingError> {
        let update = "UPDATE escalations SET next_step_at = NULL, renotify_at = NULL, ack_until = NULL,
             resolve_at = NULL WHERE incident_id = ?1";
        self.sql.execute(update, values![incident_id])?;
        Ok(())
    }

    /// Whom the route tells stays one whom it tells.
    pub(crate) fn note_told(&self, incident_id: &str, told: &Told) -> Result<(), AlertingError> {
        let upsert = "INSERT INTO escalation_told (incident_id, receiver, told_at, by_route)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (incident_id, receiver) DO UPDATE SET told_at = excluded.told_at";
        self.sql.execute(upsert, values![incident_id, &told.receiver, told.at, told.by_route])?;
        Ok(())
    }

    /// Whom the escalation of an incident told that was resolved while its alerts fired is owed the end by the next one.
    pub(crate) fn inherit_told(&self, from: &str, to: &str) -> Result<(), AlertingError> {
        for told in self.told(from)?.iter().filter(|told| !told.by_route) {
            self.note_told(to, told)?;
        }
        Ok(())
    }

    /// The earliest first.
    pub(crate) fn told(&self, incident_id: &str) -> Result<Vec<Told>, AlertingError> {
        let query = "SELECT receiver, told_at, by_route FROM escalation_told WHERE incident_id = ?1
             ORDER BY told_at, receiver";
        self.sql.all(query, values![incident_id], |row| {
            Ok(Told {
                receiver: row.get("receiver")?,
                at: row.get("told_at")?,
                by_route: row.get("by_route")?,
            })
        })
    }

    /// Whether this integration heard, or is about to hear, that something of the group fires.
    pub(crate) fn was_paged(
        &self,
        group_key: &str,
        receiver: &str,
        integration: &str,
    ) -> Result<bool, AlertingError> {
        let query = "SELECT count(*) FROM outbox WHERE group_key = ?1 AND receiver = ?2 AND integration = ?3
             AND is_firing = 1 AND outcome IN ('sent', 'pending')";
        let count: i64 = self.sql.single(query, values![group_key, receiver, integration])?;
        Ok(count > 0)
    }

    pub(crate) fn acknowledge(
        &self,
        incident_id: &str,
        by: &str,
        at: Timestamp,
    ) -> Result<(), AlertingError> {
        let upsert = "INSERT INTO acknowledgements (incident_id, acknowledged_by, acknowledged_at)
             VALUES (?1, ?2, ?3) ON CONFLICT (incident_id) DO UPDATE SET
                 acknowledged_by = excluded.acknowledged_by, acknowledged_at = excluded.acknowledged_at";
        self.sql.execute(upsert, values![incident_id, by, at])?;
        self.set_incident_state(incident_id, "acknowledged")
    }

    pub(crate) fn trigger_again(&self, incident_id: &str) -> Result<(), AlertingError> {
        self.sql.execute("DELETE FROM acknowledgements WHERE incident_id = ?1", values![incident_id])?;
        self.set_incident_state(incident_id, "triggered")
    }

    fn set_incident_state(&self, incident_id: &str, state: &str) -> Result<(), AlertingError> {
        let update = "UPDATE incidents SET state = ?2 WHERE incident_id = ?1 AND state <> 'resolved'";
        self.sql.execute(update, values![incident_id, state])?;
        Ok(())
    }

    pub(crate) fn audit(&self, row: &AuditRow) -> Result<(), AlertingError> {
        let insert = "INSERT INTO audit (done_at, actor, way, action, incident_id, details)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = values![
            row.at,
            &row.actor,
            row.way.as_str(),
            row.action,
            &row.incident_id,
            to_json(&row.details)?
        ];
        self.sql.execute(insert, values)?;
        Ok(())
    }

    /// False when it was used before.
    pub(crate) fn use_link(&self, notification_id: &str, at: Timestamp) -> Result<bool, AlertingError> {
        let insert = "INSERT INTO used_links (notification_id, used_at) VALUES (?1, ?2)
             ON CONFLICT (notification_id) DO NOTHING";
        Ok(self.sql.execute(insert, values![notification_id, at])? > 0)
    }

    pub(crate) fn link_used_at(&self, notification_id: &str) -> Result<Option<Timestamp>, AlertingError> {
        let query = "SELECT used_at FROM used_links WHERE notification_id = ?1";
        self.sql.first(query, values![notification_id], |row| row.at(0))
    }

    /// False when it was seen before.
    pub(crate) fn note_pagerduty_event(&self, event_id: &str, at: Timestamp) -> Result<bool, AlertingError> {
        let insert = "INSERT INTO pagerduty_events (event_id, seen_at) VALUES (?1, ?2)
             ON CONFLICT (event_id) DO NOTHING";
        Ok(self.sql.execute(insert, values![event_id, at])? > 0)
    }

    /// The one kept under this name; `fresh` becomes it when there is none.
    pub(crate) fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, AlertingError> {
        let insert = "INSERT INTO secrets (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
        self.sql.execute(insert, values![name, fresh.to_vec()])?;
        self.sql.single("SELECT value FROM secrets WHERE name = ?1", values![name])
    }

    /// Links and events are forgotten when they can't be used any more, the audit with its incidents.
    pub(crate) fn forget_handling(&self, short: Timestamp, audit: Timestamp) -> Result<(), AlertingError> {
        self.sql.execute("DELETE FROM used_links WHERE used_at < ?1", values![short])?;
        self.sql.execute("DELETE FROM pagerduty_events WHERE seen_at < ?1", values![short])?;
        self.sql.execute("DELETE FROM audit WHERE done_at < ?1", values![audit])?;
        Ok(())
    }
}

fn work(row: &SqlRow<'_>) -> Result<Work, AlertingError> {
    let urgency: Option<Urgency> = row.get("urgency")?;
    let progress = urgency.map(|urgency| {
        Ok::<_, AlertingError>(Progress {
            urgency,
            triggered_at: row.get("triggered_at")?,
            round: row.get("round")?,
            step: row.get("step")?,
            next_step_at: row.get("next_step_at")?,
            renotify_at: row.get("renotify_at")?,
            ack_until: row.get("ack_until")?,
            resolve_at: row.get("resolve_at")?,
        })
    });
    Ok(Work {
        state: row.get("state")?,
        acknowledged_by: row.get("acknowledged_by")?,
        progress: progress.transpose()?,
    })
}

impl FromSql for Urgency {
    fn from_sql(value: SqlValue) -> Option<Self> {
        [Self::Low, Self::High].into_iter().find(|urgency| value == SqlValue::from(urgency.as_str()))
    }
}

impl FromSql for IncidentState {
    fn from_sql(value: SqlValue) -> Option<Self> {
        Self::ALL.into_iter().find(|state| value == SqlValue::from(state.as_str()))
    }
}
