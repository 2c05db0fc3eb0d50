//! Records that go through states in place: jobs, e-mails, electronic invoices, payments. No column says when a row was
//! changed in a way that an index could find, so rows are met once by their id, and asked again by their id until they
//! have come to an end.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use plimsoll_model::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::types::Type;

use super::fields::{Field, attributes};
use super::low_water::{LowWater, Range};
use super::schema::{Need, Schema};
use crate::otlp::Record;
use crate::postgres::{Reading, Row, Trouble};

/// Records asked again at each look; beyond it the oldest are given up, and that is said.
const MOST_OPEN: usize = 20_000;

/// A table that is watched.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The table, and the key of what is remembered.
    pub(crate) table: &'static str,
    /// For people.
    pub(crate) what: &'static str,
    pub(crate) needs: &'static [Need],
    /// The column with the time of creation.
    pub(crate) created: &'static str,
    /// States from which something is still to come.
    pub(crate) open: &'static [&'static str],
    pub(crate) build: fn(&Schema) -> Select,
    pub(crate) events: fn(&Step<'_>) -> Vec<Event>,
}

/// How a watched table is read: `SELECT id, state, created, extras.., fields.. FROM`.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    /// Text columns that decide what an event is.
    pub(crate) extras: Vec<String>,
    pub(crate) fields: Vec<Field>,
    /// `, field, field`
    pub(crate) list: String,
    pub(crate) created: String,
    pub(crate) state: String,
    pub(crate) from: String,
}

/// A record as it was found.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) id: i64,
    pub(crate) state: &'a str,
    /// What was told about it before; `None` when it is new.
    pub(crate) told: Option<&'a str>,
    pub(crate) created: Option<Timestamp>,
    pub(crate) extras: &'a [Option<String>],
    pub(crate) now: Timestamp,
}

/// What to tell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) model: &'static str,
    /// Behind `{db}:`.
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) failed: Option<String>,
    /// The record's number, where the vocabulary has it.
    pub(crate) res_id: Option<i64>,
    pub(crate) constants: &'static [(&'static str, &'static str)],
}

/// What is remembered of a watched table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watched {
    pub(crate) ids: LowWater,
    /// With the state that was told last.
    open: BTreeMap<i64, String>,
}

/// What one look found.
#[derive(Debug, Default)]
pub(crate) struct Look {
    pub(crate) ids: Vec<i64>,
    pub(crate) events: Vec<LogRecord>,
    pub(crate) given_up: usize,
}

impl Watched {
    pub(crate) fn starting(ids: LowWater, open: Vec<i64>) -> Self {
        Self { ids, open: open.into_iter().map(|id| (id, String::new())).collect() }
    }

    pub(crate) async fn look(
        &mut self,
        watch: &Watch,
        schema: &Schema,
        reading: &Reading<'_>,
        database: &str,
        now: Timestamp,
    ) -> Result<Look, Trouble> {
        let select = (watch.build)(schema);
        let mut look = Look::default();
        let Range { low, upper, seen } = self.ids.range();
        let new =
            format!("{} WHERE d.id > $1 AND d.id <= $2 AND d.id <> ALL($3) ORDER BY d.id", select.sql());
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
            [(&low, Type::INT8), (&upper, Type::INT8), (&seen, Type::INT8_ARRAY)];
        for row in reading.ask(&new, &parameters).await? {
            look.ids.push(row.get(0)?);
            self.meet(&row, watch, &select, database, now, &mut look)?;
        }
        let again: Vec<i64> = self.open.keys().copied().filter(|id| !look.ids.contains(id)).collect();
        if !again.is_empty() {
            let asked = format!("{} WHERE d.id = ANY($1)", select.sql());
            let rows = reading.ask(&asked, &[(&again, Type::INT8_ARRAY)]).await?;
            let found: Vec<i64> = rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
            for row in &rows {
                self.meet(row, watch, &select, database, now, &mut look)?;
            }
            // Deleted: nobody can say any more how it ended.
            let found: std::collections::HashSet<i64> = found.into_iter().collect();
            again.iter().filter(|id| !found.contains(id)).for_each(|id| drop(self.open.remove(id)));
        }
        while self.open.len() > MOST_OPEN {
            self.open.pop_first();
            look.given_up += 1;
        }
        Ok(look)
    }

    fn meet(
        &mut self,
        row: &Row,
        watch: &Watch,
        select: &Select,
        database: &str,
        now: Timestamp,
        look: &mut Look,
    ) -> Result<(), Trouble> {
        let id: i64 = row.get(0)?;
        let state: String = row.get::<Option<String>>(1)?.unwrap_or_default();
        let told = self.open.get(&id);
        if told.is_some_and(|told| *told == state) {
            return Ok(());
        }
        let extras: Vec<Option<String>> =
            (0..select.extras.len()).map(|i| row.get(3 + i)).collect::<Result<_, _>>()?;
        let step = Step {
            id,
            state: &state,
            told: told.map(String::as_str),
            created: row.time(2)?,
            extras: &extras,
            now,
        };
        let events = (watch.events)(&step);
        if !events.is_empty() {
            let known = attributes(row, 3 + select.extras.len(), &select.fields)?;
            for event in events {
                let record = event.record(database, now).with_all(known.iter().cloned());
                look.events.push(record.build());
            }
        }
        if watch.open.contains(&state.as_str()) {
            self.open.insert(id, state);
        } else {
            self.open.remove(&id);
        }
        Ok(())
    }
}

impl Select {
    fn sql(&self) -> String {
        let extras: String = self.extras.iter().map(|extra| format!(", ({extra})::text")).collect();
        format!(
            "SELECT d.id::int8, ({})::text, {}{extras}{} FROM {}",
            self.state,
            super::fields::micros(&self.created),
            self.list,
            self.from
        )
    }
}

impl Event {
    fn record(&self, database: &str, now: Timestamp) -> Record {
        let mut record = Record::at(self.at, now)
            .named(self.name)
            .text("event.id", format!("{database}:{}", self.id))
            .text("business.outcome", if self.failed.is_some() { "failed" } else { "ok" })
            .text("odoo.db", database)
            .some_integer("odoo.res_id", self.res_id)
            .some_text("error.type", self.failed.as_deref().filter(|class| !class.is_empty()));
        if !self.model.is_empty() {
            record = record.text("odoo.model", self.model);
        }
        self.constants.iter().fold(record, |record, (key, value)| record.text(key, *value))
    }
}

/// Rows that are open at a first start, the newest of them.
pub(crate) async fn open_now(watch: &Watch, reading: &Reading<'_>) -> Result<Vec<i64>, Trouble> {
    let sql = format!(
        "SELECT id::int8 FROM {} WHERE state = ANY($1) ORDER BY id DESC LIMIT {MOST_OPEN}",
        watch.table
    );
    // Failures that lie there since long are no news.
    let states: Vec<&str> = watch
        .open
        .iter()
        .copied()
        .filter(|state| !matches!(*state, "failed" | "exception" | "error"))
        .collect();
    reading.ask(&sql, &[(&states, Type::TEXT_ARRAY)]).await?.iter().map(|row| row.get(0)).collect()
}
