//! `msteamsv2_configs`: a webhook of Teams' Workflows.

use super::nodes::{Global, TeamsNode};
use crate::config::check::Report;
use crate::config::http::HttpConfig;
use crate::config::secret::SecretSource;
use crate::config::wording::Wording;
use crate::template::Mode;

#[derive(Debug)]
pub(crate) struct TeamsConfig {
    pub(crate) webhook_url: SecretSource,
    pub(crate) title: Option<Wording>,
    pub(crate) text: Option<Wording>,
    pub(crate) http: HttpConfig,
}

pub(super) fn read(node: &TeamsNode, at: u64, global: &Global, report: &mut Report) -> Option<TeamsConfig> {
    let http = HttpConfig::read(node.http_config.as_ref(), global.http_config.as_ref(), report);
    let title = Wording::read(node.title.as_ref(), "title", Mode::Markdown, report);
    let text = Wording::read(node.text.as_ref(), "text", Mode::Markdown, report);
    let (url, file) = (node.webhook_url.clone(), node.webhook_url_file.clone());
    let webhook_url = report.secret_address(url, file, "webhook_url", at)?;
    Some(TeamsConfig { webhook_url, title, text, http })
}
