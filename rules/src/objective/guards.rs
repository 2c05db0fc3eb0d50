//! What an objective says about its budget as a whole, and about not being able to see.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::durations;
use crate::finding::{Finding, Place};

use super::Budgeting;

/// Alerts on the budget of the whole window, however slowly it went. They are tickets.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetAlerts {
    /// Percent of it that may be gone before somebody hears of it; `None` when nobody wants to.
    pub spent: Option<f64>,
    /// If at the rate of the last day it lasts no longer than this.
    pub exhausts_within: Option<Duration>,
}

/// When an objective can't be judged, and who hears of that.
#[derive(Clone, Debug, PartialEq)]
pub struct Blindness {
    /// Nothing has come for this long from any of its sources.
    pub after: Duration,
    /// The label `severity` of the alert; `none` switches it off.
    pub severity: String,
    /// By their name in the table `sources`; empty for whatever sends into the tables that the query reads.
    pub sources: Vec<String>,
    /// A tier whose short window is covered less than this neither fires nor resolves.
    pub coverage_floor: f64,
    /// A slice of time without an event is a bad one, and silence therefore no blindness: for what must keep coming.
    pub absent_is_bad: bool,
}

impl Default for BudgetAlerts {
    fn default() -> Self {
        Self { spent: Some(100.0), exhausts_within: None }
    }
}

impl Default for Blindness {
    fn default() -> Self {
        Self {
            after: Duration::from_secs(15 * 60),
            severity: "ticket".to_owned(),
            sources: Vec::new(),
            coverage_floor: 0.9,
            absent_is_bad: false,
        }
    }
}

/// `budget_alerts:` of the short form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetDraft {
    /// Percent, or `none`.
    pub(crate) spent: Option<Spanned<String>>,
    pub(crate) exhausts_within: Option<Spanned<String>>,
}

/// `blind:` of the short form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlindDraft {
    pub(crate) after: Option<Spanned<String>>,
    pub(crate) severity: Option<String>,
    #[serde(default)]
    pub(crate) sources: Vec<String>,
    pub(crate) coverage_floor: Option<Spanned<f64>>,
    /// Only OpenSLO can ask for it, since only there slices of time are counted.
    #[serde(skip)]
    pub(crate) absent_is_bad: Option<Spanned<bool>>,
}

impl BudgetDraft {
    pub(crate) fn check(self, file: &Path, findings: &mut Vec<Finding>) -> BudgetAlerts {
        let spent = match &self.spent {
            None => BudgetAlerts::default().spent,
            Some(text) if text.value == "none" => None,
            Some(text) => {
                let percent = text.value.trim_end_matches('%').trim().parse().ok();
                let percent = percent.filter(|percent: &f64| percent.is_finite() && *percent > 0.0);
                if percent.is_none() {
                    let message =
                        format!("`spent: {}` is no percentage above 0: write 100, or none", text.value);
                    findings.push(Place::of(file, text).error(message));
                }
                percent
            }
        };
        BudgetAlerts { spent, exhausts_within: duration(self.exhausts_within.as_ref(), file, findings) }
    }
}

impl BlindDraft {
    pub(crate) fn check(self, budgeting: Budgeting, file: &Path, findings: &mut Vec<Finding>) -> Blindness {
        let default = Blindness::default();
        let absent_is_bad = self.absent_is_bad.as_ref().is_some_and(|is_bad| is_bad.value);
        if let Some(place) =
            self.absent_is_bad.as_ref().filter(|_| absent_is_bad && budgeting == Budgeting::Occurrences)
        {
            let message = "absent-is-bad needs slices of time that can be without an event: write `budgetingMethod: \
                           Timeslices` with a timeSliceWindow";
            findings.push(Place::of(file, place).error(message));
        }
        let floor = self.coverage_floor.map_or(default.coverage_floor, |floor| {
            if !(0.0..=1.0).contains(&floor.value) {
                let message = format!("a coverage_floor of {} is out of range: 0 to 1", floor.value);
                findings.push(Place::of(file, &floor).error(message));
            }
            floor.value
        });
        Blindness {
            after: duration(self.after.as_ref(), file, findings).unwrap_or(default.after),
            severity: self.severity.unwrap_or(default.severity),
            sources: self.sources,
            coverage_floor: floor,
            absent_is_bad,
        }
    }
}

fn duration(text: Option<&Spanned<String>>, file: &Path, findings: &mut Vec<Finding>) -> Option<Duration> {
    let text = text?;
    match durations::parse(&text.value) {
        Ok(duration) if !duration.is_zero() => Some(duration),
        Ok(_) => {
            findings
                .push(Place::of(file, text).error("a duration of 0 would always be over: write 1m or more"));
            None
        }
        Err(message) => {
            findings.push(Place::of(file, text).error(message));
            None
        }
    }
}
