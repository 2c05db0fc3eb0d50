//! One query for whatever the indicator is made of: rows with `time`, the group columns, and `good`, a boolean, or `good`
//! and `total`, two numbers. Only the columns that the stated queries give say how.

use arrow::datatypes::Schema;

use crate::cells::Kind;
use crate::objective::{Component, Op, PARTS, Part, Sli};

/// How far a counter's reading looks back for the one before it.
const COUNTER_GAP: &str = "10 minutes";

/// What one of the stated queries gives.
pub(super) struct Stated<'a> {
    pub(super) sql: &'a str,
    pub(super) schema: &'a Schema,
}

/// A query, and by how much its counts are finer than events.
#[derive(Debug, PartialEq)]
pub(super) struct Composed {
    pub(super) sql: String,
    pub(super) parts: u64,
}

impl Composed {
    fn of_events(sql: String) -> Self {
        Self { sql, parts: 1 }
    }
}

impl Stated<'_> {
    fn has(&self, name: &str, kind: Kind) -> bool {
        Kind::of_column(self.schema, name) == Some(kind)
    }

    /// The specification's examples call it `timestamp`.
    fn time(&self) -> Result<&'static str, String> {
        let names = ["time", "timestamp"];
        let found = names.into_iter().find(|name| self.has(name, Kind::Time));
        found
            .ok_or_else(|| "the query has no column `time`: select the moment of each row AS time".to_owned())
    }

    /// Columns other than these, as they are.
    fn others(&self, but: &[&str]) -> Vec<String> {
        let names = self.schema.fields().iter().map(|field| field.name().as_str());
        names.filter(|name| !but.contains(name)).map(quoted).collect()
    }

    fn value(&self) -> Result<(), String> {
        if self.has("value", Kind::Number) {
            return Ok(());
        }
        Err("the query has no number `value`: select what was measured AS value".to_owned())
    }
}

/// `others` are the queries that `sli` has besides `of`, in its order.
pub(super) fn compose(
    sli: &Sli,
    group_by: &[String],
    of: &Stated<'_>,
    others: &[Stated<'_>],
) -> Result<Composed, String> {
    match sli {
        Sli::Success => raw(of, Part::Good),
        Sli::Failure => raw(of, Part::Bad),
        Sli::Threshold { op, value } => threshold(of, *op, *value),
        Sli::Ratio { part, is_counter, .. } => {
            let given = others.first().ok_or("the ratio's other query is missing")?;
            ratio(group_by, *part, *is_counter, given, of).map(Composed::of_events)
        }
        Sli::Composite(components) => composite(components, group_by, of, others).map(Composed::of_events),
    }
}

/// All rows of all components, each with its component's number, weight and idea of a good slice.
fn composite(
    components: &[Component],
    group_by: &[String],
    of: &Stated<'_>,
    others: &[Stated<'_>],
) -> Result<String, String> {
    let groups: String = group_by.iter().map(|group| format!(", {}", quoted(group))).collect();
    let mut queries = std::iter::once(of).chain(others);
    let mut parts = Vec::new();
    for (number, component) in components.iter().enumerate() {
        let missing = || format!("the query of `{}` is missing", component.name);
        let own = queries.next().ok_or_else(missing)?;
        let rest = match component.sli {
            Sli::Ratio { .. } => queries.next().map(std::slice::from_ref).ok_or_else(missing)?,
            _ => &[],
        };
        let composed = compose(&component.sli, group_by, own, rest)?;
        let is_counted = composed.parts > 1 || gives_sums(&component.sli, own);
        let (good, total) = match is_counted {
            true => ("CAST(good AS DOUBLE)", "CAST(total AS DOUBLE)"),
            false => ("CASE WHEN good THEN 1.0 ELSE 0.0 END", "CAST(1 AS DOUBLE)"),
        };
        let weight = component.weight;
        let target = component
            .slice_target
            .map_or_else(|| "CAST(NULL AS DOUBLE)".to_owned(), |it| format!("CAST({it} AS DOUBLE)"));
        parts.push(format!(
            "SELECT time{groups}, {good} AS good, {total} AS total, {number} AS component, \
             CAST({weight} AS DOUBLE) AS weight, {target} AS slice_target\nFROM (\n{}\n) AS component_{number}",
            composed.sql
        ));
    }
    Ok(parts.join("\nUNION ALL\n"))
}

fn gives_sums(sli: &Sli, of: &Stated<'_>) -> bool {
    let says_both = of.has("good", Kind::Number) && of.has("total", Kind::Number);
    let says_ratio = of.has("value", Kind::Number)
        && Kind::of_column(of.schema, "good").is_none()
        && !of.has("bad", Kind::Bool);
    match sli {
        Sli::Ratio { .. } => true,
        Sli::Success | Sli::Failure => says_both || says_ratio,
        Sli::Threshold { .. } | Sli::Composite(_) => false,
    }
}

/// Rows that say themselves what was good, or a ratio that somebody computed before us.
fn raw(of: &Stated<'_>, part: Part) -> Result<Composed, String> {
    let says_value = of.has("value", Kind::Number) && Kind::of_column(of.schema, "good").is_none();
    if part == Part::Bad && of.has("bad", Kind::Bool) {
        let columns = listed(&[format!("{} AS time", quoted(of.time()?)), "NOT \"bad\" AS good".to_owned()]);
        let others = of.others(&["time", "timestamp", "bad"]);
        return Ok(Composed::of_events(wrapped(&with(columns, &others), of.sql)));
    }
    if !says_value {
        if part == Part::Bad {
            return Err("the query of a failure has neither a boolean `bad` nor a ratio `value`: select one"
                .to_owned());
        }
        return Ok(Composed::of_events(of.sql.to_owned()));
    }
    let good = if part == Part::Good { "\"value\"" } else { "1 - \"value\"" };
    // Weighted by how many events it was taken over, where the query says that.
    let (weight, parts) = match of.has("total", Kind::Number) {
        true => ("\"total\"".to_owned(), 1),
        false => (PARTS.to_string(), PARTS),
    };
    let counted = |what: &str| format!("CASE WHEN \"value\" IS NOT NULL THEN {weight} * {what} END");
    let columns = listed(&[
        format!("{} AS time", quoted(of.time()?)),
        format!("{} AS good", counted(&format!("({good})"))),
        format!("{} AS total", counted("1")),
    ]);
    let others = of.others(&["time", "timestamp", "value", "total"]);
    Ok(Composed { sql: wrapped(&with(columns, &others), of.sql), parts })
}

fn threshold(of: &Stated<'_>, op: Op, value: f64) -> Result<Composed, String> {
    of.value()?;
    let columns = listed(&[
        format!("{} AS time", quoted(of.time()?)),
        format!("\"value\" {} {value} AS good", op.symbol()),
    ]);
    let others = of.others(&["time", "timestamp", "value", "good"]);
    Ok(Composed::of_events(wrapped(&with(columns, &others), of.sql)))
}

/// Both as rows of one answer: what is good counts there, what there is in total here.
fn ratio(
    group_by: &[String],
    part: Part,
    is_counter: bool,
    given: &Stated<'_>,
    total: &Stated<'_>,
) -> Result<String, String> {
    let (given, total) = (amounts(group_by, is_counter, given)?, amounts(group_by, is_counter, total)?);
    let groups: String = group_by.iter().map(|group| format!(", {}", quoted(group))).collect();
    let none = "CAST(0 AS DOUBLE)";
    Ok(match part {
        Part::Good => format!(
            "SELECT time{groups}, amount AS good, {none} AS total FROM ({given}) AS given\nUNION ALL\n\
             SELECT time{groups}, {none} AS good, amount AS total FROM ({total}) AS whole"
        ),
        Part::Bad => format!(
            "SELECT time{groups}, -amount AS good, {none} AS total FROM ({given}) AS given\nUNION ALL\n\
             SELECT time{groups}, amount AS good, amount AS total FROM ({total}) AS whole"
        ),
    })
}

/// `time`, the groups and `amount`: the row's `value`, 1 where it has none, or by how much a counter grew.
fn amounts(group_by: &[String], is_counter: bool, of: &Stated<'_>) -> Result<String, String> {
    for group in group_by {
        if of.schema.column_with_name(group).is_none() {
            return Err(format!(
                "the query has no column `{group}` to group by: both queries of a ratio need it"
            ));
        }
    }
    let time = quoted(of.time()?);
    let groups: String = group_by.iter().map(|group| format!(", {}", quoted(group))).collect();
    if !is_counter {
        let amount =
            if of.has("value", Kind::Number) { "CAST(\"value\" AS DOUBLE)" } else { "CAST(1 AS DOUBLE)" };
        return Ok(format!("SELECT {time} AS time{groups}, {amount} AS amount FROM (\n{}\n) AS sli", of.sql));
    }
    of.value()?;
    // As labels do in PromQL, whatever else the query gives says which counter it is.
    let series = of.schema.fields().iter().filter(|field| {
        !["time", "timestamp", "value"].contains(&field.name().as_str())
            && matches!(Kind::of(field.data_type()), Kind::Text | Kind::Number | Kind::Bool)
    });
    let series: Vec<String> = series.map(|field| quoted(field.name())).collect();
    let partition =
        if series.is_empty() { String::new() } else { format!("PARTITION BY {} ", series.join(", ")) };
    Ok(format!(
        "SELECT time{groups},\n\
         CASE WHEN before IS NULL THEN 0 WHEN reading < before THEN reading ELSE reading - before END AS amount\n\
         FROM (\n\
         SELECT {time} AS time{groups}, CAST(\"value\" AS DOUBLE) AS reading,\n\
         CAST(lag(\"value\") OVER ({partition}ORDER BY {time}) AS DOUBLE) AS before\n\
         FROM (\n{}\n) AS sli\n\
         WHERE {time} >= $from - INTERVAL '{COUNTER_GAP}' AND {time} < $until AND \"value\" IS NOT NULL\n\
         ) AS readings",
        of.sql
    ))
}

fn wrapped(columns: &str, sql: &str) -> String {
    format!("SELECT {columns}\nFROM (\n{sql}\n) AS stated")
}

fn listed(columns: &[String]) -> String {
    columns.join(", ")
}

fn with(columns: String, others: &[String]) -> String {
    if others.is_empty() { columns } else { format!("{columns}, {}", others.join(", ")) }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
