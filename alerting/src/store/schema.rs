//! The format of the store. A migration is appended and never edited: `user_version` counts those that have run.
//!
//! Written for SQLite, of INTEGER, REAL, TEXT and BLOB columns in STRICT tables; a key that the database makes is an
//! INTEGER PRIMARY KEY. A part that brings a table of its own brings its text too, as a constant in its own file.

use std::time::Duration;

use rusqlite::Connection;

use super::postgres::Session;
use super::sql::{Sql, values};
use super::{lease, outbound};
use crate::AlertingError;

/// How long one connection waits for the other.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const MIGRATIONS: &[&str] = &[
    // Moments are nanoseconds since 1970; sets and maps are JSON.
    "
    CREATE TABLE alerts (
        fingerprint   TEXT PRIMARY KEY,
        labels        TEXT NOT NULL,
        annotations   TEXT NOT NULL,
        generator_url TEXT NOT NULL,
        starts_at     INTEGER NOT NULL,
        ends_at       INTEGER NOT NULL,
        updated_at    INTEGER NOT NULL,
        is_resolved   INTEGER NOT NULL,
        inhibited_by  TEXT,
        incident_id   TEXT
    ) STRICT;
    CREATE INDEX alerts_by_state ON alerts (is_resolved, ends_at);

    CREATE TABLE groups (
        group_id     INTEGER PRIMARY KEY,
        group_key    TEXT NOT NULL,
        receiver     TEXT NOT NULL,
        group_labels TEXT NOT NULL,
        next_flush   INTEGER NOT NULL,
        has_flushed  INTEGER NOT NULL,
        incident_id  TEXT,
        UNIQUE (group_key, receiver)
    ) STRICT;

    CREATE TABLE members (
        group_id    INTEGER NOT NULL REFERENCES groups (group_id) ON DELETE CASCADE,
        fingerprint TEXT NOT NULL REFERENCES alerts (fingerprint) ON DELETE CASCADE,
        PRIMARY KEY (group_id, fingerprint)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX members_by_alert ON members (fingerprint);

    CREATE TABLE incidents (
        incident_id  TEXT PRIMARY KEY,
        group_key    TEXT NOT NULL,
        receiver     TEXT NOT NULL,
        group_labels TEXT NOT NULL,
        state        TEXT NOT NULL CHECK (state IN ('triggered', 'acknowledged', 'resolved')),
        opened_at    INTEGER NOT NULL,
        resolved_at  INTEGER,
        summary      TEXT NOT NULL
    ) STRICT;
    CREATE INDEX incidents_by_end ON incidents (resolved_at);

    CREATE TABLE incident_alerts (
        incident_id TEXT NOT NULL REFERENCES incidents (incident_id) ON DELETE CASCADE,
        fingerprint TEXT NOT NULL,
        PRIMARY KEY (incident_id, fingerprint)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE notification_log (
        group_key       TEXT NOT NULL,
        receiver        TEXT NOT NULL,
        integration     TEXT NOT NULL,
        firing          TEXT NOT NULL,
        resolved        TEXT NOT NULL,
        at              INTEGER NOT NULL,
        notification_id TEXT NOT NULL,
        PRIMARY KEY (group_key, receiver, integration)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE outbox (
        seq         INTEGER PRIMARY KEY AUTOINCREMENT,
        id          TEXT NOT NULL UNIQUE,
        incident_id TEXT NOT NULL,
        group_key   TEXT NOT NULL,
        receiver    TEXT NOT NULL,
        integration TEXT NOT NULL,
        is_firing   INTEGER NOT NULL,
        reason      TEXT NOT NULL,
        payload     TEXT NOT NULL,
        log_before  TEXT NOT NULL,
        outcome     TEXT NOT NULL CHECK (outcome IN ('pending', 'sent', 'failed', 'superseded')),
        attempts    INTEGER NOT NULL DEFAULT 0,
        created_at  INTEGER NOT NULL,
        not_before  INTEGER NOT NULL,
        sent_at     INTEGER,
        receipt     TEXT,
        error       TEXT
    ) STRICT;
    CREATE INDEX outbox_pending ON outbox (group_key, receiver, integration, seq) WHERE outcome = 'pending';
    CREATE INDEX outbox_by_age ON outbox (created_at);
    ",
    "
    ALTER TABLE alerts ADD COLUMN silenced_by TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE groups ADD COLUMN muted_by TEXT NOT NULL DEFAULT '[]';

    CREATE TABLE silences (
        silence_id   TEXT PRIMARY KEY,
        matcher_sets TEXT NOT NULL,
        starts_at    INTEGER NOT NULL,
        ends_at      INTEGER NOT NULL,
        updated_at   INTEGER NOT NULL,
        created_by   TEXT NOT NULL,
        comment      TEXT NOT NULL,
        annotations  TEXT NOT NULL
    ) STRICT;
    CREATE INDEX silences_by_end ON silences (ends_at);
    ",
    "
    ALTER TABLE outbox ADD COLUMN urgency INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE outbox ADD COLUMN attempted_at INTEGER;
    CREATE INDEX notification_log_by_age ON notification_log (at);
    ",
    super::escalations::TABLES,
    "
    ALTER TABLE alerts ADD COLUMN ends_by_timeout INTEGER NOT NULL DEFAULT 0;
    ",
    outbound::COLUMNS,
];

/// As the first version made it.
#[cfg(test)]
pub(crate) const FIRST_FORMAT: &str = MIGRATIONS[0];

/// Statements that one connection keeps prepared: more than there are.
const PREPARED: usize = 256;

/// WAL mode with a sync at every commit, then whatever migrations are missing.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), AlertingError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let known = u32::try_from(MIGRATIONS.len()).expect("a handful of migrations");
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(AlertingError::FromTheFuture { found, known });
    }
    for version in found..known {
        let transaction = connection.transaction()?;
        transaction.execute_batch(MIGRATIONS[version as usize])?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// The same migrations; two processes that start at once make them one after the other.
pub(super) fn prepare_postgres(session: &Session) -> Result<(), AlertingError> {
    session.run("BEGIN; SELECT pg_advisory_xact_lock(hashtext('plimsoll schema'))")?;
    let migrated = migrate_postgres(session);
    session.run(if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    migrated
}

fn migrate_postgres(session: &Session) -> Result<(), AlertingError> {
    session.run("CREATE TABLE IF NOT EXISTS format (version BIGINT NOT NULL)")?;
    session.run(lease::TABLES)?;
    let sql = Sql::Postgres(session);
    let found: u32 = sql.single("SELECT count(*) FROM format", &[])?;
    let known = u32::try_from(MIGRATIONS.len()).expect("a handful of migrations");
    if found > known {
        return Err(AlertingError::FromTheFuture { found, known });
    }
    for version in found..known {
        session.run(&as_postgres(MIGRATIONS[version as usize]))?;
        sql.execute("INSERT INTO format (version) VALUES (?1)", values![version + 1])?;
    }
    Ok(())
}

/// What SQLite calls its types and tables, in PostgreSQL's words; text compares by its bytes, as there.
fn as_postgres(migration: &str) -> String {
    let key = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY";
    let words = [
        ("INTEGER PRIMARY KEY AUTOINCREMENT", key),
        ("INTEGER PRIMARY KEY", key),
        ("INTEGER", "BIGINT"),
        ("REAL", "DOUBLE PRECISION"),
        ("BLOB", "BYTEA"),
        (" TEXT", " TEXT COLLATE \"C\""),
        (") STRICT, WITHOUT ROWID;", ");"),
        (") STRICT;", ");"),
    ];
    words.iter().fold(migration.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_made_once_and_a_newer_one_is_left_alone() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("alerting.db");
        let mut connection = Connection::open(&path).expect("opens");
        prepare(&mut connection).expect("made");
        prepare(&mut connection).expect("nothing to do");
        let mode: String =
            connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).expect("answers");
        let synchronous: i64 =
            connection.pragma_query_value(None, "synchronous", |row| row.get(0)).expect("answers");
        assert_eq!((mode.as_str(), synchronous), ("wal", 2));

        connection.pragma_update(None, "user_version", 99).expect("set");
        let error = prepare(&mut connection).expect_err("from the future");
        assert!(error.to_string().contains("start the newer binary"), "{error}");
    }

    #[test]
    fn a_store_of_the_first_version_is_brought_up_to_this_one() {
        let mut connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch(MIGRATIONS[0]).expect("made");
        connection.pragma_update(None, "user_version", 1).expect("set");
        let rows = "INSERT INTO alerts VALUES ('f', '{}', '{}', '', 1, 2, 3, 0, NULL, NULL);
             INSERT INTO groups VALUES (1, 'k', 'r', '{}', 1, 0, NULL);";
        connection.execute_batch(rows).expect("written");
        prepare(&mut connection).expect("brought up");
        let by = |query: &str| connection.query_row(query, [], |row| row.get::<_, String>(0)).expect("a row");
        assert_eq!(by("SELECT silenced_by FROM alerts"), "[]");
        assert_eq!(by("SELECT muted_by FROM groups"), "[]");
        assert_eq!(by("SELECT count(*) || '' FROM silences"), "0");
    }
}
