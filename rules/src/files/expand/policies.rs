//! The alert policies of an expanded SLO: one for each condition, since a policy has one.

use serde::Serialize;

use super::Name;
use crate::files::openslo::spell_duration;
use crate::objective::{BurnCondition, Objective, Op};

#[derive(Serialize)]
pub(super) struct Policy<'a> {
    kind: &'static str,
    metadata: Name<'a>,
    spec: PolicySpec<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicySpec<'a> {
    alert_when_breaching: bool,
    conditions: [Condition<'a>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notification_targets: Vec<Target<'a>>,
}

#[derive(Serialize)]
struct Condition<'a> {
    kind: &'static str,
    metadata: Name<'a>,
    spec: ConditionSpec,
}

#[derive(Serialize)]
struct ConditionSpec {
    severity: &'static str,
    condition: Burn,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Burn {
    kind: &'static str,
    op: Op,
    threshold: f64,
    lookback_window: String,
    alert_after: String,
}

#[derive(Serialize)]
struct Target<'a> {
    kind: &'static str,
    metadata: Name<'a>,
    spec: TargetSpec<'a>,
}

#[derive(Serialize)]
struct TargetSpec<'a> {
    target: &'a str,
}

/// None when the built-in tiers stand.
pub(super) fn of(objective: &Objective) -> Vec<Policy<'_>> {
    let Some(conditions) = &objective.alerting.conditions else { return Vec::new() };
    let policy = |condition: &BurnCondition, alert_when_breaching| {
        let targets = objective.alerting.targets.iter().map(|(name, target)| Target {
            kind: "AlertNotificationTarget",
            metadata: Name { name },
            spec: TargetSpec { target },
        });
        Policy {
            kind: "AlertPolicy",
            metadata: Name { name: &objective.name },
            spec: PolicySpec {
                alert_when_breaching,
                conditions: [condition_of(objective, condition)],
                notification_targets: targets.collect(),
            },
        }
    };
    if conditions.is_empty() {
        // Policies that don't alert when the budget burns: the condition is there because one must be.
        return vec![policy(&BurnCondition::never(objective.window), false)];
    }
    conditions.iter().map(|condition| policy(condition, true)).collect()
}

fn condition_of<'a>(objective: &'a Objective, condition: &BurnCondition) -> Condition<'a> {
    Condition {
        kind: "AlertCondition",
        metadata: Name { name: &objective.name },
        spec: ConditionSpec {
            // What the label says instead stands in an annotation.
            severity: condition.severity.as_str(),
            condition: Burn {
                kind: "burnrate",
                op: condition.op,
                threshold: condition.threshold,
                lookback_window: spell_duration(condition.lookback),
                alert_after: spell_duration(condition.after),
            },
        },
    }
}
