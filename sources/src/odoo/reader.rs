//! The reader of one Odoo database: connects, finds out what there is to read, and reads it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plimsoll_model::{Clock, Timestamp};

use super::feeds::{Feeds, Found, Memory};
use super::gauges::Gauges;
use super::labels::{self, Labels};
use super::schema::Schema;
use crate::config::OdooConfig;
use crate::cursor;
use crate::otlp::Readings;
use crate::postgres::{Connection, Kind, Trouble};
use crate::source::{Batch, FetchError, Fetched, Source};

/// What was found out about the schema is looked up again after this long, and as soon as a statement disagrees.
const PROBED_FOR: Duration = Duration::from_secs(600);
const PROBED_AGAIN: Duration = Duration::from_secs(30);
/// A cursor that only moved its marks is written this often.
const WRITTEN_EVERY: Duration = Duration::from_secs(60);
/// A server's clock may be this far from ours.
const SKEW: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct OdooReader {
    config: OdooConfig,
    clock: Arc<dyn Clock>,
    session: Option<Session>,
    /// As of what is durable.
    memory: Memory,
    /// As of the look that is being taken.
    next: Option<Memory>,
    /// The look that is being taken writes the cursor.
    writes: bool,
    written: Option<Timestamp>,
    gauges: Gauges,
    gauges_due: Option<Timestamp>,
    masses: super::masses::Paces,
    gauge_notes: Vec<String>,
}

/// What holds while a connection does.
#[derive(Debug)]
struct Session {
    connection: Connection,
    schema: Schema,
    labels: Labels,
    version: Option<String>,
    probed: Timestamp,
    is_outdated: bool,
}

/// How a standby stands.
struct Standby {
    is_standby: bool,
    behind: Option<f64>,
    server_now: Timestamp,
}

impl OdooReader {
    pub(crate) fn new(
        config: OdooConfig,
        remembered: Option<serde_json::Value>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let memory: Memory = cursor::memory(remembered)?;
        Ok(Self {
            config,
            clock,
            session: None,
            memory,
            next: None,
            writes: false,
            written: None,
            gauges: Gauges::default(),
            gauges_due: None,
            masses: super::masses::Paces::default(),
            gauge_notes: Vec::new(),
        })
    }

    async fn look(&mut self, session: &Session) -> Result<(Fetched, bool), Trouble> {
        let now = self.clock.now();
        let standby = standby(&session.connection).await?;
        let mut memory = self.memory.clone();
        let mut feeds = Feeds {
            config: &self.config,
            connection: &session.connection,
            schema: &session.schema,
            labels: &session.labels,
            now,
            found: Found::default(),
        };
        feeds.look(&mut memory).await?;
        let mut readings = Readings::at(now);
        if self.gauges_due.is_none_or(|due| due <= now) {
            self.gauges_due = Some(now + self.config.gauges_interval);
            let mut missed = std::mem::take(&mut memory.missed);
            feeds.look_for_missed(&mut missed).await?;
            let mut rights = std::mem::take(&mut feeds.found.rights);
            let (clock, interval) = (self.clock.as_ref(), self.config.gauges_interval);
            let measured = self.gauges.measure(
                &session.connection,
                &session.schema,
                clock,
                interval,
                &mut readings,
                &mut rights,
            );
            let round = measured.await?;
            feeds.found.rights = rights;
            feeds.found.is_outdated |= round.is_outdated;
            if round.asked.contains("sequence gaps") {
                let gaps = feeds.look_for_gaps(&mut missed).await;
                feeds.settle("sequence gaps", gaps)?;
            }
            memory.missed = missed;
            feeds.look_for_masses(&mut memory.masses, &mut self.masses, self.clock.as_ref()).await?;
            self.gauge_notes = round.notes;
            self.gauge_notes
                .extend(std::mem::take(&mut feeds.found.rights).cures(&session.connection.server.user));
        }
        let found = feeds.found;
        let is_outdated = found.is_outdated;
        let fetched = self.fetched(session, found, readings, &standby, now, &memory);
        self.next = Some(memory);
        self.writes = fetched.cursor.is_some();
        Ok((fetched, is_outdated))
    }

    fn fetched(
        &self,
        session: &Session,
        found: Found,
        readings: Readings,
        standby: &Standby,
        now: Timestamp,
        memory: &Memory,
    ) -> Fetched {
        let mut batches = Vec::new();
        let is_written = self.written.is_some_and(|written| now.since(written) < WRITTEN_EVERY);
        let cursor = (!found.events.is_empty() || (!is_written && *memory != self.memory))
            .then(|| serde_json::to_value(memory).ok())
            .flatten();
        if !found.events.is_empty() {
            batches.push(Batch::Events(found.events));
        }
        let metrics = readings.finish();
        if !metrics.is_empty() {
            batches.push(Batch::Metrics(metrics));
        }
        let mut lacks = found.rights.cures(&session.connection.server.user);
        lacks.extend(found.notes);
        lacks.extend(
            self.gauge_notes.iter().filter(|note| !lacks.contains(note)).cloned().collect::<Vec<_>>(),
        );
        lacks.extend(session.schema.absent());
        lacks.extend(session.unknown_version());
        Fetched {
            batches,
            cursor,
            more: found.more,
            watermark: found.watermark,
            late: standby.trouble(now).or(found.trouble),
            lacks,
            failed: None,
        }
    }

    /// Connected, and with what is there to read found out.
    async fn session(&mut self) -> Result<Session, Trouble> {
        let now = self.clock.now();
        if let Some(mut session) = self.session.take().filter(|session| session.connection.is_open()) {
            let age = now.since(session.probed);
            if age > PROBED_FOR || (session.is_outdated && age > PROBED_AGAIN) {
                session.probe(now).await?;
            }
            return Ok(session);
        }
        let connection = Connection::open(&self.config.server, &self.clock).await?;
        let (schema, labels) = (Schema::default(), Labels::default());
        let mut session =
            Session { connection, schema, labels, version: None, probed: now, is_outdated: false };
        session.probe(now).await?;
        Ok(session)
    }
}

impl Session {
    async fn probe(&mut self, now: Timestamp) -> Result<(), Trouble> {
        self.schema = Schema::probe(&self.connection).await?;
        if !self.schema.has_table("ir_module_module") {
            let facts = &self.connection.server;
            return Err(Trouble::new(
                Kind::Connection,
                format!(
                    "database {} is no Odoo's: there is no table ir_module_module that {} can see",
                    facts.database, facts.user
                ),
            ));
        }
        let reading = self.connection.begin(self.connection.statement_timeout()).await?;
        self.labels = if self.schema.has_all(labels::NEEDS) {
            Labels::read(&reading).await?
        } else {
            Labels::default()
        };
        if self.schema.has_all_of("ir_module_module", &["name", "latest_version"]) {
            let asked = "SELECT latest_version::text FROM ir_module_module WHERE name = 'base'";
            let rows = reading.ask(asked, &[]).await?;
            self.version = rows.first().map(|row| row.get::<Option<String>>(0)).transpose()?.flatten();
        }
        reading.end().await?;
        self.probed = now;
        self.is_outdated = false;
        Ok(())
    }

    fn unknown_version(&self) -> Option<String> {
        let version = self.version.as_deref()?;
        let major: Option<u32> = version.split('.').next().and_then(|major| major.parse().ok());
        (!major.is_some_and(|major| (16..=19).contains(&major)))
            .then(|| format!("Odoo {version} is not one of 16 to 19, which this reader knows: what it finds may be incomplete"))
    }
}

impl Standby {
    /// Why what was read is older than it should be.
    fn trouble(&self, now: Timestamp) -> Option<String> {
        let (ahead, behind) = (self.server_now.since(now), now.since(self.server_now));
        if behind > SKEW {
            return Some(format!(
                "the server's clock is {} s behind ours: set one of them right",
                behind.as_secs()
            ));
        }
        if ahead > SKEW {
            return Some(format!(
                "the server's clock is {} s ahead of ours: set one of them right",
                ahead.as_secs()
            ));
        }
        let lag = self.behind.filter(|lag| self.is_standby && *lag > SKEW.as_secs_f64())?;
        Some(format!("the standby is {lag:.0} s behind its primary"))
    }
}

async fn standby(connection: &Connection) -> Result<Standby, Trouble> {
    let asked = "SELECT pg_is_in_recovery(), \
         CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
         ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float8, \
         (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
    let rows = connection.within(&[asked]).await?;
    let row = rows.first().and_then(|rows| rows.first());
    let row = row.ok_or_else(|| Trouble::new(Kind::Other, "the server doesn't say how it stands"))?;
    Ok(Standby {
        is_standby: row.get(0)?,
        behind: row.get(1)?,
        server_now: crate::postgres::from_micros(row.get(2)?),
    })
}

#[async_trait]
impl Source for OdooReader {
    async fn fetch(&mut self) -> Result<Fetched, FetchError> {
        let mut session = self.session().await?;
        // Dropped on the way, the session goes with it; the next look opens another one.
        let (fetched, is_outdated) = self.look(&session).await?;
        session.is_outdated |= is_outdated;
        self.session = Some(session);
        Ok(fetched)
    }

    fn taken(&mut self) {
        if let Some(next) = self.next.take() {
            self.memory = next;
        }
        if self.writes {
            self.written = Some(self.clock.now());
        }
    }
}
