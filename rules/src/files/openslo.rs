//! OpenSLO v1 as it stands in files, all seven kinds, and the spellings of v2alpha on the way in. An SLO becomes one
//! objective for each of its `objectives`. What the specification lacks stands in annotations under `plimsoll.dev/`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::finding::{Finding, Place};
use crate::objective::guards::{BlindDraft, BudgetDraft};
use crate::objective::{Draft, RESERVED_LABELS, SeverityNames};

mod alerting;
mod annotations;
mod composite;
mod duration;
mod indicator;
mod library;
mod object;
mod objectives;
mod window;

use alerting::{Policies, PolicyUse};
pub(crate) use annotations::PREFIX;
pub(crate) use annotations::lines::spelt as lines_spelt;
pub(crate) use duration::spell as spell_duration;
pub(crate) use indicator::DATA_SOURCE_TYPE;
use indicator::SliSpec;
use indicator::{Comparison, Indicator};
pub(crate) use library::Library;
use object::{Inline, Object, OneOrMany, is_reference};
use objectives::Target;
use window::TimeWindow;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SloSpec {
    description: Option<Spanned<String>>,
    service: Spanned<String>,
    #[serde(alias = "sli")]
    indicator: Option<Spanned<Inline<SliSpec>>>,
    #[serde(alias = "sliRef")]
    indicator_ref: Option<Spanned<String>>,
    time_window: Option<Spanned<Vec<TimeWindow>>>,
    budgeting_method: Option<Spanned<String>>,
    objectives: Spanned<Vec<Spanned<Target>>>,
    #[serde(default)]
    alert_policies: Vec<PolicyUse>,
}

/// An SLO whose references are still names.
#[derive(Clone, Debug)]
pub(crate) struct Slo(Object<SloSpec>);

impl Slo {
    /// One draft for each objective.
    pub(crate) fn drafts(self, library: &Library, file: &Path, findings: &mut Vec<Finding>) -> Vec<Draft> {
        let Object { metadata, spec, .. } = self.0;
        let before = errors(findings);
        let window = note(window::one(spec.time_window.as_ref(), &metadata, file), findings);
        let method = note(method(spec.budgeting_method.as_ref(), file), findings);
        let user = Place::of(file, &metadata.name);
        let policies = note(alerting::resolve(&spec.alert_policies, library, &user), findings);
        let own = annotations::read(metadata.annotations.clone(), file, findings);
        let (team, labels) = labels(&metadata.labels, own.team.clone(), file, findings);
        let targets = &spec.objectives.value;
        let place = Place::of(file, &spec.objectives);
        if targets.is_empty() {
            findings.push(place.error("the SLO has no objective: add one with a target"));
        }
        let (Some(window), Some(method), Some(policies)) = (window, method, policies) else {
            return Vec::new();
        };
        if errors(findings) > before {
            return Vec::new();
        }
        let mut measured = Vec::new();
        if targets.iter().any(|target| target.value.is_part_of_composite()) {
            let found = note(composite::of(&spec, &method, library, &metadata.name, file), findings);
            measured.extend(found.map(|found| (metadata.name.clone(), found)));
        } else {
            for (number, target) in targets.iter().enumerate() {
                let place = Place::of(file, target);
                let found = note(spec.measured(&target.value, &method, library, &place, file), findings);
                let name = match targets.len() {
                    1 => metadata.name.clone(),
                    _ => named(&metadata.name, &objectives::suffix(&target.value, number + 1)),
                };
                measured.extend(found.map(|found| (name, found)));
            }
        }
        let mut drafts = Vec::new();
        for (name, Measured { indicator, percent, budgeting }) in measured {
            drafts.push(Draft {
                name,
                description: spec.description.as_ref().map(|text| text.value.clone()),
                service: spec.service.clone(),
                percent,
                window: window.length.clone(),
                clock: window.clock(own.clock.clone()),
                group_by: own.group_by.clone(),
                query: indicator.query,
                part: indicator.part,
                sli: indicator.sli,
                budgeting,
                alerting: policies.alerting.clone(),
                team: team.clone(),
                runbook_url: own.runbook_url.clone(),
                noun: own.noun.clone(),
                min_bad_events: own.min_bad_events,
                budget_alerts: policies.budget_alerts(own.budget_alerts.clone(), &metadata.name),
                blind: policies.blindness(own.blind.clone()),
                labels: labels.clone(),
                annotations: own.annotations.clone(),
                severities: policies.severities(&own.severities),
            });
        }
        drafts
    }
}

/// What one objective measures and demands.
struct Measured {
    indicator: Indicator,
    percent: Spanned<f64>,
    budgeting: crate::objective::Budgeting,
}

impl SloSpec {
    fn measured(
        &self,
        target: &Target,
        method: &str,
        library: &Library,
        place: &Place,
        file: &Path,
    ) -> Result<Measured, Finding> {
        let percent = target.percent(place, file)?;
        let budgeting = target.budgeting(method, place, file)?;
        let comparison = target.comparison(file)?;
        let indicator = self.indicator(comparison, library, place, file)?;
        Ok(Measured { indicator, percent, budgeting })
    }

    fn indicator(
        &self,
        comparison: Option<Comparison>,
        library: &Library,
        place: &Place,
        file: &Path,
    ) -> Result<Indicator, Finding> {
        let stated = (self.indicator.as_ref(), self.indicator_ref.as_ref());
        indicator_of(stated, &Place::of(file, &self.service), comparison, library, place, file)
    }
}

/// An indicator that stands there, or is named; `owner` is who must have one of the two.
fn indicator_of(
    stated: (Option<&Spanned<Inline<SliSpec>>>, Option<&Spanned<String>>),
    owner: &Place,
    comparison: Option<Comparison>,
    library: &Library,
    place: &Place,
    file: &Path,
) -> Result<Indicator, Finding> {
    let (spec, of) = match stated {
        (Some(inline), None) => {
            inline.value.check("SLI", file)?;
            inline.value.spec.check(file)?;
            (&inline.value.spec, file)
        }
        (None, Some(name)) if !is_reference(&name.value) => {
            return Err(Place::of(file, name).error(format!("`{}` can't name an SLI", name.value)));
        }
        (None, Some(name)) => match library.indicators.get(&name.value) {
            Some(defined) => (&defined.spec, defined.file.as_path()),
            None => {
                let message =
                    format!("no file defines an SLI named `{}`: add it or correct the name", name.value);
                return Err(Place::of(file, name).error(message));
            }
        },
        _ => {
            let message = "an SLO has either `indicator` or `indicatorRef`: keep exactly one of them";
            return Err(owner.error(message));
        }
    };
    if comparison.is_some() && !spec.is_threshold() {
        return Err(
            place.error("op and value go with a thresholdMetric: remove them, for a ratio is its own judge")
        );
    }
    spec.indicator(comparison, library, place, of)
}

fn errors(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.is_error).count()
}

fn note<T>(result: Result<T, Finding>, findings: &mut Vec<Finding>) -> Option<T> {
    result.map_err(|finding| findings.push(finding)).ok()
}

fn named(name: &Spanned<String>, suffix: &str) -> Spanned<String> {
    Spanned::new(format!("{}-{suffix}", name.value), name.referenced, name.defined)
}

impl Policies {
    /// An SLO with policies has the alerts that these ask for, and no other unless an annotation does.
    fn budget_alerts(&self, own: BudgetDraft, at: &Spanned<String>) -> BudgetDraft {
        let none = || Spanned::new("none".to_owned(), at.referenced, at.defined);
        let unasked = self.alerting.conditions.as_ref().map(|_| none());
        BudgetDraft { spent: own.spent.or(unasked), ..own }
    }

    fn blindness(&self, own: BlindDraft) -> BlindDraft {
        BlindDraft { severity: own.severity.or_else(|| self.no_data.clone()), ..own }
    }

    /// What the SLO's own annotations say goes before the words of its conditions.
    fn severities(&self, own: &SeverityNames) -> SeverityNames {
        let page = own.page.clone().or_else(|| self.severities.page.clone());
        let ticket = own.ticket.clone().or_else(|| self.severities.ticket.clone());
        let plain = |word: Option<String>, usual: &str| word.filter(|word| word != usual);
        SeverityNames { page: plain(page, "page"), ticket: plain(ticket, "ticket") }
    }
}

/// Keys as labels of alerts can have them, lists as one text. `team` is the objective's team; what the engine itself
/// sets can't be set here.
fn labels(
    labels: &BTreeMap<String, Spanned<OneOrMany>>,
    team: Option<String>,
    file: &Path,
    findings: &mut Vec<Finding>,
) -> (Option<String>, BTreeMap<String, Spanned<String>>) {
    let (mut team, mut joined) = (team, BTreeMap::new());
    for (key, value) in labels {
        let text = match &value.value {
            OneOrMany::One(text) => text.clone(),
            OneOrMany::Many(texts) => texts.join(","),
        };
        let name = key.replace(['-', '.'], "_");
        if name == "team" {
            team = team.or(Some(text));
        } else if RESERVED_LABELS.contains(&name.as_str()) {
            let message =
                format!("the label `{key}` is set by the engine itself, so this one is left out: rename it");
            findings.push(Place::of(file, value).warning(message));
        } else {
            joined.insert(name, Spanned::new(text, value.referenced, value.defined));
        }
    }
    (team, joined)
}

fn method(method: Option<&Spanned<String>>, file: &Path) -> Result<String, Finding> {
    let Some(method) = method else { return Ok("Occurrences".to_owned()) };
    let known = ["Occurrences", "Timeslices", "RatioTimeslices"];
    if known.contains(&method.value.as_str()) {
        return Ok(method.value.clone());
    }
    let message = format!("budgetingMethod `{}` is not known: write {}", method.value, known.join(", "));
    Err(Place::of(file, method).error(message))
}
