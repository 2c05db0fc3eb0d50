//! The short form as OpenSLO v1, which `load` reads back as the same objective.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::openslo::{PREFIX, lines_spelt, spell_duration};
use super::parse;
use crate::durations;
use crate::finding::{Finding, Place};
use crate::objective::{Blindness, BudgetAlerts, DEFAULT_MIN_BAD_EVENTS, Objective, Sli};

mod policies;
mod sli;
mod targets;

use targets::Target;

/// Short form (or OpenSLO) in, OpenSLO v1 YAML out: what `plimsoll rules expand` prints. References to indicators
/// and data sources are resolved, warnings are left to `check`.
pub fn expand(yaml: &str, file: &Path) -> Result<String, Vec<Finding>> {
    let (parsed, mut findings) = parse(&[(file.to_owned(), yaml.to_owned())]);
    findings.retain(|finding| finding.is_error);
    if parsed.objectives.is_empty() && findings.is_empty() {
        let message = "there is no SLO to expand: give a file with one in the short form or in OpenSLO";
        findings.push(Place::new(file, 1).error(message));
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let documents = parsed.objectives.iter().map(|located| {
        serde_saphyr::to_string(&Slo::from(&located.objective))
            .map_err(|error| vec![located.place.error(format!("it can't be written as YAML: {error}"))])
    });
    Ok(documents.collect::<Result<Vec<_>, _>>()?.join("---\n"))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Slo<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    spec: Spec<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    service: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    indicator: Option<Indicator<'a>>,
    time_window: [Window; 1],
    budgeting_method: &'static str,
    objectives: Vec<Target<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alert_policies: Vec<policies::Policy<'a>>,
}

#[derive(Serialize)]
struct Indicator<'a> {
    metadata: Name<'a>,
    spec: sli::Spec,
}

impl<'a> Indicator<'a> {
    /// None for what has one in each of its objectives.
    fn of(name: &'a str, query: &str, sli: &Sli) -> Option<Self> {
        Some(Self { metadata: Name { name }, spec: sli::spec(query, sli)? })
    }
}

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Window {
    duration: String,
    is_rolling: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    calendar: Option<Calendar>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Calendar {
    start_time: String,
    time_zone: &'static str,
}

impl<'a> From<&'a Objective> for Slo<'a> {
    fn from(objective: &'a Objective) -> Self {
        let labels = objective.labels.iter().filter(|(name, _)| !objective.alerting.sets(name));
        Self {
            api_version: "openslo/v1",
            kind: "SLO",
            metadata: Metadata {
                name: &objective.name,
                labels: labels.map(|(name, value)| (name.as_str(), value.as_str())).collect(),
                annotations: annotations(objective),
            },
            spec: Spec {
                description: objective.description.as_deref(),
                service: &objective.service,
                indicator: Indicator::of(&objective.name, &objective.query, &objective.sli),
                time_window: [window(objective)],
                budgeting_method: targets::method(objective),
                objectives: targets::of(objective),
                alert_policies: policies::of(objective),
            },
        }
    }
}

fn window(objective: &Objective) -> Window {
    let Some(period) = &objective.clock.period else {
        return Window { duration: spell_duration(objective.window), is_rolling: true, calendar: None };
    };
    let calendar = Calendar { start_time: period.start_time(), time_zone: period.time_zone() };
    Window { duration: period.spelt(), is_rolling: false, calendar: Some(calendar) }
}

fn annotations(objective: &Objective) -> BTreeMap<String, String> {
    let (min_bad_events, clock) = (objective.min_bad_events, &objective.clock);
    let own = [
        ("group-by", (!objective.group_by.is_empty()).then(|| objective.group_by.join(","))),
        ("team", objective.team.clone()),
        ("runbook-url", objective.runbook_url.clone()),
        ("noun", objective.noun.clone()),
        ("min-bad-events", (min_bad_events != DEFAULT_MIN_BAD_EVENTS).then(|| min_bad_events.to_string())),
        ("page-severity", objective.severities.page.clone()),
        ("ticket-severity", objective.severities.ticket.clone()),
        ("count-only", (!clock.count_only.is_empty()).then(|| clock.count_only.join(","))),
        ("exclude", (!clock.exclude.is_empty()).then(|| clock.exclude.join(","))),
        ("lines", (!clock.lines.is_empty()).then(|| lines_spelt(&clock.lines))),
    ];
    let own = own.into_iter().chain(guards(objective));
    let own = own.filter_map(|(name, value)| Some((format!("{PREFIX}{name}"), value?)));
    let others =
        objective.annotations.iter().map(|(name, text)| (format!("{PREFIX}annotation.{name}"), text.clone()));
    own.chain(others).collect()
}

/// What differs from the defaults.
fn guards(objective: &Objective) -> [(&'static str, Option<String>); 7] {
    let (budget, blind) = (&objective.budget_alerts, &objective.blind);
    let usual = Blindness::default();
    let spent = budget.spent.map_or_else(|| "none".to_owned(), |percent| percent.to_string());
    [
        ("budget-spent", (budget.spent != BudgetAlerts::default().spent).then_some(spent)),
        ("budget-exhausts-within", budget.exhausts_within.map(durations::spell)),
        ("blind-after", (blind.after != usual.after).then(|| durations::spell(blind.after))),
        ("blind-severity", (blind.severity != usual.severity).then(|| blind.severity.clone())),
        ("blind-sources", (!blind.sources.is_empty()).then(|| blind.sources.join(","))),
        ("absent-is-bad", blind.absent_is_bad.then(|| "true".to_owned())),
        (
            "coverage-floor",
            (blind.coverage_floor != usual.coverage_floor).then(|| blind.coverage_floor.to_string()),
        ),
    ]
}
