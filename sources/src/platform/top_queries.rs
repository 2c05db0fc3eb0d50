//! The statements that cost the most, from `pg_stat_statements` when it is there: totals as metrics, and what an interval
//! added as records.

use std::collections::HashMap;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use plimsoll_model::Timestamp;
use tokio_postgres::types::Type;

use crate::otlp::{Readings, Record, text};
use crate::postgres::{Connection, Trouble};
use crate::statement::{normalised, summary};

/// Statements of which the totals are compared.
const COMPARED: usize = 500;
/// Statements that are told.
const TOLD: usize = 20;
/// Texts that are remembered.
const MOST_TEXTS: usize = 5_000;

const WHERE_IT_IS: &str = "SELECT quote_ident(n.nspname)::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace \
     WHERE e.extname = 'pg_stat_statements'";

/// What is known from the look before.
#[derive(Debug, Default)]
pub(crate) struct TopQueries {
    before: HashMap<Key, Totals>,
    texts: HashMap<Key, String>,
}

type Key = (i64, String);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Totals {
    calls: f64,
    seconds: f64,
    rows: f64,
}

impl TopQueries {
    /// What an interval added; nothing the first time. The note says what is missing.
    pub(crate) async fn read(
        &mut self,
        connection: &Connection,
        readings: &mut Readings,
        now: Timestamp,
    ) -> Result<(Vec<LogRecord>, Option<String>), Trouble> {
        let place = connection.within(&[WHERE_IT_IS]).await?.remove(0);
        let Some(schema) = place.first().map(|row| row.get::<String>(0)).transpose()? else {
            let note = "no statistics of statements: add pg_stat_statements to shared_preload_libraries, restart, and CREATE EXTENSION pg_stat_statements in this database";
            return Ok((Vec::new(), Some(note.to_owned())));
        };
        // Without the texts, which the server would read from a file; 13 and later call the time total_exec_time.
        let asked = format!(
            "SELECT s.queryid::int8, d.datname::text, sum(s.calls)::float8, sum(s.total_exec_time / 1000)::float8, sum(s.rows)::float8 \
             FROM {schema}.pg_stat_statements(false) s JOIN pg_database d ON d.oid = s.dbid \
             WHERE s.queryid IS NOT NULL GROUP BY 1, 2 ORDER BY 4 DESC LIMIT {COMPARED}"
        );
        let mut totals = HashMap::new();
        for row in connection.within(&[&asked]).await?.remove(0) {
            let known = Totals { calls: row.get(2)?, seconds: row.get(3)?, rows: row.get(4)? };
            totals.insert((row.get(0)?, row.get(1)?), known);
        }
        let costly = costliest(&self.before, &totals);
        self.learn(connection, &schema, &costly).await?;
        let records = costly.iter().map(|(key, added)| self.record(key, *added, now)).collect();
        for (key, _) in &costly {
            self.measure(key, totals[key], readings);
        }
        self.before = totals;
        Ok((records, None))
    }

    /// Texts of statements that were not met before.
    async fn learn(
        &mut self,
        connection: &Connection,
        schema: &str,
        costly: &[(Key, Totals)],
    ) -> Result<(), Trouble> {
        let unknown: Vec<i64> =
            costly.iter().filter(|(key, _)| !self.texts.contains_key(key)).map(|(key, _)| key.0).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        if self.texts.len() > MOST_TEXTS {
            self.texts.clear();
        }
        let asked = format!(
            "SELECT s.queryid::int8, d.datname::text, min(left(s.query, 4000))::text FROM {schema}.pg_stat_statements(true) s \
             JOIN pg_database d ON d.oid = s.dbid WHERE s.queryid = ANY($1) GROUP BY 1, 2"
        );
        let reading = connection.begin(connection.statement_timeout()).await?;
        let rows = reading.ask(&asked, &[(&unknown, Type::INT8_ARRAY)]).await?;
        reading.end().await?;
        for row in rows {
            self.texts.insert((row.get(0)?, row.get(1)?), row.get::<Option<String>>(2)?.unwrap_or_default());
        }
        Ok(())
    }

    fn text(&self, key: &Key) -> &str {
        self.texts.get(key).map_or("", String::as_str)
    }

    fn record(&self, key: &Key, added: Totals, now: Timestamp) -> LogRecord {
        Record::at(now, now)
            .named("db.server.top_query")
            .severity(9, "INFO")
            .body(summary(self.text(key)))
            .text("postgresql.queryid", key.0.to_string())
            .some_number("postgresql.calls", Some(added.calls))
            .some_number("postgresql.total_exec_time", Some(added.seconds))
            .some_number("postgresql.rows", Some(added.rows))
            .text("db.namespace", key.1.clone())
            .text("db.query.text", normalised(self.text(key)))
            .text("db.query.summary", summary(self.text(key)))
            .build()
    }

    fn measure(&self, key: &Key, totals: Totals, readings: &mut Readings) {
        let attributes = vec![
            text("postgresql.database.name", key.1.clone()),
            text("postgresql.queryid", key.0.to_string()),
            text("db.query.summary", summary(self.text(key))),
        ];
        readings.count("postgresql.query.calls", "{call}", None, attributes.clone(), totals.calls);
        readings.count("postgresql.query.execution.time", "s", None, attributes, totals.seconds);
    }
}

/// What the interval added, most time first. After a reset of the statistics everything that is there is new.
fn costliest(before: &HashMap<Key, Totals>, now: &HashMap<Key, Totals>) -> Vec<(Key, Totals)> {
    if before.is_empty() {
        return Vec::new();
    }
    let added = now.iter().map(|(key, totals)| {
        let old = before.get(key).filter(|old| old.calls <= totals.calls).copied().unwrap_or_default();
        let added = Totals {
            calls: totals.calls - old.calls,
            seconds: (totals.seconds - old.seconds).max(0.0),
            rows: (totals.rows - old.rows).max(0.0),
        };
        (key.clone(), added)
    });
    let mut added: Vec<_> = added.filter(|(_, added)| added.calls > 0.0).collect();
    added.sort_by(|a, b| b.1.seconds.total_cmp(&a.1.seconds));
    added.truncate(TOLD);
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interval_added_is_told_also_after_a_reset() {
        let key = |id: i64| (id, "odoo".to_owned());
        let totals = |calls, seconds| Totals { calls, seconds, rows: calls };
        let before = HashMap::from([
            (key(1), totals(10.0, 5.0)),
            (key(2), totals(10.0, 1.0)),
            (key(3), totals(9.0, 9.0)),
        ]);
        let now = HashMap::from([
            (key(1), totals(12.0, 6.0)),
            (key(2), totals(10.0, 1.0)),
            (key(3), totals(1.0, 3.0)),
        ]);
        assert_eq!(costliest(&before, &now), [(key(3), totals(1.0, 3.0)), (key(1), totals(2.0, 1.0))]);
        assert!(costliest(&HashMap::new(), &now).is_empty(), "the totals of years are no interval");
    }
}
