//! How the server stands: statements whose rows are labels (text), a start (microseconds) and then numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_model::Clock;

use crate::otlp::{Readings, text};
use crate::postgres::{Connection, Kind, Pace, Row, Trouble};

/// What a number is.
#[derive(Clone, Copy, Debug)]
enum Of {
    Level,
    Amount,
    Count,
}

/// A statement and what its columns mean.
#[derive(Debug)]
struct Levels {
    what: &'static str,
    /// Versions that have it, both included.
    versions: (i32, i32),
    /// In intervals.
    every: u32,
    labels: &'static [&'static str],
    numbers: &'static [(&'static str, &'static str, Of)],
    sql: &'static str,
}

const ANY: (i32, i32) = (0, i32::MAX);
const DATABASE: &str = "postgresql.database.name";

const LEVELS: &[Levels] = &[
    Levels {
        what: "databases",
        versions: ANY,
        every: 1,
        labels: &[DATABASE],
        numbers: &[
            ("postgresql.backends", "1", Of::Amount),
            ("postgresql.commits", "1", Of::Count),
            ("postgresql.rollbacks", "1", Of::Count),
            ("postgresql.deadlocks", "{deadlock}", Of::Count),
            ("postgresql.blks_hit", "{blks_hit}", Of::Count),
            ("postgresql.blks_read", "{blks_read}", Of::Count),
            ("postgresql.temp_files", "{temp_file}", Of::Count),
            ("postgresql.temp.io", "By", Of::Count),
        ],
        sql: "SELECT datname::text, (extract(epoch FROM stats_reset) * 1000000)::int8, numbackends::float8, xact_commit::float8, \
              xact_rollback::float8, deadlocks::float8, blks_hit::float8, blks_read::float8, temp_files::float8, temp_bytes::float8 \
              FROM pg_stat_database WHERE datname IS NOT NULL AND datname NOT IN ('template0', 'template1')",
    },
    Levels {
        what: "connections",
        versions: ANY,
        every: 1,
        labels: &[],
        numbers: &[("postgresql.connection.max", "{connection}", Of::Level)],
        sql: "SELECT NULL::int8, current_setting('max_connections')::float8",
    },
    Levels {
        what: "size of the database",
        versions: ANY,
        every: 20,
        labels: &[DATABASE],
        numbers: &[("postgresql.db_size", "By", Of::Level)],
        sql: "SELECT current_database()::text, NULL::int8, pg_database_size(current_database())::float8",
    },
    Levels {
        what: "locks",
        versions: ANY,
        every: 1,
        labels: &[DATABASE, "relation", "mode", "lock_type"],
        numbers: &[("postgresql.database.locks", "{lock}", Of::Level)],
        // Locks that readers take on every table say nothing.
        sql: "SELECT current_database()::text, coalesce(c.relname::text, ''), l.mode::text, l.locktype::text, NULL::int8, count(*)::float8 \
              FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation \
              WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
              AND (NOT l.granted OR l.mode NOT IN ('AccessShareLock', 'RowShareLock')) AND l.locktype <> 'virtualxid' \
              GROUP BY 2, 3, 4 ORDER BY 6 DESC LIMIT 100",
    },
    Levels {
        what: "replicas",
        versions: ANY,
        every: 1,
        labels: &["replication_client"],
        numbers: &[("postgresql.replication.data_delay", "By", Of::Level)],
        sql: "SELECT coalesce(client_addr::text, 'unix') || '/' || coalesce(application_name, ''), NULL::int8, \
              pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END, replay_lsn)::float8 \
              FROM pg_stat_replication WHERE state = 'streaming'",
    },
    Levels {
        what: "how far replicas are behind",
        versions: ANY,
        every: 1,
        labels: &["replication_client", "operation"],
        numbers: &[("postgresql.wal.lag", "s", Of::Level)],
        sql: "SELECT coalesce(r.client_addr::text, 'unix') || '/' || coalesce(r.application_name, ''), l.operation, NULL::int8, \
              extract(epoch FROM l.lag)::float8 FROM pg_stat_replication r, LATERAL (VALUES ('write', r.write_lag), ('flush', r.flush_lag), \
              ('replay', r.replay_lag)) AS l(operation, lag) WHERE l.lag IS NOT NULL \
              UNION ALL SELECT 'this standby', 'replay', NULL::int8, CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
              ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float8 WHERE pg_is_in_recovery()",
    },
    Levels {
        what: "WAL that is not archived",
        versions: ANY,
        every: 4,
        labels: &[],
        numbers: &[("postgresql.wal.age", "s", Of::Level)],
        sql: "SELECT NULL::int8, coalesce(extract(epoch FROM now() - min(modification)), 0)::float8 FROM pg_ls_archive_statusdir() \
              WHERE name LIKE '%.ready'",
    },
    Levels {
        what: "busiest tables",
        versions: ANY,
        every: 4,
        labels: &["postgresql.table.name"],
        numbers: &[
            ("postgresql.table.dead_rows", "{row}", Of::Level),
            ("postgresql.table.vacuum.age", "s", Of::Level),
            ("postgresql.table.size", "By", Of::Level),
        ],
        sql: "SELECT relname::text, NULL::int8, n_dead_tup::float8, extract(epoch FROM now() - greatest(last_vacuum, last_autovacuum))::float8, \
              pg_total_relation_size(relid)::float8 FROM (SELECT * FROM pg_stat_user_tables \
              ORDER BY n_tup_ins + n_tup_upd + n_tup_del + n_dead_tup DESC LIMIT 20) busiest",
    },
    Levels {
        what: "input and output",
        versions: (160_000, i32::MAX),
        every: 2,
        labels: &["backend_type", "object", "context"],
        numbers: &[
            ("postgresql.io.reads", "{operation}", Of::Count),
            ("postgresql.io.writes", "{operation}", Of::Count),
            ("postgresql.io.read_time", "s", Of::Count),
            ("postgresql.io.write_time", "s", Of::Count),
        ],
        sql: "SELECT backend_type::text, object::text, context::text, (extract(epoch FROM stats_reset) * 1000000)::int8, reads::float8, \
              writes::float8, (read_time / 1000)::float8, (write_time / 1000)::float8 FROM pg_stat_io WHERE reads > 0 OR writes > 0",
    },
    Levels {
        what: "checkpoints",
        versions: (0, 169_999),
        every: 2,
        labels: &["type"],
        numbers: &[("postgresql.bgwriter.checkpoint.count", "{checkpoint}", Of::Count)],
        sql: "SELECT t.kind, (extract(epoch FROM stats_reset) * 1000000)::int8, t.number::float8 FROM pg_stat_bgwriter, \
              LATERAL (VALUES ('scheduled', checkpoints_timed), ('requested', checkpoints_req)) AS t(kind, number)",
    },
    Levels {
        what: "checkpoints",
        versions: (170_000, i32::MAX),
        every: 2,
        labels: &["type"],
        numbers: &[("postgresql.bgwriter.checkpoint.count", "{checkpoint}", Of::Count)],
        sql: "SELECT t.kind, (extract(epoch FROM stats_reset) * 1000000)::int8, t.number::float8 FROM pg_stat_checkpointer, \
              LATERAL (VALUES ('scheduled', num_timed), ('requested', num_requested)) AS t(kind, number)",
    },
];

/// When each statement is due.
#[derive(Debug, Default)]
pub(crate) struct Paces(BTreeMap<&'static str, Pace>);

impl Paces {
    /// Measures what is due, and says what could not be. Only what ends the connection ends the round.
    pub(crate) async fn measure(
        &mut self,
        connection: &Connection,
        clock: &dyn Clock,
        interval: Duration,
        readings: &mut Readings,
    ) -> Result<Vec<String>, Trouble> {
        let mut notes = Vec::new();
        let version = connection.server.version;
        for levels in
            LEVELS.iter().filter(|levels| (levels.versions.0..=levels.versions.1).contains(&version))
        {
            let pace = self.0.entry(levels.what).or_default();
            let (began, every) = (clock.now(), interval * levels.every);
            if pace.is_due(began) {
                let is_over = match levels.ask(connection, readings).await {
                    Ok(()) => false,
                    Err(trouble) if trouble.ends_the_connection() => return Err(trouble),
                    Err(trouble) => {
                        notes.push(levels.cure(&trouble, &connection.server.user));
                        trouble.kind == Kind::Timeout
                    }
                };
                pace.asked(began, clock.now().since(began), connection.statement_timeout(), is_over, every);
            }
            notes.extend(pace.note(levels.what, every));
        }
        Ok(notes)
    }
}

impl Levels {
    async fn ask(&self, connection: &Connection, readings: &mut Readings) -> Result<(), Trouble> {
        for row in connection.within(&[self.sql]).await?.remove(0) {
            self.read(&row, readings)?;
        }
        Ok(())
    }

    fn read(&self, row: &Row, readings: &mut Readings) -> Result<(), Trouble> {
        let mut attributes = Vec::with_capacity(self.labels.len());
        for (i, key) in self.labels.iter().enumerate() {
            attributes.extend(row.get::<Option<String>>(i)?.map(|value| text(key, value)));
        }
        let start = row.time(self.labels.len())?;
        for (i, (name, unit, of)) in self.numbers.iter().enumerate() {
            let Some(value) = row.get::<Option<f64>>(self.labels.len() + 1 + i)? else { continue };
            match of {
                Of::Level => readings.gauge(name, unit, attributes.clone(), value),
                Of::Amount => readings.amount(name, unit, attributes.clone(), value),
                Of::Count => readings.count(name, unit, start, attributes.clone(), value),
            }
        }
        Ok(())
    }

    fn cure(&self, trouble: &Trouble, role: &str) -> String {
        match trouble.kind {
            Kind::Schema => format!("{}: {trouble}; GRANT pg_monitor TO {role}", self.what),
            _ => format!("{}: {trouble}", self.what),
        }
    }
}
