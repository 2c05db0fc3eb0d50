//! Silences, kept for a while after they ended.

use std::time::Duration;

use plimsoll_model::Timestamp;

use super::sql::{Sql, SqlRow, values};
use super::{Store, StoreTransaction, to_json};
use crate::AlertingError;
use crate::silence::Silence;

impl StoreTransaction<'_> {
    pub(crate) fn silence(&self, id: &str) -> Result<Option<Silence>, AlertingError> {
        one(self.sql, id)
    }

    /// Those that are not over, and so may hold for an alert now or later.
    pub(crate) fn unexpired_silences(&self, now: Timestamp) -> Result<Vec<Silence>, AlertingError> {
        let query = "SELECT * FROM silences WHERE ends_at > ?1 ORDER BY silence_id";
        self.sql.all(query, values![now], silence)
    }

    pub(crate) fn silence_count(&self) -> Result<u32, AlertingError> {
        self.sql.single("SELECT count(*) FROM silences", &[])
    }

    pub(crate) fn put_silence(&self, silence: &Silence) -> Result<(), AlertingError> {
        let upsert = "INSERT INTO silences (silence_id, matcher_sets, starts_at, ends_at, updated_at, created_by,
                 comment, annotations)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (silence_id) DO UPDATE SET matcher_sets = excluded.matcher_sets,
                 starts_at = excluded.starts_at, ends_at = excluded.ends_at, updated_at = excluded.updated_at,
                 created_by = excluded.created_by, comment = excluded.comment, annotations = excluded.annotations";
        let values = values![
            &silence.id,
            to_json(&silence.matcher_sets)?,
            silence.starts_at,
            silence.ends_at,
            silence.updated_at,
            &silence.created_by,
            &silence.comment,
            to_json(&silence.annotations)?,
        ];
        self.sql.execute(upsert, values)?;
        Ok(())
    }

    pub(crate) fn forget_silences(&self, now: Timestamp, keep: Duration) -> Result<(), AlertingError> {
        self.sql.execute("DELETE FROM silences WHERE ends_at < ?1", values![now - keep])?;
        Ok(())
    }
}

impl Store {
    pub(crate) fn silences(&self) -> Result<Vec<Silence>, AlertingError> {
        self.read(|sql| sql.all("SELECT * FROM silences ORDER BY silence_id", &[], silence))
    }

    pub(crate) fn silence(&self, id: &str) -> Result<Option<Silence>, AlertingError> {
        self.read(|sql| one(sql, id))
    }
}

fn one(sql: Sql<'_>, id: &str) -> Result<Option<Silence>, AlertingError> {
    sql.first("SELECT * FROM silences WHERE silence_id = ?1", values![id], silence)
}

pub(super) fn silence(row: &SqlRow<'_>) -> Result<Silence, AlertingError> {
    Ok(Silence {
        id: row.get("silence_id")?,
        matcher_sets: row.json("matcher_sets")?,
        starts_at: row.get("starts_at")?,
        ends_at: row.get("ends_at")?,
        updated_at: row.get("updated_at")?,
        created_by: row.get("created_by")?,
        comment: row.get("comment")?,
        annotations: row.json("annotations")?,
    })
}
