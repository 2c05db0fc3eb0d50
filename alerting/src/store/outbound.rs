//! What delivery asks of the outbox beside its rows: who waits the longest, and what went, or has to go, to a second
//! channel.

use plimsoll_model::Timestamp;

use super::outbox::{OutboxRow, outbox_row};
use super::sql::values;
use super::{Store, StoreTransaction};
use crate::AlertingError;

/// Of one pass; the next follows at once.
const MAX_OVERDUE: u32 = 100;

/// Since when somebody waits for a row or for one that it replaced, and the row whose place it takes on a second
/// channel.
pub(super) const COLUMNS: &str = "
    ALTER TABLE outbox ADD COLUMN waiting_since INTEGER;
    ALTER TABLE outbox ADD COLUMN instead_of TEXT;
    CREATE INDEX outbox_instead ON outbox (instead_of);
    CREATE INDEX outbox_by_incident ON outbox (incident_id);
";

impl StoreTransaction<'_> {
    /// Rows that were tried and not taken for so long that somebody else should know, and that nobody else was told of.
    pub(crate) fn overdue(&self, since: Timestamp) -> Result<Vec<OutboxRow>, AlertingError> {
        let query = "SELECT * FROM outbox WHERE outcome = 'pending' AND attempts > 0 AND instead_of IS NULL
             AND COALESCE(waiting_since, created_at) <= ?1
             AND NOT EXISTS (SELECT 1 FROM outbox AS copy WHERE copy.instead_of = outbox.id)
             ORDER BY urgency, seq LIMIT ?2";
        self.sql.all(query, values![since, MAX_OVERDUE], outbox_row)
    }

    /// When the first row that was tried becomes overdue, as the moment since when it waits.
    pub(crate) fn waits_untold_since(&self) -> Result<Option<Timestamp>, AlertingError> {
        let query = "SELECT min(COALESCE(waiting_since, created_at)) FROM outbox
             WHERE outcome = 'pending' AND attempts > 0 AND instead_of IS NULL
             AND NOT EXISTS (SELECT 1 FROM outbox AS copy WHERE copy.instead_of = outbox.id)";
        self.sql.single(query, &[])
    }

    /// Whether a second channel was told of the incident, and not yet that this row was decided.
    pub(crate) fn second_channel_knows(&self, row: &OutboxRow, channel: &str) -> Result<bool, AlertingError> {
        let notification = &row.notification;
        let query = "SELECT count(*) FROM outbox WHERE incident_id = ?1 AND group_key = ?2 AND receiver = ?3
             AND instead_of IS NOT NULL AND is_firing = 1 AND outcome IN ('sent', 'pending')";
        let values = values![&notification.incident_id, &notification.group_key, channel];
        let told: i64 = self.sql.single(query, values)?;
        let copies: i64 = self
            .sql
            .single("SELECT count(*) FROM outbox WHERE instead_of = ?1", values![&notification.id])?;
        Ok(told > 0 && copies == 0)
    }

    /// An integration that failed takes notifications again: the others that it failed to take need not wait longer.
    pub(crate) fn wake(&self, row: &OutboxRow, now: Timestamp) -> Result<(), AlertingError> {
        let update = "UPDATE outbox SET not_before = ?1 WHERE outcome = 'pending' AND receiver = ?2
             AND integration = ?3 AND attempts > 0 AND not_before > ?1";
        self.sql.execute(update, values![now, &row.notification.receiver, &row.integration])?;
        Ok(())
    }

    /// The row of that identity, just posted.
    pub(crate) fn posted(&self, id: &str) -> Result<Option<OutboxRow>, AlertingError> {
        self.sql.first("SELECT * FROM outbox WHERE id = ?1", values![id], outbox_row)
    }
}

impl Store {
    /// Since when the notification that waits the longest does, of all and of pages.
    pub(crate) fn waiting_since(&self) -> Result<(Option<Timestamp>, Option<Timestamp>), AlertingError> {
        let all = "SELECT min(COALESCE(waiting_since, created_at)) FROM outbox WHERE outcome = 'pending'";
        let pages = format!("{all} AND urgency = 0");
        self.read(|sql| Ok((sql.single(all, &[])?, sql.single(&pages, &[])?)))
    }
}
