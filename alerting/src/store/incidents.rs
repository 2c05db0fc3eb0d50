//! Incidents as those who act on them read them.

use std::collections::BTreeMap;

use plimsoll_model::{Labels, Timestamp};
use serde_json::{Map, Value, json};

use super::alerts::stored_alert;
use super::sql::{Sql, SqlRow, values};
use super::{Store, StoreTransaction};
use crate::AlertingError;
use crate::incident::IncidentDetail;
use crate::merge::StoredAlert;

/// Of one incident, this much is shown; SQL has all of it.
const MAX_SHOWN: u32 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IncidentRow {
    pub(crate) incident_id: String,
    pub(crate) group_key: String,
    pub(crate) receiver: String,
    pub(crate) group_labels: Labels,
    pub(crate) opened_at: Timestamp,
    pub(crate) resolved_at: Option<Timestamp>,
    pub(crate) summary: String,
}

/// What a link was written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkRow {
    pub(crate) incident_id: String,
    pub(crate) receiver: String,
    pub(crate) written_at: Timestamp,
}

/// With everything that people made of them.
pub(super) const WITH_HANDLING: &str = "
    SELECT i.*, a.acknowledged_by, a.acknowledged_at, e.urgency, e.step, e.round, e.next_step_at,
        (SELECT count(*) FROM incident_alerts member WHERE member.incident_id = i.incident_id) AS alerts
    FROM incidents i LEFT JOIN escalations e ON e.incident_id = i.incident_id
        LEFT JOIN acknowledgements a ON a.incident_id = i.incident_id";

impl StoreTransaction<'_> {
    pub(crate) fn incident(&self, incident_id: &str) -> Result<Option<IncidentRow>, AlertingError> {
        let query = "SELECT * FROM incidents WHERE incident_id = ?1";
        self.sql.first(query, values![incident_id], incident_row)
    }

    pub(crate) fn open_incidents(&self) -> Result<Vec<IncidentRow>, AlertingError> {
        let query = "SELECT * FROM incidents WHERE state <> 'resolved' ORDER BY opened_at, incident_id";
        self.sql.all(query, &[], incident_row)
    }

    pub(crate) fn incident_alerts(&self, incident_id: &str) -> Result<Vec<StoredAlert>, AlertingError> {
        let query = "SELECT * FROM alerts WHERE fingerprint IN
             (SELECT fingerprint FROM incident_alerts WHERE incident_id = ?1) ORDER BY fingerprint";
        self.sql.all(query, values![incident_id], stored_alert)
    }

    pub(crate) fn incident_fingerprints(&self, incident_id: &str) -> Result<Vec<String>, AlertingError> {
        let query = "SELECT fingerprint FROM incident_alerts WHERE incident_id = ?1 ORDER BY fingerprint";
        self.sql.all(query, values![incident_id], |row| row.at(0))
    }

    /// What the notification with this id was about, and to whom it went.
    pub(crate) fn link(&self, notification_id: &str) -> Result<Option<LinkRow>, AlertingError> {
        let query = "SELECT incident_id, receiver, created_at FROM outbox WHERE id = ?1";
        self.sql.first(query, values![notification_id], |row| {
            Ok(LinkRow {
                incident_id: row.get("incident_id")?,
                receiver: row.get("receiver")?,
                written_at: row.get("created_at")?,
            })
        })
    }
}

impl Store {
    pub(crate) fn incident_rows(&self) -> Result<Vec<Value>, AlertingError> {
        let notes = self.notes()?;
        let query = format!(
            "{WITH_HANDLING} ORDER BY CASE WHEN i.resolved_at IS NULL THEN 0 ELSE 1 END, i.opened_at DESC LIMIT ?1"
        );
        let mut rows = self.rows(&query, shown_incident)?;
        for row in &mut rows {
            let of_it = row["incident_id"].as_str().and_then(|id| notes.get(id));
            row["notes"] = of_it.cloned().into();
        }
        Ok(rows)
    }

    pub(crate) fn audit_rows(&self) -> Result<Vec<Value>, AlertingError> {
        self.rows("SELECT * FROM audit ORDER BY audit_id DESC LIMIT ?1", |row| {
            Ok(json!({
                "time": row.get::<i64>("done_at")?,
                "actor": row.get::<String>("actor")?,
                "way": row.get::<String>("way")?,
                "action": row.get::<String>("action")?,
                "incident_id": row.get::<String>("incident_id")?,
                "details": row.get::<String>("details")?,
            }))
        })
    }

    /// By incident, the latest of them.
    fn notes(&self) -> Result<BTreeMap<String, String>, AlertingError> {
        let query = "SELECT * FROM audit WHERE action = 'note' ORDER BY audit_id DESC LIMIT ?1";
        let latest = self.rows(query, |row| {
            let mut line = audit_line(row)?;
            line["incident_id"] = row.get::<String>("incident_id")?.into();
            Ok(line)
        })?;
        let mut of_incidents: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for row in latest.into_iter().rev() {
            of_incidents
                .entry(row["incident_id"].as_str().unwrap_or_default().to_owned())
                .or_default()
                .push(row);
        }
        Ok(of_incidents.into_iter().filter_map(|(id, rows)| Some((id, notes(&rows)?))).collect())
    }

    pub(crate) fn incident_detail(&self, incident_id: &str) -> Result<Option<IncidentDetail>, AlertingError> {
        self.read(|sql| {
            let query = format!("{WITH_HANDLING} WHERE i.incident_id = ?1");
            let Some(mut incident) = sql.first(&query, values![incident_id], shown_incident)? else {
                return Ok(None);
            };
            let audit = audit_of(sql, incident_id)?;
            incident["notes"] = notes(&audit).into();
            with_times(&mut incident, &["opened_at", "resolved_at", "acknowledged_at", "next_step_at"]);
            Ok(Some(IncidentDetail {
                incident,
                alerts: alerts_of(sql, incident_id)?,
                told: told_of(sql, incident_id)?,
                audit,
            }))
        })
    }
}

fn incident_row(row: &SqlRow<'_>) -> Result<IncidentRow, AlertingError> {
    let labels: BTreeMap<String, String> = row.json("group_labels")?;
    Ok(IncidentRow {
        incident_id: row.get("incident_id")?,
        group_key: row.get("group_key")?,
        receiver: row.get("receiver")?,
        group_labels: labels.into_iter().collect(),
        opened_at: row.get("opened_at")?,
        resolved_at: row.get("resolved_at")?,
        summary: row.get("summary")?,
    })
}

/// A row of [`WITH_HANDLING`] as SQL shows it; moments are nanoseconds.
pub(super) fn shown_incident(row: &SqlRow<'_>) -> Result<Value, AlertingError> {
    Ok(json!({
        "incident_id": row.get::<String>("incident_id")?,
        "state": row.get::<String>("state")?,
        "opened_at": row.get::<i64>("opened_at")?,
        "resolved_at": row.get::<Option<i64>>("resolved_at")?,
        "group_labels": row.json::<Map<String, Value>>("group_labels")?,
        "receiver": row.get::<String>("receiver")?,
        "alerts": row.get::<i64>("alerts")?,
        "summary": row.get::<String>("summary")?,
        "urgency": row.get::<Option<String>>("urgency")?,
        "step": row.get::<Option<i64>>("step")?,
        "round": row.get::<Option<i64>>("round")?.map(|round| round + 1),
        "next_step_at": row.get::<Option<i64>>("next_step_at")?,
        "acknowledged_by": row.get::<Option<String>>("acknowledged_by")?,
        "acknowledged_at": row.get::<Option<i64>>("acknowledged_at")?,
    }))
}

fn alerts_of(sql: Sql<'_>, incident_id: &str) -> Result<Vec<Value>, AlertingError> {
    let query = "SELECT * FROM alerts WHERE fingerprint IN
         (SELECT fingerprint FROM incident_alerts WHERE incident_id = ?1)
         ORDER BY is_resolved, starts_at, fingerprint LIMIT ?2";
    sql.all(query, values![incident_id, MAX_SHOWN], |row| {
        let stored = stored_alert(row)?;
        Ok(json!({
            "fingerprint": stored.fingerprint,
            "state": if stored.is_resolved { "resolved" } else { "firing" },
            "labels": stored.alert.labels,
            "annotations": stored.alert.annotations,
            "starts_at": stored.alert.starts_at.to_rfc3339(),
            "ends_at": stored.is_resolved.then(|| stored.ends_at.to_rfc3339()),
        }))
    })
}

fn told_of(sql: Sql<'_>, incident_id: &str) -> Result<Vec<Value>, AlertingError> {
    let query = "SELECT receiver, told_at, by_route FROM escalation_told WHERE incident_id = ?1
         ORDER BY told_at, receiver LIMIT ?2";
    sql.all(query, values![incident_id, MAX_SHOWN], |row| {
        let by = if row.get("by_route")? { "route" } else { "escalation" };
        let at: Timestamp = row.get("told_at")?;
        Ok(json!({"receiver": row.get::<String>("receiver")?, "at": at.to_rfc3339(), "by": by}))
    })
}

fn audit_of(sql: Sql<'_>, incident_id: &str) -> Result<Vec<Value>, AlertingError> {
    let query = "SELECT * FROM audit WHERE incident_id = ?1 ORDER BY audit_id LIMIT ?2";
    sql.all(query, values![incident_id, MAX_SHOWN], audit_line)
}

fn audit_line(row: &SqlRow<'_>) -> Result<Value, AlertingError> {
    let at: Timestamp = row.get("done_at")?;
    Ok(json!({
        "at": at.to_rfc3339(),
        "actor": row.get::<String>("actor")?,
        "way": row.get::<String>("way")?,
        "action": row.get::<String>("action")?,
        "details": row.json::<Value>("details")?,
    }))
}

/// A line a note: when, who, what.
fn notes(audit: &[Value]) -> Option<String> {
    let notes = audit.iter().filter(|row| row["action"] == "note");
    let lines: Vec<String> = notes
        .map(|row| {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{} {}: {}", word(&row["at"]), word(&row["actor"]), word(&row["details"]["note"]))
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn with_times(incident: &mut Value, columns: &[&str]) {
    for column in columns {
        if let Some(nanos) = incident[*column].as_i64() {
            incident[*column] = Timestamp::from_nanos(nanos).to_rfc3339().into();
        }
    }
}
