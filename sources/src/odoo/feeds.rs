//! One look at every feed, each in a transaction of its own, on a copy of what is remembered.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use plimsoll_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::documents;
use super::labels::{self, Labels};
use super::low_water::{Advance, LowWater, Sight};
use super::schema::{Rights, Schema};
use super::tracking;
use super::watch::{Watch, Watched, open_now};
use super::watches::WATCHES;
use crate::config::OdooConfig;
use crate::postgres::{Connection, Kind, Reading, Trouble, from_micros};
use crate::runner::ago;

/// What the reader remembers over a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    tracking: Option<LowWater>,
    #[serde(default)]
    watched: BTreeMap<String, Watched>,
    #[serde(default)]
    pub(super) missed: super::missed::Missed,
    #[serde(default)]
    pub(super) masses: super::masses::Told,
}

/// A look under way.
#[derive(Debug)]
pub(crate) struct Feeds<'a> {
    pub(crate) config: &'a OdooConfig,
    pub(crate) connection: &'a Connection,
    pub(crate) schema: &'a Schema,
    pub(crate) labels: &'a Labels,
    /// By our clock.
    pub(crate) now: Timestamp,
    pub(crate) found: Found,
}

/// What it brought so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) events: Vec<LogRecord>,
    pub(crate) more: bool,
    pub(crate) notes: Vec<String>,
    pub(crate) rights: Rights,
    /// A feed could not be read.
    pub(crate) trouble: Option<String>,
    /// What is known of schema or labels is out of date.
    pub(crate) is_outdated: bool,
    /// A transaction has been open since then, for longer than anybody waits.
    pub(crate) waits_since: Option<Timestamp>,
    /// Of the slowest feed.
    pub(crate) watermark: Option<Timestamp>,
    /// By the server's clock.
    pub(crate) server_now: Option<Timestamp>,
}

impl Feeds<'_> {
    /// Only what ends the connection ends the look.
    pub(crate) async fn look(&mut self, memory: &mut Memory) -> Result<(), Trouble> {
        if let Some(missing) = self.schema.missing(documents::CUSTOMERS) {
            self.found.rights.want("customers of orders", missing);
        }
        let tracked = self.tracked(memory).await;
        self.settle("state changes", tracked)?;
        for watch in WATCHES {
            let watched = self.watched(watch, memory).await;
            self.settle(watch.what, watched)?;
        }
        if let (Some(since), Some(now)) = (self.found.waits_since, self.found.server_now) {
            self.found.notes.push(format!(
                "a transaction has been open for {}; what it wrote will be seen when it commits, late. Find it in \
                 pg_stat_activity by xact_start; idle_in_transaction_session_timeout would end it",
                ago(now, since)
            ));
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, what: &str, outcome: Result<(), Trouble>) -> Result<(), Trouble> {
        let Err(trouble) = outcome else { return Ok(()) };
        if trouble.ends_the_connection() {
            return Err(trouble);
        }
        self.found.is_outdated |= trouble.kind == Kind::Schema;
        self.found.trouble.get_or_insert(format!("{what}: {trouble}"));
        Ok(())
    }

    async fn tracked(&mut self, memory: &mut Memory) -> Result<(), Trouble> {
        let needs = [labels::NEEDS, tracking::needs(self.schema)].concat();
        if let Some(missing) = self.schema.missing(&needs) {
            self.found.rights.want("state changes", missing);
            return Ok(());
        }
        let reading = self.connection.begin(self.config.server.statement_timeout).await?;
        let sight = sight(&reading, "mail_tracking_value").await?;
        let mut mark = match memory.tracking.clone() {
            Some(mark) => mark,
            None => self.beginning(&reading, "mail_tracking_value", "create_date", &sight).await?,
        };
        let (schema, labels, database) = (self.schema, self.labels, &self.connection.server.database);
        let range = mark.range();
        let changes = tracking::read(&reading, schema, labels, &range, database, self.now).await?;
        reading.end().await?;
        self.found.events.extend(changes.events);
        self.found.is_outdated |= changes.has_unknown_label;
        let advance = mark.advance(&sight, changes.ids);
        self.advanced("state changes", &mark, &sight, advance);
        memory.tracking = Some(mark);
        Ok(())
    }

    async fn watched(&mut self, watch: &Watch, memory: &mut Memory) -> Result<(), Trouble> {
        if let Some(missing) = self.schema.missing(watch.needs) {
            self.found.rights.want(watch.what, missing);
            return Ok(());
        }
        let reading = self.connection.begin(self.config.server.statement_timeout).await?;
        let sight = sight(&reading, watch.table).await?;
        let mut watched = match memory.watched.get(watch.table) {
            Some(watched) => watched.clone(),
            None => {
                let mark = self.beginning(&reading, watch.table, watch.created, &sight).await?;
                let open = if watch.open.is_empty() || !self.schema.has(watch.table, "state") {
                    Vec::new()
                } else {
                    open_now(watch, &reading).await?
                };
                Watched::starting(mark, open)
            }
        };
        let (database, server_now) = (&self.connection.server.database, sight.at);
        let look = watched.look(watch, self.schema, &reading, database, server_now).await?;
        reading.end().await?;
        self.found.events.extend(look.events);
        if look.given_up > 0 {
            let note = format!(
                "{}: {} of the oldest that are still open are not watched any more",
                watch.what, look.given_up
            );
            self.found.notes.push(note);
        }
        let advance = watched.ids.advance(&sight, look.ids);
        self.advanced(watch.what, &watched.ids, &sight, advance);
        memory.watched.insert(watch.table.to_owned(), watched);
        Ok(())
    }

    /// Where a first look begins: behind the last row that is older than `backfill`. Ids and times of creation rise
    /// together, so it is found by halving, with the primary key alone.
    async fn beginning(
        &self,
        reading: &Reading<'_>,
        table: &str,
        created: &str,
        sight: &Sight,
    ) -> Result<LowWater, Trouble> {
        let since = (sight.at - self.config.backfill).nanos() / 1_000;
        let sql = format!(
            "SELECT id::int8, {} FROM {table} WHERE id >= $1 AND {created} IS NOT NULL ORDER BY id LIMIT 1",
            super::fields::micros(created)
        );
        let (mut before, mut after) = (0_i64, sight.highest + 1);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            let rows = reading.ask(&sql, &[(&middle, tokio_postgres::types::Type::INT8)]).await?;
            match rows
                .first()
                .map(|row| Ok::<_, Trouble>((row.get::<i64>(0)?, row.get::<i64>(1)?)))
                .transpose()?
            {
                Some((id, at)) if at < since => before = id,
                _ => after = middle,
            }
        }
        Ok(LowWater::behind(before.min(sight.highest), sight.at - self.config.backfill))
    }

    fn advanced(&mut self, what: &str, mark: &LowWater, sight: &Sight, advance: Advance) {
        let found = &mut self.found;
        found.more |= advance.more;
        found.server_now = Some(sight.at);
        let longest = self.config.longest_transaction;
        if advance.more {
            // What lies behind has not been looked at.
        } else {
            let watermark = mark.watermark(sight.at, longest);
            found.watermark = Some(found.watermark.map_or(watermark, |slowest| slowest.min(watermark)));
        }
        if let Some(since) = mark.waits_since().filter(|since| sight.at.since(*since) > longest) {
            found.waits_since = Some(found.waits_since.map_or(since, |other| other.min(since)));
        }
        if advance.forced {
            found.notes.push(format!(
                "{what}: a transaction has been open for so long that what it wrote first will not be seen"
            ));
        }
        if advance.restored {
            found
                .notes
                .push(format!("{what}: ids went back, so the database was restored: it begins at its end"));
        }
    }
}

/// The moment that a transaction sees. The functions exist in every version, and on standbys.
async fn sight(reading: &Reading<'_>, table: &str) -> Result<Sight, Trouble> {
    let sql = format!(
        "SELECT txid_snapshot_xmin(s), txid_snapshot_xmax(s), (extract(epoch FROM now()) * 1000000)::int8, \
         coalesce((SELECT max(id) FROM {table}), 0)::int8 FROM txid_current_snapshot() s"
    );
    let rows = reading.ask(&sql, &[]).await?;
    let row = rows.first().ok_or_else(|| Trouble::new(Kind::Other, "the server has no present moment"))?;
    Ok(Sight { xmin: row.get(0)?, xmax: row.get(1)?, at: from_micros(row.get(2)?), highest: row.get(3)? })
}
