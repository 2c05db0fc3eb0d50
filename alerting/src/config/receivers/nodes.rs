//! Receivers and the defaults they share as alertmanager.yml writes them: every key we honour.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::config::file::Text;
use crate::config::http::{HttpNode, TlsNode};
use crate::config::secret::Secret;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Global {
    pub smtp_smarthost: Option<Text>,
    pub smtp_from: Option<Text>,
    pub smtp_hello: Option<Text>,
    pub smtp_auth_username: Option<String>,
    pub smtp_auth_password: Option<Secret>,
    pub smtp_auth_password_file: Option<PathBuf>,
    pub smtp_auth_secret: Option<Secret>,
    pub smtp_auth_secret_file: Option<PathBuf>,
    pub smtp_auth_identity: Option<String>,
    pub smtp_require_tls: Option<bool>,
    pub smtp_tls_config: Option<Spanned<TlsNode>>,
    pub smtp_force_implicit_tls: Option<bool>,
    pub slack_api_url: Option<Secret>,
    pub slack_api_url_file: Option<PathBuf>,
    pub slack_app_token: Option<Secret>,
    pub slack_app_token_file: Option<PathBuf>,
    pub slack_app_url: Option<Text>,
    pub pagerduty_url: Option<Text>,
    pub resolve_timeout: Option<Text>,
    pub http_config: Option<Spanned<HttpNode>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ReceiverNode {
    pub name: Text,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub email_configs: Vec<Spanned<EmailNode>>,
    #[serde(default)]
    pub pagerduty_configs: Vec<Spanned<PagerDutyNode>>,
    #[serde(default)]
    pub webhook_configs: Vec<Spanned<WebhookNode>>,
    #[serde(default)]
    pub slack_configs: Vec<Spanned<SlackNode>>,
    #[serde(default)]
    pub msteamsv2_configs: Vec<Spanned<TeamsNode>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct EmailNode {
    pub to: Option<Text>,
    pub from: Option<Text>,
    pub smarthost: Option<Text>,
    pub hello: Option<Text>,
    pub auth_username: Option<String>,
    pub auth_password: Option<Secret>,
    pub auth_password_file: Option<PathBuf>,
    pub auth_secret: Option<Secret>,
    pub auth_secret_file: Option<PathBuf>,
    pub auth_identity: Option<String>,
    pub require_tls: Option<bool>,
    pub headers: BTreeMap<String, Text>,
    pub html: Option<Text>,
    pub text: Option<Text>,
    pub send_resolved: Option<bool>,
    pub tls_config: Option<Spanned<TlsNode>>,
    pub force_implicit_tls: Option<bool>,
    pub threading: Option<Spanned<ThreadingNode>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct ThreadingNode {
    pub enabled: bool,
    pub thread_by_date: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct PagerDutyNode {
    pub routing_key: Option<Secret>,
    pub routing_key_file: Option<PathBuf>,
    pub url: Option<Text>,
    pub client: Option<Text>,
    pub client_url: Option<Text>,
    pub description: Option<Text>,
    pub severity: Option<Text>,
    pub source: Option<Text>,
    pub class: Option<Text>,
    pub component: Option<Text>,
    pub group: Option<Text>,
    pub details: BTreeMap<String, Text>,
    pub images: Vec<ImageNode>,
    pub links: Vec<LinkNode>,
    pub timeout: Option<Text>,
    pub send_resolved: Option<bool>,
    pub http_config: Option<Spanned<HttpNode>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct ImageNode {
    pub src: Option<Text>,
    pub alt: Option<Text>,
    pub href: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct LinkNode {
    pub href: Option<Text>,
    pub text: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct WebhookNode {
    pub url: Option<Secret>,
    pub url_file: Option<PathBuf>,
    pub send_resolved: Option<bool>,
    pub max_alerts: usize,
    pub timeout: Option<Text>,
    pub http_config: Option<Spanned<HttpNode>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct SlackNode {
    pub api_url: Option<Secret>,
    pub api_url_file: Option<PathBuf>,
    pub app_token: Option<Secret>,
    pub app_token_file: Option<PathBuf>,
    pub app_url: Option<Text>,
    pub channel: Option<Text>,
    pub username: Option<Text>,
    pub color: Option<Text>,
    pub title: Option<Text>,
    pub title_link: Option<Text>,
    pub pretext: Option<Text>,
    pub text: Option<Text>,
    pub message_text: Option<Text>,
    pub fields: Vec<FieldNode>,
    pub short_fields: bool,
    pub footer: Option<Text>,
    pub fallback: Option<Text>,
    pub callback_id: Option<Text>,
    pub icon_emoji: Option<Text>,
    pub icon_url: Option<Text>,
    pub image_url: Option<Text>,
    pub thumb_url: Option<Text>,
    pub link_names: bool,
    pub mrkdwn_in: Option<Vec<String>>,
    pub actions: Vec<Spanned<ActionNode>>,
    pub timeout: Option<Text>,
    pub send_resolved: Option<bool>,
    pub http_config: Option<Spanned<HttpNode>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct FieldNode {
    pub title: Text,
    pub value: Text,
    pub short: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct ActionNode {
    pub r#type: Option<Text>,
    pub text: Option<Text>,
    pub url: Option<Text>,
    pub style: Option<Text>,
    pub name: Option<Text>,
    pub value: Option<Text>,
    pub confirm: Option<ConfirmNode>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ConfirmNode {
    pub text: Text,
    pub title: Option<Text>,
    pub ok_text: Option<Text>,
    pub dismiss_text: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct TeamsNode {
    pub webhook_url: Option<Secret>,
    pub webhook_url_file: Option<PathBuf>,
    pub title: Option<Text>,
    pub text: Option<Text>,
    pub send_resolved: Option<bool>,
    pub http_config: Option<Spanned<HttpNode>>,
}
