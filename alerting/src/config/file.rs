//! alertmanager.yml as it is written: every key we honour, with its place. Unknown keys are refused by serde.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::receivers::{Global, ReceiverNode};
use super::time_intervals::NamedIntervalsNode;

pub(super) type Text = Spanned<String>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub global: Global,
    pub route: Option<Spanned<RouteNode>>,
    pub inhibit_rules: Vec<InhibitNode>,
    pub time_intervals: Vec<NamedIntervalsNode>,
    pub mute_time_intervals: Vec<NamedIntervalsNode>,
    pub receivers: Vec<ReceiverNode>,
    pub templates: Vec<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RouteNode {
    pub receiver: Option<Text>,
    pub group_by: Option<Spanned<Vec<String>>>,
    pub matchers: Vec<Text>,
    pub r#match: BTreeMap<String, Text>,
    pub match_re: BTreeMap<String, Text>,
    pub r#continue: bool,
    pub group_wait: Option<Text>,
    pub group_interval: Option<Text>,
    pub repeat_interval: Option<Text>,
    pub mute_time_intervals: Vec<Text>,
    pub active_time_intervals: Vec<Text>,
    pub routes: Vec<Spanned<RouteNode>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct InhibitNode {
    /// For whoever reads the file.
    pub name: Option<String>,
    pub source_matchers: Vec<Text>,
    pub source_match: BTreeMap<String, Text>,
    pub source_match_re: BTreeMap<String, Text>,
    pub target_matchers: Vec<Text>,
    pub target_match: BTreeMap<String, Text>,
    pub target_match_re: BTreeMap<String, Text>,
    pub equal: Vec<String>,
}
