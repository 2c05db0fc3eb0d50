//! `webhook_configs`.

use super::nodes::{Global, WebhookNode};
use crate::config::check::Report;
use crate::config::http::HttpConfig;
use crate::config::secret::SecretSource;

#[derive(Debug)]
pub(crate) struct WebhookConfig {
    pub(crate) url: SecretSource,
    /// 0 is no limit.
    pub(crate) max_alerts: usize,
    pub(crate) http: HttpConfig,
}

pub(super) fn read(
    node: &WebhookNode,
    at: u64,
    global: &Global,
    report: &mut Report,
) -> Option<WebhookConfig> {
    let http = HttpConfig::read(node.http_config.as_ref(), global.http_config.as_ref(), report);
    let url = report.secret_address(node.url.clone(), node.url_file.clone(), "url", at)?;
    Some(WebhookConfig { url, max_alerts: node.max_alerts, http })
}
