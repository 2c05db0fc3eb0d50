//! The outbox: notifications that were decided, until a receiver took them or refused for good. Rows of one group and
//! integration form a lane, which is delivered in order: nobody hears that it is over before hearing that it began.

use std::time::Duration;

use plimsoll_model::Timestamp;

use super::groups::{GroupRow, LogRow};
use super::sql::{SqlRow, values};
use super::{StoreTransaction, to_json};
use crate::AlertingError;
use crate::notification::{Notification, Purpose};

#[derive(Clone, Debug)]
pub(crate) struct OutboxRow {
    pub(crate) seq: i64,
    pub(crate) integration: String,
    pub(crate) notification: Notification,
    pub(crate) attempts: u32,
    pub(crate) created_at: Timestamp,
    /// Since when somebody waits: its own beginning, or that of the first row that it replaced.
    pub(crate) waiting_since: Timestamp,
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Sent { receipt: String },
    Retry { error: String, not_before: Timestamp },
    GaveUp { error: String },
}

/// Of one lane and one incident.
const UNTOLD: &str = "outcome = 'pending' AND is_firing = 1 AND group_key = ?1 AND receiver = ?2
     AND integration = ?3 AND incident_id = ?4";

impl StoreTransaction<'_> {
    /// A firing notification replaces those of its lane that nobody took yet: it says everything they do.
    pub(crate) fn post(
        &self,
        notification: &Notification,
        integration: &str,
        log_before: Option<&LogRow>,
    ) -> Result<(), AlertingError> {
        let lane = [notification.group_key.as_str(), notification.receiver.as_str(), integration];
        let superseded = if notification.pages() { self.supersede(notification, lane)? } else { None };
        let (log_before, waiting_since) = match superseded {
            Some((before, since)) => (before, Some(since)),
            None => (to_json(&log_before)?, None),
        };
        let instead_of = match &notification.purpose {
            Purpose::InsteadOf { notification_id, .. } => Some(notification_id.clone()),
            _ => None,
        };
        let insert =
            "INSERT INTO outbox (id, incident_id, group_key, receiver, integration, is_firing, reason,
                 payload, log_before, outcome, created_at, not_before, urgency, waiting_since, instead_of)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'pending', ?10, ?10, ?11, ?12, ?13)";
        let values = values![
            &notification.id,
            &notification.incident_id,
            lane[0],
            lane[1],
            lane[2],
            notification.pages(),
            notification.reason.as_str(),
            to_json(notification)?,
            log_before,
            notification.decided_at,
            notification.urgency(),
            waiting_since,
            instead_of,
        ];
        self.sql.execute(insert, values)?;
        Ok(())
    }

    /// What the log said before the first of the lane's firing rows that nobody took yet; `None` without such a row.
    pub(crate) fn log_before_untold(
        &self,
        group: &GroupRow,
        integration: &str,
    ) -> Result<Option<Option<LogRow>>, AlertingError> {
        let query = format!("SELECT log_before FROM outbox WHERE {UNTOLD} ORDER BY seq LIMIT 1");
        let incident_id = group.incident_id.as_deref().unwrap_or_default();
        let lane = values![&group.group_key, &group.receiver, integration, incident_id];
        self.sql.first(&query, lane, |row| row.json("log_before"))
    }

    /// What the log said before the first of the replaced rows, of which none was told to anybody; and since when
    /// somebody waits.
    fn supersede(
        &self,
        by: &Notification,
        lane: [&str; 3],
    ) -> Result<Option<(String, Timestamp)>, AlertingError> {
        let lane = values![lane[0], lane[1], lane[2], &by.incident_id];
        let query = format!(
            "SELECT log_before, COALESCE(waiting_since, created_at) FROM outbox WHERE {UNTOLD} ORDER BY seq LIMIT 1"
        );
        let before = self.sql.first(&query, lane, |row| Ok((row.at(0)?, row.at(1)?)))?;
        self.sql.execute(&format!("UPDATE outbox SET outcome = 'superseded' WHERE {UNTOLD}"), lane)?;
        Ok(before)
    }

    /// The first pending row of every lane, when its time has come: the most urgent first, and of each integration at
    /// most `limit`, so that one with thousands keeps nobody else waiting. One that was made or tried later than `now` is due
    /// as well: it came while others were being sent, or the clock went back.
    pub(crate) fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<OutboxRow>, AlertingError> {
        let query = "SELECT outbox.* FROM outbox JOIN (
                 SELECT seq AS head, row_number() OVER (PARTITION BY receiver, integration ORDER BY urgency, not_before, seq) AS place
                 FROM outbox WHERE seq IN (SELECT min(seq) FROM outbox WHERE outcome = 'pending'
                     GROUP BY group_key, receiver, integration)
                 AND (not_before <= ?1 OR coalesce(attempted_at, created_at) > ?1)
             ) AS ranked ON ranked.head = outbox.seq
             WHERE ranked.place <= ?2 ORDER BY outbox.urgency, outbox.not_before, outbox.seq";
        self.sql.all(query, values![now, limit], outbox_row)
    }

    /// When the next row of any lane comes due.
    pub(crate) fn next_due(&self) -> Result<Option<Timestamp>, AlertingError> {
        let query = "SELECT min(not_before) FROM outbox WHERE seq IN (SELECT min(seq) FROM outbox
             WHERE outcome = 'pending' GROUP BY group_key, receiver, integration)";
        self.sql.single(query, &[])
    }

    pub(crate) fn settle(&self, seq: i64, outcome: &Outcome, now: Timestamp) -> Result<(), AlertingError> {
        match outcome {
            Outcome::Sent { receipt } => self.sql.execute(
                "UPDATE outbox SET outcome = 'sent', attempts = attempts + 1, sent_at = ?2, receipt = ?3, error = NULL
                     WHERE seq = ?1",
                values![seq, now, receipt],
            )?,
            Outcome::Retry { error, not_before } => self.sql.execute(
                "UPDATE outbox SET attempts = attempts + 1, not_before = ?2, error = ?3, attempted_at = ?4
                     WHERE seq = ?1",
                values![seq, *not_before, error, now],
            )?,
            Outcome::GaveUp { error } => {
                self.take_back_told(seq)?;
                self.sql.execute(
                    "UPDATE outbox SET outcome = 'failed', attempts = attempts + 1, error = ?2 WHERE seq = ?1",
                    values![seq, error],
                )?
            }
        };
        Ok(())
    }

    /// Nobody heard of it, so the log must not say so: the group's next tick decides anew. A log that has moved on
    /// since is left alone, and so is a resolve, whose alerts have left their group.
    fn take_back_told(&self, seq: i64) -> Result<(), AlertingError> {
        let query = "SELECT id, group_key, receiver, integration, log_before FROM outbox
             WHERE seq = ?1 AND is_firing = 1";
        let row = self.sql.first(query, values![seq], |row| {
            let lane: [String; 3] = [row.at(1)?, row.at(2)?, row.at(3)?];
            Ok((row.at::<String>(0)?, lane, row.json::<Option<LogRow>>("log_before")?))
        })?;
        let Some((id, [group_key, receiver, integration], before)) = row else {
            return Ok(());
        };
        let delete =
            "DELETE FROM notification_log WHERE group_key = ?1 AND receiver = ?2 AND integration = ?3
             AND notification_id = ?4";
        let was_last = self.sql.execute(delete, values![&group_key, &receiver, &integration, id])? > 0;
        match before {
            Some(before) if was_last => self.remember_told(&group_key, &receiver, &integration, &before),
            _ => Ok(()),
        }
    }

    pub(crate) fn forget_notifications(&self, now: Timestamp, keep: Duration) -> Result<(), AlertingError> {
        let delete = "DELETE FROM outbox WHERE created_at < ?1 AND outcome <> 'pending'";
        self.sql.execute(delete, values![now - keep])?;
        Ok(())
    }
}

pub(super) fn outbox_row(row: &SqlRow<'_>) -> Result<OutboxRow, AlertingError> {
    Ok(OutboxRow {
        seq: row.get("seq")?,
        integration: row.get("integration")?,
        notification: row.json("payload")?,
        attempts: row.get("attempts")?,
        created_at: row.get("created_at")?,
        waiting_since: row.get::<Option<Timestamp>>("waiting_since")?.map_or(row.get("created_at"), Ok)?,
    })
}
