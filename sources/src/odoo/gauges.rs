//! How things stand, measured now and then: each statement on its own, with its own limit, and less often when it turns
//! out to be dear.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plimsoll_model::Clock;

use super::schema::{Need, Rights, Schema};
use crate::otlp::{Readings, flag, text};
use crate::postgres::{Connection, Kind, Pace, Trouble};

mod catalogue;

/// Sets of labels that a gauge remembers, to say zero when a group is empty.
const MOST_GROUPS: usize = 2_000;

/// A statement whose rows are labels (text) and then levels (numbers).
#[derive(Debug)]
pub(crate) struct Gauge {
    pub(crate) what: &'static str,
    pub(crate) needs: &'static [Need],
    /// In intervals: what reads whole tables is asked seldom from the start.
    pub(crate) every: u32,
    pub(crate) labels: &'static [&'static str],
    /// Name and unit.
    pub(crate) levels: &'static [(&'static str, &'static str)],
    pub(crate) sql: fn(&Schema) -> String,
}

/// What is known of one gauge.
#[derive(Debug, Default)]
struct Known {
    pace: Pace,
    groups: BTreeSet<Vec<Option<String>>>,
}

/// When each gauge is due, and what it cost.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    known: BTreeMap<&'static str, Known>,
}

/// What a round of measuring found besides the levels.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) notes: Vec<String>,
    pub(crate) is_outdated: bool,
    /// The statement about gaps was asked now, so what it is about may be told.
    pub(crate) asked: BTreeSet<&'static str>,
}

impl Gauges {
    /// Measures what is due. Only what ends the connection ends the round.
    pub(crate) async fn measure(
        &mut self,
        connection: &Connection,
        schema: &Schema,
        clock: &dyn Clock,
        interval: Duration,
        readings: &mut Readings,
        rights: &mut Rights,
    ) -> Result<Round, Trouble> {
        let mut round = Round::default();
        for gauge in catalogue::all() {
            if let Some(missing) = schema.missing(gauge.needs) {
                rights.want(gauge.what, missing);
                continue;
            }
            let known = self.known.entry(gauge.what).or_default();
            let (began, every) = (clock.now(), interval * gauge.every);
            if known.pace.is_due(began) {
                let outcome = ask(gauge, connection, schema, &mut known.groups, readings).await;
                round.asked.insert(gauge.what);
                let is_over = match outcome {
                    Ok(()) => false,
                    Err(trouble) if trouble.ends_the_connection() => return Err(trouble),
                    Err(trouble) => {
                        round.is_outdated |= trouble.kind == Kind::Schema;
                        round.notes.push(format!("{}: {trouble}", gauge.what));
                        trouble.kind == Kind::Timeout
                    }
                };
                let took = clock.now().since(began);
                known.pace.asked(began, took, connection.statement_timeout(), is_over, every);
            }
            round.notes.extend(known.pace.note(gauge.what, every));
        }
        Ok(round)
    }
}

async fn ask(
    gauge: &Gauge,
    connection: &Connection,
    schema: &Schema,
    groups: &mut BTreeSet<Vec<Option<String>>>,
    readings: &mut Readings,
) -> Result<(), Trouble> {
    let sql = (gauge.sql)(schema);
    let reading = connection.begin(connection.statement_timeout()).await?;
    let rows = reading.ask(&sql, &[]).await?;
    reading.end().await?;
    let mut empty = groups.clone();
    for row in rows {
        let labels: Vec<Option<String>> =
            (0..gauge.labels.len()).map(|column| row.get(column)).collect::<Result<_, _>>()?;
        for (i, (name, unit)) in gauge.levels.iter().enumerate() {
            if let Some(level) = row.get::<Option<f64>>(labels.len() + i)? {
                readings.gauge(name, unit, attributes(gauge, &labels), level);
            }
        }
        empty.remove(&labels);
        if groups.len() < MOST_GROUPS {
            groups.insert(labels);
        }
    }
    // A group that was there and is empty now stands at zero, or the last level would seem to hold.
    for labels in empty {
        for (name, unit) in gauge.levels {
            readings.gauge(name, unit, attributes(gauge, &labels), 0.0);
        }
    }
    Ok(())
}

fn attributes(
    gauge: &Gauge,
    labels: &[Option<String>],
) -> Vec<opentelemetry_proto::tonic::common::v1::KeyValue> {
    let known = gauge.labels.iter().zip(labels).filter_map(|(key, value)| Some((key, value.as_deref()?)));
    known
        .map(|(key, value)| match value {
            "true" | "false" if *key == "odoo.picking.wave" => flag(key, value == "true"),
            value => text(key, value),
        })
        .collect()
}
