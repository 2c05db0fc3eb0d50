//! alertmanager.yml as it is written: every key we honour, with its place. Unknown keys are refused by serde.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::secret::Secret;
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
pub(super) struct Global {
    pub smtp_smarthost: Option<Text>,
    pub smtp_from: Option<Text>,
    pub smtp_hello: Option<Text>,
    pub smtp_auth_username: Option<String>,
    pub smtp_auth_password: Option<Secret>,
    pub smtp_auth_password_file: Option<PathBuf>,
    pub smtp_auth_identity: Option<String>,
    pub smtp_require_tls: Option<bool>,
    pub pagerduty_url: Option<Text>,
    pub resolve_timeout: Option<Text>,
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
    pub source_matchers: Vec<Text>,
    pub source_match: BTreeMap<String, Text>,
    pub source_match_re: BTreeMap<String, Text>,
    pub target_matchers: Vec<Text>,
    pub target_match: BTreeMap<String, Text>,
    pub target_match_re: BTreeMap<String, Text>,
    pub equal: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiverNode {
    pub name: Text,
    #[serde(default)]
    pub email_configs: Vec<EmailNode>,
    #[serde(default)]
    pub pagerduty_configs: Vec<Spanned<PagerDutyNode>>,
    #[serde(default)]
    pub webhook_configs: Vec<Spanned<WebhookNode>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmailNode {
    pub to: Text,
    pub from: Option<Text>,
    pub smarthost: Option<Text>,
    pub hello: Option<Text>,
    pub auth_username: Option<String>,
    pub auth_password: Option<Secret>,
    pub auth_password_file: Option<PathBuf>,
    pub auth_identity: Option<String>,
    pub require_tls: Option<bool>,
    #[serde(default)]
    pub headers: EmailHeaders,
    pub send_resolved: Option<bool>,
    #[serde(default)]
    pub tls_config: TlsNode,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EmailHeaders {
    #[serde(rename = "Subject", alias = "subject")]
    pub subject: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsNode {
    pub insecure_skip_verify: bool,
    pub ca_file: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PagerDutyNode {
    pub routing_key: Option<Secret>,
    pub routing_key_file: Option<PathBuf>,
    pub url: Option<Text>,
    pub severity: Option<Text>,
    pub send_resolved: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WebhookNode {
    pub url: Option<Secret>,
    pub url_file: Option<PathBuf>,
    pub send_resolved: Option<bool>,
    pub max_alerts: usize,
    pub http_config: HttpNode,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpNode {
    pub authorization: Option<Spanned<AuthorizationNode>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AuthorizationNode {
    pub r#type: Option<String>,
    pub credentials: Option<Secret>,
    pub credentials_file: Option<PathBuf>,
}
