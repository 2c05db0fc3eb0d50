//! Our short form of an SLO: what most objectives need to say, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::process::Process;
use crate::finding::{Finding, Place};
use crate::objective::guards::{BlindDraft, BudgetDraft};
use crate::objective::{
    Alerting, Budgeting, ClockDraft, Draft, LineDraft, Part, SeverityNames, Sli, statement,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShortForm {
    slo: Spanned<String>,
    service: Spanned<String>,
    /// Percent.
    objective: Spanned<f64>,
    window: Spanned<String>,
    #[serde(default)]
    group_by: Vec<Spanned<String>>,
    /// One of these four says what is measured.
    events: Option<Spanned<String>>,
    good: Option<Spanned<String>>,
    bad: Option<Spanned<String>>,
    process: Option<Process>,
    /// With `good` or `bad`.
    total: Option<Spanned<String>>,
    #[serde(default)]
    counter: bool,
    description: Option<String>,
    team: Option<String>,
    runbook_url: Option<String>,
    noun: Option<String>,
    min_bad_events: Option<u64>,
    #[serde(default)]
    budget_alerts: BudgetDraft,
    #[serde(default)]
    blind: BlindDraft,
    #[serde(default)]
    labels: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    annotations: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    severity: SeverityNames,
    count_only: Option<Spanned<OneOrMany>>,
    exclude: Option<Spanned<OneOrMany>>,
    #[serde(default)]
    lines: Vec<LineDraft>,
    starts: Option<Spanned<String>>,
    time_zone: Option<Spanned<String>>,
}

/// A calendar, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn names(list: Option<Spanned<OneOrMany>>) -> Vec<Spanned<String>> {
    let Some(Spanned { value, referenced, defined }) = list else { return Vec::new() };
    let names = match value {
        OneOrMany::One(name) => vec![name],
        OneOrMany::Many(names) => names,
    };
    names.into_iter().map(|name| Spanned::new(name, referenced, defined)).collect()
}

/// What the queries are, and where the second one stands.
struct Measure {
    query: Spanned<String>,
    part: Vec<Place>,
    sli: Sli,
}

impl ShortForm {
    pub(crate) fn draft(self, file: &Path) -> Result<Draft, Finding> {
        let Measure { query, part, sli } = self.measure(file)?;
        let short = self;
        Ok(Draft {
            name: short.slo,
            description: short.description,
            service: short.service,
            percent: short.objective,
            window: short.window,
            clock: ClockDraft {
                count_only: names(short.count_only),
                exclude: names(short.exclude),
                lines: short.lines,
                starts: short.starts,
                time_zone: short.time_zone,
            },
            group_by: short.group_by,
            query,
            part,
            sli,
            budgeting: Budgeting::Occurrences,
            alerting: Alerting::default(),
            team: short.team,
            runbook_url: short.runbook_url,
            noun: short.noun,
            min_bad_events: short.min_bad_events,
            budget_alerts: short.budget_alerts,
            blind: short.blind,
            labels: short.labels,
            annotations: short.annotations,
            severities: short.severity,
        })
    }

    fn measure(&self, file: &Path) -> Result<Measure, Finding> {
        let raw = |query| Measure { query, part: Vec::new(), sli: Sli::Success };
        let ratio = |part, given: &Spanned<String>| {
            let Some(total) = &self.total else {
                return Err(
                    Place::of(file, given).error("the ratio has no `total`: add a query of all events")
                );
            };
            let sli = Sli::Ratio { part, query: statement(&given.value), is_counter: self.counter };
            Ok(Measure { query: total.clone(), part: vec![Place::of(file, given)], sli })
        };
        let with_total = [&self.events, &self.total].into_iter().all(Option::is_some);
        match (&self.events, &self.good, &self.bad, &self.process) {
            (Some(events), None, None, None) if !with_total => Ok(raw(events.clone())),
            (None, Some(good), None, None) => ratio(Part::Good, good),
            (None, None, Some(bad), None) => ratio(Part::Bad, bad),
            (None, None, None, Some(process)) if self.total.is_none() => {
                let sql = process.sql(&self.group_by, file)?;
                let at = &process.from;
                Ok(raw(Spanned::new(sql, at.referenced, at.defined)))
            }
            _ => Err(Place::of(file, &self.slo).error(
                "an SLO measures one thing: write `events:`, or `good:` (or `bad:`) and `total:`, or `process:`",
            )),
        }
    }
}
