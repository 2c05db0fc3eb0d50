//! Rows for SQL, read on the second connection so that a question never waits for a decision.

use plimsoll_model::Timestamp;
use serde_json::{Value, json};

use super::Store;
use super::sql::{SqlRow, values};
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
                "silenced_by": (!alert.silenced_by.is_empty()).then(|| alert.silenced_by.join(",")),
            }))
        })
    }

    pub(crate) fn notification_rows(&self) -> Result<Vec<Value>, AlertingError> {
        self.rows("SELECT * FROM outbox ORDER BY seq DESC LIMIT ?1", |row| {
            Ok(json!({
                "id": row.get::<String>("id")?,
                "incident_id": row.get::<String>("incident_id")?,
                "receiver": row.get::<String>("receiver")?,
                "integration": row.get::<String>("integration")?,
                "outcome": row.get::<String>("outcome")?,
                "reason": row.get::<String>("reason")?,
                "attempts": row.get::<i64>("attempts")?,
                "created_at": row.get::<i64>("created_at")?,
                "sent_at": row.get::<Option<i64>>("sent_at")?,
                "receipt": row.get::<Option<String>>("receipt")?,
                "error": row.get::<Option<String>>("error")?,
            }))
        })
    }

    /// Their state is that of `now`.
    pub(crate) fn silence_rows(&self, now: Timestamp) -> Result<Vec<Value>, AlertingError> {
        let query = "SELECT * FROM silences ORDER BY ends_at DESC LIMIT ?1";
        self.rows(query, |row| {
            let silence = super::silences::silence(row)?;
            Ok(json!({
                "id": silence.id,
                "state": silence.state(now).as_str(),
                "matchers": silence.to_string(),
                "starts_at": silence.starts_at.nanos(),
                "ends_at": silence.ends_at.nanos(),
                "updated_at": silence.updated_at.nanos(),
                "created_by": silence.created_by,
                "comment": silence.comment,
            }))
        })
    }

    pub(crate) fn waiting_notifications(&self) -> Result<u64, AlertingError> {
        let query = "SELECT count(*) FROM outbox WHERE outcome = 'pending'";
        self.read(|sql| sql.single(query, &[]))
    }

    pub(super) fn rows(
        &self,
        query: &str,
        to_value: impl FnMut(&SqlRow<'_>) -> Result<Value, AlertingError>,
    ) -> Result<Vec<Value>, AlertingError> {
        self.read(|sql| sql.all(query, values![MAX_ROWS], to_value))
    }
}
