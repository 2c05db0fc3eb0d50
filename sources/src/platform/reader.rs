//! The reader of one PostgreSQL server: who waits, every second or so; how it stands, now and then; what costs the most,
//! each minute.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plimsoll_model::{Clock, Timestamp};

use super::activity::Activity;
use super::levels::Paces;
use super::top_queries::TopQueries;
use crate::config::PostgresConfig;
use crate::otlp::Readings;
use crate::postgres::{Connection, Trouble};
use crate::source::{Batch, FetchError, Fetched, Source};

/// What was sampled is summed up this often, and at once while somebody is blocked.
const SUMMED_UP: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct PlatformReader {
    config: PostgresConfig,
    clock: Arc<dyn Clock>,
    connection: Option<Connection>,
    paces: Paces,
    top_queries: TopQueries,
    summed_up: Option<Timestamp>,
    levels_due: Option<Timestamp>,
    queries_due: Option<Timestamp>,
    notes: Vec<String>,
    query_note: Option<String>,
}

impl PlatformReader {
    pub(crate) fn new(config: PostgresConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            config,
            clock,
            connection: None,
            paces: Paces::default(),
            top_queries: TopQueries::default(),
            summed_up: None,
            levels_due: None,
            queries_due: None,
            notes: Vec::new(),
            query_note: None,
        }
    }

    async fn look(&mut self, connection: &Connection) -> Result<Fetched, Trouble> {
        let now = self.clock.now();
        let activity = Activity::read(connection).await?;
        let mut readings = Readings::at(now);
        if activity.somebody_is_blocked() || is_due(self.summed_up, now) {
            activity.measure(&mut readings);
            self.summed_up = Some(now + SUMMED_UP);
        }
        let mut records = activity.samples(now);
        if is_due(self.levels_due, now) {
            let clock = Arc::clone(&self.clock);
            let measured =
                self.paces.measure(connection, clock.as_ref(), self.config.levels_interval, &mut readings);
            self.notes = measured.await?;
            self.levels_due = Some(now + self.config.levels_interval);
        }
        if is_due(self.queries_due, now) {
            self.queries_due = Some(now + self.config.queries_interval);
            match self.top_queries.read(connection, &mut readings, now).await {
                Ok((told, note)) => {
                    records.extend(told);
                    self.query_note = note;
                }
                Err(trouble) if trouble.ends_the_connection() => return Err(trouble),
                Err(trouble) => self.query_note = Some(format!("statistics of statements: {trouble}")),
            }
        }
        Ok(self.fetched(connection, &activity, records, readings))
    }

    fn fetched(
        &self,
        connection: &Connection,
        activity: &Activity,
        records: Vec<opentelemetry_proto::tonic::logs::v1::LogRecord>,
        readings: Readings,
    ) -> Fetched {
        let mut fetched = Fetched::default();
        if !records.is_empty() {
            fetched.batches.push(Batch::Logs(records));
        }
        let metrics = readings.finish();
        if !metrics.is_empty() {
            fetched.batches.push(Batch::Metrics(metrics));
        }
        let role = &connection.server.user;
        if activity.is_blind {
            fetched.lacks.push(format!(
                "other roles' connections and statements are hidden: GRANT pg_monitor TO {role}"
            ));
        }
        fetched.lacks.extend(self.notes.iter().chain(&self.query_note).cloned());
        if connection.server.version < 130_000 {
            fetched.lacks.push(
                "PostgreSQL before 13 is not known to this reader: what it says may be incomplete".to_owned(),
            );
        }
        fetched
    }
}

fn is_due(due: Option<Timestamp>, now: Timestamp) -> bool {
    due.is_none_or(|due| due <= now)
}

#[async_trait]
impl Source for PlatformReader {
    async fn fetch(&mut self) -> Result<Fetched, FetchError> {
        let open = self.connection.take().filter(Connection::is_open);
        let connection = match open {
            Some(connection) => connection,
            None => Connection::open(&self.config.server, &self.clock).await?,
        };
        let fetched = self.look(&connection).await;
        // After trouble of another kind the connection is still good.
        if !fetched.as_ref().is_err_and(Trouble::ends_the_connection) {
            self.connection = Some(connection);
        }
        Ok(fetched?)
    }

    fn taken(&mut self) {}
}
