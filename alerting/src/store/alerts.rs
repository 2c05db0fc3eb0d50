//! Alerts: one row a label set, kept a day after they ended.

use std::time::Duration;

use plimsoll_model::{Alert, Timestamp};
use rusqlite::{OptionalExtension, Row, named_params, params};

use super::{StoreTransaction, from_json, to_json};
use crate::AlertingError;
use crate::merge::StoredAlert;

impl StoreTransaction<'_> {
    pub(crate) fn alert(&self, fingerprint: &str) -> Result<Option<StoredAlert>, AlertingError> {
        let mut statement = self.transaction.prepare_cached("SELECT * FROM alerts WHERE fingerprint = ?1")?;
        Ok(statement.query_row([fingerprint], stored_alert).optional()?)
    }

    pub(crate) fn firing_count(&self) -> Result<u32, AlertingError> {
        let query = "SELECT count(*) FROM alerts WHERE is_resolved = 0";
        Ok(self.transaction.query_row(query, [], |row| row.get(0))?)
    }

    pub(crate) fn put_alert(&self, stored: &StoredAlert) -> Result<(), AlertingError> {
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO alerts VALUES (:fingerprint, :labels, :annotations, :generator_url, :starts_at, :ends_at,
                 :updated_at, :is_resolved, :inhibited_by, :incident_id)
             ON CONFLICT (fingerprint) DO UPDATE SET annotations = excluded.annotations,
                 generator_url = excluded.generator_url, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
                 updated_at = excluded.updated_at, is_resolved = excluded.is_resolved,
                 inhibited_by = excluded.inhibited_by, incident_id = excluded.incident_id",
        )?;
        statement.execute(named_params! {
            ":fingerprint": stored.fingerprint,
            ":labels": to_json(&stored.alert.labels)?,
            ":annotations": to_json(&stored.alert.annotations)?,
            ":generator_url": stored.alert.generator_url,
            ":starts_at": stored.alert.starts_at.nanos(),
            ":ends_at": stored.ends_at.nanos(),
            ":updated_at": stored.updated_at.nanos(),
            ":is_resolved": stored.is_resolved,
            ":inhibited_by": stored.inhibited_by,
            ":incident_id": stored.incident_id,
        })?;
        Ok(())
    }

    /// Every alert that fires and every resolved one that a group has yet to speak about.
    pub(crate) fn live_alerts(&self) -> Result<Vec<StoredAlert>, AlertingError> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT * FROM alerts WHERE is_resolved = 0
                 OR fingerprint IN (SELECT fingerprint FROM members) ORDER BY fingerprint",
        )?;
        let alerts = statement.query_map([], stored_alert)?;
        Ok(alerts.collect::<rusqlite::Result<_>>()?)
    }

    /// Whoever states alerts went quiet: what is not restated ends by itself.
    pub(crate) fn resolve_expired(&self, now: Timestamp) -> Result<(), AlertingError> {
        let mut statement = self
            .transaction
            .prepare_cached("UPDATE alerts SET is_resolved = 1 WHERE is_resolved = 0 AND ends_at <= ?1")?;
        statement.execute([now.nanos()])?;
        Ok(())
    }

    /// What ran out while we were down was not restated because nobody listened: it gets until `until`.
    pub(crate) fn extend_expired(&self, now: Timestamp, until: Timestamp) -> Result<usize, AlertingError> {
        let query = "UPDATE alerts SET ends_at = ?2 WHERE is_resolved = 0 AND ends_at <= ?1";
        Ok(self.transaction.execute(query, [now.nanos(), until.nanos()])?)
    }

    pub(crate) fn set_inhibited_by(&self, fingerprint: &str, by: Option<&str>) -> Result<(), AlertingError> {
        let mut statement =
            self.transaction.prepare_cached("UPDATE alerts SET inhibited_by = ?2 WHERE fingerprint = ?1")?;
        statement.execute(params![fingerprint, by])?;
        Ok(())
    }

    pub(crate) fn set_incident(&self, fingerprint: &str, incident_id: &str) -> Result<(), AlertingError> {
        let mut statement =
            self.transaction.prepare_cached("UPDATE alerts SET incident_id = ?2 WHERE fingerprint = ?1")?;
        statement.execute([fingerprint, incident_id])?;
        Ok(())
    }

    pub(crate) fn forget_alerts(&self, now: Timestamp, keep: Duration) -> Result<(), AlertingError> {
        let mut statement = self.transaction.prepare_cached(
            "DELETE FROM alerts WHERE is_resolved = 1 AND ends_at < ?1
                 AND fingerprint NOT IN (SELECT fingerprint FROM members)",
        )?;
        statement.execute([(now - keep).nanos()])?;
        Ok(())
    }
}

pub(super) fn stored_alert(row: &Row<'_>) -> rusqlite::Result<StoredAlert> {
    let labels: std::collections::BTreeMap<String, String> = from_json(row, "labels")?;
    let alert = Alert {
        labels: labels.into_iter().collect(),
        annotations: from_json(row, "annotations")?,
        starts_at: Timestamp::from_nanos(row.get("starts_at")?),
        ends_at: None,
        generator_url: row.get("generator_url")?,
    };
    Ok(StoredAlert {
        fingerprint: row.get("fingerprint")?,
        alert,
        ends_at: Timestamp::from_nanos(row.get("ends_at")?),
        updated_at: Timestamp::from_nanos(row.get("updated_at")?),
        is_resolved: row.get("is_resolved")?,
        inhibited_by: row.get("inhibited_by")?,
        incident_id: row.get("incident_id")?,
    })
}
