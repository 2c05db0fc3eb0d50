//! OpenSLO v1 as it stands in files. Of its vocabulary we evaluate SLOs over occurrences with an SQL indicator; what
//! else the specification allows is named and refused, never ignored. What it lacks stands in annotations under
//! `plimsoll.dev/`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::documents::Document;
use crate::finding::{Finding, Place};
use crate::objective::Draft;

mod annotations;
mod indicator;

pub(crate) use annotations::PREFIX;
pub(crate) use indicator::DATA_SOURCE_TYPE;
use indicator::SliSpec;

/// A document of one kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Object<Spec> {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metadata {
    name: Spanned<String>,
    #[serde(rename = "displayName")]
    _display_name: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, Spanned<OneOrMany>>,
    #[serde(default)]
    annotations: BTreeMap<String, Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SloSpec {
    description: Option<String>,
    service: Spanned<String>,
    indicator: Option<Inline>,
    indicator_ref: Option<Spanned<String>>,
    time_window: Spanned<Vec<TimeWindow>>,
    budgeting_method: Spanned<String>,
    objectives: Spanned<Vec<Target>>,
    alert_policies: Option<Spanned<Vec<IgnoredAny>>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inline {
    #[serde(rename = "metadata")]
    _metadata: Option<IgnoredAny>,
    spec: SliSpec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TimeWindow {
    duration: Spanned<String>,
    is_rolling: Option<Spanned<bool>>,
    calendar: Option<Spanned<IgnoredAny>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Target {
    #[serde(rename = "displayName")]
    _display_name: Option<String>,
    target: Option<Spanned<f64>>,
    target_percent: Option<Spanned<f64>>,
    op: Option<Spanned<IgnoredAny>>,
    value: Option<Spanned<IgnoredAny>>,
    time_slice_target: Option<Spanned<IgnoredAny>>,
    time_slice_window: Option<Spanned<IgnoredAny>>,
    indicator: Option<Spanned<IgnoredAny>>,
    indicator_ref: Option<Spanned<IgnoredAny>>,
    composite_weight: Option<Spanned<IgnoredAny>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServiceSpec {
    #[serde(rename = "description")]
    _description: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DataSourceSpec {
    #[serde(rename = "description")]
    _description: Option<String>,
    r#type: Spanned<String>,
    #[serde(rename = "connectionDetails")]
    _connection_details: Option<IgnoredAny>,
}

/// An SLO whose references are still names.
#[derive(Clone, Debug)]
pub(crate) struct Slo(Object<SloSpec>);

/// What SLOs refer to by name, from all files.
#[derive(Debug, Default)]
pub(crate) struct Library {
    indicators: BTreeMap<String, SliSpec>,
    /// Name to type.
    data_sources: BTreeMap<String, String>,
}

impl Library {
    /// Takes in a document; an SLO comes back, to be resolved once every document is known.
    pub(crate) fn read(
        &mut self,
        kind: &str,
        document: &Document,
        file: &Path,
    ) -> Result<Option<Slo>, Finding> {
        match kind {
            "SLO" => return Ok(Some(Slo(document.parse(file)?))),
            "Service" => {
                document.parse::<Object<ServiceSpec>>(file)?;
            }
            "DataSource" => {
                let source: Object<DataSourceSpec> = document.parse(file)?;
                self.data_sources.insert(source.metadata.name.value, source.spec.r#type.value);
            }
            "SLI" => {
                let indicator: Object<SliSpec> = document.parse(file)?;
                let name = indicator.metadata.name;
                if self.indicators.insert(name.value.clone(), indicator.spec).is_some() {
                    let message = format!("the SLI `{}` is defined twice: rename one", name.value);
                    return Err(Place::of(file, &name).error(message));
                }
            }
            "AlertPolicy" | "AlertCondition" | "AlertNotificationTarget" => {
                let message = format!(
                    "{kind} is not read: burn windows are built in and routing stands in alertmanager.yml; remove \
                     this document"
                );
                return Err(document.place(file).warning(message));
            }
            other => {
                let message = format!("`{other}` is not a kind we read: use SLO, SLI, Service or DataSource");
                return Err(document.place(file).error(message));
            }
        }
        Ok(None)
    }
}

impl Slo {
    pub(crate) fn draft(self, library: &Library, file: &Path, findings: &mut Vec<Finding>) -> Option<Draft> {
        let Object { metadata, spec, .. } = self.0;
        let before = findings.len();
        let query = match (spec.indicator, &spec.indicator_ref) {
            (Some(inline), None) => inline.spec.query(library, &metadata.name, file),
            (None, Some(name)) => match library.indicators.get(&name.value) {
                Some(indicator) => indicator.query(library, name, file),
                None => {
                    let message =
                        format!("no file defines an SLI named `{}`: add it or correct the name", name.value);
                    Err(Place::of(file, name).error(message))
                }
            },
            _ => {
                let message = "an SLO has either `indicator` or `indicatorRef`: keep exactly one of them";
                Err(Place::of(file, &metadata.name).error(message))
            }
        };
        let query = note(query, findings);
        let window = note(one_window(&spec.time_window, file), findings);
        let percent = note(one_target(&spec.objectives, file), findings);
        if spec.budgeting_method.value != "Occurrences" {
            let message = format!(
                "budgetingMethod `{}` is not evaluated: write Occurrences, and let `good` of the query say what counts",
                spec.budgeting_method.value
            );
            findings.push(Place::of(file, &spec.budgeting_method).error(message));
        }
        if let Some(policies) = spec.alert_policies.filter(|policies| !policies.value.is_empty()) {
            let message = "alertPolicies are not read: burn windows are built in and routing stands in \
                           alertmanager.yml; remove them";
            findings.push(Place::of(file, &policies).warning(message));
        }
        let own = annotations::read(metadata.annotations, file, findings);
        if findings.iter().skip(before).any(|finding| finding.is_error) {
            return None;
        }
        Some(Draft {
            name: metadata.name,
            description: spec.description,
            service: spec.service,
            percent: percent?,
            window: window?,
            group_by: own.group_by,
            query: query?,
            team: own.team,
            runbook_url: own.runbook_url,
            noun: own.noun,
            min_bad_events: own.min_bad_events,
            budget_alerts: own.budget_alerts,
            blind: own.blind,
            labels: labels(metadata.labels),
            annotations: own.annotations,
            severities: own.severities,
        })
    }
}

fn note<T>(result: Result<T, Finding>, findings: &mut Vec<Finding>) -> Option<T> {
    result.map_err(|finding| findings.push(finding)).ok()
}

fn labels(labels: BTreeMap<String, Spanned<OneOrMany>>) -> BTreeMap<String, Spanned<String>> {
    let joined = labels.into_iter().map(|(name, Spanned { value, referenced, defined })| {
        let value = match value {
            OneOrMany::One(value) => value,
            OneOrMany::Many(values) => values.join(","),
        };
        (name, Spanned::new(value, referenced, defined))
    });
    joined.collect()
}

fn one_window(windows: &Spanned<Vec<TimeWindow>>, file: &Path) -> Result<Spanned<String>, Finding> {
    let [window] = windows.value.as_slice() else {
        return Err(Place::of(file, windows).error("timeWindow has exactly one element: keep one"));
    };
    let rolls = window.is_rolling.as_ref().is_none_or(|rolling| rolling.value);
    if window.calendar.is_some() || !rolls {
        let message =
            "calendar-aligned windows are not evaluated: write `isRolling: true` without `calendar`";
        return Err(Place::of(file, &window.duration).error(message));
    }
    Ok(window.duration.clone())
}

fn one_target(targets: &Spanned<Vec<Target>>, file: &Path) -> Result<Spanned<f64>, Finding> {
    let [target] = targets.value.as_slice() else {
        let message = "exactly one objective is evaluated per SLO: write one SLO for each";
        return Err(Place::of(file, targets).error(message));
    };
    let foreign = [
        (&target.op, "op"),
        (&target.value, "value"),
        (&target.time_slice_target, "timeSliceTarget"),
        (&target.time_slice_window, "timeSliceWindow"),
        (&target.indicator, "indicator"),
        (&target.indicator_ref, "indicatorRef"),
        (&target.composite_weight, "compositeWeight"),
    ];
    if let Some((Some(at), key)) = foreign.into_iter().find(|(value, _)| value.is_some()) {
        let message =
            format!("`{key}` of an objective is not evaluated: say in the query's `good` what counts");
        return Err(Place::of(file, at).error(message));
    }
    match (&target.target, &target.target_percent) {
        (None, Some(percent)) => Ok(percent.clone()),
        (Some(ratio), None) if ratio.value > 1.0 => {
            let message = format!(
                "`target: {}` is a ratio and must be below 1: write `targetPercent: {}` or `target: 0.995`",
                ratio.value, ratio.value
            );
            Err(Place::of(file, ratio).error(message))
        }
        (Some(ratio), None) => {
            let percent = (ratio.value * 1e11).round() / 1e9;
            Ok(Spanned::new(percent, ratio.referenced, ratio.defined))
        }
        _ => {
            Err(Place::of(file, targets)
                .error("an objective has `target` or `targetPercent`: keep exactly one"))
        }
    }
}
