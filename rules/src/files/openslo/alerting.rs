//! Alert policies: their burn-rate conditions take the place of the built-in tiers of the SLOs that use them, and their
//! notification targets become a label that routes can match.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plimsoll_model::Severity;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::object::{Inline, check_description};
use super::{Library, duration};
use crate::finding::{Finding, Place};
use crate::objective::{Alerting, BurnCondition, Op, SeverityNames};

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PolicySpec {
    description: Option<Spanned<String>>,
    alert_when_no_data: Option<bool>,
    #[serde(rename = "alertWhenResolved")]
    _alert_when_resolved: Option<bool>,
    alert_when_breaching: Option<bool>,
    conditions: Spanned<Vec<ConditionUse>>,
    #[serde(default)]
    notification_targets: Vec<TargetUse>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConditionSpec {
    description: Option<Spanned<String>>,
    severity: Spanned<String>,
    condition: Spanned<Condition>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Condition {
    kind: Option<Spanned<String>>,
    op: Option<Spanned<String>>,
    threshold: Spanned<f64>,
    lookback_window: Spanned<String>,
    alert_after: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TargetSpec {
    description: Option<Spanned<String>>,
    target: String,
}

/// Inline or by name; which of the two is seen when it is used.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PolicyUse {
    alert_policy_ref: Option<Spanned<String>>,
    #[serde(rename = "apiVersion")]
    _api_version: Option<IgnoredAny>,
    kind: Option<Spanned<String>>,
    metadata: Option<super::object::Metadata>,
    spec: Option<PolicySpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConditionUse {
    condition_ref: Option<Spanned<String>>,
    #[serde(rename = "apiVersion")]
    _api_version: Option<IgnoredAny>,
    kind: Option<Spanned<String>>,
    metadata: Option<super::object::Metadata>,
    spec: Option<ConditionSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TargetUse {
    target_ref: Option<Spanned<String>>,
    #[serde(rename = "apiVersion")]
    _api_version: Option<IgnoredAny>,
    kind: Option<Spanned<String>>,
    metadata: Option<super::object::Metadata>,
    spec: Option<TargetSpec>,
}

/// A definition and the file it stands in.
#[derive(Clone, Debug)]
pub(super) struct Defined<Spec> {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) spec: Spec,
}

/// What an SLO's policies come to.
#[derive(Debug, Default)]
pub(super) struct Policies {
    pub(super) alerting: Alerting,
    pub(super) severities: SeverityNames,
    /// The severity of the alert that nothing can be seen; `none` when no policy wants one.
    pub(super) no_data: Option<String>,
}

impl PolicySpec {
    pub(super) fn check(&self, file: &Path) -> Result<(), Finding> {
        check_description(self.description.as_ref(), file)?;
        if self.conditions.value.len() != 1 {
            return Err(Place::of(file, &self.conditions)
                .error("an alert policy has exactly one condition: write one"));
        }
        Ok(())
    }
}

impl ConditionSpec {
    pub(super) fn check(&self, file: &Path) -> Result<(), Finding> {
        check_description(self.description.as_ref(), file)?;
        self.condition(file).map(|_| ())
    }

    fn condition(&self, file: &Path) -> Result<BurnCondition, Finding> {
        let condition = &self.condition.value;
        if let Some(kind) = condition.kind.as_ref().filter(|kind| kind.value != "burnrate") {
            let message = format!("a condition of kind `{}` is not known: write burnrate", kind.value);
            return Err(Place::of(file, kind).error(message));
        }
        let op = match condition.op.as_ref().map(|op| (op, op.value.as_str())) {
            None | Some((_, "gte")) => Op::Gte,
            Some((_, "gt")) => Op::Gt,
            Some((at, other)) => {
                let message =
                    format!("`op: {other}` would alert while the budget burns slowly: write gte (or gt)");
                return Err(Place::of(file, at).error(message));
            }
        };
        let threshold = condition.threshold.value;
        if !threshold.is_finite() || threshold <= 0.0 {
            let message =
                format!("a burn rate of {threshold} is reached by doing nothing: write one above 0");
            return Err(Place::of(file, &condition.threshold).error(message));
        }
        let after = match &condition.alert_after {
            Some(text) if text.value == "0m" => Duration::ZERO,
            Some(text) => duration::read(text, file)?,
            None => Duration::ZERO,
        };
        let lookback = duration::read(&condition.lookback_window, file)?;
        Ok(BurnCondition { severity: severity(&self.severity.value), op, threshold, lookback, after })
    }
}

impl TargetSpec {
    pub(super) fn check(&self, file: &Path) -> Result<(), Finding> {
        check_description(self.description.as_ref(), file)
    }
}

/// The words that wake somebody; every other one is a ticket.
fn severity(word: &str) -> Severity {
    let pages = ["page", "critical", "high", "emergency", "sev1", "sev2", "p1", "p2"];
    if pages.contains(&word.to_lowercase().as_str()) { Severity::Page } else { Severity::Ticket }
}

/// Conditions and targets of all policies of one SLO.
pub(super) fn resolve(uses: &[PolicyUse], library: &Library, user: &Place) -> Result<Policies, Finding> {
    let mut policies = Policies::default();
    for used in uses {
        let (spec, file) = match (&used.alert_policy_ref, &used.spec) {
            (Some(name), None) => {
                let policy = library
                    .policies
                    .get(&name.value)
                    .ok_or_else(|| undefined("AlertPolicy", name, &user.file))?;
                (&policy.spec, policy.file.as_path())
            }
            (None, Some(spec)) => {
                inline_is("AlertPolicy", used.kind.as_ref(), used.metadata.as_ref(), &user.file)?;
                spec.check(&user.file)?;
                (spec, user.file.as_path())
            }
            _ => {
                return Err(
                    user.error("an alert policy has either `alertPolicyRef` or `spec`: keep one of them")
                );
            }
        };
        policies.add(spec, library, file, user)?;
    }
    Ok(policies)
}

impl Policies {
    fn add(
        &mut self,
        spec: &PolicySpec,
        library: &Library,
        file: &Path,
        user: &Place,
    ) -> Result<(), Finding> {
        for used in &spec.conditions.value {
            let place = Place::of(file, &spec.conditions);
            let (condition, of) = match (&used.condition_ref, &used.spec) {
                (Some(name), None) => {
                    let known = library.conditions.get(&name.value);
                    let known = known.ok_or_else(|| undefined("AlertCondition", name, file))?;
                    (&known.spec, known.file.as_path())
                }
                (None, Some(inline)) => {
                    inline_is("AlertCondition", used.kind.as_ref(), used.metadata.as_ref(), file)?;
                    inline.check(file)?;
                    (inline, file)
                }
                _ => {
                    return Err(
                        place.error("a condition has either `conditionRef` or `spec`: keep one of them")
                    );
                }
            };
            let burn = condition.condition(of)?;
            self.name(burn.severity, &condition.severity, of)?;
            match spec.alert_when_no_data {
                Some(true) => self.no_data = Some(condition.severity.value.clone()),
                Some(false) => self.no_data = self.no_data.take().or_else(|| Some("none".to_owned())),
                None => {}
            }
            let conditions = self.alerting.conditions.get_or_insert_default();
            if spec.alert_when_breaching != Some(false) {
                conditions.push(burn);
            }
        }
        for used in &spec.notification_targets {
            self.target(used, library, file, user)?;
        }
        Ok(())
    }

    fn target(
        &mut self,
        used: &TargetUse,
        library: &Library,
        file: &Path,
        user: &Place,
    ) -> Result<(), Finding> {
        let (name, target) = match (&used.target_ref, &used.spec) {
            (Some(name), None) => {
                let known = library.targets.get(&name.value);
                let known = known.ok_or_else(|| undefined("AlertNotificationTarget", name, file))?;
                (known.name.clone(), known.spec.target.clone())
            }
            (None, Some(spec)) => {
                let kind = "AlertNotificationTarget";
                inline_is(kind, used.kind.as_ref(), used.metadata.as_ref(), file)?;
                spec.check(file)?;
                let name = used.metadata.as_ref().map(|metadata| metadata.name.value.clone());
                (name.unwrap_or_else(|| spec.target.clone()), spec.target.clone())
            }
            _ => {
                return Err(
                    user.error("a notification target has either `targetRef` or `spec`: keep one of them")
                );
            }
        };
        if self.alerting.targets.iter().all(|(known, _)| *known != name) {
            self.alerting.targets.push((name, target));
        }
        Ok(())
    }

    /// The `severity` label says the file's own word; two words for one kind would be two truths.
    fn name(&mut self, severity: Severity, word: &Spanned<String>, file: &Path) -> Result<(), Finding> {
        let slot = match severity {
            Severity::Page => &mut self.severities.page,
            Severity::Ticket => &mut self.severities.ticket,
        };
        if let Some(known) = slot.as_ref().filter(|known| **known != word.value) {
            let message = format!(
                "the SLO's conditions call a {} both `{known}` and `{}`: use one word",
                severity.as_str(),
                word.value
            );
            return Err(Place::of(file, word).error(message));
        }
        *slot = Some(word.value.clone());
        Ok(())
    }
}

fn undefined(kind: &str, name: &Spanned<String>, file: &Path) -> Finding {
    let message = format!("no file defines an {kind} named `{}`: add it or correct the name", name.value);
    Place::of(file, name).error(message)
}

fn inline_is(
    expected: &str,
    kind: Option<&Spanned<String>>,
    metadata: Option<&super::object::Metadata>,
    file: &Path,
) -> Result<(), Finding> {
    if let Some(kind) = kind.filter(|kind| kind.value != expected) {
        let message = format!("a `{}` can't stand here: write `kind: {expected}`", kind.value);
        return Err(Place::of(file, kind).error(message));
    }
    metadata.map_or(Ok(()), |metadata| metadata.check(file))
}

impl<Spec> Inline<Spec> {
    /// Whether it is what may stand there.
    pub(super) fn check(&self, expected: &str, file: &Path) -> Result<(), Finding> {
        inline_is(expected, self.kind.as_ref(), self.metadata.as_ref(), file)
    }
}
