//! Rows for SQL, read on the second connection so that a question never waits for a decision.

use rusqlite::Row;
use serde_json::{Map, Value, json};

use super::Store;
use crate::AlertingError;

/// Latest first; older ones are in the lake's `decisions`.
const MAX_ROWS: u32 = 10_000;

impl Store {
    pub(crate) fn alert_rows(&self) -> Result<Vec<Value>, AlertingError> {
        self.rows("SELECT * FROM alerts ORDER BY is_resolved, updated_at DESC LIMIT ?1", |row| {
            let alert = super::alerts::stored_alert(row)?;
            Ok(json!({
                "alertname": alert.alert.labels.get("alertname"),
                "fingerprint": alert.fingerprint,
                "state": if alert.is_resolved { "resolved" } else { "firing" },
                "severity": alert.alert.labels.get("severity"),
                "service": alert.alert.labels.get("service"),
                "labels": alert.alert.labels,
                "annotations": alert.alert.annotations,
                "starts_at": alert.alert.starts_at.nanos(),
                "ends_at": alert.is_resolved.then_some(alert.ends_at.nanos()),
                "updated_at": alert.updated_at.nanos(),
                "incident_id": alert.incident_id,
                "inhibited_by": alert.inhibited_by,
            }))
        })
    }

    pub(crate) fn incident_rows(&self) -> Result<Vec<Value>, AlertingError> {
        let query = "SELECT *, (SELECT count(*) FROM incident_alerts member
                         WHERE member.incident_id = incidents.incident_id) AS alerts
                     FROM incidents ORDER BY resolved_at IS NOT NULL, opened_at DESC LIMIT ?1";
        self.rows(query, |row| {
            Ok(json!({
                "incident_id": row.get::<_, String>("incident_id")?,
                "state": row.get::<_, String>("state")?,
                "opened_at": row.get::<_, i64>("opened_at")?,
                "resolved_at": row.get::<_, Option<i64>>("resolved_at")?,
                "group_labels": super::from_json::<Map<String, Value>>(row, "group_labels")?,
                "receiver": row.get::<_, String>("receiver")?,
                "alerts": row.get::<_, i64>("alerts")?,
                "summary": row.get::<_, String>("summary")?,
            }))
        })
    }

    pub(crate) fn notification_rows(&self) -> Result<Vec<Value>, AlertingError> {
        self.rows("SELECT * FROM outbox ORDER BY seq DESC LIMIT ?1", |row| {
            Ok(json!({
                "id": row.get::<_, String>("id")?,
                "incident_id": row.get::<_, String>("incident_id")?,
                "receiver": row.get::<_, String>("receiver")?,
                "integration": row.get::<_, String>("integration")?,
                "outcome": row.get::<_, String>("outcome")?,
                "reason": row.get::<_, String>("reason")?,
                "attempts": row.get::<_, i64>("attempts")?,
                "created_at": row.get::<_, i64>("created_at")?,
                "sent_at": row.get::<_, Option<i64>>("sent_at")?,
                "receipt": row.get::<_, Option<String>>("receipt")?,
                "error": row.get::<_, Option<String>>("error")?,
            }))
        })
    }

    pub(crate) fn waiting_notifications(&self) -> Result<u64, AlertingError> {
        let query = "SELECT count(*) FROM outbox WHERE outcome = 'pending'";
        let waiting: i64 = self.read(|connection| Ok(connection.query_row(query, [], |row| row.get(0))?))?;
        Ok(waiting.unsigned_abs())
    }

    fn rows(
        &self,
        query: &str,
        to_value: impl FnMut(&Row<'_>) -> rusqlite::Result<Value>,
    ) -> Result<Vec<Value>, AlertingError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(query)?;
            let rows = statement.query_map([MAX_ROWS], to_value)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}
