//! The fault, as it really happens: an analyst starts a stock valuation report in the middle of the day. It works
//! through the warehouse's products batch by batch, and each batch is a transaction that locks their stock and then
//! computes for a while, `idle in transaction`. Whoever must reserve that stock waits.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use plimsoll_model::Timestamp;

use super::telemetry::{Source, float, int, log, millis, text};
use super::world::DATABASE;

pub(super) const SERIALIZATION_FAILURE: &str = "SerializationFailure";
pub(super) const LOCK_NOT_AVAILABLE: &str = "LockNotAvailable";

/// The shortest batch of the report, in milliseconds, and by how much others are longer.
const BATCH_MS: u64 = 13_000;
const BATCH_SPREAD_MS: u64 = 6_000;

/// Who has to wait shorter than this meets the next batch with its next row.
const ONE_ROW_IS_NOT_ALL: Duration = Duration::from_secs(6);

/// `deadlock_timeout`, after which `log_lock_waits` speaks.
const DEADLOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// The report runs in a worker that the platform team gave a name of its own (ODOO_PGAPPNAME).
const REPORT_PID: u32 = 4733;
const REPORT_APPLICATION: &str = "odoo-report";
pub(super) const REPORT_LOCKS: &str = "SELECT stock_quant FOR UPDATE";
pub(super) const REPORT_WORKER: Source = Source::Odoo { pid: REPORT_PID };

const FIRST_TRANSACTION: i64 = 889_123;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValuationReport {
    /// Its code.
    pub warehouse: &'static str,
    pub starts: Timestamp,
    /// When it is through, or somebody cancelled it.
    pub ends: Timestamp,
}

/// A statement that stood still because another transaction held its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LockWait {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    /// The blocker's.
    pub(super) transaction: i64,
}

impl LockWait {
    pub(super) fn duration(&self) -> Duration {
        self.until.since(self.from)
    }
}

impl ValuationReport {
    /// What a statement that needs the locked rows at `at` has to wait for: the rest of the batch, and the next batch
    /// too when that rest is short. Nothing before and after the report.
    pub(super) fn waits_from(&self, at: Timestamp) -> Vec<LockWait> {
        let Some(first) = self.wait_at(at) else { return Vec::new() };
        if first.duration() >= ONE_ROW_IS_NOT_ALL {
            return vec![first];
        }
        let second = self.wait_at(first.until);
        std::iter::once(first).chain(second).collect()
    }

    fn wait_at(&self, at: Timestamp) -> Option<LockWait> {
        let (ends, transaction) = self.batch_at(at)?;
        Some(LockWait { from: at, until: ends, transaction })
    }

    /// When the batch that is under way at `at` ends, and its transaction; `None` outside the report.
    pub(super) fn batch_at(&self, at: Timestamp) -> Option<(Timestamp, i64)> {
        if at < self.starts || at >= self.ends {
            return None;
        }
        let (mut ends, mut transaction) = (self.starts, FIRST_TRANSACTION);
        for batch in 1.. {
            ends = ends + Duration::from_millis(BATCH_MS + batch * 2_741 % BATCH_SPREAD_MS);
            if ends > at {
                break;
            }
            transaction += 17;
        }
        Some((ends.min(self.ends), transaction))
    }
}

/// What the statement that waited was part of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter<'a> {
    pub(super) worker: Source,
    pub(super) statement: &'a str,
    pub(super) error: Option<&'static str>,
    /// Known when the statement carried a comment with its trace context.
    pub(super) trace: Option<([u8; 16], [u8; 8])>,
}

/// PostgreSQL's own words about `wait`: one line when it has lasted a second, one when it is over.
pub(super) fn log_lines(wait: &LockWait, waiter: Waiter<'_>) -> Vec<(Timestamp, LogRecord)> {
    if wait.duration() < DEADLOCK_TIMEOUT {
        return Vec::new();
    }
    let pid = backend(waiter.worker);
    // The timer fires a little late, by an amount that need not be random to look so.
    let noticed = DEADLOCK_TIMEOUT + Duration::from_micros(wait.from.nanos().unsigned_abs() / 1_000 % 900);
    let lock = format!("ShareLock on transaction {}", wait.transaction);
    let still = format!("process {pid} still waiting for {lock} after {:.3} ms", millis(noticed));
    let mut lines = vec![(wait.from + noticed, line(still, noticed, pid, waiter))];
    if waiter.error != Some(LOCK_NOT_AVAILABLE) {
        let got = format!("process {pid} acquired {lock} after {:.3} ms", millis(wait.duration()));
        lines.push((wait.until, line(got, wait.duration(), pid, waiter)));
    }
    lines.extend(waiter.error.map(|error| (wait.until, failure(wait.until, error, waiter.worker))));
    for (at, record) in &mut lines {
        record.time_unix_nano = super::telemetry::unix_nanos(*at);
        record.observed_time_unix_nano = record.time_unix_nano;
        if let Some((trace_id, span_id)) = waiter.trace {
            record.trace_id = trace_id.to_vec();
            record.span_id = span_id.to_vec();
        }
    }
    lines
}

fn line(body: String, waited: Duration, pid: u32, waiter: Waiter<'_>) -> LogRecord {
    let holder = backend(REPORT_WORKER);
    let mut attributes = server(pid);
    attributes.extend([
        text("db.collection.name", "stock_quant"),
        text("db.query.summary", waiter.statement),
        text("postgresql.detail", format!("Process holding the lock: {holder}. Wait queue: {pid}.")),
        text("postgresql.context", "while updating tuple (41,7) in relation \"stock_quant\""),
        float("postgresql.lock.wait_ms", millis(waited)),
        int("postgresql.blocking.pid", i64::from(holder)),
        text("postgresql.blocking.application_name", REPORT_APPLICATION),
        text("postgresql.blocking.state", "idle in transaction"),
        text("postgresql.blocking.query.summary", REPORT_LOCKS),
    ]);
    postgres_log(SeverityNumber::Info, "LOG", body, attributes)
}

/// A row changed under a transaction that had begun before: REPEATABLE READ gives up.
pub(super) fn concurrent_update(at: Timestamp, worker: Source) -> LogRecord {
    failure(at, SERIALIZATION_FAILURE, worker)
}

fn failure(at: Timestamp, error: &'static str, worker: Source) -> LogRecord {
    let body = match error {
        LOCK_NOT_AVAILABLE => "canceling statement due to lock timeout",
        _ => "could not serialize access due to concurrent update",
    };
    let mut attributes = server(backend(worker));
    attributes.extend([text("db.response.status_code", sql_state(error)), text("error.type", error)]);
    let mut record = postgres_log(SeverityNumber::Error, "ERROR", body.to_owned(), attributes);
    record.time_unix_nano = super::telemetry::unix_nanos(at);
    record.observed_time_unix_nano = record.time_unix_nano;
    record
}

fn postgres_log(severity: SeverityNumber, level: &str, body: String, attributes: Vec<KeyValue>) -> LogRecord {
    let mut record = log(Timestamp::default(), severity, body, attributes);
    level.clone_into(&mut record.severity_text);
    record
}

fn server(pid: u32) -> Vec<KeyValue> {
    vec![
        text("db.system.name", "postgresql"),
        text("db.namespace", DATABASE),
        int("postgresql.pid", i64::from(pid)),
    ]
}

/// The server process behind an Odoo worker: PostgreSQL knows nothing else of it.
fn backend(worker: Source) -> u32 {
    match worker {
        Source::Odoo { pid } => pid + 20_000,
        Source::Traefik | Source::Postgresql | Source::Redis => 0,
    }
}

pub(super) fn sql_state(error: &str) -> &'static str {
    if error == LOCK_NOT_AVAILABLE { "55P03" } else { "40001" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn waits_last_from_six_to_twenty_five_seconds_while_the_report_runs_and_end_with_it() {
        let report = ValuationReport { warehouse: "ROT", starts: at(1_000), ends: at(1_600) };
        for second in 1_000..1_570 {
            let waited: Duration = report.waits_from(at(second)).iter().map(LockWait::duration).sum();
            assert!((6..=25).contains(&waited.as_secs()), "{second}: {waited:?}");
        }
        assert_eq!(report.waits_from(at(999)), []);
        assert_eq!(report.waits_from(at(1_600)), []);
        assert_eq!(report.waits_from(at(1_599)).last().map(|wait| wait.until), Some(at(1_600)));
    }

    #[test]
    fn postgresql_words_a_wait_as_it_does_in_its_log() {
        let wait = LockWait { from: at(100), until: at(108), transaction: 889_123 };
        let worker = Source::Odoo { pid: 4711 };
        let waiter = Waiter { worker, statement: "UPDATE stock_quant", error: None, trace: None };
        let bodies: Vec<String> = log_lines(&wait, waiter).iter().map(|(_, line)| body(line)).collect();
        assert_eq!(
            bodies,
            [
                "process 24711 still waiting for ShareLock on transaction 889123 after 1000.100 ms",
                "process 24711 acquired ShareLock on transaction 889123 after 8000.000 ms",
            ]
        );
    }

    fn body(record: &LogRecord) -> String {
        use opentelemetry_proto::tonic::common::v1::any_value::Value;
        match record.body.as_ref().and_then(|body| body.value.as_ref()) {
            Some(Value::StringValue(text)) => text.clone(),
            _ => String::new(),
        }
    }
}
