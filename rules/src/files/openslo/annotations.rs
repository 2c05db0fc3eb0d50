//! What OpenSLO has no field for, as annotations under our own prefix; files stay valid elsewhere.

use std::collections::BTreeMap;
use std::path::Path;

use serde_saphyr::Spanned;

use crate::finding::{Finding, Place};
use crate::objective::guards::{BlindDraft, BudgetDraft};
use crate::objective::{ClockDraft, SeverityNames};

pub(super) mod lines;

pub(crate) const PREFIX: &str = "plimsoll.dev/";

const KNOWN: &str = "group-by, team, runbook-url, noun, min-bad-events, budget-spent, budget-exhausts-within, blind-after, blind-severity, \
     blind-sources, coverage-floor, absent-is-bad, page-severity, ticket-severity, count-only, exclude, lines and annotation.NAME";

#[derive(Debug, Default)]
pub(crate) struct Own {
    pub(crate) group_by: Vec<Spanned<String>>,
    pub(crate) team: Option<String>,
    pub(crate) runbook_url: Option<String>,
    pub(crate) noun: Option<String>,
    pub(crate) min_bad_events: Option<u64>,
    pub(crate) budget_alerts: BudgetDraft,
    pub(crate) blind: BlindDraft,
    pub(crate) severities: SeverityNames,
    pub(crate) clock: ClockDraft,
    pub(crate) annotations: BTreeMap<String, Spanned<String>>,
}

/// Those of others are left alone.
pub(crate) fn read(
    annotations: BTreeMap<String, Spanned<String>>,
    file: &Path,
    findings: &mut Vec<Finding>,
) -> Own {
    let mut own = Own::default();
    for (key, value) in annotations {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        let place = Place::of(file, &value);
        if let Err(message) = own.take(name, value) {
            findings.push(place.error(message));
        }
    }
    own
}

impl Own {
    fn take(&mut self, name: &str, value: Spanned<String>) -> Result<(), String> {
        match name {
            "group-by" => self.group_by = columns(&value),
            "team" => self.team = Some(value.value),
            "runbook-url" => self.runbook_url = Some(value.value),
            "noun" => self.noun = Some(value.value),
            "min-bad-events" => {
                let count = value.value.parse();
                let complaint =
                    || format!("min-bad-events is a whole number such as \"3\", not `{}`", value.value);
                self.min_bad_events = Some(count.map_err(|_| complaint())?);
            }
            "budget-spent" => self.budget_alerts.spent = Some(value),
            "budget-exhausts-within" => self.budget_alerts.exhausts_within = Some(value),
            "blind-after" => self.blind.after = Some(value),
            "blind-severity" => self.blind.severity = Some(value.value),
            "blind-sources" => self.blind.sources = columns(&value).into_iter().map(|it| it.value).collect(),
            "absent-is-bad" => {
                let is_bad = value
                    .value
                    .parse()
                    .map_err(|_| format!("absent-is-bad is \"true\" or \"false\", not `{}`", value.value))?;
                self.blind.absent_is_bad = Some(Spanned::new(is_bad, value.referenced, value.defined));
            }
            "coverage-floor" => {
                let floor = value.value.parse().map_err(|_| {
                    format!("coverage-floor is a number from 0 to 1 such as \"0.9\", not `{}`", value.value)
                })?;
                self.blind.coverage_floor = Some(Spanned::new(floor, value.referenced, value.defined));
            }
            "page-severity" => self.severities.page = Some(value.value),
            "count-only" => self.clock.count_only = columns(&value),
            "exclude" => self.clock.exclude = columns(&value),
            "lines" => self.clock.lines = lines::read(&value)?,
            "ticket-severity" => self.severities.ticket = Some(value.value),
            other => match other.strip_prefix("annotation.") {
                Some(annotation) => {
                    self.annotations.insert(annotation.to_owned(), value);
                }
                None => return Err(format!("`{PREFIX}{other}` is not known: {KNOWN} are")),
            },
        }
        Ok(())
    }
}

fn columns(value: &Spanned<String>) -> Vec<Spanned<String>> {
    let names = value.value.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| Spanned::new(name.to_owned(), value.referenced, value.defined)).collect()
}
