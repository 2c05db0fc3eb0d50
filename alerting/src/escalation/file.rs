//! `escalation.yml` as it is written: every key, with its place. Unknown keys are refused by serde.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::{Error as YamlError, Spanned};

use super::Urgency;

pub(super) type Text = Spanned<String>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub receivers: BTreeMap<String, Spanned<PolicyNode>>,
    pub schedules: BTreeMap<String, Spanned<ScheduleNode>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PolicyNode {
    pub steps: Vec<Spanned<StepNode>>,
    pub low_urgency_steps: Vec<Spanned<StepNode>>,
    pub repeat: Option<Spanned<u32>>,
    pub repeat_after: Option<Text>,
    pub ack_timeout: Option<Text>,
    pub renotify: Option<Text>,
    pub auto_resolve: Option<Text>,
    pub urgency: Vec<Spanned<UrgencyNode>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StepNode {
    pub receivers: Vec<Text>,
    pub schedule: Option<Text>,
    pub delay: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UrgencyNode {
    #[serde(default)]
    pub when: WhenNode,
    pub is: Urgency,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WhenNode {
    pub severity: Option<OneOrMany>,
    pub matchers: Vec<Text>,
    pub min_impact: BTreeMap<String, Spanned<f64>>,
    pub during: Option<Text>,
    pub outside: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ScheduleNode {
    pub time_zone: Option<Text>,
    // A schedule of one layer is written without `layers`.
    pub rotation: Option<RotationNode>,
    pub every: Option<Spanned<u32>>,
    pub start: Option<Text>,
    pub handoff: Option<Text>,
    pub participants: Vec<Text>,
    pub restrictions: Vec<Text>,
    pub layers: Vec<Spanned<LayerNode>>,
    pub overrides: Vec<Spanned<OverrideNode>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LayerNode {
    pub rotation: Option<RotationNode>,
    pub every: Option<Spanned<u32>>,
    pub start: Option<Text>,
    pub handoff: Option<Text>,
    pub participants: Vec<Text>,
    pub restrictions: Vec<Text>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RotationNode {
    Hourly,
    Daily,
    Weekly,
    Monthly,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverrideNode {
    pub start: Text,
    pub end: Text,
    pub participant: Text,
}

impl OneOrMany {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

pub(super) fn cure(error: &YamlError) -> String {
    match error.without_snippet() {
        YamlError::SerdeUnknownField { field, expected, .. } => {
            format!("unknown key `{field}`: remove it, or use one of {}", expected.join(", "))
        }
        other => other.to_string(),
    }
}
