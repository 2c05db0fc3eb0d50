//! The rows of a test: those that are written, those of a series, those of files. Each becomes visible at its ingest time,
//! which is its event time unless it comes late.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use arrow::datatypes::{DataType, SchemaRef};
use plimsoll_model::{SignalBatch, SourceStatus, Table, Timestamp, batch_from_rows};
use serde_json::{Map, Value, json};

use super::file::Input;
use super::moments::{duration, moment, offset};
use super::{book, rows_file, values};

/// More rows than this belong into a replay.
const MOST_ROWS: usize = 2_000_000;

/// Rows that wait for their moment, the next one at the end.
#[derive(Debug, Default)]
pub(super) struct Fixture {
    rows: Vec<FixtureRow>,
    pub(super) sources: Vec<(Timestamp, SourceStatus)>,
}

#[derive(Debug)]
struct FixtureRow {
    visible: Timestamp,
    table: Table,
    row: Value,
}

/// What the inputs of a test share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) folder: &'a Path,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) interval: Duration,
}

impl Fixture {
    pub(super) fn read(inputs: &[Input], frame: Frame<'_>) -> anyhow::Result<Self> {
        let mut fixture = Self::default();
        for (index, input) in inputs.iter().enumerate() {
            fixture.take(input, frame).with_context(|| format!("input {}", index + 1))?;
        }
        // Stable, so that rows of one moment stay as they are written.
        fixture.rows.sort_by_key(|row| row.visible);
        fixture.rows.reverse();
        Ok(fixture)
    }

    /// What becomes visible up to `now`, as it is appended.
    pub(super) fn until(&mut self, now: Timestamp) -> anyhow::Result<Vec<SignalBatch>> {
        let mut by_table: BTreeMap<Table, Vec<Value>> = BTreeMap::new();
        while let Some(row) = self.rows.pop_if(|row| row.visible <= now) {
            by_table.entry(row.table).or_default().push(row.row);
        }
        let batch = |(table, rows): (Table, Vec<Value>)| {
            let batch =
                batch_from_rows(&table.schema(), &rows).with_context(|| format!("rows of {table}"))?;
            Ok(SignalBatch { table, batch })
        };
        by_table.into_iter().map(batch).collect()
    }

    fn take(&mut self, input: &Input, frame: Frame<'_>) -> anyhow::Result<()> {
        let late = input.late.as_deref().map(duration).transpose()?.unwrap_or_default();
        if input.table.as_deref() == Some("sources") {
            return self.take_sources(input, frame);
        }
        let table = table_of(input)?;
        let mut number = 0;
        for (at, mut row) in rows_of(input, frame)? {
            for _ in 0..input.times.unwrap_or(1) {
                ensure!(self.rows.len() < MOST_ROWS, "more than {MOST_ROWS} rows: use plimsoll replay");
                number += 1;
                let (time, row) = finished(table, &mut row, at, number, frame)?;
                let mut row = row;
                let visible = match row.get("ingest_time").and_then(Value::as_i64) {
                    Some(nanos) => Timestamp::from_nanos(nanos),
                    None => time + late,
                };
                row.insert("ingest_time".into(), visible.nanos().into());
                self.rows.push(FixtureRow { visible, table, row: row.into() });
            }
        }
        Ok(())
    }

    fn take_sources(&mut self, input: &Input, frame: Frame<'_>) -> anyhow::Result<()> {
        for (at, row) in rows_of(input, frame)? {
            self.sources.push((at, book::status(&row, at)?));
        }
        Ok(())
    }
}

fn table_of(input: &Input) -> anyhow::Result<Table> {
    let name = match (&input.table, &input.series) {
        (Some(name), None) => name,
        (None, Some(_)) => return Ok(Table::Metrics),
        (Some(name), Some(_)) if name == "metrics" => name,
        (Some(name), Some(_)) => bail!("`series` are rows of metrics, not of {name}"),
        (None, None) => bail!("say which `table` these rows are of, or name a `series`"),
    };
    let known = || Table::ALL.map(Table::name).join(", ");
    Table::from_name(name)
        .with_context(|| format!("there is no table {name}: there are {}, sources", known()))
}

type Rows = Vec<(Timestamp, Map<String, Value>)>;

fn rows_of(input: &Input, frame: Frame<'_>) -> anyhow::Result<Rows> {
    if let Some(file) = &input.file {
        ensure!(input.rows.is_none(), "`file` and `rows` in one input: make two of them");
        return with_times(rows_file::read(&frame.folder.join(file))?, frame.start);
    }
    let mut written: Vec<Map<String, Value>> =
        input.rows.as_ref().map(|rows| rows.all().to_vec()).unwrap_or_default();
    if let Some(series) = &input.series {
        let (name, labels) = values::series(series)?;
        let mut row = written.pop().unwrap_or_default();
        row.insert("name".into(), name.into());
        for (label, value) in labels {
            match label.as_str() {
                "service_name" => row.insert(label, value.into()),
                _ => row
                    .entry("attributes")
                    .or_insert_with(|| json!({}))
                    .as_object_mut()
                    .and_then(|attributes| attributes.insert(label, value.into())),
            };
        }
        written = vec![row];
    }
    ensure!(!written.is_empty(), "there are no rows: write `rows`, `series` or `file`");
    at_moments(input, &written, frame)
}

fn at_moments(input: &Input, written: &[Map<String, Value>], frame: Frame<'_>) -> anyhow::Result<Rows> {
    let Span { from, to, every } = Span::of(input, frame)?;
    let mut rows = Rows::new();
    if let Some(values) = &input.values {
        let mut at = from;
        for value in values::expand(values)? {
            if let Some(value) = value {
                let with_value = |row: &Map<String, Value>| {
                    let mut row = row.clone();
                    row.insert("value".into(), value.into());
                    row
                };
                rows.extend(written.iter().map(|row| (at, with_value(row))));
            }
            at = at + every.unwrap_or(frame.interval);
        }
    } else if let Some(every) = every {
        let mut at = from;
        while at < to {
            ensure!(rows.len() < MOST_ROWS, "more than {MOST_ROWS} rows");
            rows.extend(written.iter().map(|row| (at, row.clone())));
            at = at + every;
        }
    } else {
        for row in written {
            let at = match row.get("time").and_then(Value::as_str) {
                Some(time) => moment(time, frame.start)?,
                None => from,
            };
            rows.push((at, row.clone()));
        }
    }
    Ok(rows)
}

/// `from` is in it, `to` isn't.
struct Span {
    from: Timestamp,
    to: Timestamp,
    every: Option<Duration>,
}

impl Span {
    /// `every: 2s from 08:00 to 09:00` says the same as the three keys.
    fn of(input: &Input, frame: Frame<'_>) -> anyhow::Result<Self> {
        let mut words = input.every.as_deref().unwrap_or_default().split_whitespace();
        let every = words.next().map(duration).transpose()?;
        ensure!(every.is_none_or(|every| !every.is_zero()), "`every: 0` would never end");
        let (mut from, mut to) = (input.from.clone(), input.to.clone());
        while let Some(word) = words.next() {
            let value = words.next().map(str::to_owned);
            match word {
                "from" if value.is_some() => from = value,
                "to" if value.is_some() => to = value,
                _ => bail!("`every` is written like \"2s\" or \"2s from 08:00 to 09:00\""),
            }
        }
        Ok(Self {
            from: from.map_or(Ok(frame.start), |from| moment(&from, frame.start))?,
            to: to.map_or(Ok(frame.end), |to| moment(&to, frame.start))?,
            every,
        })
    }
}

fn with_times(rows: Vec<Map<String, Value>>, start: Timestamp) -> anyhow::Result<Rows> {
    let timed = rows.into_iter().enumerate().map(|(index, row)| {
        let time = match row.get("time") {
            Some(Value::String(text)) => moment(text, start)?,
            Some(nanos) => Timestamp::from_nanos(nanos.as_i64().context("`time` is no moment")?),
            None => bail!("row {} has no `time`", index + 1),
        };
        Ok((time, row))
    });
    timed.collect()
}

/// The row as the table takes it: known columns only, moments as nanoseconds, `{n}` as its number.
fn finished(
    table: Table,
    row: &mut Map<String, Value>,
    at: Timestamp,
    number: usize,
    frame: Frame<'_>,
) -> anyhow::Result<(Timestamp, Map<String, Value>)> {
    let schema = table.schema();
    let mut done = Map::new();
    for (name, value) in row.iter() {
        let Ok(field) = schema.field_with_name(name) else {
            bail!("{table} has no column {name}: it has {}", columns(&schema));
        };
        let value = numbered(value, number);
        let value = match (field.data_type(), value) {
            (DataType::Timestamp(..), Value::String(text)) if name != "time" => {
                // Beside an event, a moment is meant from the event on.
                offset(&text, at).map_or_else(|| moment(&text, frame.start), Ok)?.nanos().into()
            }
            (DataType::Map(..), Value::Object(entries)) => texts(entries),
            (DataType::Utf8, value @ (Value::Number(_) | Value::Bool(_))) => value.to_string().into(),
            (_, value) => value,
        };
        done.insert(name.clone(), value);
    }
    done.insert("time".into(), at.nanos().into());
    for (name, id) in [("trace_id", format!("{number:032x}")), ("span_id", format!("{number:016x}"))] {
        if table == Table::Spans {
            done.entry(name).or_insert_with(|| id.into());
        }
    }
    Ok((at, done))
}

fn numbered(value: &Value, number: usize) -> Value {
    match value {
        Value::String(text) if text == "{n}" => number.into(),
        Value::String(text) if text.contains("{n}") => text.replace("{n}", &number.to_string()).into(),
        Value::Object(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), numbered(value, number))).collect()
        }
        other => other.clone(),
    }
}

/// Attributes are text, however they are written.
fn texts(entries: Map<String, Value>) -> Value {
    let text = |value: Value| match value {
        Value::String(_) | Value::Null => value,
        other => other.to_string().into(),
    };
    entries.into_iter().map(|(key, value)| (key, text(value))).collect()
}

fn columns(schema: &SchemaRef) -> String {
    schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ")
}
