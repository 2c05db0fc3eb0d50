//! The checks that need the SQL engine: does the query exist, and does it give what its user needs?

use arrow::datatypes::Schema;
use plimsoll_model::Table;
use plimsoll_query::{Description, QueryEngine, QueryError};

use super::{Parsed, RuleSet};
use crate::alert_rule::RuleGroup;
use crate::cells::Kind;
use crate::finding::{Finding, Place};
use crate::objective::{Located, Objective};

/// An objective whose query exists.
#[derive(Clone, Debug)]
pub struct CheckedObjective {
    pub objective: Objective,
    /// What drives its evaluation.
    pub tables: Vec<Table>,
    /// Numeric columns, summed over bad events.
    pub(crate) impacts: Vec<String>,
    /// Text columns of which the latest bad event's value is shown.
    pub(crate) examples: Vec<String>,
}

pub(crate) async fn against(engine: &QueryEngine, parsed: Parsed) -> (RuleSet, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut objectives = Vec::new();
    for located in parsed.objectives {
        match engine.describe(&located.objective.query).await {
            Ok(description) => {
                let problems = check_indicator(&located.objective, &description);
                findings.extend(problems.into_iter().map(|problem| located.query_place.error(problem)));
                objectives.push(checked(located, description));
            }
            Err(error) => findings.push(refused(&located.query_place, &error)),
        }
    }
    let mut groups = Vec::new();
    for group in parsed.groups {
        groups.push(check_group(engine, group, &mut findings).await);
    }
    (RuleSet { objectives, groups }, findings)
}

async fn check_group(engine: &QueryEngine, group: RuleGroup, findings: &mut Vec<Finding>) -> RuleGroup {
    let mut rules = Vec::new();
    for rule in group.rules {
        match engine.describe(&rule.sql).await {
            Ok(description) => {
                let problems = rule.check_columns(&description.schema).into_iter();
                findings.extend(problems.map(|(message, is_error)| {
                    if is_error { rule.sql_place.error(message) } else { rule.place.warning(message) }
                }));
                rules.push(rule);
            }
            Err(error) => findings.push(refused(&rule.sql_place, &error)),
        }
    }
    RuleGroup { name: group.name, interval: group.interval, limit: group.limit, rules }
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
    for (name, kind, cure) in [
        ("time", Kind::Time, "select the event's `time`"),
        ("good", Kind::Bool, "select a condition `AS good`, such as outcome = 'ok' AND duration_ms <= 2000"),
    ] {
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

fn names(schema: &Schema) -> String {
    schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ")
}

fn checked(located: Located, description: Description) -> CheckedObjective {
    let objective = located.objective;
    let of_kind = |kind: Kind| {
        let fields =
            description.schema.fields().iter().filter(move |field| Kind::of(field.data_type()) == kind);
        fields.map(|field| field.name().clone()).filter(|name| !objective.group_by.contains(name))
    };
    let impacts = of_kind(Kind::Number).collect();
    let examples =
        of_kind(Kind::Text).filter(|name| name == "trace_id" || name.starts_with("example_")).collect();
    CheckedObjective { impacts, examples, tables: description.tables, objective }
}
