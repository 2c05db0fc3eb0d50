//! An objective as the files state it, whichever spelling they used, checked as far as no engine is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use plimsoll_model::{Labels, Severity};
use regex::Regex;
use serde_saphyr::Spanned;

use crate::burn::{Threshold, thresholds};
use crate::durations;
use crate::finding::{Finding, Place};
use crate::template::{Field, Template, significant};

mod alerting;
mod budgeting;
mod business_clock;
mod faces;
pub(crate) mod guards;
mod sli;

pub use alerting::{Alerting, BurnCondition};
pub use budgeting::Budgeting;
pub(crate) use budgeting::PARTS;
pub use business_clock::{BusinessClock, OtherLine};
pub(crate) use business_clock::{ClockDraft, LineDraft, Weighed};
pub(crate) use faces::Face;
use guards::{BlindDraft, BudgetDraft};
pub use guards::{Blindness, BudgetAlerts};
pub(crate) use sli::mean_percent;
pub use sli::{Component, Op, Part, Sli};

pub(crate) const DEFAULT_MIN_BAD_EVENTS: u64 = 3;

/// A tier that fires below this burn complains although the budget would last.
const SUSTAINABLE_BURN: f64 = 0.9;

/// What the engine itself puts on an objective's alert.
pub(crate) const RESERVED_LABELS: [&str; 6] = ["alertname", "slo", "service", "severity", "tenant", "team"];

/// Columns that name one event each: as a label, every row would be a new alert.
pub(crate) const IDENTITY_COLUMNS: [&str; 8] = [
    "trace_id",
    "span_id",
    "parent_span_id",
    "event_id",
    "request_id",
    "session_id",
    "message_id",
    "correlation_id",
];

#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    pub name: String,
    pub description: Option<String>,
    pub service: String,
    pub percent: f64,
    /// How long the budget lasts; the longest that it can, when it follows the calendar.
    pub window: Duration,
    pub clock: BusinessClock,
    pub group_by: Vec<String>,
    /// As the files state it; once checked, what is asked: one row an event with `time`, a boolean `good` and the group
    /// columns, or rows in which `good` and `total` are numbers.
    pub query: String,
    pub sli: Sli,
    pub budgeting: Budgeting,
    pub alerting: Alerting,
    pub team: Option<String>,
    pub runbook_url: Option<String>,
    /// What one event is called in sentences: `orders`.
    pub noun: Option<String>,
    pub min_bad_events: u64,
    pub budget_alerts: BudgetAlerts,
    pub blind: Blindness,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub severities: SeverityNames,
}

/// What the `severity` label says instead of `page` and `ticket`; `none` switches the tiers off.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeverityNames {
    pub page: Option<String>,
    pub ticket: Option<String>,
}

impl SeverityNames {
    /// `None` when this severity is switched off.
    #[must_use]
    pub fn label(&self, severity: Severity) -> Option<&str> {
        let name = match severity {
            Severity::Page => &self.page,
            Severity::Ticket => &self.ticket,
        };
        Some(name.as_deref().unwrap_or(severity.as_str())).filter(|name| *name != "none")
    }

    fn collide(&self) -> bool {
        let page = self.label(Severity::Page);
        page.is_some() && page == self.label(Severity::Ticket)
    }
}

impl Objective {
    /// The objective as a ratio, T.
    #[must_use]
    pub fn target(&self) -> f64 {
        self.percent / 100.0
    }

    #[must_use]
    pub fn thresholds(&self) -> Vec<Threshold> {
        self.thresholds_over(self.window)
    }

    /// For a budget that lasts so long, as this month's does.
    #[must_use]
    pub fn thresholds_over(&self, period: Duration) -> Vec<Threshold> {
        let target = self.target();
        let tiers = match &self.alerting.conditions {
            Some(conditions) => conditions.iter().map(|it| it.threshold(period, target)).collect(),
            None => thresholds(period, target),
        };
        let is_on = |it: &Threshold| self.tells_of(it.tier.severity);
        // A window shorter than the slices of the budget would hold one now and none then.
        let holds_a_slice = |it: &Threshold| it.tier.short >= self.budgeting.slice();
        tiers.into_iter().filter(|it| is_on(it) && holds_a_slice(it)).collect()
    }

    /// Names the definition of what is measured: slices of another one do not count. The target may change freely.
    #[must_use]
    pub fn generation(&self) -> i64 {
        let budgeting = match self.budgeting {
            Budgeting::Occurrences => String::new(),
            slices => format!("{slices:?}"),
        };
        let absent = if self.blind.absent_is_bad { "bad" } else { "" };
        let definition = [
            ("query", self.query.clone()),
            ("groups", self.group_by.join(",")),
            ("budgeting", budgeting),
            ("absent", absent.to_owned()),
        ];
        let definition: Labels = definition.into_iter().filter(|(_, said)| !said.is_empty()).collect();
        let digits = definition.fingerprint().to_string();
        i64::from_str_radix(digits.get(1..).unwrap_or_default(), 16).unwrap_or_default()
    }

    pub(crate) fn annotation_templates(&self) -> BTreeMap<String, Template> {
        let parse = |(name, text): (&String, &String)| Some((name.clone(), Template::parse(text).ok()?));
        self.annotations.iter().filter_map(parse).collect()
    }
}

/// An objective before its values are checked, each with its line.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) name: Spanned<String>,
    pub(crate) description: Option<String>,
    pub(crate) service: Spanned<String>,
    pub(crate) percent: Spanned<f64>,
    pub(crate) window: Spanned<String>,
    pub(crate) clock: ClockDraft,
    pub(crate) group_by: Vec<Spanned<String>>,
    pub(crate) query: Spanned<String>,
    /// Where the other query of a ratio stands, or those of a composite.
    pub(crate) part: Vec<Place>,
    pub(crate) sli: Sli,
    pub(crate) budgeting: Budgeting,
    pub(crate) alerting: Alerting,
    pub(crate) team: Option<String>,
    pub(crate) runbook_url: Option<String>,
    pub(crate) noun: Option<String>,
    pub(crate) min_bad_events: Option<u64>,
    pub(crate) budget_alerts: BudgetDraft,
    pub(crate) blind: BlindDraft,
    pub(crate) labels: BTreeMap<String, Spanned<String>>,
    pub(crate) annotations: BTreeMap<String, Spanned<String>>,
    pub(crate) severities: SeverityNames,
}

/// An objective and where its parts stand, for the checks that need the engine.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) objective: Objective,
    pub(crate) place: Place,
    pub(crate) query_place: Place,
    /// Where the other query of a ratio stands, or those of a composite.
    pub(crate) part_places: Vec<Place>,
    /// Where it names which calendar.
    pub(crate) calendars: Vec<(String, Place)>,
}

impl Draft {
    /// `None` when a finding is an error.
    pub(crate) fn check(mut self, file: &Path, findings: &mut Vec<Finding>) -> Option<Located> {
        let before = findings.iter().filter(|finding| finding.is_error).count();
        let window = self.check_values(file, findings);
        let budget_alerts = std::mem::take(&mut self.budget_alerts).check(file, findings);
        let blind = std::mem::take(&mut self.blind).check(self.budgeting, file, findings);
        self.check_names(file, findings);
        if findings.iter().filter(|finding| finding.is_error).count() > before {
            return None;
        }
        let place = Place::of(file, &self.name);
        let query_place = Place::of(file, &self.query);
        let part_places = self.part.clone();
        let calendars = self.clock.named(file);
        let (clock, window) = window?;
        let objective = Objective { budget_alerts, blind, ..self.into_objective(clock, window) };
        findings.extend(warnings(&objective, &place));
        Some(Located { objective, place, query_place, part_places, calendars })
    }

    fn check_values(&self, file: &Path, findings: &mut Vec<Finding>) -> Option<(BusinessClock, Duration)> {
        let percent = self.percent.value;
        if percent >= 100.0 {
            let message = format!(
                "an objective of {percent} % leaves no error budget, so every single failure would burn it \
                 infinitely fast: write less than 100, such as 99.9"
            );
            findings.push(Place::of(file, &self.percent).error(message));
        } else if percent.is_nan() || percent <= 0.0 {
            let message = format!("an objective of {percent} % can't be missed: write a percentage above 0");
            findings.push(Place::of(file, &self.percent).error(message));
        }
        self.clock.check(&self.window, file, findings)
    }

    fn check_names(&self, file: &Path, findings: &mut Vec<Finding>) {
        if !is_object_name(&self.name.value) {
            let message = format!(
                "`{}` can't name an SLO: use at most 63 lower-case letters, digits and `-`",
                self.name.value
            );
            findings.push(Place::of(file, &self.name).error(message));
        }
        let mut seen = BTreeSet::new();
        for group in &self.group_by {
            let place = Place::of(file, group);
            findings.extend(check_label(&group.value).map(|message| place.error(message)));
            if !seen.insert(&group.value) {
                findings.push(place.error(format!("`{}` is grouped by twice: remove one", group.value)));
            }
        }
        for (name, value) in &self.labels {
            findings.extend(check_label(name).map(|message| Place::of(file, value).error(message)));
        }
        if self.severities.collide() {
            let message = "page and ticket have the same severity label, so one alert would be both: give them two names";
            findings.push(Place::of(file, &self.name).error(message));
        }
        for (name, value) in &self.annotations {
            let problem = check_annotation(name, &value.value);
            findings.extend(problem.map(|message| Place::of(file, value).error(message)));
        }
    }

    fn into_objective(self, clock: BusinessClock, window: Duration) -> Objective {
        let mut labels = self.labels;
        if let Some(targets) = self.alerting.label() {
            let target = Spanned::new(targets, self.name.referenced, self.name.defined);
            labels.insert(Alerting::LABEL.to_owned(), target);
        }
        let plain = |map: BTreeMap<String, Spanned<String>>| {
            map.into_iter().map(|(name, value)| (name, value.value)).collect()
        };
        Objective {
            name: self.name.value,
            description: self.description,
            service: self.service.value,
            percent: self.percent.value,
            window,
            clock,
            group_by: self.group_by.into_iter().map(|group| group.value).collect(),
            query: statement(&self.query.value),
            sli: self.sli,
            budgeting: self.budgeting,
            alerting: self.alerting,
            team: self.team,
            runbook_url: self.runbook_url,
            noun: self.noun,
            min_bad_events: self.min_bad_events.unwrap_or(DEFAULT_MIN_BAD_EVENTS),
            budget_alerts: BudgetAlerts::default(),
            blind: Blindness::default(),
            labels: plain(labels),
            annotations: plain(self.annotations),
            severities: self.severities,
        }
    }
}

/// One statement, without what ends it.
pub(crate) fn statement(sql: &str) -> String {
    sql.trim().trim_end_matches(';').trim_end().to_owned()
}

fn warnings(objective: &Objective, place: &Place) -> Vec<Finding> {
    let mut warnings = Vec::new();
    if objective.runbook_url.is_none() {
        let message = format!(
            "`{}` has no runbook_url: whoever is woken has nothing to start from; add one",
            objective.name
        );
        warnings.push(place.warning(message));
    }
    for threshold in objective.thresholds() {
        let tier = format!(
            "the {} tier over {} and {}",
            threshold.tier.severity.as_str(),
            durations::spell(threshold.tier.long),
            durations::spell(threshold.tier.short)
        );
        let trips_at = significant(threshold.error_ratio(objective.target()) * 100.0);
        if let Some(asked) = threshold.clamped_from {
            warnings.push(place.warning(format!(
                "{tier} asks for a burn rate of {}, but {} % can't burn faster than {}: clamped to {}, so an error \
                 ratio of {trips_at} % trips it",
                significant(asked),
                objective.percent,
                significant(threshold.burn),
                significant(threshold.burn),
            )));
        } else if threshold.burn < SUSTAINABLE_BURN {
            warnings.push(place.warning(format!(
                "{tier} fires at a burn rate of {} (an error ratio of {trips_at} %), at which the budget of {} would \
                 last: use a longer window, or `ticket: none` under severity",
                significant(threshold.burn),
                objective.window_spelt(),
            )));
        }
    }
    warnings
}

/// RFC 1123, as OpenSLO asks.
pub(crate) fn is_object_name(name: &str) -> bool {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$").expect("a valid pattern"));
    NAME.is_match(name)
}

pub(crate) fn is_label_name(name: &str) -> bool {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("^[a-zA-Z_][a-zA-Z0-9_]*$").expect("a valid pattern"));
    NAME.is_match(name) && !name.starts_with("__")
}

fn check_label(name: &str) -> Option<String> {
    if !is_label_name(name) {
        return Some(format!(
            "`{name}` is not a label name: use letters, digits and `_`, no digit first, no `__` first"
        ));
    }
    if RESERVED_LABELS.contains(&name) || matches!(name, "time" | "good") {
        return Some(format!("`{name}` is set by the engine itself: use another name"));
    }
    IDENTITY_COLUMNS.contains(&name).then(|| {
        format!(
            "`{name}` as a label would make every event an alert of its own: remove it; a `trace_id` column \
                 of the query becomes the annotation `example_trace_id` by itself"
        )
    })
}

fn check_annotation(name: &str, text: &str) -> Option<String> {
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(message) => return Some(format!("annotation `{name}`: {message}")),
    };
    let unknown = template.fields().find_map(|field| match field {
        Field::Row(column) if !column.starts_with("impact_") && !column.starts_with("example_") => {
            Some(column)
        }
        _ => None,
    })?;
    Some(format!(
        "annotation `{name}`: an objective's rows have `impact_*` and `example_*` only, not `{unknown}`"
    ))
}
