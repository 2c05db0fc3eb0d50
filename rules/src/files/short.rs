//! Our short form of an SLO: what most objectives need to say, and nothing else.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::objective::guards::{BlindDraft, BudgetDraft};
use crate::objective::{Alerting, Budgeting, Draft, SeverityNames, Sli};

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
    events: Spanned<String>,
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
}

impl From<ShortForm> for Draft {
    fn from(short: ShortForm) -> Self {
        Self {
            name: short.slo,
            description: short.description,
            service: short.service,
            percent: short.objective,
            window: short.window,
            group_by: short.group_by,
            query: short.events,
            part: None,
            sli: Sli::Success,
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
        }
    }
}
