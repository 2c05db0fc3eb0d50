//! Alerts: one row a label set, kept a day after they ended.

use std::collections::HashMap;
use std::time::Duration;

use plimsoll_model::{Alert, Timestamp};

use super::sql::{SqlRow, SqlValue, values};
use super::{StoreTransaction, to_json};
use crate::AlertingError;
use crate::merge::StoredAlert;

/// Alerts that one statement asks for.
const AT_ONCE: usize = 500;
const FEW: usize = 8;

impl StoreTransaction<'_> {
    /// Those of them that are stored, by fingerprint.
    pub(crate) fn alerts_of(
        &self,
        fingerprints: &[String],
    ) -> Result<HashMap<String, StoredAlert>, AlertingError> {
        let mut found = HashMap::with_capacity(fingerprints.len());
        for chunk in fingerprints.chunks(AT_ONCE) {
            // One text for few and one for many, filled up: each is prepared once.
            let size = if chunk.len() <= FEW { FEW } else { AT_ONCE };
            let places: Vec<String> = (1..=size).map(|place| format!("?{place}")).collect();
            let query = format!("SELECT * FROM alerts WHERE fingerprint IN ({})", places.join(", "));
            let padded = chunk.iter().chain(std::iter::repeat(&chunk[0])).take(size);
            let values: Vec<SqlValue> = padded.map(SqlValue::from).collect();
            let stored = self.sql.all(&query, &values, stored_alert)?;
            found.extend(stored.into_iter().map(|alert| (alert.fingerprint.clone(), alert)));
        }
        Ok(found)
    }

    pub(crate) fn firing_count(&self) -> Result<u32, AlertingError> {
        self.sql.single("SELECT count(*) FROM alerts WHERE is_resolved = 0", &[])
    }

    pub(crate) fn put_alerts<'a>(
        &self,
        alerts: impl Iterator<Item = &'a StoredAlert>,
    ) -> Result<(), AlertingError> {
        let upsert = "INSERT INTO alerts (fingerprint, labels, annotations, generator_url, starts_at, ends_at,
                 updated_at, is_resolved, inhibited_by, silenced_by, incident_id, ends_by_timeout)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (fingerprint) DO UPDATE SET annotations = excluded.annotations,
                 generator_url = excluded.generator_url, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
                 updated_at = excluded.updated_at, is_resolved = excluded.is_resolved,
                 inhibited_by = excluded.inhibited_by, silenced_by = excluded.silenced_by,
                 incident_id = excluded.incident_id, ends_by_timeout = excluded.ends_by_timeout";
        let rows = alerts.map(|stored| {
            let values: &[SqlValue] = values![
                &stored.fingerprint,
                to_json(&stored.alert.labels)?,
                to_json(&stored.alert.annotations)?,
                &stored.alert.generator_url,
                stored.alert.starts_at,
                stored.ends_at,
                stored.updated_at,
                stored.is_resolved,
                stored.inhibited_by.as_deref(),
                to_json(&stored.silenced_by)?,
                stored.incident_id.as_deref(),
                stored.ends_by_timeout,
            ];
            Ok(values.to_vec())
        });
        self.sql.execute_many(upsert, rows.collect::<Result<_, AlertingError>>()?)
    }

    /// Every alert that fires and every resolved one that a group has yet to speak about.
    pub(crate) fn live_alerts(&self) -> Result<Vec<StoredAlert>, AlertingError> {
        let query = "SELECT * FROM alerts WHERE is_resolved = 0
             OR fingerprint IN (SELECT fingerprint FROM members) ORDER BY fingerprint";
        self.sql.all(query, &[], stored_alert)
    }

    /// Whoever states alerts went quiet: what is not restated ends by itself.
    pub(crate) fn resolve_expired(&self, now: Timestamp) -> Result<(), AlertingError> {
        let update = "UPDATE alerts SET is_resolved = 1 WHERE is_resolved = 0 AND ends_at <= ?1";
        self.sql.execute(update, values![now])?;
        Ok(())
    }

    /// What ran out while we were down was not restated because nobody listened: it gets until `until`.
    pub(crate) fn extend_expired(&self, now: Timestamp, until: Timestamp) -> Result<u64, AlertingError> {
        let update =
            "UPDATE alerts SET ends_at = ?2, ends_by_timeout = 1 WHERE is_resolved = 0 AND ends_at <= ?1";
        self.sql.execute(update, values![now, until])
    }

    pub(crate) fn set_inhibited_by(&self, fingerprint: &str, by: Option<&str>) -> Result<(), AlertingError> {
        let update = "UPDATE alerts SET inhibited_by = ?2 WHERE fingerprint = ?1";
        self.sql.execute(update, values![fingerprint, by])?;
        Ok(())
    }

    pub(crate) fn set_silenced_by(&self, fingerprint: &str, by: &[String]) -> Result<(), AlertingError> {
        let update = "UPDATE alerts SET silenced_by = ?2 WHERE fingerprint = ?1";
        self.sql.execute(update, values![fingerprint, to_json(&by)?])?;
        Ok(())
    }

    pub(crate) fn set_incident(&self, fingerprint: &str, incident_id: &str) -> Result<(), AlertingError> {
        let update = "UPDATE alerts SET incident_id = ?2 WHERE fingerprint = ?1";
        self.sql.execute(update, values![fingerprint, incident_id])?;
        Ok(())
    }

    pub(crate) fn forget_alerts(&self, now: Timestamp, keep: Duration) -> Result<(), AlertingError> {
        let delete = "DELETE FROM alerts WHERE is_resolved = 1 AND ends_at < ?1
             AND fingerprint NOT IN (SELECT fingerprint FROM members)";
        self.sql.execute(delete, values![now - keep])?;
        Ok(())
    }
}

pub(super) fn stored_alert(row: &SqlRow<'_>) -> Result<StoredAlert, AlertingError> {
    let labels: std::collections::BTreeMap<String, String> = row.json("labels")?;
    let alert = Alert {
        labels: labels.into_iter().collect(),
        annotations: row.json("annotations")?,
        starts_at: row.get("starts_at")?,
        ends_at: None,
        generator_url: row.get("generator_url")?,
    };
    Ok(StoredAlert {
        fingerprint: row.get("fingerprint")?,
        alert,
        ends_at: row.get("ends_at")?,
        updated_at: row.get("updated_at")?,
        is_resolved: row.get("is_resolved")?,
        inhibited_by: row.get("inhibited_by")?,
        silenced_by: row.json("silenced_by")?,
        incident_id: row.get("incident_id")?,
        ends_by_timeout: row.get("ends_by_timeout")?,
    })
}
