//! Who is at work and who waits for whom: one look at `pg_stat_activity`, a second at the locks only when somebody waits.

use std::collections::{BTreeMap, HashMap};

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use plimsoll_model::Timestamp;

use crate::otlp::{Readings, Record, text};
use crate::postgres::{Connection, Trouble};
use crate::statement::{normalised, summary};

/// Samples of one look; what is beyond it is counted in the metrics all the same.
const MOST_SAMPLES: usize = 100;
/// A statement that waits for nothing is worth a sample once it has run for this long.
const LONG: f64 = 0.1;

const ACTIVITY: &str = "SELECT a.pid::int4, a.datname::text, a.application_name::text, a.state::text, \
     a.wait_event_type::text, a.wait_event::text, extract(epoch FROM clock_timestamp() - a.xact_start)::float8, \
     extract(epoch FROM clock_timestamp() - a.query_start)::float8, \
     extract(epoch FROM clock_timestamp() - a.state_change)::float8, left(a.query, 4000)::text, a.backend_type::text, \
     CASE WHEN a.wait_event_type = 'Lock' THEN pg_blocking_pids(a.pid) END::int4[] \
     FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid() AND a.backend_type IN ('client backend', 'autovacuum worker')";
/// Since when a lock is waited for: 14 and later.
const WAITS: &str = "SELECT pid::int4, extract(epoch FROM clock_timestamp() - min(waitstart))::float8 FROM pg_locks \
     WHERE NOT granted AND waitstart IS NOT NULL GROUP BY pid";
const WAITSTART_SINCE: i32 = 140_000;

/// A connection as it was found.
#[derive(Clone, Debug, Default)]
struct Backend {
    pid: i32,
    database: Option<String>,
    application: Option<String>,
    state: Option<String>,
    wait_type: Option<String>,
    wait: Option<String>,
    transaction_age: Option<f64>,
    query_age: Option<f64>,
    state_age: Option<f64>,
    query: String,
    is_worker: bool,
    blockers: Vec<i32>,
    lock_wait: Option<f64>,
}

/// One look.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    backends: Vec<Backend>,
    /// Other roles' connections are hidden from us.
    pub(crate) is_blind: bool,
}

impl Activity {
    pub(crate) async fn read(connection: &Connection) -> Result<Self, Trouble> {
        let reading = connection.begin(connection.statement_timeout()).await?;
        let mut activity = Self::default();
        for row in reading.ask(ACTIVITY, &[]).await? {
            let backend_type: Option<String> = row.get(10)?;
            activity.is_blind |= backend_type.is_none();
            activity.backends.push(Backend {
                pid: row.get(0)?,
                database: row.get(1)?,
                application: row.get(2)?,
                state: row.get(3)?,
                wait_type: row.get(4)?,
                wait: row.get(5)?,
                transaction_age: row.get(6)?,
                query_age: row.get(7)?,
                state_age: row.get(8)?,
                query: row.get::<Option<String>>(9)?.unwrap_or_default(),
                is_worker: backend_type.as_deref() == Some("autovacuum worker"),
                blockers: row.get::<Option<Vec<i32>>>(11)?.unwrap_or_default(),
                lock_wait: None,
            });
        }
        if activity.backends.iter().any(Backend::waits_for_a_lock)
            && connection.server.version >= WAITSTART_SINCE
        {
            let waits = reading.ask(WAITS, &[]).await?;
            let waits: HashMap<i32, f64> = waits
                .iter()
                .map(|row| Ok::<_, Trouble>((row.get(0)?, row.get(1)?)))
                .collect::<Result<_, _>>()?;
            for backend in &mut activity.backends {
                backend.lock_wait = waits.get(&backend.pid).copied();
            }
        }
        reading.end().await?;
        let hidden = "<insufficient privilege>";
        activity.is_blind |= activity.backends.iter().any(|backend| backend.query == hidden);
        Ok(activity)
    }

    pub(crate) fn somebody_is_blocked(&self) -> bool {
        self.backends.iter().any(Backend::waits_for_a_lock)
    }

    /// One record for each connection that waits or has been at work for a while, with who blocks it.
    pub(crate) fn samples(&self, now: Timestamp) -> Vec<LogRecord> {
        let by_pid: HashMap<i32, &Backend> =
            self.backends.iter().map(|backend| (backend.pid, backend)).collect();
        let mut found: Vec<&Backend> =
            self.backends.iter().filter(|backend| backend.is_worth_a_sample()).collect();
        // Whoever has waited longest first, should there be too many.
        found.sort_by(|a, b| b.weight().total_cmp(&a.weight()));
        found.truncate(MOST_SAMPLES);
        found.into_iter().map(|backend| sample(backend, &by_pid, now)).collect()
    }

    pub(crate) fn measure(&self, readings: &mut Readings) {
        let mut states: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        let mut waits: BTreeMap<(&str, &str, &str), i64> = BTreeMap::new();
        let mut blocked: BTreeMap<&str, (i64, f64)> = BTreeMap::new();
        let mut oldest: BTreeMap<(&str, &str), f64> = BTreeMap::new();
        for backend in self.backends.iter().filter(|backend| !backend.is_worker) {
            let Some(database) = backend.database.as_deref() else { continue };
            let state = backend.state.as_deref().unwrap_or("unknown");
            *states.entry((database, state)).or_default() += 1;
            let standing = blocked.entry(database).or_default();
            if backend.waits_for_a_lock() {
                standing.0 += 1;
                standing.1 = standing.1.max(backend.waited());
            }
            if let (Some(kind), Some(wait), true) = (&backend.wait_type, &backend.wait, backend.is_active()) {
                *waits.entry((database, kind, wait)).or_default() += 1;
            }
            if let Some(age) = backend.transaction_age {
                let known = oldest.entry((database, state)).or_default();
                *known = known.max(age);
            }
        }
        for ((database, state), count) in states {
            readings.gauge(
                "postgresql.connections",
                "{connection}",
                vec![of(database), text("postgresql.state", state)],
                count,
            );
        }
        for ((database, kind, wait), count) in waits {
            let attributes = vec![
                of(database),
                text("postgresql.wait_event_type", kind),
                text("postgresql.wait_event", wait),
            ];
            readings.gauge("postgresql.waiting", "{connection}", attributes, count);
        }
        for (database, (count, age)) in blocked {
            readings.gauge("postgresql.blocked", "{connection}", vec![of(database)], count);
            readings.gauge("postgresql.blocked.age", "s", vec![of(database)], age);
        }
        for ((database, state), age) in oldest {
            readings.gauge(
                "postgresql.transaction.age",
                "s",
                vec![of(database), text("postgresql.state", state)],
                age,
            );
        }
    }
}

impl Backend {
    fn is_active(&self) -> bool {
        self.state.as_deref() == Some("active")
    }

    fn waits_for_a_lock(&self) -> bool {
        self.wait_type.as_deref() == Some("Lock")
    }

    /// For a lock; before 14 no better is known than how long the statement has run.
    fn waited(&self) -> f64 {
        self.lock_wait.or(self.query_age).unwrap_or_default().max(0.0)
    }

    fn is_worth_a_sample(&self) -> bool {
        let waits = self.wait_type.as_deref().is_some_and(|kind| !matches!(kind, "Client" | "Activity"));
        (self.is_active() && (waits || self.query_age.is_some_and(|age| age >= LONG))) || self.is_worker
    }

    fn weight(&self) -> f64 {
        if self.waits_for_a_lock() { 1e9 + self.waited() } else { self.query_age.unwrap_or_default() }
    }
}

fn sample(backend: &Backend, by_pid: &HashMap<i32, &Backend>, now: Timestamp) -> LogRecord {
    let blocker = root(backend, by_pid);
    let pids: Vec<String> = backend.blockers.iter().map(ToString::to_string).collect();
    let mut record = Record::at(now, now)
        .named("db.server.query_sample")
        .severity(9, "INFO")
        .body(summary_of(backend))
        .integer("postgresql.pid", backend.pid.into())
        .some_text("db.namespace", backend.database.clone())
        .some_text("postgresql.application_name", backend.application.clone().filter(|name| !name.is_empty()))
        .some_text("postgresql.state", backend.state.clone())
        .some_text("postgresql.wait_event_type", backend.wait_type.clone())
        .some_text("postgresql.wait_event", backend.wait.clone())
        .text("db.query.text", normalised(&backend.query))
        .text("db.query.summary", summary_of(backend));
    if backend.waits_for_a_lock() {
        record = record.some_number("postgresql.lock.wait_ms", Some(backend.waited() * 1e3));
    }
    if !pids.is_empty() {
        record = record.text("postgresql.blocking.pids", pids.join(","));
    }
    let Some((pid, blocker)) = blocker else { return record.build() };
    record = record.integer("postgresql.blocking.pid", pid.into());
    let Some(blocker) = blocker else { return record.build() };
    record
        .some_text(
            "postgresql.blocking.application_name",
            blocker.application.clone().filter(|name| !name.is_empty()),
        )
        .some_text("postgresql.blocking.state", blocker.state.clone())
        .text("postgresql.blocking.query.summary", summary_of(blocker))
        .some_number(
            "postgresql.blocking.age_ms",
            blocker.transaction_age.or(blocker.state_age).map(|age| age * 1e3),
        )
        .build()
}

fn summary_of(backend: &Backend) -> String {
    // What an autovacuum worker shows begins with its own name.
    summary(backend.query.strip_prefix("autovacuum: ").unwrap_or(&backend.query))
}

/// Who stands at the head of the queue: the blocker that nobody blocks. A ring is a deadlock, which the server will end.
fn root<'a>(backend: &Backend, by_pid: &HashMap<i32, &'a Backend>) -> Option<(i32, Option<&'a Backend>)> {
    let mut pid = *backend.blockers.first()?;
    for _ in 0..by_pid.len() {
        match by_pid.get(&pid).and_then(|next| next.blockers.first()) {
            Some(next) if *next != backend.pid => pid = *next,
            _ => break,
        }
    }
    Some((pid, by_pid.get(&pid).copied()))
}

fn of(database: &str) -> opentelemetry_proto::tonic::common::v1::KeyValue {
    text("postgresql.database.name", database)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocker_is_the_one_at_the_head_of_the_queue() {
        let backend =
            |pid, blockers: &[i32]| Backend { pid, blockers: blockers.to_vec(), ..Backend::default() };
        let backends =
            [backend(1, &[]), backend(2, &[1]), backend(3, &[2, 1]), backend(4, &[5]), backend(5, &[4])];
        let by_pid: HashMap<i32, &Backend> = backends.iter().map(|backend| (backend.pid, backend)).collect();
        let head = |i: usize| root(&backends[i], &by_pid).map(|(pid, _)| pid);
        assert_eq!([head(0), head(1), head(2)], [None, Some(1), Some(1)]);
        assert_eq!(head(3), Some(5), "a ring ends too");
        let behind_a_prepared_transaction = backend(6, &[0]);
        assert_eq!(
            root(&behind_a_prepared_transaction, &by_pid).map(|(pid, known)| (pid, known.is_some())),
            Some((0, false))
        );
    }
}
