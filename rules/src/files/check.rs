//! The checks that need the SQL engine: does the query exist, and does it give what its user needs?

use std::sync::Arc;

use arrow::datatypes::Schema;
use plimsoll_model::Table;
use plimsoll_query::{Description, QueryEngine, QueryError};

use super::calendars::unknown;
use super::compose::{Composed, Stated, compose};
use super::{Parsed, RuleSet};
use crate::alert_rule::RuleGroup;
use crate::bounds;
use crate::calendar::Calendars;
use crate::cells::Kind;
use crate::finding::{Finding, Place};
use crate::objective::{Located, Objective, Sli};
use crate::waterline::Waterline;

/// An objective whose query exists.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedObjective {
    pub objective: Objective,
    /// What drives its evaluation.
    pub tables: Vec<Table>,
    /// Whether `good` and `total` are numbers, rather than each row an event.
    pub(crate) is_summed: bool,
    /// Whether rows belong to components, each with a weight.
    pub(crate) is_composite: bool,
    /// Whether time alone changes what it gives.
    pub(crate) speaks_of_now: bool,
    /// The calendars that it follows.
    pub(crate) waterline: Option<Arc<Waterline>>,
    /// Numeric columns, summed over bad events.
    pub(crate) impacts: Vec<String>,
    /// Text columns of which the latest bad event's value is shown.
    pub(crate) examples: Vec<String>,
}

pub(crate) async fn against(
    engine: &QueryEngine,
    parsed: Parsed,
    calendars: &Arc<Calendars>,
) -> (RuleSet, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut objectives = Vec::new();
    for located in parsed.objectives {
        match check_objective(engine, located, calendars).await {
            Ok((checked, problems)) => {
                objectives.push(checked);
                findings.extend(problems);
            }
            Err(finding) => findings.push(finding),
        }
    }
    let mut groups = Vec::new();
    for group in parsed.groups {
        groups.push(check_group(engine, group, calendars, &mut findings).await);
    }
    (RuleSet { objectives, groups, calendars: Arc::clone(calendars) }, findings)
}

/// Makes one query of what the objective states, and looks at that.
async fn check_objective(
    engine: &QueryEngine,
    mut located: Located,
    calendars: &Calendars,
) -> Result<(CheckedObjective, Vec<Finding>), Finding> {
    let place = located.query_place.clone();
    let describe = async |sql: &str, place: &Place| {
        engine.describe(&bounds::parameters(sql)).await.map_err(|error| refused(place, &error))
    };
    let stated = located.objective.query.clone();
    let objective = &located.objective;
    let mut descriptions = vec![(stated.clone(), describe(&stated, &place).await?)];
    for (number, query) in other_queries(&objective.sli).into_iter().enumerate() {
        let at = located.part_places.get(number).unwrap_or(&place);
        descriptions.push((query.to_owned(), describe(query, at).await?));
    }
    let of_queries: Vec<Stated<'_>> =
        descriptions.iter().map(|(sql, it)| Stated { sql, schema: &it.schema }).collect();
    let composed = match of_queries.as_slice() {
        [whole, others @ ..] => compose(&objective.sli, &objective.group_by, whole, others),
        [] => Err("the objective has no query".to_owned()),
    };
    let Composed { sql, parts } = composed.map_err(|problem| place.error(problem))?;
    let description = describe(&sql, &place).await?;
    let problems = check_indicator(&located.objective, &description);
    let strangers = unknown(&description.calendars, calendars);
    let mut problems: Vec<Finding> =
        problems.into_iter().chain(strangers).map(|problem| place.error(problem)).collect();
    for (name, place) in &located.calendars {
        problems.extend(unknown(std::slice::from_ref(name), calendars).map(|message| place.error(message)));
    }
    located.objective.query = sql;
    located.objective.min_bad_events *= parts * located.objective.budgeting.parts();
    Ok((checked(located, description, calendars), problems))
}

/// Besides the objective's own.
fn other_queries(sli: &Sli) -> Vec<&str> {
    match sli {
        Sli::Success | Sli::Failure | Sli::Threshold { .. } => Vec::new(),
        Sli::Ratio { query, .. } => vec![query],
        // The objective's own is that of the first.
        Sli::Composite(components) => {
            let mut all = Vec::new();
            for (number, component) in components.iter().enumerate() {
                if number > 0 {
                    all.push(component.query.as_str());
                }
                all.extend(other_queries(&component.sli));
            }
            all
        }
    }
}

async fn check_group(
    engine: &QueryEngine,
    mut group: RuleGroup,
    calendars: &Calendars,
    findings: &mut Vec<Finding>,
) -> RuleGroup {
    let mut rules = Vec::new();
    for rule in std::mem::take(&mut group.rules) {
        match engine.describe(&rule.sql).await {
            Ok(description) => {
                let problems = rule.check_columns(&description.schema).into_iter();
                findings.extend(problems.map(|(message, is_error)| {
                    if is_error { rule.sql_place.error(message) } else { rule.place.warning(message) }
                }));
                let strangers = unknown(&description.calendars, calendars);
                findings.extend(strangers.map(|message| rule.sql_place.error(message)));
                rules.push(rule);
            }
            Err(error) => findings.push(refused(&rule.sql_place, &error)),
        }
    }
    RuleGroup { rules, ..group }
}

fn refused(place: &Place, error: &QueryError) -> Finding {
    let mut place = place.clone();
    if let QueryError::Invalid { line: Some(line), .. } = error {
        place.line += line.saturating_sub(1);
    }
    place.error(format!("the query is refused: {error}"))
}

/// What an indicator must have and may not do.
pub(crate) fn check_indicator(objective: &Objective, description: &Description) -> Vec<String> {
    let schema: &Schema = &description.schema;
    let mut problems = Vec::new();
    if description.reads_now {
        problems.push(
            "an indicator may not call now(), for a slice must count the same whenever it is read: remove it; the \
             engine adds the bounds in time itself"
                .to_owned(),
        );
    }
    if description.tables.is_empty() {
        problems.push(
            "the query reads no table of the lake, so nothing would ever drive it: read one".to_owned(),
        );
    }
    let time = ("time", Kind::Time, "select the event's `time`");
    let good = (
        "good",
        Kind::Bool,
        "select a condition `AS good`, such as outcome = 'ok' AND duration_ms <= 2000; or the numbers `good` and `total`",
    );
    for (name, kind, cure) in
        [time, good].into_iter().filter(|(name, ..)| *name == "time" || !is_summed(schema))
    {
        match Kind::of_column(schema, name) {
            Some(found) if found == kind => {}
            Some(_) => problems.push(format!("the column `{name}` has the wrong type: {cure}")),
            None => problems.push(format!("the query has no column `{name}`: {cure}")),
        }
    }
    for group in &objective.group_by {
        match Kind::of_column(schema, group) {
            Some(Kind::Text | Kind::Number | Kind::Bool) => {}
            Some(Kind::Time | Kind::Other) => {
                problems.push(format!("`{group}` can't be grouped by: cast it to text in the query"));
            }
            None => problems.push(format!(
                "the query has no column `{group}` to group by: select it, or remove it from the groups; there are {}",
                names(schema)
            )),
        }
    }
    problems
}

/// `good` and `total` as numbers.
fn is_summed(schema: &Schema) -> bool {
    ["good", "total"].iter().all(|name| Kind::of_column(schema, name) == Some(Kind::Number))
}

fn names(schema: &Schema) -> String {
    schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ")
}

fn checked(located: Located, description: Description, calendars: &Calendars) -> CheckedObjective {
    let objective = located.objective;
    let of_kind = |kind: Kind| {
        let fields =
            description.schema.fields().iter().filter(move |field| Kind::of(field.data_type()) == kind);
        fields.map(|field| field.name().clone()).filter(|name| !objective.group_by.contains(name))
    };
    let is_summed = is_summed(&description.schema);
    // Sums are no events, so there is none that could be bad.
    let impacts = if is_summed { Vec::new() } else { of_kind(Kind::Number).collect() };
    let examples =
        of_kind(Kind::Text).filter(|name| name == "trace_id" || name.starts_with("example_")).collect();
    let speaks_of_now = bounds::speaks_of_now(&objective.query);
    let is_composite = matches!(objective.sli, Sli::Composite(_));
    let waterline = Waterline::of(&objective.clock, calendars);
    let tables = description.tables;
    CheckedObjective {
        impacts,
        examples,
        tables,
        is_summed,
        is_composite,
        speaks_of_now,
        waterline,
        objective,
    }
}
