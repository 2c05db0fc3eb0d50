//! What an objective asks the lake. Its query gives one row an event; here it is wrapped, with the bounds as
//! parameters, into counts per slice, and, when an alert needs them, into sums and examples over bad events. An event
//! for which `good` is null counts as bad: nobody could say that it was good.

use std::collections::BTreeMap;

use plimsoll_model::{Labels, Timestamp};
use plimsoll_query::{Param, QueryEngine, QueryError, QueryOutput};

use crate::bounds::{Bounds, parameters};
use crate::burn::Counts;
use crate::calendar::Span;
use crate::cells::{Cell, Column};
use crate::files::CheckedObjective;
use crate::objective::{Budgeting, PARTS};
use crate::slices::{Slice, SliceIndex};

/// Good and total per slice and group of [from, to).
pub(crate) async fn read_slices(
    objective: &CheckedObjective,
    engine: &QueryEngine,
    (from, to): (SliceIndex, SliceIndex),
    now: Timestamp,
) -> Result<Vec<Slice>, QueryError> {
    // A slice of the budget is read as a whole or not at all.
    let from = from.aligned(objective.objective.budgeting.slice());
    let bounds = Bounds { from: from.start(), until: to.start(), now };
    let output = engine.evaluate(&slices_sql(objective), &bounds.params(), now).await?;
    slices_of(&objective.objective.group_by, &output).map_err(QueryError::Internal)
}

/// The slice of the first event of [from, to), so that a long empty past costs one question.
pub(crate) async fn first_event(
    checked: &CheckedObjective,
    engine: &QueryEngine,
    (from, to): (SliceIndex, SliceIndex),
    now: Timestamp,
) -> Result<Option<SliceIndex>, QueryError> {
    let sql = format!("SELECT min(time) AS __first\n{}", rows(checked));
    let bounds = Bounds { from: from.start(), until: to.start(), now };
    let output = engine.evaluate(&sql, &bounds.params(), now).await?;
    let Some(batch) = output.batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let first = Column::of(batch, "__first").map_err(QueryError::Internal)?.time(0);
    Ok(first.map(SliceIndex::holding))
}

/// What the query gives between its bounds.
fn rows(checked: &CheckedObjective) -> String {
    let query = parameters(&checked.objective.query);
    format!("FROM (\n{query}\n) AS sli\nWHERE time >= $1 AND time < $2")
}

/// Good and total of rows, as two columns.
fn sums(checked: &CheckedObjective) -> &'static str {
    if checked.is_summed {
        "coalesce(sum(good), 0) AS __good, coalesce(sum(total), 0) AS __total"
    } else {
        "count(*) FILTER (WHERE good) AS __good, count(*) AS __total"
    }
}

/// Aliases begin with two underscores, which no group column may.
fn slices_sql(checked: &CheckedObjective) -> String {
    let objective = &checked.objective;
    let (mut groups, mut names) = (String::new(), String::new());
    let mut positions = String::from("1");
    for (index, group) in objective.group_by.iter().enumerate() {
        groups.push_str(&format!("CAST(\"{group}\" AS VARCHAR) AS \"{group}\", "));
        names.push_str(&format!("\"{group}\", "));
        positions.push_str(&format!(", {}", index + 2));
    }
    let seconds = objective.budgeting.slice().as_secs();
    if checked.is_composite {
        return composite_sql(&rows(checked), seconds, (&groups, &names), objective.group_by.len());
    }
    let counted = format!(
        "SELECT date_bin(INTERVAL '{seconds} seconds', time) AS __slice, {groups}{}, max(time) AS __last\n{}\n\
         GROUP BY {positions}",
        sums(checked),
        rows(checked),
    );
    if objective.budgeting == Budgeting::Occurrences && !checked.is_summed {
        return counted;
    }
    let (good, total) = judged(objective.budgeting);
    format!(
        "SELECT __slice, {names}CAST(round({good}) AS BIGINT) AS __good, CAST(round({total}) AS BIGINT) AS __total, \
         __last\nFROM (\n{counted}\n) AS counted\nWHERE __total > 0 OR __good > 0"
    )
}

/// Each component's ratio in a slice, and of those the mean by weight. A component without events there has no say.
fn composite_sql(rows: &str, seconds: u64, (groups, names): (&str, &str), group_count: usize) -> String {
    let positions = |count: usize| (1..=count).map(|at| at.to_string()).collect::<Vec<_>>().join(", ");
    let share = "least(greatest(good / total, 0), 1)";
    format!(
        "SELECT __slice, {names}CAST(round({PARTS} * sum(weight * share) / sum(weight)) AS BIGINT) AS __good, \
         {PARTS} AS __total, max(__last) AS __last\nFROM (\n\
         SELECT __slice, {names}weight, __last, CASE WHEN slice_target IS NULL THEN {share} \
         WHEN good >= slice_target * total * (1 - 1e-9) THEN 1.0 ELSE 0.0 END AS share\nFROM (\n\
         SELECT date_bin(INTERVAL '{seconds} seconds', time) AS __slice, {groups}component, max(weight) AS weight, \
         max(slice_target) AS slice_target, sum(good) AS good, sum(total) AS total, max(time) AS __last\n{rows}\n\
         GROUP BY {of_components}\n) AS counted\nWHERE total > 0\n) AS shared\nGROUP BY {of_slices}",
        of_components = positions(group_count + 2),
        of_slices = positions(group_count + 1),
    )
}

/// What a slice counts as. A share that is as wanted up to rounding is as wanted.
fn judged(budgeting: Budgeting) -> (String, String) {
    match budgeting {
        Budgeting::Occurrences => ("__good".to_owned(), "__total".to_owned()),
        Budgeting::Timeslices { target, .. } => {
            (format!("CASE WHEN __good >= {target} * __total * (1 - 1e-9) THEN 1 ELSE 0 END"), "1".to_owned())
        }
        Budgeting::RatioTimeslices { .. } => {
            let share = "least(greatest(CAST(__good AS DOUBLE) / nullif(__total, 0), 0), 1)";
            (format!("{PARTS} * coalesce({share}, 1)"), PARTS.to_string())
        }
    }
}

/// A null group and an empty one are the same label set, so equal keys are added up.
fn slices_of(group_by: &[String], output: &QueryOutput) -> Result<Vec<Slice>, String> {
    let mut slices: BTreeMap<(SliceIndex, Labels), Slice> = BTreeMap::new();
    for batch in &output.batches {
        let column = |name: &str| Column::of(batch, name);
        let (starts, goods, totals, lasts) =
            (column("__slice")?, column("__good")?, column("__total")?, column("__last")?);
        let groups: Vec<_> = group_by.iter().map(|group| column(group)).collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let Some(start) = starts.time(row) else { continue };
            let index = SliceIndex::holding(start);
            let labels: Labels = group_by
                .iter()
                .zip(&groups)
                .map(|(name, column)| (name.as_str(), column.text(row)))
                .collect();
            let slice = slices.entry((index, labels.clone())).or_insert_with(|| Slice {
                groups: labels,
                index,
                counts: Counts::default(),
                last_event: Timestamp::MIN,
            });
            slice.counts.good += goods.count(row);
            slice.counts.total += totals.count(row);
            slice.last_event = slice.last_event.max(lasts.time(row).unwrap_or(Timestamp::MIN));
        }
    }
    Ok(slices.into_values().collect())
}

/// `impact_*` and `example_*` over the bad events of a group since `from`: what the page says it costs.
pub(crate) async fn read_impact(
    checked: &CheckedObjective,
    engine: &QueryEngine,
    (groups, from, left_out): (&Labels, Timestamp, &[Span]),
    now: Timestamp,
) -> Result<BTreeMap<String, String>, String> {
    let mut said = BTreeMap::new();
    if checked.is_summed {
        return Ok(said);
    }
    let (mut condition, params) = bad_events(checked, groups, from, now);
    condition.push_str(&without(left_out));
    if !checked.impacts.is_empty() {
        let sums = checked
            .impacts
            .iter()
            .map(|name| format!("sum(\"{name}\") AS \"{}\"", prefixed("impact_", name)));
        let sums = sums.collect::<Vec<_>>().join(", ");
        said.extend(read_row(engine, &format!("SELECT {sums}\n{condition}"), &params, now).await?);
    }
    for name in &checked.examples {
        let alias = prefixed("example_", name);
        let sql = format!(
            "SELECT \"{name}\" AS \"{alias}\"\n{condition} AND \"{name}\" IS NOT NULL\nORDER BY time DESC LIMIT 1"
        );
        said.extend(read_row(engine, &sql, &params, now).await?);
    }
    Ok(said)
}

/// Parameters of its own come after those of the query.
fn bad_events(
    checked: &CheckedObjective,
    groups: &Labels,
    from: Timestamp,
    now: Timestamp,
) -> (String, Vec<Param>) {
    let from = SliceIndex::holding(from).start();
    let mut params = Bounds { from, until: SliceIndex::holding(now).next().start(), now }.params();
    let query = parameters(&checked.objective.query);
    let mut sql = format!("FROM (\n{query}\n) AS sli\nWHERE time >= $1 AND good IS NOT TRUE");
    for group in &checked.objective.group_by {
        let value = groups.get(group);
        let column = format!("CAST(\"{group}\" AS VARCHAR)");
        if value.is_empty() {
            sql.push_str(&format!(" AND ({column} IS NULL OR {column} = '')"));
        } else {
            params.push(Param::Text(value.to_owned()));
            sql.push_str(&format!(" AND {column} = ${}", params.len()));
        }
    }
    (sql, params)
}

async fn read_row(
    engine: &QueryEngine,
    sql: &str,
    params: &[Param],
    now: Timestamp,
) -> Result<BTreeMap<String, String>, String> {
    let output = engine.evaluate(sql, params, now).await.map_err(|error| error.to_string())?;
    let mut row = BTreeMap::new();
    let Some(batch) = output.batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(row) };
    for field in batch.schema_ref().fields() {
        let text = match Column::of(batch, field.name())?.cell(0) {
            Cell::Null => continue,
            Cell::Number(sum) => cents(sum),
            cell => cell.say(),
        };
        row.insert(field.name().clone(), text);
    }
    Ok(row)
}

/// Sums of floating amounts are said to the cent.
fn cents(sum: f64) -> String {
    let text = format!("{sum:.2}");
    text.strip_suffix(".00").map(str::to_owned).unwrap_or(text)
}

fn prefixed(prefix: &str, name: &str) -> String {
    if name.starts_with(prefix) { name.to_owned() } else { format!("{prefix}{name}") }
}

/// What does not count, by the business clock, whole slices as it is summed; of very many stretches the newest.
fn without(left_out: &[Span]) -> String {
    let newest = left_out.iter().rev().take(MOST_STRETCHES);
    newest
        .map(|Span { from, to }| format!(" AND NOT (time >= TIMESTAMP '{from}' AND time < TIMESTAMP '{to}')"))
        .collect()
}

/// A statement has a bounded number of terms.
const MOST_STRETCHES: usize = 40;

/// The statement that reproduces good and total of a window, to be pasted into any SQL client. Of an objective that counts
/// slices it gives their events.
pub(crate) fn reproducing_sql(
    checked: &CheckedObjective,
    groups: &Labels,
    (from, to, now): (Timestamp, Timestamp, Timestamp),
    left_out: &[Span],
) -> String {
    let query = Bounds { from, until: to, now }.literal(&checked.objective.query);
    let sums = sums(checked).replace("__", "");
    let mut sql = format!(
        "SELECT {sums}\nFROM (\n{query}\n) AS sli\n\
         WHERE time >= TIMESTAMP '{from}' AND time < TIMESTAMP '{to}'"
    );
    for group in &checked.objective.group_by {
        match groups.get(group) {
            "" => sql.push_str(&format!(" AND \"{group}\" IS NULL")),
            value => sql.push_str(&format!(" AND \"{group}\" = '{}'", value.replace('\'', "''"))),
        }
    }
    sql.push_str(&without(left_out));
    sql
}
